"""What a run makes of drills that pass, fail, crash and are broken off; with clusters that are none."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import conformance.drill
from conformance.drill import command, kind
from conformance.drill import state as states
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.fault import DrillError, NotHeldError
from conformance.drill.guard import Guard
from conformance.drill.kind import Cluster, Wanted
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import DRILLS, Drill, Objective, Twin, drill
from conformance.drill.runner import Asked, Runner, Verdict
from conformance.drill.state import State
from conformance.drill.timeouts import Timeouts

Procedure = Callable[[Exercise], None]
RED = Twin("red", "it is made to fail", fails="it holds")


@dataclass
class Clusters:
    """Plays kind: remembers what was asked for and what was deleted."""

    made: list[Wanted] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    impossible: set[int] = field(default_factory=set)
    stubborn: bool = False

    def create(self, wanted: Wanted, *, destructive: bool, timeouts: Timeouts) -> Cluster:
        self.made.append(wanted)
        if wanted.workers in self.impossible:
            raise DrillError("no room")
        state = states.new()
        return Cluster(state, Guard(state, destructive, timeouts), timeouts)

    def delete(self, state: State, timeouts: Timeouts) -> None:
        if self.stubborn:
            raise DrillError(f"{state.name} was not deleted")
        self.deleted.append(state.name)
        state.forget()


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clusters:
    found = Clusters()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(kind, "create", found.create)
    monkeypatch.setattr(kind, "delete", found.delete)
    return found


def made(procedure: Procedure, name: str = "one", *, twins: tuple[Twin, ...] = (RED,), **more: Any) -> Drill:
    found = Drill(name, "a title", procedure, ("some-requirement",), (), (), twins, Wanted())
    return replace(found, **more)


def run(tmp_path: Path, *chosen: Drill, **more: Any) -> tuple[Runner, list[Verdict]]:
    asked = Asked(chosen, tmp_path / "reports", tmp_path, True, **more)
    runner = Runner(asked, lambda _: None)
    return runner, runner.run()


def holding(exercise: Exercise) -> None:
    with exercise.step("verify", "look"):
        exercise.holds("it holds", not exercise.twin, "it does not hold", seen=exercise.twin or "nothing wrong")


def evidence(tmp_path: Path, ending: str) -> dict[str, Any]:
    (folder,) = (tmp_path / "reports/drills").glob(f"*Z-{ending}")
    assert {each.name for each in folder.iterdir()} >= {"README.md", "evidence.json", "timeline.svg"}
    found: dict[str, Any] = json.loads((folder / "evidence.json").read_text())
    return found


def faults(tmp_path: Path) -> dict[str, list[str]]:
    """Failures and errors of the JUnit file, by suite."""
    root = ElementTree.parse(tmp_path / "reports/drills.xml").getroot()
    found = {
        str(suite.get("name")): [
            f"{fault.tag}: {fault.get('message')}" for case in suite for fault in case if case.get("name") != "verdict"
        ]
        for suite in root
    }
    for suite in root:
        assert int(suite.get("failures", "0")) + int(suite.get("errors", "0")) >= len(found[str(suite.get("name"))])
    return found


def test_a_drill_passes_and_its_twin_is_red(clusters: Clusters, tmp_path: Path) -> None:
    _, verdicts = run(tmp_path, made(holding))
    assert [(each.outcome, each.good) for each in verdicts] == [("passed", True), ("red", True)]
    assert verdicts[1].reason == "it holds: it does not hold (seen: red)"
    assert len(clusters.made) == len(clusters.deleted) == 1
    assert faults(tmp_path) == {"one": [], "one[red]": []}
    lines = [json.loads(line) for line in (tmp_path / "reports/drills.jsonl").read_text().splitlines()]
    assert [(each["drill"], each["twin"], each["outcome"]) for each in lines] == [
        ("one", "", "passed"), ("one", "red", "red"),
    ]  # fmt: skip
    assert lines[0]["requirements"] == ["some-requirement"]
    page = next((tmp_path / "reports/drills").glob("*Z-one-red/README.md")).read_text()
    assert "with the fault `red` built in: failed, as it must" in page


def test_a_twin_that_passes_means_that_the_drill_is_broken(clusters: Clusters, tmp_path: Path) -> None:
    def blind(exercise: Exercise) -> None:
        exercise.holds("it holds", True, "never")

    _, (drill_itself, twin) = run(tmp_path, made(blind))
    assert drill_itself.good
    assert (twin.outcome, twin.good) == ("broken", False)
    assert twin.reason == "it passed although it is made to fail: the drill proves nothing"
    assert "proves nothing" in next((tmp_path / "reports/drills").glob("*Z-one-red/README.md")).read_text()


def test_a_twin_that_fails_elsewhere_proves_nothing_either(clusters: Clusters, tmp_path: Path) -> None:
    def elsewhere(exercise: Exercise) -> None:
        exercise.holds("before", not exercise.twin, "too early")

    _, (_, twin) = run(tmp_path, made(elsewhere))
    assert twin.outcome == "broken"
    assert twin.reason == "it failed at 'before' (too early), not at 'it holds' where it must"


def test_a_drill_that_fails_leaves_evidence_and_no_cluster(clusters: Clusters, tmp_path: Path) -> None:
    def failing(exercise: Exercise) -> None:
        with exercise.fault("something breaks"):
            pass
        with exercise.step("verify", "look"):
            exercise.holds("it holds", False, "it is gone", volume="pv-1")

    _, (verdict,) = run(tmp_path, made(failing), twins=False)
    assert (verdict.outcome, verdict.good) == ("failed", False)
    record = evidence(tmp_path, "one")
    assert [(step["title"], step["outcome"]) for step in record["timeline"]["steps"]] == [
        ("something breaks", "passed"), ("look", "failed"),
    ]  # fmt: skip
    (assertion,) = record["timeline"]["steps"][1]["assertions"]
    assert assertion == {
        "name": "it holds", "held": False, "message": "it is gone", "observed": {"volume": "pv-1"},
    }  # fmt: skip
    assert faults(tmp_path) == {"one": ["failure: it is gone (volume: pv-1)"]}
    assert len(clusters.deleted) == 1


@pytest.mark.parametrize(
    ("raised", "reason"),
    [(KeyError("spec"), "KeyError: 'spec'"), (CommandError("kubectl: no"), "kubectl: no")],
)
def test_a_drill_that_cannot_be_carried_out_is_an_error(
    clusters: Clusters, tmp_path: Path, raised: Exception, reason: str
) -> None:
    def crashing(exercise: Exercise) -> None:
        with exercise.step("prepare", "something"):
            raise raised

    _, (verdict, twin) = run(tmp_path, made(crashing))
    assert (verdict.outcome, verdict.reason) == ("error", reason)
    assert (twin.outcome, twin.good) == ("error", False)
    assert faults(tmp_path)["one"][0].startswith("error: ")
    assert len(clusters.deleted) == 1


def test_what_was_broken_off_is_written_down_and_deleted(clusters: Clusters, tmp_path: Path) -> None:
    def interrupted(exercise: Exercise) -> None:
        with exercise.step("fault", "somebody presses a key"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, made(interrupted), made(holding, "two"))
    assert evidence(tmp_path, "one")["reason"] == "broken off"
    assert faults(tmp_path) == {"one": ["error: KeyboardInterrupt"]}
    assert len(clusters.made) == len(clusters.deleted) == 1


def test_drills_share_a_cluster_unless_they_harm_it(clusters: Clusters, tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def noting(exercise: Exercise) -> None:
        seen.append((f"{exercise.drill.name}{exercise.twin}", exercise.cluster.state.name))
        holding(exercise)

    chosen = [
        made(noting, "one"),
        made(noting, "two"),
        made(noting, "three", wanted=Wanted(workers=2)),
        made(noting, "four", alone=True),
    ]
    _, verdicts = run(tmp_path, *chosen)
    assert all(each.good for each in verdicts)
    by_cluster: dict[str, set[str]] = {}
    for name, cluster in seen:
        by_cluster.setdefault(cluster, set()).add(name)
    assert sorted(map(sorted, by_cluster.values())) == [
        ["four"], ["fourred"], ["one", "onered", "two", "twored"], ["three", "threered"],
    ]  # fmt: skip
    assert sorted(clusters.deleted) == sorted(by_cluster)


def test_a_cluster_that_cannot_be_made_costs_only_its_own_drills(clusters: Clusters, tmp_path: Path) -> None:
    clusters.impossible = {3}
    _, verdicts = run(tmp_path, made(holding, "big", wanted=Wanted(workers=3)), made(holding, "small"))
    assert [(each.drill.name, each.outcome) for each in verdicts] == [
        ("big", "error"), ("big", "error"), ("small", "passed"), ("small", "red"),
    ]  # fmt: skip
    assert verdicts[0].reason == "no cluster: no room"
    assert faults(tmp_path).keys() == {"big", "big[red]", "small", "small[red]"}


def test_a_cluster_that_stays_is_told_of_and_ends_nothing(clusters: Clusters, tmp_path: Path) -> None:
    clusters.stubborn = True
    runner, verdicts = run(tmp_path, made(holding), made(holding, "two", alone=True))
    assert len(verdicts) == 4
    assert len(runner.left) == 3
    assert all(each.endswith("was not deleted") for each in runner.left)


def test_a_kept_cluster_is_remembered_as_kept(clusters: Clusters, tmp_path: Path) -> None:
    runner, _ = run(tmp_path, made(holding), keep=True)
    assert clusters.deleted == []
    (cluster,) = runner.kept
    assert [(each.name, each.keep) for each in states.known()] == [(cluster.state.name, True)]


def test_a_drill_has_an_end(clusters: Clusters, tmp_path: Path) -> None:
    def slow(exercise: Exercise) -> None:
        exercise.timeline.started -= 11
        with exercise.step("prepare", "one more"):
            pass

    _, (verdict, _) = run(tmp_path, made(slow), timeouts=Timeouts(drill=10))
    assert (verdict.outcome, verdict.reason) == ("error", "the drill took longer than 10 s")


def test_what_was_waited_for_in_vain_has_its_name(clusters: Clusters) -> None:
    cluster = clusters.create(Wanted(), destructive=True, timeouts=Timeouts(interval=0.01))
    told: list[str] = []

    def ask() -> bool:
        raise CommandError("kubectl get: no such thing")

    with pytest.raises(NotHeldError) as raised:
        Kubectl(cluster, "default", told.append).until("the moon rises", ask, 0.05)
    assert raised.value.name == "the moon rises"
    assert str(raised.value) == "not within 0.05 s: the moon rises (kubectl get: no such thing)"
    assert told[0].startswith("the moon rises (0 of 0 s)")


def test_times_are_held_against_every_objective(clusters: Clusters, tmp_path: Path) -> None:
    objectives = (Objective("guide, line 7", rto=3600, rpo=900), Objective("SLO, line 9", rto=60))

    def late(exercise: Exercise) -> None:
        with exercise.fault("it is gone"):
            exercise.timeline.moments["fault"] -= 100
        with exercise.step("verify", "measure"):
            assert 100 <= exercise.recovered("an answer", lambda: True) < 101
            assert exercise.lost(exercise.timeline.moments["fault"] - 30) == pytest.approx(30)
            exercise.within_objectives()

    _, (verdict,) = run(tmp_path, made(late, objectives=objectives), twins=False)
    assert verdict.reason.startswith("rto SLO, line 9: RTO 100.")
    assert "exceeds 60 s of SLO, line 9" in verdict.reason
    assert evidence(tmp_path, "one")["figures"]["rpo"] == 30
    page = next((tmp_path / "reports/drills").glob("*Z-one/README.md")).read_text()
    assert "3600 s (guide, line 7); 60 s (SLO, line 9)" in page


def test_a_drill_needs_a_twin_and_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="has no red twin"):
        drill(name="without", title="t", twins=())(holding)
    drill(name="twice", title="t", twins=(RED,))(holding)
    try:
        with pytest.raises(ValueError, match="two drills are called twice"):
            drill(name="twice", title="t", twins=(RED,))(holding)
    finally:
        del DRILLS["twice"]


@pytest.mark.parametrize(("limit", "told"), [("128\n", True), ("512\n", False), ("much\n", False)])
def test_a_cluster_that_does_not_start_names_the_likely_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, told: bool
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise CommandError("kind create cluster: no end after 300 s")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "limit").write_text(limit)
    monkeypatch.setattr(kind, "INOTIFY", tmp_path / "limit")
    monkeypatch.setattr(kind, "run", failing)
    monkeypatch.setattr(kind, "delete", lambda state, _: state.forget())
    with pytest.raises(DrillError) as raised:
        kind.create(Wanted(), destructive=True, timeouts=Timeouts())
    assert str(raised.value).startswith("kind create cluster: no end after 300 s")
    assert ("; fs.inotify.max_user_instances is 128, " in str(raised.value)) is told
    assert list(states.known()) == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), CommandError("kind: no")])
def test_what_cannot_be_deleted_does_not_hide_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise raised

    def stubborn(state: State, _: Timeouts) -> None:
        raise DrillError("it was not deleted")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(kind, "run", failing)
    monkeypatch.setattr(kind, "delete", stubborn)
    with pytest.raises((KeyboardInterrupt, DrillError)) as caught:
        kind.create(Wanted(), destructive=True, timeouts=Timeouts())
    assert isinstance(caught.value, KeyboardInterrupt) is isinstance(raised, KeyboardInterrupt)
    assert caught.value.__notes__ == ["it was not deleted"]
    assert len(list(states.known())) == 1, "the next run tries again"


@pytest.mark.parametrize(("patience", "done"), [(0.0, False), (20.0, True)])
def test_what_a_killed_program_started_may_end_by_itself(tmp_path: Path, patience: float, done: bool) -> None:
    script = f"(sleep 1; touch {tmp_path}/done) & exec sleep 30"
    with pytest.raises(CommandError, match=r"no end after 0\.3 s"):
        command.run(["sh", "-c", script], timeout=0.3, patience=patience)
    assert (tmp_path / "done").exists() is done


def modules() -> Iterator[Path]:
    package = Path(str(conformance.drill.__file__)).parent
    yield from sorted(package.glob("*.py"))
    yield from sorted((package.parent / "drills").glob("*.py"))


def test_no_wait_is_without_a_name() -> None:
    """Every timeout is a field of Timeouts, or one of the drill's own constants."""
    unnamed = [
        f"{file.name}:{node.lineno}"
        for file in modules()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "timeout" and isinstance(keyword.value, ast.Constant)
    ]
    assert unnamed == []
