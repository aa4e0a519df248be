"""The catalogue: every entry can be used, and mistakes in it are named where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.catalogue import Catalogue, CatalogueError
from conformance.registry import bind
from conformance.report import catalogue_text
from conformance.run import load_catalogue
from conformance.settings import shipped_folders

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load_catalogue(shipped_folders().values())


def test_every_entry_binds_to_its_check(shipped: Catalogue) -> None:
    for requirement in shipped:
        assert (bind(requirement) is None) == (requirement.check is None)


def test_every_document_is_in_the_catalogue_as_a_whole(shipped: Catalogue) -> None:
    counts = {name: (len(each.requirements), len(each.defects)) for name, each in shipped.profiles.items()}
    assert counts["persistence"] == (106, 50)
    assert counts["gitops"] == (134, 33)


def test_a_defect_names_requirements_that_exist(shipped: Catalogue) -> None:
    known = {each.id for each in shipped}
    for profile in shipped.profiles.values():
        for defect in profile.defects:
            assert set(defect.requirements) <= known, defect.id


def test_the_generated_page_is_fresh(shipped: Catalogue) -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == catalogue_text.listing(shipped, "markdown"), "make docs"


ENTRY = """\
- id: house-one
  title: One
  statement: It MUST.
  source: {section: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [manifests]
  match: {kind: Deployment}
  check: declared
  expect: {spec: {replicas: 2}}
  remediation: Mend it.
"""


def load(folder: Path, rules: str, profile: str = "name: house\ntitle: House\ndocument: House\n") -> Catalogue:
    (folder / "profile.yaml").write_text(profile)
    (folder / "rules.yaml").write_text(rules)
    catalogue = load_catalogue([folder])
    for requirement in catalogue:
        bind(requirement)
    return catalogue


def test_a_sound_entry_loads(tmp_path: Path) -> None:
    assert [each.id for each in load(tmp_path, ENTRY)] == ["house-one"]


@pytest.mark.parametrize(
    ("old", "new", "where", "reason"),
    [
        ("severity: high", "severity: hihg", 7, "is not one of"),
        ("id: house-one", "id: other-one", 1, "starts with house-"),
        ("id: house-one", "id: House One", 1, "does not match"),
        ("check: declared", "check: declard", 10, "there is no check named declard"),
        ("expect: {spec: {replicas: 2}}", "with: {color: red}", 11, "has no option color"),
        ("expect: {spec: {replicas: 2}}\n", "\n", 1, "needs the option expect"),
        ("check: declared", "check: null", 10, "needs a reason"),
        ("basis: explicit", "basis: recommended", 5, "cannot be a MUST"),
        ("match: {kind: Deployment}", "match: {kinds: Deployment}", 9, "kinds"),
        ("  title: One\n", "", 1, "title"),
        ("  title: One\n", "  title: One\n  title: Two\n", 3, "title"),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, old: str, new: str, where: int, reason: str) -> None:
    assert old in ENTRY
    with pytest.raises(CatalogueError) as caught:
        load(tmp_path, ENTRY.replace(old, new))
    assert f"rules.yaml:{where}:" in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="house-one: this id is used twice"):
        load(tmp_path, ENTRY + ENTRY)


def test_a_folder_without_a_profile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(ENTRY)
    with pytest.raises(CatalogueError, match=r"needs a profile\.yaml"):
        load_catalogue([tmp_path])
