"""Periods in tables that people wrote."""

from __future__ import annotations

import pytest

from conformance.evidence.periods import minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15분 이내", 15),
        ("2시간 이내", 120),
        ("24시간", 1440),
        ("1시간 30분", 90),
        ("2일", 2880),
        ("within 15 minutes", 15),
        ("1 day", 1440),
        ("90m", 90),
        ("1h30m", 90),
        ("0.5h", 30),
        ("45s", 0.75),
    ],
)
def test_a_period(text: str, expected: float) -> None:
    assert minutes(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "15", 15, None, "15 apples", "15분 or so", "이내", True])
def test_no_period(text: object) -> None:
    assert minutes(text) is None
