"""What is exposed as text for a person, and as data for machines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from conformance.mesh.reason import Problem, Reason
from conformance.network.exposure.exposed import Audience, Exposed
from conformance.network.exposure.exposure import Answer, Exposure
from conformance.network.listing import because_record

_TITLES = {
    Audience.OUTSIDE: "from outside the cluster",
    Audience.NODES: "at the addresses of the nodes",
    Audience.CLUSTER: "in the cluster",
}
_WORDS = {True: "open", False: "closed", None: "not known"}


def record(found: Exposure, wanted: Collection[str] | None = None) -> dict[str, Any]:
    """Everything, or some workloads, as data; `open` is null where no manifest shows where connections come from."""
    return {
        "exposed": [_exposed(each, found.answer(each)) for each in _ordered(found, wanted)],
        "problems": [_problem(each) for each in found.problems],
    }


def _ordered(found: Exposure, wanted: Collection[str] | None) -> list[Exposed]:
    """The widest audience first, then by workload."""
    these = (each for each in found.exposed if wanted is None or each.workload in wanted)
    return sorted(these, key=lambda each: (each.way.audience.rank, each.workload, each.ports.words(), each.way.hosts))


def _exposed(each: Exposed, answer: Answer) -> dict[str, Any]:
    return {
        "to": each.way.audience.value,
        "workload": each.workload,
        "ports": each.ports.words(),
        "hosts": list(each.way.hosts),
        "by": [_link(link) for link in each.way.chain],
        "sources": list(each.way.sources),
        "open": answer.open,
        "because": [because_record(one) for one in answer.because],
    }


def _link(link: Reason) -> dict[str, Any]:
    where = link.locate()
    location = where.record if where else None
    return {"object": str(link.subject), "field": link.field, "text": link.text, "location": location}


def _problem(problem: Problem) -> dict[str, Any]:
    where = problem.locate()
    location = where.record if where else None
    told = {"object": str(problem.subject), "field": problem.field, "message": problem.message}
    return {"code": problem.code, **told, "location": location}


def listing(found: Exposure, wanted: Collection[str] | None = None, *, explain: bool = False) -> Iterator[str]:
    """By audience, each workload's ports with the way that leads there. Reasons are told of what is not open, and of
    everything when asked.
    """
    shown = _ordered(found, wanted)
    for audience, title in _TITLES.items():
        ways: dict[str, dict[tuple[str, ...], None]] = {}
        for each in (each for each in shown if each.way.audience is audience):
            answer = found.answer(each)
            # Overlays of one object lead the same way.
            ways.setdefault(_head(each, answer), {})[tuple(_lines(each, answer, explain))] = None
        if ways:
            yield title
        for head, told in ways.items():
            yield head
            yield from (line for lines in told for line in lines)
    if not shown:
        yield "nothing is exposed"
    if found.problems:
        yield "problems"
    for problem in found.problems:
        where = problem.locate()
        yield f"  {problem.subject} {problem.field}: {problem.message}" + (f" ({where})" if where else "")


def _head(each: Exposed, answer: Answer) -> str:
    hosts = f" as {', '.join(each.way.hosts)}" if each.way.hosts else ""
    state = "" if each.way.audience is Audience.CLUSTER else f": {_WORDS[answer.open]}"
    return f"  {each.workload} {each.ports}{hosts}{state}"


def _lines(each: Exposed, answer: Answer, explain: bool) -> Iterator[str]:
    if explain:
        yield from (
            f"    by {link.text}" + (f" ({where})" if (where := link.locate()) else "") for link in each.way.chain
        )
    else:
        yield f"    by {' -> '.join(link.text for link in each.way.chain)}"
    if each.way.sources and (explain or not answer.open):
        yield f"    pods see connections from {', '.join(each.way.sources)}"
    if explain or not answer.open:
        yield from (f"    {because}" for because in answer.because)
