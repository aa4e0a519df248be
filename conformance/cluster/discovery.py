"""Which kinds a cluster serves, and under which address.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.cluster.client import Client
from conformance.cluster.fault import AnswerError

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#: a kind that a newer group took over; both lists hold the same objects
_SUPERSEDED = {("events.k8s.io", "Event"), ("extensions", "Ingress"), ("extensions", "NetworkPolicy")}


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as a server serves it in the version that its group prefers; `plural` is its name in addresses."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """As in the objects of the kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "") -> str:
        """The address of the list, of one namespace or of the whole cluster."""
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{prefix}/namespaces/{namespace}/{self.plural}" if namespace else f"{prefix}/{self.plural}"

    def __str__(self) -> str:
        """As `kubectl` names it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True)
class Discovery:
    """The kinds of a cluster. `broken` are groups whose server does not answer: what they serve is not known."""

    resources: Mapping[str, tuple[Resource, ...]]
    broken: tuple[str, ...] = ()

    def of_kind(self, kind: str) -> tuple[Resource, ...]:
        """Every group's kind of that name; none when the cluster does not have it."""
        return self.resources.get(kind, ())


def discover(client: Client) -> Discovery:
    """Ask a server what it serves: in two requests, or in one for each group from a server before 1.30.

    Raises ClusterError.
    """
    try:
        answers = [client.json(path, accept=f"{_AGGREGATED},application/json") for path in ("/api", "/apis")]
    except AnswerError as error:
        if error.status not in (404, 406):
            raise
        answers = [{}]
    if all(isinstance(each, dict) and each.get("kind") == "APIGroupDiscoveryList" for each in answers):
        return _collect(_aggregated(answers))
    return _collect(_one_by_one(client))


Found = tuple[Resource | None, str]


def _collect(found: Iterator[Found]) -> Discovery:
    kinds: dict[str, dict[str, Resource]] = {}
    broken: dict[str, None] = {}
    for resource, group in found:
        if resource is None:
            broken[group] = None
        elif "list" in resource.verbs and (resource.group, resource.kind) not in _SUPERSEDED:
            kinds.setdefault(resource.kind, {}).setdefault(resource.group, resource)
    return Discovery({kind: tuple(groups.values()) for kind, groups in kinds.items()}, tuple(broken))


def _aggregated(answers: list[Any]) -> Iterator[Found]:
    """Versions stand in the order of preference."""
    for answer in answers:
        for group in answer.get("items") or []:
            name = (group.get("metadata") or {}).get("name") or ""
            for version in group.get("versions") or []:
                if version.get("freshness") == "Stale" and not version.get("resources"):
                    yield None, name
                for each in version.get("resources") or []:
                    kind = (each.get("responseKind") or {}).get("kind") or ""
                    namespaced = each.get("scope") == "Namespaced"
                    verbs = tuple(each.get("verbs") or ())
                    yield Resource(name, version["version"], kind, each["resource"], namespaced, verbs), name


def _one_by_one(client: Client) -> Iterator[Found]:
    versions = [("", each) for each in client.json("/api").get("versions") or []]
    for group in client.json("/apis").get("groups") or []:
        preferred = (group.get("preferredVersion") or {}).get("version")
        names = [each["version"] for each in group.get("versions") or []]
        versions += [(group["name"], each) for each in sorted(names, key=lambda name: name != preferred)]
    for name, version in versions:
        path = f"/apis/{name}/{version}" if name else f"/api/{version}"
        try:
            resources = client.json(path).get("resources") or []
        except AnswerError:
            yield None, name
            continue
        for each in resources:
            if "/" not in each["name"]:
                verbs = tuple(each.get("verbs") or ())
                yield Resource(name, version, each["kind"], each["name"], bool(each.get("namespaced")), verbs), name
