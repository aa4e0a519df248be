from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.promql.meaning import bounds, normal, same, within
from conformance.promql.syntax import read, show
from conformance.promql.trial import UnsupportedError


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("sum by (x) (a)", "sum(a) by(x)"),
        ("sum by (x, y) (a)", "sum by (y, x) (a)"),
        ("sum without () (a)", "sum without() (a)"),
        ('a{x="1",y="2"}', "a { y = '2', x = '1' }"),
        ("a > 0.5", "0.5 < a"),
        ("a > 0.5", "a > 5e-1"),
        ("a > b", "b < a"),
        ("rate(a[5m]) > 1", "rate(a[300s]) > 1"),
        ("increase(a[5m]) > 10", "rate(a[5m]) * 300 > 10"),
        ("100 * (1 - avg by (i) (rate(c[5m]))) > 80", "avg by (i) (rate(c[5m])) < 0.2"),
        ("(a - b) / b * 100 > 80", "(a - b) / b > 0.8"),
        ("sum(a) / sum(b) > 1 / 100", "sum(a) / sum(b) > 0.01"),
        ("100 * sum(a) / sum(b) > 1", "sum(a) / sum(b) > 0.01"),
        ("sum(increase(a[5m])) / sum(increase(b[5m])) > 1", "sum(rate(a[5m])) / sum(rate(b[5m])) > 1"),
        ("a * 2 * b > 4", "b * a > 2"),
        ("time() - max(v) > 93600", "time() - max(v) > 26 * 3600"),
        ("-a < -5", "a > 5"),
        ("a / on (x, y) b", "a / on (y, x) b"),
        ("a / ignoring (x) group_left b", "a / ignoring (x) group_left () b"),
        ("a == 0 or absent(a)", "absent(a) or a == 0"),
        ("a or b or c", "c or (a or b)"),
        ("a and b", "b and a"),
        ('a{x=~"b|c"}', 'a{x=~"c|b"}'),
        ('a{x=~"b"}', 'a{x="b"}'),
        ('a{x=~".+"}', 'a{x!=""}'),
        ("sum((a))", "sum(a)"),
    ],
)
def test_the_same(left: str, right: str) -> None:
    assert same(left, right), (show(normal(read(left))), show(normal(read(right))))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a > 1", "a >= 1"),
        ("a > 1", "a < 1"),
        ("a / b > 0.8", "b / a > 0.8"),
        ("a unless b", "b unless a"),
        ("a and on (x) b", "b and on (x) a"),
        ("a / on (x) b", "a / ignoring (x) b"),
        ("a / on (x) group_left b", "a / on (x) group_right b"),
        ("sum by (x) (a)", "sum without (x) (a)"),
        ("rate(a[5m]) > 1", "rate(a[10m]) > 1"),
        ("rate(a[5m]) > 1", "irate(a[5m]) > 1"),
        ("a > bool 1", "a > 1"),
        ("a offset 5m > 1", "a > 1"),
        ('a{x="1"}', 'a{x!="1"}'),
        ('a{x=~"b.c"}', 'a{x="b.c"}'),
        ("sum(rate(a[5m])) / sum(rate(b[5m]))", "sum(rate(a[5m]) / rate(b[5m]))"),
        ("a - b", "b - a"),
    ],
)
def test_not_the_same(left: str, right: str) -> None:
    assert not same(left, right)


GOLDEN = 'sum(rate(h{job="api",code=~"5.."}[5m])) / sum(rate(h{job="api"}[5m])) > {threshold}'
CPU = "100 * (1 - avg(rate(c[5m]))) > {threshold}"


@pytest.mark.parametrize(
    ("expr", "pattern", "least", "most", "expected"),
    [
        (GOLDEN.replace("{threshold}", "0.01"), GOLDEN, 0.001, 0.01, True),
        (GOLDEN.replace("{threshold}", "1e-3"), GOLDEN, 0.001, 0.01, True),
        (GOLDEN.replace("{threshold}", "0.02"), GOLDEN, 0.001, 0.01, False),
        (GOLDEN.replace("{threshold}", "0.0005"), GOLDEN, 0.001, 0.01, False),
        (GOLDEN.replace("5..", "4..").replace("{threshold}", "0.01"), GOLDEN, 0.001, 0.01, False),
        # Moved over, a higher threshold is a lower number.
        ("avg(rate(c[5m])) < 0.2", CPU, None, 80.0, True),
        ("avg(rate(c[5m])) < 0.15", CPU, None, 80.0, False),
        ("avg(rate(c[5m])) < 0.3", CPU, None, 80.0, True),
        ("avg(rate(c[5m])) < 0.3", CPU, 80.0, None, False),
        # Another number of the expression is no threshold.
        ("a > 5 and b > 3", "a > {threshold} and b > 2", 1.0, 10.0, False),
        ("a > 5 and b > 2", "a > {threshold} and b > 2", 1.0, 10.0, True),
        ("a > 5", "a > {threshold}", 5.0, 5.0, True),
        ("a > 6", "a > {threshold}", 5.0, 5.0, False),
    ],
)
def test_a_threshold_within_bounds(expr: str, pattern: str, least: float, most: float, expected: bool) -> None:
    assert within(expr, pattern, least, most) is expected


@pytest.mark.parametrize("given_bounds", [{}, {"at_mots": 1.0}])
def test_bounds_that_are_none(given_bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at_least, at_most or both"):
        bounds(given_bounds)


def test_what_is_no_promql_is_said() -> None:
    with pytest.raises(UnsupportedError):
        same("a > {{ .Values.limit }}", "a > 1")


ATOMS = st.sampled_from(["a", 'b{x="1"}', "rate(c_total[5m])", "sum by (x) (d)", "3", "0.5"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        lambda left, op, right: f"({left}) {op} ({right})",
        inner,
        st.sampled_from(["+", "*", "-", "/"]),
        inner,
    ),
    max_leaves=6,
)


@given(EXPRESSIONS, st.sampled_from([">", "<", ">=", "<=", "=="]), st.integers(1, 90))
def test_the_one_form_is_one(inner: str, op: str, limit: int) -> None:
    try:
        expr = read(f"sum({inner} + e) {op} {limit}" if "(" in inner else f"{inner} + e {op} {limit}")
    except UnsupportedError:
        return
    assert read(show(expr)) == expr
    assert normal(normal(expr)) == normal(expr)
