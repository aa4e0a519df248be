"""A drill may destroy its cluster and make another; one that shares it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.drill import kind
from conformance.drill import state as states
from conformance.drill.evidence import Evidence
from conformance.drill.exercise import Exercise
from conformance.drill.fault import DrillError, NotOursError
from conformance.drill.guard import Guard
from conformance.drill.kind import Cluster, Wanted
from conformance.drill.registry import Drill, Twin
from conformance.drill.state import State
from conformance.drill.timeouts import Timeouts


def exercise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool) -> tuple[Exercise, list[str]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    deleted: list[str] = []

    def create(wanted: Wanted, *, destructive: bool, timeouts: Timeouts) -> Cluster:
        state = states.new()
        return Cluster(state, Guard(state, destructive, timeouts), timeouts, wanted=wanted)

    def delete(state: State, timeouts: Timeouts) -> None:
        deleted.append(state.name)
        state.forget()

    monkeypatch.setattr(kind, "create", create)
    monkeypatch.setattr(kind, "delete", delete)
    twin = Twin("red", "something", fails="something")
    drill = Drill("one", "a title", lambda _: None, (), (), (), (twin,), Wanted(workers=2), alone)
    cluster = kind.create(drill.wanted, destructive=True, timeouts=Timeouts())
    return Exercise(drill, cluster, Evidence(tmp_path / "evidence"), {}, tmp_path, lambda _: None), deleted


def test_another_cluster_has_another_name_nonce_and_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, deleted = exercise(tmp_path, monkeypatch, alone=True)
    monkeypatch.setattr(Guard, "prove", lambda self, act: None)
    before, guard = found.cluster.state, found.cluster.guard
    everywhere = found.everywhere
    found.cluster.loaded.add("image")
    found.destroy_cluster()
    assert deleted == [before.name]
    assert not before.file.exists()
    found.make_cluster()
    now = found.cluster.state
    assert now.name != before.name
    assert now.nonce != before.nonce
    assert found.cluster.guard is not guard
    assert found.cluster.guard.state is now
    assert everywhere.cluster.state is now
    assert found.cluster.loaded == set()
    assert found.cluster.wanted == Wanted(workers=2)


def test_a_cluster_that_is_shared_is_not_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, deleted = exercise(tmp_path, monkeypatch, alone=False)
    monkeypatch.setattr(Guard, "prove", lambda self, act: None)
    with pytest.raises(DrillError, match="one shares its cluster"):
        found.destroy_cluster()
    assert deleted == []


def test_the_guard_is_asked_before_the_cluster_is_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, deleted = exercise(tmp_path, monkeypatch, alone=True)
    with pytest.raises(NotOursError, match="delete the cluster: refused"):
        found.destroy_cluster()
    assert deleted == []
    assert found.cluster.state.file.exists()
