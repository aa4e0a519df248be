"""What a check says: findings at fields, results for requirements."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.kube.object import Document, Location, Object, TextFile
from conformance.kube.path import Path, parse, render

#: of a requirement, from the least
SEVERITIES = ("info", "low", "medium", "high", "critical")


class Outcome(StrEnum):
    """What became of one requirement. The words never blur: only `passed` means that something was judged and held."""

    PASSED = "passed"
    FAILED = "failed"  # findings
    WARNED = "warned"  # findings of advice, or below --fail-on: reported, not failing
    ERROR = "error"  # could not evaluate
    SKIPPED = "skipped"  # nothing to judge, or nothing judges it yet
    WAIVED = "waived"  # every finding is covered by a waiver in force


Subject = Object | Document | TextFile | None


@dataclass(slots=True)
class Finding:
    """One violation, at one field of one object, at one line of one file.

    `subject` is None when the thing itself is missing. `field` is a path inside the subject, for a text file `[line]`.
    `observed` is never the value of a secret.
    """

    subject: Subject
    field: str | Path
    message: str
    expected: Any = None
    observed: Any = None
    waived_by: str | None = None
    #: only for things that are no subject, such as a document that did not load
    location: Location | None = None

    @property
    def path(self) -> Path:
        """The field as steps."""
        return parse(self.field)

    @property
    def field_text(self) -> str:
        """The field as the API server prints it; empty for a whole text line."""
        return "" if isinstance(self.subject, TextFile) else render(self.path)

    def locate(self) -> Location | None:
        """File, line and column; None for a missing thing or a live object."""
        if self.location is not None or self.subject is None:
            return self.location
        location = self.subject.locate(self.path)
        return location if location.path else None


@dataclass(slots=True)
class Unjudged:
    """Something a check was asked about and could not evaluate; makes the outcome an error, never a pass."""

    subject: Subject
    field: str | Path
    reason: str
    location: Location | None = None

    def locate(self) -> Location | None:
        """Where the unreadable thing stands."""
        if self.location is not None or self.subject is None:
            return self.location
        return self.subject.locate(parse(self.field))


@dataclass(slots=True)
class Result:
    """What became of one requirement in one run; `evaluated` counts the subjects that were really looked at."""

    id: str
    outcome: Outcome
    evaluated: int = 0
    reason: str = ""
    findings: list[Finding] = field(default_factory=list)
    errors: list[Unjudged] = field(default_factory=list)
    seconds: float = 0.0
