"""One rule of a Role, and what it allows, by the words of the RBAC authorizer.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources; the comparisons are those of
k8s.io/kubernetes pkg/apis/rbac/v1/evaluation_helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from conformance.access.resources import group_of
from conformance.kube.object import Location, Node, Object

ALL = "*"
#: Verbs by which one gets more rights than he has.
ESCALATING = frozenset({"escalate", "bind", "impersonate"})
_USUAL = ("create", "delete", "get", "list", "patch", "update")


class ActionError(ValueError):
    """Words that name no action."""


@dataclass(frozen=True, slots=True)
class Action:
    """One request as the authorizer sees it: a verb on a resource, or on a path that is no resource (`url`).

    `name` is the name of the object; empty for `create`, `list` and whatever speaks of several, which no rule with
    resourceNames allows.
    """

    verb: str
    resource: str = ""
    group: str = ""
    subresource: str = ""
    name: str = ""
    url: str = ""

    @property
    def target(self) -> str:
        """`deployments.apps/scale`, `pods`, `/metrics`."""
        dotted = f"{self.resource}.{self.group}" if self.group else self.resource
        return self.url or dotted + (f"/{self.subresource}" if self.subresource else "")

    def __str__(self) -> str:
        """`get secrets`, with the name where one is meant."""
        return f"{self.verb} {self.target}" + (f" named {self.name}" if self.name else "")


def action(text: str, name: str = "") -> Action:
    """An action from `VERB:RESOURCE[.GROUP][/SUB]` or `VERB:/PATH`.

    Without a group a built-in resource is that of its own group (`deployments` is `deployments.apps`); any other is
    taken for one of the core group. Raises `ActionError`.
    """
    verb, colon, target = text.partition(":")
    if not (verb and colon and target):
        raise ActionError(f"{text}: an action is VERB:RESOURCE[.GROUP][/SUBRESOURCE] or VERB:/PATH")
    if target.startswith("/"):
        return Action(verb, url=target)
    resource, _, subresource = target.partition("/")
    resource, dot, group = resource.partition(".")
    if not resource:
        raise ActionError(f"{text}: names no resource")
    return Action(verb, resource, group if dot else group_of(resource), subresource, name)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its place; what is absent is empty and allows nothing, except that no `names` means every object."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    urls: tuple[str, ...]
    role: Object = field(compare=False)
    node: Node = field(compare=False)

    def allows(self, wanted: Action) -> bool:
        """Whether the rule allows an action, in whatever namespaces its binding gives it for."""
        if not self.allows_verb(wanted.verb):
            return False
        if wanted.url:
            return any(_covers(each, wanted.url) for each in self.urls)
        return (
            self.speaks_of(wanted.group, wanted.resource, wanted.subresource)
            and (not self.names or wanted.name in self.names)
        )  # fmt: skip

    def allows_verb(self, verb: str) -> bool:
        """Whether the verb is among the rule's, or it has all."""
        return ALL in self.verbs or verb in self.verbs

    def speaks_of(self, group: str, resource: str, subresource: str = "") -> bool:
        """Whether a resource is meant: `*` means every subresource too, `*/scale` that of every resource; `pods` does
        not mean `pods/exec`, nor does `pods/*` mean anything.
        """
        if ALL not in self.groups and group not in self.groups:
            return False
        whole = f"{resource}/{subresource}" if subresource else resource
        return (
            ALL in self.resources
            or whole in self.resources
            or bool(subresource and f"*/{subresource}" in self.resources)
        )

    @property
    def is_wide(self) -> bool:
        """Whether the rule speaks of every resource of the core group, or of more."""
        return ALL in self.resources and bool(self.groups & {ALL, ""}) and not self.names

    @property
    def is_everything(self) -> bool:
        """Whether the rule allows every verb on every resource of the core group, or of more.

        That is as good as cluster-admin: the verb impersonate on groups is among it. So is the list of all usual verbs
        in place of `*`, since whoever makes and changes everything runs pods as any ServiceAccount there is.
        """
        return self.is_wide and are_all(self.verbs)

    def locate(self) -> Location | None:
        """Where the rule stands; None for one that is built into Kubernetes or comes from a live cluster."""
        found = self.role.locate(self.node.path)
        return found if found.path else None

    def __str__(self) -> str:
        """`get,list secrets`, `every verb on every resource`, `get /metrics`."""
        verbs = "every verb on" if ALL in self.verbs else ",".join(sorted(self.verbs))
        groups = "" if self.groups in ({""}, set()) else f".{'|'.join(each or 'core' for each in sorted(self.groups))}"
        targets = [self._target(each, groups) for each in sorted(self.resources)]
        urls = ["every path" if each == ALL else each for each in self.urls]
        named = f" named {', '.join(sorted(self.names))}" if self.names else ""
        return f"{verbs} {', '.join([*targets, *urls])}{named}"

    def _target(self, resource: str, groups: str) -> str:
        if resource != ALL:
            return resource if ALL in self.groups else resource + groups
        return "every resource" + (
            f" of {groups[1:]}" if groups and ALL not in self.groups else "" if groups else " of core"
        )


def are_all(verbs: frozenset[str]) -> bool:
    """Whether verbs are all that there are: `*`, or those that every kind of object has."""
    return ALL in verbs or verbs.issuperset(_USUAL)


def rules(role: Object) -> Iterator[Rule]:
    """The rules as written in a role, without what is aggregated. Raises `FieldTypeError`."""
    for node in role.sequence("rules"):
        yield Rule(
            _words(node, "verbs"),
            _words(node, "apiGroups"),
            _words(node, "resources"),
            _words(node, "resourceNames"),
            tuple(sorted(_words(node, "nonResourceURLs"))),
            role,
            node,
        )


def _words(node: Node, field_name: str) -> frozenset[str]:
    return frozenset(each.text(()) for each in node.sequence(field_name))


def _covers(pattern: str, url: str) -> bool:
    """A star counts only as everything, or at the end."""
    return pattern == url or (pattern.endswith(ALL) and url.startswith(pattern.rstrip(ALL)))
