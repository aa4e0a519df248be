"""A real API server with RBAC: objects for a while, and what its authorizer says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from conformance.access import Action, Identity
from tests.pod_security.admission import Server

LABEL = "plumbline.test/run"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_CLUSTER = ("clusterrolebindings", "clusterroles")


class Review(NamedTuple):
    """What a SubjectAccessReview answers; `reason` names the binding, or the role that is not found."""

    allowed: bool
    reason: str


class Authorizer(Server):
    """Asks and applies as the administrator whom the kubeconfig holds."""

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {**self._headers, "Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    @contextmanager
    def holding(self, objects: Iterable[dict[str, Any]], run: str) -> Iterator[None]:
        """The objects, all of them with the label of this run, gone afterwards."""
        namespaces: list[str] = []
        try:
            for each in objects:
                status, answer = self.call("POST", _place(each), each)
                assert status == 201, answer
                if each["kind"] == "Namespace":
                    namespaces.append(each["metadata"]["name"])
            yield
        finally:
            for kind in _CLUSTER:
                self.call("DELETE", f"{_RBAC}/{kind}?labelSelector={LABEL}={run}")
            for name in namespaces:
                self.call("DELETE", f"/api/v1/namespaces/{name}")

    def review(self, who: Identity, action: Action, namespace: str) -> Review:
        """One question; `namespace` "" for the whole cluster."""
        spec: dict[str, Any] = {"user": who.user, "groups": sorted(who.groups)}
        if action.url:
            spec["nonResourceAttributes"] = {"path": action.url, "verb": action.verb}
        else:
            spec["resourceAttributes"] = {
                "verb": action.verb,
                "group": action.group,
                "resource": action.resource,
                "subresource": action.subresource,
                "name": action.name,
                "namespace": namespace,
            }
        status, answer = self.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
        assert status == 201, answer
        found = answer["status"]
        return Review(found["allowed"], found.get("reason", ""))


def _place(thing: dict[str, Any]) -> str:
    if thing["kind"] == "Namespace":
        return "/api/v1/namespaces"
    namespace = thing["metadata"].get("namespace")
    kind = f"{thing['kind'].lower()}s"
    return f"{_RBAC}/namespaces/{namespace}/{kind}" if namespace else f"{_RBAC}/{kind}"
