"""What a drill says that it is about is in the catalogue, and what the catalogue says that a drill shows is one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from conformance.drill.registry import drills

ROOT = Path(__file__).parents[2]


@cache
def requirements() -> dict[str, str]:
    """The reason why something is not checked, by requirement; empty where it is."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "policies").glob("*/*.yaml")):
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
        if isinstance(loaded, list):
            found.update({each["id"]: str(each.get("reason", "")) for each in loaded})
    return found


@pytest.mark.parametrize("name", sorted(drills()))
def test_a_drill_is_about_requirements_that_are_in_the_catalogue(name: str) -> None:
    profiles = {each.name for each in (ROOT / "policies").iterdir()}
    own = [each for each in drills()[name].requirements if each.partition("-")[0] in profiles]
    assert [each for each in own if each not in requirements()] == []


def test_the_catalogue_names_drills_that_there_are_and_that_are_about_it() -> None:
    missing, silent = [], []
    for identity, reason in requirements().items():
        for words in re.findall(r"`plumbline drill ([a-z -]+)`", reason):
            for name in words.split():
                if name not in drills():
                    missing.append((identity, name))
                elif identity not in drills()[name].requirements:
                    silent.append((identity, name))
    assert missing == []
    assert silent == []


@pytest.mark.parametrize("name", sorted(drills()))
def test_every_drill_has_its_section_in_the_guide(name: str) -> None:
    assert f"\n### {name}\n" in (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
