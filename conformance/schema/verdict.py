"""What the schemas say about one object."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.kube.path import Path, render


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One reason for which the API server would refuse an object, at the field that is at fault.

    A missing field is reported at its parent. `observed` and `message` never repeat a string from a place that takes
    any string, because it may be a secret.
    """

    path: Path
    message: str
    expected: str = ""
    observed: str = ""

    @property
    def is_unknown_field(self) -> bool:
        """A field that the schema does not name; all else about the object can still be told."""
        return self.message.startswith("unknown field")

    def __str__(self) -> str:
        return f"{render(self.path)}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the schemas say about one object.

    `not_validated` tells why nobody could judge it beyond its metadata; an object is valid only if there are neither
    problems nor such a reason. `unevaluated` names what was left out: rules that no schema can say.
    """

    problems: tuple[SchemaProblem, ...] = ()
    not_validated: str = ""
    unevaluated: str = ""

    @property
    def valid(self) -> bool:
        """Judged by the schema of its kind, and found good."""
        return not self.problems and not self.not_validated
