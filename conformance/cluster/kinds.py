"""The kinds of a cluster as a mapping that lists a kind when it is first asked for, or replays what was listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from conformance.cluster import pages
from conformance.cluster.client import Client
from conformance.cluster.discovery import Discovery, Resource
from conformance.cluster.fault import AnswerError, ClusterError
from conformance.cluster.redaction import kept
from conformance.cluster.snapshot import Kind, Writer
from conformance.kube.inventory import NotListedError
from conformance.kube.object import Location, Object
from conformance.kube.path import Path


@dataclass(frozen=True, slots=True)
class ClusterOrigin:
    """A live object stands in no file."""

    path: str = ""

    def locate(self, path: Path) -> Location:
        """No place: a finding about it is told by its name."""
        return Location("")


_ORIGIN = ClusterOrigin()
#: groups that serve nothing but figures: what else a cluster has is known without them
_METRICS = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")


class Kinds(Mapping[str, list[Object]]):
    """Objects by kind; `fetch` gives one kind, once. Asking for a kind that was refused raises NotListedError."""

    def __init__(self, fetch: Callable[[str], Kind]) -> None:
        self._fetch = fetch
        self._objects: dict[str, list[Object]] = {}
        self._refused: dict[str, str] = {}
        #: kinds that the cluster does not know, as far as they were asked for
        self.absent: set[str] = set()
        #: why nothing more can be listed: the cluster stopped answering
        self.failure: ClusterError | None = None

    def __getitem__(self, kind: str) -> list[Object]:
        """The objects of a kind; an empty list for a kind that the cluster does not have. Raises NotListedError."""
        if kind in self._refused:
            raise NotListedError(self._refused[kind])
        if kind not in self._objects:
            found = self._ask(kind)
            if found.refused:
                self._refused[kind] = found.refused
                raise NotListedError(found.refused)
            if found.absent:
                self.absent.add(kind)
            self._objects[kind] = [_object(raw) for raw in found.objects]
        return self._objects[kind]

    def _ask(self, kind: str) -> Kind:
        if self.failure is None:
            try:
                return self._fetch(kind)
            except ClusterError as error:
                self.failure = error
        raise NotListedError(f"{kind} was not listed: {self.failure}")

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._objects))

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def refused(self) -> Mapping[str, str]:
        """Kinds that could not be listed, each with the reason."""
        return self._refused


def _object(raw: dict[str, Any]) -> Object:
    metadata = raw.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return Object(raw, _ORIGIN, namespace if isinstance(namespace, str) else "")


@dataclass
class Live:
    """Lists kinds from an API server; with a writer, everything that was listed goes into a snapshot too."""

    client: Client
    discovery: Discovery
    salt: bytes
    namespaces: tuple[str, ...] = ()
    writer: Writer | None = None

    def __call__(self, name: str) -> Kind:
        """One kind of every group that has it. Raises ClusterError when the cluster stops answering."""
        resources = self.discovery.of_kind(name)
        silent = [each for each in self.discovery.broken if each not in _METRICS]
        found = Kind(name, absent=not resources and not silent)
        try:
            if not resources and silent:
                broken = ", ".join(silent)
                found.refused = f"whether there is a kind {name} is not known: {broken} does not answer"
            for resource in resources:
                found.objects += self._list(resource)
        except AnswerError as error:
            if error.status not in (401, 403, 404, 405):
                raise
            found = Kind(name, refused=refusal(resources, error, self.client.connection.user, self.namespaces))
        if self.writer is not None:
            self.writer.kind(name, iter(found.objects), found.refused, absent=found.absent)
        return found

    def write(self, name: str, writer: Writer) -> tuple[int, str]:
        """One kind straight into a snapshot, so that memory holds a page of it and no more.

        How many objects there are, and why they could not be listed. A refusal after the first page ends everything:
        raises ClusterError.
        """
        resources = self.discovery.of_kind(name)
        if not resources:
            nothing = self(name)
            writer.kind(name, None, nothing.refused, absent=nothing.absent)
            return 0, nothing.refused
        objects = (each for resource in resources for each in self._list(resource))
        try:
            first = list(islice(objects, 1))
        except AnswerError as error:
            if error.status not in (401, 403, 404, 405):
                raise
            refused = refusal(resources, error, self.client.connection.user, self.namespaces)
            writer.kind(name, None, refused)
            return 0, refused
        return writer.kind(name, chain(first, objects)), ""

    def _list(self, resource: Resource) -> Iterator[dict[str, Any]]:
        return (kept(each, self.salt) for each in pages.objects(self.client, resource, self.namespaces))


def refusal(resources: tuple[Resource, ...], error: AnswerError, user: str, namespaces: tuple[str, ...] = ()) -> str:
    """Why a kind could not be listed, with the rule that would allow it.

    https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
    """
    names = " and ".join(str(each) for each in resources)
    if error.status != 403:
        return f"{names} cannot be listed: {error}"
    groups = ", ".join(f'"{each.group}"' for each in resources)
    plurals = ", ".join(f'"{each.plural}"' for each in dict.fromkeys(resources))
    whole = not namespaces or not all(each.namespaced for each in resources)
    role = "ClusterRole" if whole else f"Role in {', '.join(namespaces)}"
    rule = f"{{apiGroups: [{groups}], resources: [{plurals}], verbs: [list]}}"
    return f"not allowed to list {names}: {user or 'the user'} needs the rule {rule} in a {role}"


def replay(kinds: Mapping[str, Kind]) -> Callable[[str], Kind]:
    """What a snapshot holds; a kind that nobody asked for when it was taken is refused, never empty."""

    def fetch(name: str) -> Kind:
        missing = f"the snapshot does not hold the kind {name}: it was taken for other requirements"
        return kinds.get(name) or Kind(name, refused=missing)

    return fetch
