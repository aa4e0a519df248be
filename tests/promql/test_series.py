from __future__ import annotations

import pytest

from conformance.promql.series import labels_of, notation, store
from conformance.promql.syntax import Selector
from conformance.promql.trial import UnsupportedError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+2x3", [1, 3, 5, 7]),
        ("10-2x2", [10, 8, 6]),
        ("1x3", [1, 1, 1, 1]),
        ("5 6", [5, 6]),
        ("-2+1x2", [-2, -1, 0]),
        ("1 _ 2", [1, ..., 2]),
        ("_x2 1", [..., ..., 1]),
        ("1 stale 2", [1, None, 2]),
        ("0.5+0.25x1 1e3", [0.5, 0.75, 1000]),
        ("Inf -Inf", [float("inf"), float("-inf")]),
        ("0x0", [0]),
        ("", []),
    ],
)
def test_notation(text: str, expected: list[object]) -> None:
    assert notation(text) == expected


@pytest.mark.parametrize("text", ["one", "1+x3", "1x", "x3", "1+2x3.5", "1x1000000000 1"])
def test_what_is_no_notation(text: str) -> None:
    with pytest.raises(UnsupportedError):
        notation(text)


def test_samples_by_their_interval() -> None:
    made = store({'up{job="api"}': "1 _ 0 stale"}, 15)
    (series,) = made.select(Selector("up"))
    assert (series.times, series.values) == ([0, 30, 45], [1, 0, None])
    assert series.latest(29) == (0, 1)
    assert series.latest(50) == (45, None)
    assert series.between(0, 45, with_start=False) == [(30, 0)]
    assert series.between(0, 45, with_start=True) == [(0, 1), (30, 0)]


@pytest.mark.parametrize("text", ["rate(up[5m])", 'up{job=~"a"}', "up[5m]", "1"])
def test_what_is_no_series(text: str) -> None:
    with pytest.raises(UnsupportedError):
        labels_of(text)
