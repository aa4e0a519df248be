"""Why a verdict is what it is, and what is wrong with a mesh's configuration: always an object and a field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from conformance.kube.object import FieldTypeError, Location, Node, Object
from conformance.kube.path import Path, render

T = TypeVar("T")
#: Every sort of problem; docs/mtls.md says what each of them is.
CODES = frozenset({
    "gateway-host", "mirror-nothing", "mirror-self", "peer-ambiguous", "peer-port", "peer-port-without-selector",
    "peer-root-selector", "peer-selector", "retry-timeout", "route-duration", "route-external", "route-gateway",
    "route-gateway-host", "route-host", "route-port", "route-port-needed", "route-subset", "route-weights",
    "rule-external", "rule-host", "rule-port", "subset-empty", "tls-conflict", "unreadable",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """One link of a chain. `subject` is None for what Istio does when nobody says anything."""

    text: str
    subject: Object | None = None
    path: Path = ()

    def locate(self) -> Location | None:
        """Where the field stands; None for defaults and for live objects."""
        if self.subject is None:
            return None
        location = self.subject.locate(self.path)
        return location if location.path else None

    @property
    def field(self) -> str:
        """The field as the API server prints it."""
        return render(self.path)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot work as written. `code` names the sort, so that a caller may choose among them."""

    code: str
    subject: Object
    path: Path
    message: str

    def locate(self) -> Location | None:
        """Where the field stands; None for live objects."""
        location = self.subject.locate(self.path)
        return location if location.path else None

    @property
    def field(self) -> str:
        """The field as the API server prints it."""
        return render(self.path)


class UnreadableError(Exception):
    """A field of an object has a type or a value that the API server refuses; nothing follows from it."""

    def __init__(self, subject: Object, error: FieldTypeError) -> None:
        super().__init__(f"{subject}: {error}")
        self.reason = Reason(str(error), subject, error.path)


class ValueRefusedError(FieldTypeError):
    """A word that is none of those that a field may hold. Values are case-sensitive."""

    def __init__(self, path: Path, value: object, allowed: tuple[str, ...]) -> None:
        TypeError.__init__(self, f"{render(path)} is {value!r}, not {', '.join(allowed[:-1])} or {allowed[-1]}")
        self.path = path


@contextmanager
def reading(subject: Object) -> Iterator[None]:
    """Gives a wrong type the object that it stands in: raises UnreadableError for FieldTypeError."""
    try:
        yield
    except FieldTypeError as error:
        raise UnreadableError(subject, error) from None


def read_each(subjects: Iterable[Object], read: Callable[[Object], T], unreadable: list[UnreadableError]) -> list[T]:
    """What can be read of each; what cannot be read is added to `unreadable`, and hides no other."""
    found = []
    for each in subjects:
        try:
            with reading(each):
                found.append(read(each))
        except UnreadableError as error:
            unreadable.append(error)
    return found


def word(node: Node, field: str, allowed: tuple[str, ...], default: str) -> str:
    """An enumeration field; raises FieldTypeError for a word that is not allowed."""
    value = node.text(field, default)
    if value not in allowed:
        raise ValueRefusedError((*node.path, field), value, allowed)
    return value
