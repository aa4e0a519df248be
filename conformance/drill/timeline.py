"""What happened when: steps, assertions and figures of one exercise, in wall-clock seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: what a step is for, in the order of a drill's life
PHASES = ("prepare", "steady", "fault", "recover", "verify", "collect")


@dataclass(slots=True)
class Step:
    """One step; `ended` is 0 while it runs. `outcome` is passed, failed (an assertion) or error (could not be done)."""

    phase: str
    title: str
    started: float
    ended: float = 0.0
    outcome: str = "running"
    reason: str = ""
    assertions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        return (self.ended or time.time()) - self.started


@dataclass
class Timeline:
    """The steps of one exercise."""

    started: float = field(default_factory=time.time)
    steps: list[Step] = field(default_factory=list)
    #: moments with a name: fault, first correct query …
    moments: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, phase: str, title: str) -> Iterator[Step]:
        """A step from here to the end of the block."""
        from conformance.drill.fault import NotHeldError

        found = Step(phase, title, time.time())
        self.steps.append(found)
        try:
            yield found
            found.outcome = "passed"
        except NotHeldError as error:
            found.outcome, found.reason = "failed", str(error)
            raise
        except BaseException as error:
            found.outcome, found.reason = "error", str(error) or type(error).__name__
            raise
        finally:
            found.ended = time.time()

    def mark(self, name: str, moment: float | None = None) -> float:
        """Remember a moment; the first one of a name counts."""
        return self.moments.setdefault(name, time.time() if moment is None else moment)

    def record(self) -> dict[str, Any]:
        """As data: seconds since the start of the exercise, which itself is told in UTC."""
        return {
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "moments": {name: round(at - self.started, 3) for name, at in self.moments.items()},
            "steps": [
                {
                    "phase": each.phase,
                    "title": each.title,
                    "from": round(each.started - self.started, 3),
                    "to": round((each.ended or time.time()) - self.started, 3),
                    "outcome": each.outcome,
                    "reason": each.reason,
                    "assertions": each.assertions,
                }
                for each in self.steps
            ],
        }
