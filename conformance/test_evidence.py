"""Dated evidence: reviews that took place often enough, drills that were run and passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from conformance.check import NotApplicable, Said, check
from conformance.evidence.records import Record, read
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document

NO_DATE = "how old the newest record is can be told only with a day to judge as of"


@check
def test_evidence_recent(
    document: Document, inventory: Inventory, *, kind: str, within_days: int, components: list[str] | None = None
) -> Iterator[Said]:
    """A thing was done, successfully, at least every so many days until the day that is judged as of.

    Gaps inside the record count too: two drills in one quarter do not make up for none in the next. A failed, aborted
    or skipped one does not count. `components` each need records of their own. Without a day to judge as of only gaps
    can be reported, and nothing passes.
    """
    records = [each for each in read(document) if each.kind == kind]
    for component in components or [""]:
        own = [each for each in records if component in ("", each.component)]
        yield from _intervals(document, own, kind, component, within_days, inventory.as_of)
    if inventory.as_of is None:
        yield NotApplicable(NO_DATE)


def _intervals(
    document: Document, records: list[Record], kind: str, component: str, within_days: int, as_of: date | None
) -> Iterator[Finding]:
    passed = [each for each in records if each.passed and (as_of is None or each.on <= as_of)]
    words = f"{kind} of {component}" if component else kind
    if not passed:
        yield Finding(document, "records", f"no {words} that passed is on record", f"every {within_days} days", None)
        return
    for earlier, later in pairwise(passed):
        if (later.on - earlier.on).days > within_days:
            path = (*later.node.path, "date")
            message = f"{(later.on - earlier.on).days} days after the {words} before it"
            yield Finding(document, path, message, f"within {within_days} days", str(later.on))
    if as_of is not None and (as_of - passed[-1].on).days > within_days:
        path = (*passed[-1].node.path, "date")
        message = f"the newest {words} is {(as_of - passed[-1].on).days} days old on {as_of}"
        yield Finding(document, path, message, f"within {within_days} days", str(passed[-1].on))


@check
def test_drills_complete(document: Document, *, drills: list[str]) -> Iterator[Said]:
    """Every documented drill is on record, and its newest run passed; a skipped one did not."""
    records = [each for each in read(document) if each.kind == "drill"]
    for name in drills:
        runs = [each for each in records if each.drill == name]
        if not runs:
            yield Finding(document, "records", f"drill {name} is not on record", name, None)
        elif not runs[-1].passed:
            path = (*runs[-1].node.path, "result")
            yield Finding(
                document, path, f"the newest run of drill {name} did not pass", "passed", runs[-1].node.get("result")
            )
