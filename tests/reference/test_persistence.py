"""The persistence reference holds to its document; each mutation is caught by name, and rewrites change nothing."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.evaluate import Policy, evaluate
from conformance.finding import Outcome, Result
from conformance.kube.inventory import Inventory
from conformance.registry import bind
from conformance.run import load_catalogue
from conformance.settings import shipped_folders
from conformance.sources import load as sources
from tests.reference.edit import apply

REFERENCE = Path(__file__).parents[2] / "manifests" / "reference" / "persistence"
DATA: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "persistence_mutations.yaml").read_text())
#: the day that the specimens of evidence/ are dated for
AS_OF = date(2026, 11, 20)
#: 45Gi in 50Gi are above the guide's own alert: persistence-defect-alert-vs-sizing
CONTRADICTED = "persistence-clickhouse-expected-usage-fits"
CATALOGUE = [each for each in load_catalogue([shipped_folders()["persistence"]]) if each.check is not None]


def load(tree: Path) -> Inventory:
    loaded = sources.load([str(tree)], jobs=1)
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files, AS_OF)


def judge(world: Inventory) -> dict[str, Result]:
    return {each.id: evaluate(each, bind(each), world, policy=Policy(hardened=True)) for each in CATALOGUE}


def failing(results: dict[str, Result]) -> set[str]:
    """Everything that did not pass, so an error or a silent skip is never mistaken for a pass."""
    return {name for name, result in results.items() if result.outcome is not Outcome.PASSED}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE, tmp_path / "persistence"))


def test_every_judged_requirement_holds_on_something() -> None:
    world = load(REFERENCE)
    assert world.rejected == []
    results = judge(world)
    assert {name: result.reason for name, result in results.items() if result.evaluated == 0} == {}
    assert failing(results) == {CONTRADICTED}


def test_the_contradicted_advice_is_a_warning() -> None:
    requirement = next(each for each in CATALOGUE if each.id == CONTRADICTED)
    assert evaluate(requirement, bind(requirement), load(REFERENCE)).outcome is Outcome.WARNED


@pytest.mark.parametrize("mutation", DATA["mutations"], ids=[each["id"] for each in DATA["mutations"]])
def test_mutation_is_caught_by_name(mutation: dict[str, Any], tree: Path) -> None:
    for edit in mutation["edits"]:
        apply(tree, edit)
    world = load(tree)
    assert {each.what for each in world.rejected} == ({mutation["rejected"]} if "rejected" in mutation else set())
    results = judge(world)
    expected = {*mutation["caught_by"], *mutation.get("also", {})}
    assert failing(results) - {CONTRADICTED} == expected
    for name in expected:
        assert results[name].outcome is Outcome.FAILED, results[name].errors
        places = [finding.locate() for finding in results[name].findings]
        edited = {edit["file"] for edit in mutation["edits"]}
        assert any(place is not None and any(place.path.endswith(file) for file in edited) for place in places), name


@pytest.mark.parametrize("rewrite", DATA["neutral"], ids=[each["what"] for each in DATA["neutral"]])
def test_neutral_rewrite_changes_nothing(rewrite: dict[str, Any], tree: Path) -> None:
    for edit in rewrite["edits"]:
        apply(tree, edit)
    world = load(tree)
    assert world.rejected == []
    results = judge(world)
    assert failing(results) == {CONTRADICTED}
    assert all(result.evaluated > 0 for result in results.values())


def test_all_twenty_mutations_are_there() -> None:
    numbers = {each["id"].split()[0] for each in DATA["mutations"]}
    assert numbers == {f"persistence-mut-{number:02}" for number in range(1, 21)}


def test_the_recommended_size_follows_the_advice_and_leaves_the_table(tree: Path) -> None:
    overlay = yaml.safe_load((tree / "addons/values/signoz/signoz-values-recommended.yaml").read_text())
    size = overlay["clickhouse"]["persistence"]["size"]
    assert overlay["global"]["clickhouse"]["persistence"]["size"] == size
    apply(tree, {"file": "addons/values/signoz/signoz-values.yaml", "find": "50Gi", "replace": size, "times": 2})
    apply(tree, {"file": "manifests/signoz/clickhouse.yaml", "find": "50Gi", "replace": size})
    apply(tree, {"file": "recovery/persistent-volumes.yaml", "find": "50Gi", "replace": size, "times": 2})
    apply(tree, {"file": "terraform/workers.tf", "find": '"80G"', "replace": '"100G"'})
    assert failing(judge(load(tree))) == {"persistence-capacity-table"}


def test_without_a_day_to_judge_as_of_no_age_passes() -> None:
    world = load(REFERENCE)
    world.as_of = None
    results = judge(world)
    aged = {each.id for each in CATALOGUE if each.check == "evidence_recent"}
    assert aged
    assert {results[name].outcome for name in aged} == {Outcome.SKIPPED}
