"""Whole texts, compared with what was reviewed; see golden.py for renewing them."""

from __future__ import annotations

import pytest

from tests.report import golden


@pytest.mark.parametrize("name", golden.TEXTS)
def test_text_is_as_reviewed(name: str) -> None:
    assert golden.TEXTS[name]() == (golden.FOLDER / name).read_text(encoding="utf-8")


def test_no_text_is_left_over() -> None:
    assert {each.name for each in golden.FOLDER.iterdir()} == set(golden.TEXTS)
