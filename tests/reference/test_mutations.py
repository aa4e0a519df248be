"""Each reference system holds to its document; each mutation is caught by name, and neutral rewrites change nothing."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import Requirement
from conformance.evaluate import evaluate
from conformance.finding import Outcome, Result
from conformance.registry import bind
from tests.reference.edit import apply
from tests.reference.system import System, failing, judge, judged, load, places, systems

SYSTEMS = systems()
MUTATIONS = [pytest.param(system, each, id=each["id"]) for system in SYSTEMS.values() for each in system.mutations]
NEUTRAL = [
    pytest.param(system, each, id=f"{system.profile} {each['what']}")
    for system in SYSTEMS.values()
    for each in system.neutral
]


@cache
def untouched(profile: str) -> dict[str, Result]:
    return judge(profile, load(SYSTEMS[profile].tree))


@pytest.fixture
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    system: System = request.getfixturevalue("system")
    return Path(shutil.copytree(system.tree, tmp_path / system.profile))


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_every_judged_requirement_holds_on_something(system: System) -> None:
    results = untouched(system.profile)
    assert load(system.tree).rejected == []
    assert {name for name, result in results.items() if result.evaluated == 0} == set(system.unseen)
    assert failing(results) == {*system.standing, *system.unseen}


def _standing(system: System) -> list[Requirement]:
    return [each for each in judged(system.profile) if each.id in system.standing]


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_what_does_not_hold_is_advice(system: System) -> None:
    world = load(system.tree)
    outcomes = {each.id: evaluate(each, bind(each), world).outcome for each in _standing(system)}
    assert set(outcomes.values()) <= {Outcome.WARNED}, outcomes


@pytest.mark.parametrize(("system", "mutation"), MUTATIONS)
def test_mutation_is_caught_by_name(system: System, mutation: dict[str, Any], tree: Path) -> None:
    for edit in mutation["edits"]:
        apply(tree, edit)
    world = load(tree)
    assert {each.what for each in world.rejected} == ({mutation["rejected"]} if "rejected" in mutation else set())
    results, before = judge(system.profile, world), untouched(system.profile)
    expected, unjudged = {*mutation["caught_by"], *mutation.get("also", {})}, set(mutation.get("unjudged", {}))
    known = {*system.standing, *system.unseen} - expected
    assert failing(results) - known == expected | unjudged
    assert {results[name].outcome for name in unjudged} <= {Outcome.ERROR}
    edited = {edit["file"] for edit in mutation["edits"]}
    for name in expected:
        assert results[name].outcome is Outcome.FAILED, results[name].errors
        assert _blames(results[name], before[name], edited, mutation.get("missing", False)), (name, results[name])


def _blames(result: Result, before: Result, edited: set[str], missing: bool) -> bool:
    """Whether it says something new at an edited file; of what is gone altogether nothing can be said there."""
    said = {text for _, text in places(before)}
    new = [path for path, text in places(result) if text not in said]
    return any(path.endswith(file) for path in new for file in edited) or (missing and bool(new))


@pytest.mark.parametrize(("system", "rewrite"), NEUTRAL)
def test_neutral_rewrite_changes_nothing(system: System, rewrite: dict[str, Any], tree: Path) -> None:
    for edit in rewrite["edits"]:
        apply(tree, edit)
    world = load(tree)
    assert world.rejected == []
    results = judge(system.profile, world)
    assert failing(results) == {*system.standing, *system.unseen}
    assert {name for name, result in results.items() if result.evaluated == 0} == set(system.unseen)
