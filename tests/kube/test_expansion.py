from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kube.expansion import expand, references

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "expansion.json").read_text(encoding="utf-8")
)
# The cases of k8s.io/kubernetes third_party/forked/golang/expansion/expand_test.go.
KNOWN = {"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}
CASES = [
    ("$(VAR_A)", "A"),
    ("$(VAR_A)-$(VAR_A)", "A-A"),
    ("___$(VAR_B)___", "___B___"),
    ("$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"),
    ("f000-$$VAR_A", "f000-$VAR_A"),
    ("foo\\$(VAR_C)bar", "foo\\Cbar"),
    ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
    ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
    ("$(VAR_REF)", "$(VAR_A)"),
    ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
    ("foo$(VAR_EMPTY)bar", "foobar"),
    ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
    ("f00__(VAR_A)__", "f00__(VAR_A)__"),
    ("$?_boo_$!", "$?_boo_$!"),
    ("$VAR_A", "$VAR_A"),
    ("$(VAR_DNE)", "$(VAR_DNE)"),
    ("$$$$$$(BIG_MONEY)", "$$$(BIG_MONEY)"),
    ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
    ("$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"),
    ("$$$$$$$(VAR_A)", "$$$A"),
    ("${VAR_A}", "${VAR_A}"),
    ("$(VAR_B)_______$(A", "B_______$(A"),
    ("$(VAR_A)foobarzab$", "Afoobarzab$"),
    ("--$($($($($--", "--$($($($($--"),
    ("$(foo$$var)", "$(foo$$var)"),
    ("\n", "\n"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_the_cases_of_kubernetes(text: str, expected: str) -> None:
    assert expand(text, KNOWN.get) == expected


def test_what_kubernetes_made_of_generated_texts() -> None:
    assert len(VECTORS["cases"]) > 600
    for text, expected in VECTORS["cases"]:
        assert expand(text, VECTORS["known"].get) == expected, text


def letter_by_letter(text: str, known: dict[str, str]) -> str:
    """The same by hand, one letter after the other."""
    done, at = "", 0
    while at < len(text):
        if text[at : at + 2] == "$$":
            done, at = done + "$", at + 2
        elif text[at : at + 2] == "$(" and ")" in text[at:]:
            end = text.index(")", at)
            name = text[at + 2 : end]
            done, at = done + known.get(name, f"$({name})"), end + 1
        else:
            done, at = done + text[at], at + 1
    return done


@settings(deadline=None)
@given(st.text(alphabet="$()AB\n"), st.dictionaries(st.sampled_from(["A", "B", "AB", "", "A$"]), st.text("$(A)x")))
def test_any_text_expands_as_by_hand(text: str, known: dict[str, str]) -> None:
    assert expand(text, known.get) == letter_by_letter(text, known)


def test_names_that_are_referred_to() -> None:
    assert references("$(A) $$(B) $(C$(D)) ${E}") == ["A", "C$(D"]
