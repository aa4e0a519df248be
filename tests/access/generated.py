"""Sets of RBAC objects by chance, and questions about them; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from conformance.access import Action, Identity
from conformance.access.subject import account
from tests.access.server import LABEL

_GROUP = "rbac.authorization.k8s.io"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "impersonate", "escalate")
_GROUPS = ("", "apps", "batch", "example.com")
_RESOURCES = ("pods", "secrets", "configmaps", "deployments", "widgets", "nodes", "namespaces")
_SUBRESOURCES = ("exec", "scale", "status", "log")
_NAMES = ("one", "two")
_URLS = ("/metrics", "/healthz", "/healthz/etcd", "/logs/a/b")
_PATTERNS = ("/metrics", "/healthz*", "/healthz/*", "*", "/logs/*/b", "/")
_BUILT_IN = ("view", "edit", "admin", "cluster-admin", "system:discovery", "system:monitoring", "system:node-proxier")


class World:
    """One set: names of its own, so that many sets can stay side by side in one cluster."""

    def __init__(self, seed: int, run: str) -> None:
        self.chance = random.Random(seed)
        self.run = run
        self.mark = f"{run}-{seed}"
        self.namespaces = [f"rbac-{self.mark}-{each}" for each in "ab"]
        self.users = [f"user-{self.mark}-{each}" for each in "ab"]
        self.groups = [f"group-{self.mark}-{each}" for each in "ab"]
        self.roles = [f"role-{each}" for each in "ab"]
        self.cluster_roles = [f"rbac-{self.mark}-{each}" for each in "abcd"]

    def objects(self) -> Iterator[dict[str, Any]]:
        for name in self.namespaces:
            yield self._object("Namespace", name, api="v1")
            for role in self.roles:
                yield self._object("Role", role, name, rules=self._rules(urls=False))
        yield from self._cluster_roles()
        for number in range(self.chance.randint(3, 7)):
            namespace = self.chance.choice([*self.namespaces, ""])
            kind = "RoleBinding" if namespace else "ClusterRoleBinding"
            subjects = [self._subject(namespace) for _ in range(self.chance.randint(1, 2))]
            name = f"binding-{number}" if namespace else f"rbac-{self.mark}-{number}"
            yield self._object(kind, name, namespace, roleRef=self._role(namespace), subjects=subjects)

    def questions(self, count: int) -> Iterator[tuple[Identity, Action, str]]:
        for _ in range(count):
            namespace = self.chance.choice([*self.namespaces, ""])
            yield self._identity(), self._action(namespace), namespace

    def _object(
        self, kind: str, name: str, namespace: str = "", api: str = f"{_GROUP}/v1", **more: Any
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "labels": {LABEL: self.run, **more.pop("labels", {})}}
        if namespace:
            metadata["namespace"] = namespace
        return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}

    def _cluster_roles(self) -> Iterator[dict[str, Any]]:
        """Two that are written, one that collects some of them, and one that collects the collection, and itself."""
        written, other, collecting, outer = self.cluster_roles
        label = f"rbac-{self.mark}"
        labels = {label: "inner"} if self.chance.random() < 0.7 else {}
        if self.chance.random() < 0.1:
            labels[f"{_GROUP}/aggregate-to-view"] = "true"
        yield self._object("ClusterRole", written, rules=self._rules(), labels=labels)
        yield self._object(
            "ClusterRole", other, rules=self._rules(), labels={label: self.chance.choice(("inner", "no"))}
        )
        selectors = [{"matchLabels": {label: "inner"}}, {"matchLabels": {label: "never", "other": "x"}}]
        yield self._object(
            "ClusterRole",
            collecting,
            labels={label: "outer"},
            aggregationRule={"clusterRoleSelectors": selectors},
            rules=self._rules(),  # count for nothing
        )
        expression = {"key": label, "operator": "In", "values": ["outer"]}
        yield self._object(
            "ClusterRole",
            outer,
            labels={label: "outer"},
            aggregationRule={"clusterRoleSelectors": [{"matchExpressions": [expression]}]},
            rules=self._rules() if self.chance.random() < 0.5 else [],
        )

    def _rules(self, urls: bool = True) -> list[dict[str, Any]]:
        return [self._rule(urls) for _ in range(self.chance.randint(1, 3))]

    def _rule(self, urls: bool) -> dict[str, Any]:
        verbs = ["*"] if self.chance.random() < 0.15 else self.chance.sample(_VERBS, self.chance.randint(1, 4))
        if urls and self.chance.random() < 0.25:
            return {"verbs": verbs, "nonResourceURLs": self.chance.sample(_PATTERNS, 2)}
        groups = ["*"] if self.chance.random() < 0.2 else self.chance.sample(_GROUPS, self.chance.randint(1, 2))
        rule = {"verbs": verbs, "apiGroups": groups, "resources": [self._pattern() for _ in range(2)]}
        if self.chance.random() < 0.2:
            rule["resourceNames"] = [self.chance.choice(_NAMES)]
        return rule

    def _pattern(self) -> str:
        what = self.chance.random()
        sub = self.chance.choice(_SUBRESOURCES)
        if what < 0.08:
            return "*"
        if what < 0.16:
            return f"*/{sub}"
        resource = self.chance.choice(_RESOURCES)
        if what < 0.22:
            return f"{resource}/*"
        return f"{resource}/{sub}" if what < 0.4 else resource

    def _role(self, namespace: str) -> dict[str, Any]:
        what = self.chance.random()
        if namespace and what < 0.4:
            return {"apiGroup": _GROUP, "kind": "Role", "name": self.chance.choice([*self.roles, *self.roles, "gone"])}
        if what < 0.6:
            return {"apiGroup": _GROUP, "kind": "ClusterRole", "name": self.chance.choice(_BUILT_IN)}
        gone = f"rbac-{self.mark}-gone"
        names = [*self.cluster_roles, *self.cluster_roles, gone]
        return {"apiGroup": _GROUP, "kind": "ClusterRole", "name": self.chance.choice(names)}

    def _subject(self, namespace: str) -> dict[str, Any]:
        what = self.chance.random()
        if what < 0.35:
            found: dict[str, Any] = {"kind": "ServiceAccount", "name": self.chance.choice(_NAMES)}
            # Only a RoleBinding may leave the namespace out.
            if not namespace or self.chance.random() < 0.6:
                found["namespace"] = self.chance.choice(self.namespaces)
            return found
        if what < 0.45:
            account_name = f"system:serviceaccount:{self.chance.choice(self.namespaces)}:{self.chance.choice(_NAMES)}"
            return {"kind": "User", "apiGroup": _GROUP, "name": account_name}
        if what < 0.7:
            return {"kind": "User", "apiGroup": _GROUP, "name": self.chance.choice(self.users)}
        groups = [*self.groups, *self.groups, *(f"system:serviceaccounts:{each}" for each in self.namespaces)]
        return {"kind": "Group", "apiGroup": _GROUP, "name": self.chance.choice(groups)}

    def _identity(self) -> Identity:
        what = self.chance.random()
        if what < 0.45:
            return account(self.chance.choice(self.namespaces), self.chance.choice(_NAMES))
        if what < 0.5:
            return Identity("system:anonymous", frozenset({"system:unauthenticated"}))
        if what < 0.53:
            return Identity("root", frozenset({"system:masters", "system:authenticated"}))
        groups = self.chance.sample(self.groups, self.chance.randint(0, 2))
        return Identity(self.chance.choice([*self.users, "nobody"]), frozenset({*groups, "system:authenticated"}))

    def _action(self, namespace: str) -> Action:
        verb = self.chance.choice(_VERBS)
        if not namespace and self.chance.random() < 0.4:
            return Action(verb, url=self.chance.choice(_URLS))
        sub = self.chance.choice(_SUBRESOURCES) if self.chance.random() < 0.3 else ""
        name = self.chance.choice(_NAMES) if self.chance.random() < 0.4 else ""
        return Action(verb, self.chance.choice(_RESOURCES), self.chance.choice(_GROUPS), sub, name)
