"""Which drills there are: `@drill` on a function that reads like the runbook it tests."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.drill.kind import Wanted

if TYPE_CHECKING:
    from conformance.drill.exercise import Exercise

Procedure = Callable[["Exercise"], None]


@dataclass(frozen=True, slots=True)
class Twin:
    """The same drill with one thing wrong: it must fail at the assertion `fails`, or the drill proves nothing."""

    name: str
    wrong: str
    fails: str


@dataclass(frozen=True, slots=True)
class Objective:
    """What a document promises, in seconds; None where it promises nothing. `source` is document and line."""

    source: str
    rto: float | None = None
    rpo: float | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A program that the drill runs. `documented` is what the document runs; a machine may give another by --use."""

    name: str
    documented: str


@dataclass(frozen=True)
class Drill:
    """One drill. `alone` are those that harm their cluster as a whole, so that they share it with nobody."""

    name: str
    title: str
    procedure: Procedure
    requirements: tuple[str, ...]
    objectives: tuple[Objective, ...]
    images: tuple[Image, ...]
    twins: tuple[Twin, ...]
    wanted: Wanted
    alone: bool = False

    @property
    def source(self) -> str:
        """The runbook's own words: the docstring of the procedure."""
        return (self.procedure.__doc__ or "").strip()


DRILLS: dict[str, Drill] = {}


@dataclass(frozen=True)
class drill:  # noqa: N801 -- it reads as a decorator
    """Declare a drill; the decorated function carries it out."""

    name: str
    title: str
    twins: tuple[Twin, ...]
    requirements: tuple[str, ...] = ()
    objectives: tuple[Objective, ...] = ()
    images: tuple[Image, ...] = ()
    workers: int = 0
    alone: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, procedure: Procedure) -> Procedure:
        """Registers it. A drill without a twin that must fail proves nothing, so there is none."""
        if not self.twins:
            raise ValueError(f"drill {self.name} has no red twin")
        if self.name in DRILLS:
            raise ValueError(f"two drills are called {self.name}")
        DRILLS[self.name] = Drill(
            self.name,
            self.title,
            procedure,
            self.requirements,
            self.objectives,
            self.images,
            self.twins,
            Wanted(self.workers, more=tuple(sorted(self.more.items()))),
            self.alone,
        )
        return procedure


def drills() -> Mapping[str, Drill]:
    """Every drill of `conformance/drills`, in the order of their names."""
    import conformance.drills as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(DRILLS.items()))
