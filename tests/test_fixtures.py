"""Every check is proven red, on the very line, and every requirement green on something it really looked at."""

from __future__ import annotations

import pytest

from conformance import registry
from conformance.catalogue import Requirement
from conformance.finding import Outcome
from tests import fixture_cases
from tests.fixture_cases import Case

CASES = fixture_cases.cases()


@pytest.fixture(scope="module")
def catalogue() -> dict[str, Requirement]:
    return fixture_cases.catalogue()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_fixture(case: Case, catalogue: dict[str, Requirement]) -> None:
    world = fixture_cases.inventory(case.path.absolute())
    assert case.requirements(), "a fixture names the requirements it is held to"
    observed = []
    for name in case.requirements():
        requirement = catalogue[name]
        result = fixture_cases.judge(requirement, world)
        if not any(mark == name for mark, _, _ in case.marks("error")):
            assert not result.errors, [(error.field, error.reason) for error in result.errors]
        if case.good:
            assert result.outcome is Outcome.PASSED, (name, result.reason, [f.message for f in result.findings])
            assert result.evaluated > 0
        observed += fixture_cases.places(result)
    assert sorted(set(observed)) == sorted({*case.marks("finding"), *case.marks("missing"), *case.marks("error")})


def test_every_bad_fixture_marks_something() -> None:
    for case in CASES:
        marks = case.marks("finding") + case.marks("missing") + case.marks("error")
        assert bool(marks) != case.good, case.id
        assert {name for name, _, _ in marks} <= set(case.requirements()), case.id


def test_every_fixture_lies_in_the_folder_of_a_check() -> None:
    known = registry.modules()
    for case in CASES:
        assert case.path.name.startswith(("good", "bad")), case.id
        assert case.check in known, case.id
        assert f"test_{case.path.parent.parent.name}" == known[case.check], case.id


def test_every_judged_requirement_is_shown_green_and_red(catalogue: dict[str, Requirement]) -> None:
    green = {name for case in CASES if case.good for name in case.requirements()}
    red = {name for case in CASES for kind in ("finding", "missing", "error") for name, _, _ in case.marks(kind)}
    judged = {name for name, each in catalogue.items() if each.check is not None}
    assert judged - green == set(), "no good fixture"
    assert judged - red == set(), "no bad fixture"


def test_every_check_is_used(catalogue: dict[str, Requirement]) -> None:
    used = {each.check for each in catalogue.values()} | {"not_checked"}
    assert set(registry.modules()) - used == {"declared", "declared_in_file"} - used
