"""What is particular to the persistence reference; what holds for every reference is in test_mutations.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from conformance.finding import Outcome
from tests.reference.edit import apply
from tests.reference.system import failing, judge, judged, load, systems

SYSTEM = systems()["persistence"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SYSTEM.tree, tmp_path / "persistence"))


def test_all_twenty_mutations_are_there() -> None:
    numbers = {each["id"].split()[0] for each in SYSTEM.mutations}
    assert numbers == {f"persistence-mut-{number:02}" for number in range(1, 21)}


def test_the_recommended_size_follows_the_advice_and_leaves_the_table(tree: Path) -> None:
    overlay = yaml.safe_load((tree / "addons/values/signoz/signoz-values-recommended.yaml").read_text())
    size = overlay["clickhouse"]["persistence"]["size"]
    assert overlay["global"]["clickhouse"]["persistence"]["size"] == size
    apply(tree, {"file": "addons/values/signoz/signoz-values.yaml", "find": "50Gi", "replace": size, "times": 2})
    apply(tree, {"file": "manifests/signoz/clickhouse.yaml", "find": "50Gi", "replace": size})
    apply(tree, {"file": "recovery/persistent-volumes.yaml", "find": "50Gi", "replace": size, "times": 2})
    apply(tree, {"file": "terraform/workers.tf", "find": '"80G"', "replace": '"100G"'})
    assert failing(judge("persistence", load(tree))) == {"persistence-capacity-table"}


def test_without_a_day_to_judge_as_of_no_age_passes() -> None:
    world = load(SYSTEM.tree)
    world.as_of = None
    results = judge("persistence", world)
    aged = {each.id for each in judged("persistence") if each.check == "evidence_recent"}
    assert aged
    assert {results[name].outcome for name in aged} == {Outcome.SKIPPED}
