"""Codes of problems: one list, and what is emitted is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.check import OptionError
from conformance.mesh.reason import CODES
from conformance.registry import modules
from conformance.test_mesh import test_mesh_references as references

PACKAGE = Path(__file__).parents[2] / "conformance" / "mesh"


def test_every_code_that_is_emitted_is_listed() -> None:
    text = "".join(each.read_text() for each in PACKAGE.glob("*.py") if each.name != "reason.py")
    emitted = set(re.findall(r'Problem\(\s*"([a-z-]+)"', text))
    emitted |= {f"{kind}-{rest}" for rest in re.findall(r'"\{\}-([a-z]+)"', text) for kind in ("route", "rule")}
    assert emitted == CODES


def test_a_code_with_a_mistake_in_it_is_refused() -> None:
    declared = references.plumbline_check  # type: ignore[attr-defined]
    assert declared.options({"codes": ["retry-timeout"]}) == {"codes": ["retry-timeout"]}
    with pytest.raises(OptionError, match="there is no problem retry-timout"):
        declared.options({"codes": ["retry-timout"]})


def test_every_code_is_documented() -> None:
    page = (PACKAGE.parents[1] / "docs" / "mtls.md").read_text()
    assert {code for code in CODES if f"`{code}`" not in page} == set()
    assert "mesh_references" in modules()
