"""Kinds that no API server lists: what pods, URLs and a Prometheus answer when they are asked.

They stand in the inventory like any kind, so that checks read them, fixtures hold them and snapshots keep them. Each is
asked only when its option says so; without it the kind is absent, and who reads it is skipped with the reason.
What is asked stands in the requirements (`with:`), never in the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.cluster.snapshot import Kind, Writer
from conformance.kube.inventory import NotListedError

API_VERSION = "facts.plumbline/v1"
#: kind -> the option that makes it be asked for
OPTIONS = {"Endpoint": "--endpoints", "PodFact": "--inside", "PrometheusAnswer": "--prometheus URL"}

Fetch = Callable[[str], Kind]
#: the facts of one kind
Source = Callable[[], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class PodQuestion:
    """One thing to be asked inside every running pod that a selector selects."""

    fact: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    container: str = ""


@dataclass(frozen=True, slots=True)
class Questions:
    """What requirements want to know, and which of it may be asked: an option that was not given leaves it empty."""

    endpoints: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    pods: tuple[PodQuestion, ...] = ()
    prometheus: str = ""
    inside: bool = False
    outside: bool = False


def questions(
    wanted: Iterable[tuple[str, Mapping[str, Any]]], *, inside: bool, endpoints: bool, prometheus: str
) -> Questions:
    """From (check, options) of the requirements that are judged."""
    asked: dict[str, dict[Any, None]] = {"endpoints": {}, "queries": {}, "pods": {}}
    for check, given in wanted:
        if check == "endpoint_answers":
            asked["endpoints"] |= dict.fromkeys(given["urls"])
        elif check == "prometheus_answer":
            asked["queries"] |= dict.fromkeys(given["queries"])
        elif check.startswith("inside_"):
            labels = tuple(sorted(given["labels"].items()))
            fact = check.removeprefix("inside_").replace("_", "-")
            question = PodQuestion(fact, given["namespace"], labels, given.get("container", ""))
            asked["pods"][question] = None
    return Questions(
        tuple(asked["endpoints"]), tuple(asked["queries"]), tuple(asked["pods"]), prometheus, inside, endpoints
    )


def with_facts(fetch: Fetch, sources: Mapping[str, Source], writer: Callable[[], Writer | None]) -> Fetch:
    """`fetch` for the kinds of the cluster, `sources` for ours; a kind of ours without a source is absent."""

    def both(name: str) -> Kind:
        if name not in OPTIONS:
            return fetch(name)
        try:
            found = Kind(name, list(sources[name]()) if name in sources else [], absent=name not in sources)
        except NotListedError as error:
            found = Kind(name, refused=str(error))
        keeps = writer()
        if keeps is not None:
            keeps.kind(name, iter(found.objects), found.refused, absent=found.absent)
        return found

    return both


def replayed(kinds: Mapping[str, Kind], fetch: Fetch) -> Fetch:
    """Facts of a snapshot; those that were not asked for when it was taken are absent."""
    return lambda name: Kind(name, absent=True) if name in OPTIONS and name not in kinds else fetch(name)


def fact(kind: str, name: str, namespace: str = "", **said: Any) -> dict[str, Any]:
    """One fact in the shape of an object."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, **said}
