"""Waivers: a finding that is known and accepted by somebody, for a reason, until a day. They cannot rot unseen."""

from __future__ import annotations

import datetime
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from conformance.finding import Finding
from conformance.kube.object import Document, Location, Object, TextFile

FIELDS = {"requirement": str, "object": str, "field": str, "reason": str, "owner": str, "expires": str}
REQUIRED = ("requirement", "object", "reason", "owner", "expires")


@dataclass(slots=True)
class Waiver:
    """One entry. `object` is `Kind/namespace/name` (or `Kind/name`, or a path for files); parts may be globs."""

    requirement: str
    object: str
    reason: str
    owner: str
    expires: datetime.date
    location: Location
    field: str = "*"

    def covers(self, requirement: str, name: str, field_text: str) -> bool:
        """Whether this entry speaks of a finding at that field of that object; expiry is not asked here."""
        return (
            requirement == self.requirement
            and fnmatchcase(name, self.object)
            and (self.field == "*" or fnmatchcase(field_text, self.field))
        )


@dataclass(frozen=True, slots=True)
class WaiverProblem:
    """A waiver that is unreadable, expired or unused; each fails the run."""

    location: Location
    reason: str


def name_of(finding: Finding) -> str:
    """What a waiver's `object` is compared with; "-" for a finding about something that is missing."""
    subject = finding.subject
    if isinstance(subject, Object):
        return "/".join(part for part in (subject.kind, subject.namespace, subject.name) if part)
    if subject is None:
        return finding.location.path if finding.location else "-"
    return subject.path if isinstance(subject, TextFile) else subject.origin.path


@dataclass(slots=True)
class Waivers:
    """All waivers of a run, and what is wrong with them."""

    entries: list[Waiver] = field(default_factory=list)
    problems: list[WaiverProblem] = field(default_factory=list)
    today: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())

    def apply(self, requirement: str, findings: Iterable[Finding]) -> None:
        """Mark the findings that a waiver in force covers. An expired waiver covers nothing."""
        mine = [each for each in self.entries if each.requirement == requirement and each.expires >= self.today]
        for finding in findings if mine else ():
            for waiver in mine:
                if waiver.covers(requirement, name_of(finding), finding.field_text):
                    finding.waived_by = f"{waiver.reason} (until {waiver.expires}, {waiver.owner})"

    def rotten(self, known: Container[str], judged: Mapping[str, Iterable[tuple[str, str]]]) -> Iterator[WaiverProblem]:
        """Unreadable, unknown, expired and unused waivers.

        `judged` gives, for each requirement that this run asked, the names and fields of its findings. A waiver for a
        requirement that was not asked is left alone.
        """
        yield from self.problems
        for each in self.entries:
            if each.requirement not in known:
                yield WaiverProblem(each.location, f"there is no requirement {each.requirement}")
            elif each.expires < self.today:
                yield WaiverProblem(each.location, f"the waiver for {each.requirement} expired on {each.expires}")
            elif each.requirement in judged and not any(
                each.covers(each.requirement, name, field_text) for name, field_text in judged[each.requirement]
            ):
                text = f"nothing needs the waiver for {each.requirement} on {each.object} any more: remove it"
                yield WaiverProblem(each.location, text)


def load(documents: Iterable[Document], today: datetime.date | None = None) -> Waivers:
    """Waivers from parsed files: a list, or a mapping with `waivers:`. An entry that is wrong becomes a problem."""
    waivers = Waivers() if today is None else Waivers(today=today)
    for document in documents:
        nested = isinstance(document.raw, dict)
        entries = document.raw.get("waivers") if nested else document.raw
        if not isinstance(entries, list):
            waivers.problems.append(WaiverProblem(document.locate(), "a waiver file is a list of waivers"))
            continue
        for index, raw in enumerate(entries):
            location = document.locate(("waivers", index) if nested else (index,))
            problem = _problem(raw)
            if problem:
                waivers.problems.append(WaiverProblem(location, problem))
            else:
                waivers.entries.append(_waiver(raw, location))
    return waivers


def _waiver(raw: dict[str, Any], location: Location) -> Waiver:
    expires = datetime.date.fromisoformat(raw["expires"])
    return Waiver(
        raw["requirement"], raw["object"], raw["reason"], raw["owner"], expires, location, raw.get("field", "*")
    )


def _problem(raw: Any) -> str:
    """Why an entry is no waiver; a malformed one waives nothing."""
    if not isinstance(raw, dict):
        return "a waiver is a mapping"
    for name in REQUIRED:
        if not raw.get(name):
            return f"the waiver has no {name}"
    for name, value in raw.items():
        if name not in FIELDS:
            return f"a waiver has no field {name}; it has {', '.join(FIELDS)}"
        if not isinstance(value, FIELDS[name]):
            return f"{name} is not a string"
    try:
        datetime.date.fromisoformat(raw["expires"])
    except ValueError:
        return f"expires is {raw['expires']!r}, not a date such as 2027-01-31"
    return ""
