"""Values where the traps are; whole alerts are held against promtool in test_promtool.py."""

from __future__ import annotations

import math

import pytest

from conformance.promql.alerting import fill
from conformance.promql.engine import Engine
from conformance.promql.operators import MatchError, Vector
from conformance.promql.series import labels_of, store
from conformance.promql.syntax import read
from conformance.promql.trial import UnsupportedError

STORE = {
    'req_total{code="200"}': "0+60x20",
    'req_total{code="500"}': "0+6x20",
    'used{i="a"}': "5x20",
    'used{i="b"}': "8x20",
    'size{i="a"}': "10x20",
    'size{i="b",x="y"}': "10x20",
    "gone": "1x3 stale",
    "reset_total": "0+10x5 0+10x20",
    'lat_bucket{le="0.1"}': "0+10x20",
    'lat_bucket{le="1"}': "0+20x20",
    'lat_bucket{le="+Inf"}': "0+20x20",
    'half_bucket{le="0.1"}': "0+10x20",
}


def ask(expr: str, at: float = 600.0, *, old: bool = False) -> Vector:
    return Engine(store(STORE, 60), 60, old).vector(read(expr), at)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sum(rate(req_total[5m]))", 1.1),
        ('sum(rate(req_total{code="500"}[5m])) / sum(rate(req_total[5m]))', 6 / 66),
        ("max(used)", 8),
        ("used / on (i) size", None),
        ("increase(reset_total[10m])", 800 / 9),
        ("histogram_quantile(0.5, rate(lat_bucket[5m]))", 0.1),
        ("histogram_quantile(0.75, rate(lat_bucket[5m]))", 0.55),
        ("absent(nothing)", 1),
        ("count(used > 6)", 1),
        ("1 / vector(0)", math.inf),
        ("days_in_month(vector(1740000000))", 28),
        ("days_in_month(vector(1710000000))", 31),
        ("round(vector(2.5))", 3),
        ("vector(-7) % 4", -3),
    ],
)
def test_values(expr: str, expected: float | None) -> None:
    found = ask(expr)
    if expected is None:
        assert sorted(value for _, value in found) == [0.5, 0.8]
    else:
        assert [value for _, value in found] == [pytest.approx(expected)]


def test_buckets_without_infinity_say_nothing() -> None:
    ((_, value),) = ask("histogram_quantile(0.5, rate(half_bucket[5m]))")
    assert math.isnan(value)


def test_all_labels_have_to_match() -> None:
    assert [dict(labels) for labels, _ in ask("used / size")] == [{"i": "a"}]


def test_a_series_that_ended_is_gone_at_once() -> None:
    assert ask("gone", 180)
    assert ask("gone", 240) == []


def test_the_start_of_a_window_belongs_to_it_only_in_prometheus_2() -> None:
    assert [value for _, value in ask("count_over_time(gone[2m])", 180)] == [2]
    assert [value for _, value in ask("count_over_time(gone[2m])", 180, old=True)] == [3]


def test_the_name_is_lost_in_arithmetic_and_kept_in_comparisons() -> None:
    assert labels_of('used{i="b"}') in [labels for labels, _ in ask("used > 6")]
    assert labels_of('used{i="b"}') not in [labels for labels, _ in ask("used * 1")]


@pytest.mark.parametrize("expr", ["used / on () size", "size * on () group_left used"])
def test_several_on_the_one_side_fail(expr: str) -> None:
    with pytest.raises(MatchError):
        ask(expr)


@pytest.mark.parametrize("expr", ["info(used)", "used @ start()", "sort_by_label(used, 'i')"])
def test_what_is_not_understood_is_said(expr: str) -> None:
    with pytest.raises(UnsupportedError):
        ask(expr)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ $labels.job }} at {{ $value }}", "api at 0.07"),
        ("{{ $value }}%", "0.07%"),
        ("{{ $value | humanizePercentage }}", "7%"),
        ('{{ $value | printf "%.1f" }}', "0.1"),
        ("[{{ $labels.gone }}]", "[]"),
        ("{{ $externalLabels.cluster }}", "{{ $externalLabels.cluster }}"),
        ("{{- $labels.job -}}", "api"),
    ],
)
def test_templates(text: str, expected: str) -> None:
    assert fill(text, {"job": "api"}, 0.07) == expected
