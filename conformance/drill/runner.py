"""Carrying out drills: clusters made, shared and deleted; each drill and each of its red twins; one verdict a drill."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from conformance.drill import evidence as evidences
from conformance.drill import junit, kind, page, picture
from conformance.drill.evidence import Evidence
from conformance.drill.exercise import Exercise
from conformance.drill.fault import DrillError, NotHeldError
from conformance.drill.kind import Cluster, Wanted
from conformance.drill.registry import Drill, Twin
from conformance.drill.timeouts import Timeouts

JOURNAL = "drills.jsonl"


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run of `plumbline drill` is asked to do."""

    drills: Sequence[Drill]
    reports: Path
    manifests: Path
    destructive: bool
    node_image: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    twins: bool = True
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one drill or one twin. A twin has done its duty when it failed where it must: then it is `red`."""

    drill: Drill
    twin: Twin | None
    outcome: str
    reason: str
    seconds: float
    record: dict[str, Any]

    @property
    def good(self) -> bool:
        """Whether it ended as it should."""
        return self.outcome == ("red" if self.twin else "passed")


class Runner:
    """One run. `say` is told what goes on, with the drill's name first."""

    def __init__(self, asked: Asked, say: Callable[[str], None]) -> None:
        self._asked = asked
        self._say = say
        self.verdicts: list[Verdict] = []
        self.kept: list[Cluster] = []
        #: clusters that could not be deleted, with the reason; the next run tries again
        self.left: list[str] = []

    def run(self) -> list[Verdict]:
        """All drills. Whatever happens in between, clusters are deleted unless they are to be kept."""
        try:
            with _terminated_as_interrupted():
                for told in kind.sweep(self._asked.timeouts):
                    self._say(told)
                for wanted, drills in self._groups():
                    self._group(wanted, drills)
        finally:
            junit.write(self._asked.reports / "drills.xml", self.verdicts)
        return self.verdicts

    def _groups(self) -> Iterator[tuple[Wanted, list[tuple[Drill, Twin | None]]]]:
        """Exercises that share a cluster: those that ask for the same one and harm only their own namespaces."""
        shared: dict[Wanted, list[tuple[Drill, Twin | None]]] = {}
        for drill in self._asked.drills:
            exercises = [(drill, twin) for twin in (None, *(drill.twins if self._asked.twins else ()))]
            if drill.alone:
                for each in exercises:
                    yield self._wanted(drill), [each]
            else:
                shared.setdefault(self._wanted(drill), []).extend(exercises)
        yield from shared.items()

    def _wanted(self, drill: Drill) -> Wanted:
        return Wanted(drill.wanted.workers, self._asked.node_image, drill.wanted.more)

    def _group(self, wanted: Wanted, exercises: list[tuple[Drill, Twin | None]]) -> None:
        names = ", ".join(dict.fromkeys(drill.name for drill, _ in exercises))
        self._say(f"making a cluster of {1 + wanted.workers} node(s) for {names}")
        try:
            cluster = kind.create(wanted, destructive=self._asked.destructive, timeouts=self._asked.timeouts)
        except DrillError as error:
            self.verdicts += [self._unmade(drill, twin, str(error)) for drill, twin in exercises]
            return
        try:
            for drill, twin in exercises:
                self._exercise(cluster, drill, twin)
        finally:
            self._done_with(cluster)

    def _done_with(self, cluster: Cluster) -> None:
        if self._asked.keep:
            cluster.state = cluster.state.kept()
            self.kept.append(cluster)
            return
        self._say(f"deleting {cluster.state.name}")
        try:
            cluster.delete()
        except DrillError as error:
            self.left.append(str(error))

    def _exercise(self, cluster: Cluster, drill: Drill, twin: Twin | None) -> None:
        """One exercise with its verdict and its evidence, which there is of one that was broken off as well."""
        name = f"{drill.name}[{twin.name}]" if twin else drill.name
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        folder = self._asked.reports / "drills" / f"{stamp}-{drill.name}{f'-{twin.name}' if twin else ''}"
        found = Evidence(folder)
        exercise = Exercise(
            drill,
            cluster,
            found,
            self._asked.images,
            self._asked.manifests,
            lambda text: self._say(f"{name}: {text}"),
            twin.name if twin else "",
        )
        started = time.monotonic()
        outcome, reason = "error", "broken off"
        try:
            outcome, reason = _outcome(exercise, twin)
        finally:
            exercise.collect()
            record = evidences.record(drill, exercise.twin, outcome, reason, found, exercise.timeline)
            self._write(record, found)
            self.verdicts.append(Verdict(drill, twin, outcome, reason, time.monotonic() - started, record))
        if not drill.alone:
            self._leave(exercise, name)

    def _leave(self, exercise: Exercise, name: str) -> None:
        """Make room for the next one; its namespaces have other names, so that leftovers do not end the run."""
        try:
            exercise.leave()
        except DrillError as error:
            self._say(f"{name}: not everything could be cleared away: {error}")

    def _write(self, record: dict[str, Any], found: Evidence) -> None:
        import json

        found.write("evidence.json", json.dumps(record, indent=2) + "\n")
        found.write("timeline.svg", picture.timeline(record))
        found.write("README.md", page.markdown(record))
        journal = self._asked.reports / JOURNAL
        with journal.open("a", encoding="utf-8") as file:
            file.write(evidences.line(record) + "\n")

    def _unmade(self, drill: Drill, twin: Twin | None, reason: str) -> Verdict:
        return Verdict(drill, twin, "error", f"no cluster: {reason}", 0.0, {})


def _outcome(exercise: Exercise, twin: Twin | None) -> tuple[str, str]:
    """passed, failed or error; of a twin red, or why it does not prove that the drill can fail."""
    try:
        exercise.drill.procedure(exercise)
    except NotHeldError as error:
        if twin is None:
            return "failed", f"{error.name}: {error}"
        if error.name == twin.fails:
            return "red", f"{error.name}: {error}"
        return "broken", f"it failed at {error.name!r} ({error}), not at {twin.fails!r} where it must"
    except DrillError as error:
        return "error", str(error)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}"
    return ("passed", "") if twin is None else ("broken", f"it passed although {twin.wrong}: the drill proves nothing")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM unwinds like Ctrl-C, so that the clusters are deleted."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
