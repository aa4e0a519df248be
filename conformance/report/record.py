"""The stable form of results: what the JSON report holds and every other writer reads (docs/report.schema.json)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NotRequired, TypedDict

from conformance import __version__
from conformance.catalogue import Requirement
from conformance.finding import Finding, Outcome, Result, Unjudged
from conformance.kube.object import Document, Location, Object
from conformance.kube.path import render


class LocationRecord(TypedDict):
    """`line` and `column` count from 1; 0 means that only the file is certain."""

    path: str
    line: int
    column: int
    via: NotRequired[str]


class ObjectRecord(TypedDict):
    """Which object; `namespace` is null while it is unresolved, "" for cluster-scoped objects."""

    apiVersion: str
    kind: str
    namespace: str | None
    name: str


class FindingRecord(TypedDict):
    """One violation. `object` is null for files and for things that are missing altogether."""

    object: ObjectRecord | None
    field: str
    message: str
    expected: str
    observed: str
    location: LocationRecord | None
    waived: str
    fingerprint: str


class ErrorRecord(TypedDict):
    """Something that could not be judged, and why."""

    object: ObjectRecord | None
    field: str
    reason: str
    location: LocationRecord | None


class SourceRecord(TypedDict):
    """Where the document says it."""

    document: str
    section: str
    lines: str
    quote: str


class ResultRecord(TypedDict):
    """One requirement in one run."""

    id: str
    profile: str
    title: str
    statement: str
    keyword: str
    severity: str
    outcome: str
    evaluated: int
    reason: str
    seconds: float
    check: str
    remediation: str
    source: SourceRecord
    findings: list[FindingRecord]
    errors: list[ErrorRecord]
    target: NotRequired[str]


class Summary(TypedDict):
    """Counts: objects that were loaded, requirements by outcome, and wall seconds of the whole run."""

    objects: int
    passed: int
    failed: int
    warned: int
    error: int
    skipped: int
    waived: int
    seconds: float


class Report(TypedDict):
    """One run."""

    version: int
    tool: dict[str, str]
    target: dict[str, Any]
    summary: Summary
    results: list[ResultRecord]


def report(target: dict[str, Any], results: Sequence[ResultRecord], objects: int, seconds: float) -> Report:
    """Assemble a report; the counts are derived, never kept beside the results."""
    counts = {outcome.value: 0 for outcome in Outcome}
    for each in results:
        counts[each["outcome"]] += 1
    summary = Summary(objects=objects, seconds=round(seconds, 3), **counts)  # type: ignore[typeddict-item]
    tool = {"name": "kube-plumbline", "version": __version__}
    return Report(version=1, tool=tool, target=target, summary=summary, results=list(results))


def record(requirement: Requirement, result: Result, target: str = "") -> ResultRecord:
    """One result with all that a report needs to stand alone; this is where findings are located."""
    source = requirement.source
    out = ResultRecord(
        id=requirement.id,
        profile=requirement.profile,
        title=requirement.title,
        statement=requirement.statement,
        keyword=requirement.keyword,
        severity=requirement.severity,
        outcome=result.outcome.value,
        evaluated=result.evaluated,
        reason=result.reason,
        seconds=round(result.seconds, 6),
        check=requirement.check or "",
        remediation=requirement.remediation,
        source=SourceRecord(document=source.document, section=source.section, lines=source.lines, quote=source.quote),
        findings=_distinct(finding_record(requirement.id, each) for each in result.findings),
        errors=[_error(each) for each in result.errors],
    )
    if target:
        out["target"] = target
    return out


def finding_record(requirement: str, finding: Finding) -> FindingRecord:
    """One finding, located: this is what makes a failing document be parsed again."""
    who, where = _object(finding.subject), _location(finding.locate(), finding.subject)
    return FindingRecord(
        object=who,
        field=finding.field_text,
        message=finding.message,
        expected=text(finding.expected),
        observed=text(finding.observed),
        location=where,
        waived=finding.waived_by or "",
        fingerprint=_fingerprint(requirement, who, where, finding.field_text, finding.message),
    )


def _error(error: Unjudged) -> ErrorRecord:
    field = error.field if isinstance(error.field, str) else render(error.field)
    where = _location(error.locate(), error.subject)
    return ErrorRecord(object=_object(error.subject), field=field, reason=error.reason, location=where)


def _object(subject: object) -> ObjectRecord | None:
    if not isinstance(subject, Object):
        return None
    return ObjectRecord(
        apiVersion=subject.api_version, kind=subject.kind, namespace=subject.namespace, name=subject.name
    )


def _location(location: Location | None, subject: object) -> LocationRecord | None:
    if location is None or not location.path:
        return None
    where = LocationRecord(path=location.path, line=location.line, column=location.column)
    via = getattr(subject.origin, "via", "") if isinstance(subject, Document) else ""
    if via:
        where["via"] = via
    return where


def text(value: object) -> str:
    """A value as a person would write it in YAML; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(text(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {text(v)}" for k, v in value.items()) + "}"
    return str(value)


def _fingerprint(
    requirement: str, who: ObjectRecord | None, where: LocationRecord | None, field: str, message: str
) -> str:
    """Stable while lines move: requirement, file, object and field, never the line."""
    parts = [requirement, where["path"] if where else "", field, message]
    parts += [who["kind"], who["namespace"] or "", who["name"]] if who else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _distinct(findings: Iterable[FindingRecord]) -> list[FindingRecord]:
    """Findings with equal fingerprints (a base rendered by two overlays) once, in order of appearance."""
    seen: dict[tuple[str, str], FindingRecord] = {}
    for each in findings:
        via = each["location"].get("via", "") if each["location"] else ""
        seen.setdefault((each["fingerprint"], via), each)
    return list(seen.values())
