"""A comparison in its stable form: what the JSON output holds and the other writers read (docs/drift.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from conformance import __version__
from conformance.catalogue import Catalogue
from conformance.drift import secret
from conformance.drift.compare import Difference
from conformance.drift.drift import Changed, Drift
from conformance.kube import credential
from conformance.kube.object import Object
from conformance.kube.path import render
from conformance.report.record import LocationRecord, ObjectRecord, ResultRecord, text

_LONGEST = 300


class FieldRecord(TypedDict):
    """One field. `git` is empty where Git has nothing, `cluster` where the cluster has nothing."""

    field: str
    what: str
    git: str
    cluster: str
    location: LocationRecord | None
    reason: str


class ChangedRecord(TypedDict):
    """One object with what differs, what is only hinted at, and what is meant to differ."""

    object: ObjectRecord
    differences: list[FieldRecord]
    hints: list[FieldRecord]
    accepted: list[FieldRecord]


class OneSideRecord(TypedDict):
    """An object of one side, or something that could not be compared."""

    object: ObjectRecord | None
    location: LocationRecord | None
    reason: str


class VerdictRecord(TypedDict):
    """One requirement: what the document says, and what Git and the cluster make of it."""

    id: str
    profile: str
    title: str
    keyword: str
    document: str
    defects: list[str]
    git: str
    cluster: str


class DriftRecord(TypedDict):
    """One comparison."""

    version: int
    tool: dict[str, str]
    paths: list[str]
    cluster: dict[str, Any]
    summary: dict[str, int]
    changed: list[ChangedRecord]
    only_git: list[OneSideRecord]
    only_cluster: list[OneSideRecord]
    unread: list[OneSideRecord]
    passed_over: list[OneSideRecord]
    notes: list[str]
    requirements: list[VerdictRecord]


def record(
    drift: Drift, paths: Sequence[str], cluster: Mapping[str, Any], verdicts: Sequence[VerdictRecord]
) -> DriftRecord:
    """The whole comparison; locating fields is what reads files again."""
    changed = [_changed(each) for each in drift.changed]
    summary = {
        "compared": drift.compared,
        "changed": sum(1 for each in changed if each["differences"]),
        "fields": sum(len(each["differences"]) for each in changed),
        "hints": sum(len(each["hints"]) for each in changed),
        "accepted": sum(len(each["accepted"]) for each in changed),
        "only_git": len(drift.only_git),
        "only_cluster": len(drift.only_cluster),
        "unread": len(drift.unread),
    }
    return DriftRecord(
        version=1,
        tool={"name": "kube-plumbline", "version": __version__},
        paths=list(paths),
        cluster=dict(cluster),
        summary=summary,
        changed=changed,
        only_git=[_one_side(each, reason) for each, reason in drift.only_git],
        only_cluster=[_one_side(each, "not in Git") for each in drift.only_cluster],
        unread=[_one_side(each, reason) for each, reason in drift.unread],
        passed_over=[_one_side(each, reason) for each, reason in drift.passed_over],
        notes=list(drift.notes),
        requirements=list(verdicts),
    )


def verdicts(catalogue: Catalogue, git: Iterable[ResultRecord], cluster: Iterable[ResultRecord]) -> list[VerdictRecord]:
    """Every requirement that either side was asked, with both outcomes; `not asked` where its scope leaves one out."""
    mine = _outcomes(git)
    theirs = _outcomes(cluster)
    defects: dict[str, list[str]] = {}
    for profile in catalogue.profiles.values():
        for defect in profile.defects:
            for name in defect.requirements:
                defects.setdefault(name, []).append(defect.statement)
    return [
        VerdictRecord(
            id=each.id,
            profile=each.profile,
            title=each.title,
            keyword=each.keyword,
            document=each.statement,
            defects=defects.get(each.id, []),
            git=mine.get(each.id, "not asked"),
            cluster=theirs.get(each.id, "not asked"),
        )
        for each in catalogue
        if each.id in mine or each.id in theirs
    ]


_WORST = ("failed", "error", "warned", "waived", "passed", "skipped")


def _outcomes(results: Iterable[ResultRecord]) -> dict[str, str]:
    """Outcome by requirement; of several targets the worst."""
    found: dict[str, str] = {}
    for each in results:
        known = found.get(each["id"], each["outcome"])
        found[each["id"]] = min(known, each["outcome"], key=_WORST.index)
    return found


def _changed(changed: Changed) -> ChangedRecord:
    return ChangedRecord(
        object=_object(changed.live),
        differences=[_field(changed.git, each) for each in changed.differences],
        hints=[_field(changed.git, each) for each in changed.hints],
        accepted=[_field(changed.git, each, reason) for each, reason in changed.accepted],
    )


def _field(git: Object, difference: Difference, reason: str = "") -> FieldRecord:
    mine, theirs = _shown(git, difference)
    field = render(difference.path)
    if difference.element:
        field += f"[{difference.element}]"
    return FieldRecord(
        field=field,
        what=difference.what,
        git=mine if difference.what != "added" else "",
        cluster=theirs if difference.what != "missing" else "",
        location=_location(git, difference.path),
        reason=reason,
    )


def _shown(git: Object, difference: Difference) -> tuple[str, str]:
    """Both values for people: no secrets, and of long texts the first line that differs."""
    mine, theirs = difference.git, difference.cluster
    if git.kind == "Secret" and not git.group and difference.path[:1] == ("data",):
        return tuple(secret.shown(str(each)) if each is not None else "" for each in (mine, theirs))  # type: ignore[return-value]
    name = _name_of(git, difference)
    if any(_secret(name, each) for each in (mine, theirs)):
        return "(hidden: it looks like a credential)", "(hidden: it looks like a credential)"
    if isinstance(mine, str) and isinstance(theirs, str) and "\n" in mine + theirs:
        return _first_lines(mine, theirs)
    return _cut(text(mine)), _cut(text(theirs))


def _name_of(git: Object, difference: Difference) -> str:
    """What a value is called: of a variable its `name`, else the field."""
    *above, last = difference.path
    if last == "value":
        name = git.at(tuple(above)).get("name")
        return str(name or "")
    return str(last)


def _secret(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        own = str(value.get("name") or "") if "value" in value else ""
        return any(_secret(own or str(key), each) for key, each in value.items())
    if isinstance(value, list):
        return any(_secret(name, each) for each in value)
    return isinstance(value, str) and bool(credential.named(name, value) or credential.evidence(value))


def _first_lines(mine: str, theirs: str) -> tuple[str, str]:
    left, right = mine.splitlines(), theirs.splitlines()
    count = next((n for n, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]), None)
    if count is None:
        count = min(len(left), len(right))
    shown = [
        f"line {count + 1}: {side[count]}" if count < len(side) else f"{len(side)} lines" for side in (left, right)
    ]
    return _cut(shown[0]), _cut(shown[1])


def _cut(shown: str) -> str:
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _one_side(thing: Object | None, reason: str) -> OneSideRecord:
    if thing is None:
        return OneSideRecord(object=None, location=None, reason=reason)
    return OneSideRecord(object=_object(thing), location=_location(thing, ()), reason=reason)


def _object(thing: Object) -> ObjectRecord:
    return ObjectRecord(apiVersion=thing.api_version, kind=thing.kind, namespace=thing.namespace, name=thing.name)


def _location(thing: Object, path: tuple[str | int, ...]) -> LocationRecord | None:
    where = thing.locate(path)
    return LocationRecord(path=where.path, line=where.line, column=where.column) if where.path else None
