from __future__ import annotations

import pytest

from conformance.promql.trial import Series, UnsupportedError, fires, guarded, metrics

WORLD = {"a": Series(lambda t: t, {"namespace": "vault"}), "b": Series(lambda t: 100.0, {})}


@pytest.mark.parametrize(
    ("expr", "wait", "expected"),
    [
        ("a > 100", "", True),
        ("a > 100", "5m", True),
        ("a > 100", "1h", False),
        ("a > b", "", True),
        ("a < bool 0", "", True),
        ("a{namespace='vault'} > 100", "", True),
        ("a{namespace=~'web|api'} > 100", "", False),
        ("a{job!='x'} > 100", "", True),
        ("absent(a)", "", False),
        ("absent(c)", "", True),
        ("c > 0 or b == 100", "", True),
        ("a > 100 and c", "", False),
        ("a > 100 unless c", "", True),
        ("sum by (namespace) (a) > 100", "", True),
        ("-a < -100", "", True),
        ("predict_linear(a[10m], 86400) > 86400", "", True),
        ("max_over_time(a[5m]) > 590", "", True),
        ("rate(a[5m]) > 0.5", "", True),
        ("deriv(b[5m]) > 0", "", False),
        ("time() - a > 0", "", False),
        ("2 ^ 3 % 5 * b == 300", "", True),
    ],
)
def test_fires_within_ten_minutes(expr: str, wait: str, expected: bool) -> None:
    assert fires(expr, wait, WORLD, 600) is expected


def test_the_wait_starts_again_after_a_gap() -> None:
    broken = {"a": Series(lambda t: 0.0 if t % 300 == 0 else 1.0, {})}
    assert fires("a > 0", "3m", broken, 3600)
    assert not fires("a > 0", "5m", broken, 3600)


@pytest.mark.parametrize(
    "expr", ["a >", "{{ .Values.x }}", "label_replace(a, 'x', '', '', '')", "a atan2 b", "topk(1, a)"]
)
def test_what_is_not_tried_out_is_said(expr: str) -> None:
    with pytest.raises(UnsupportedError):
        fires(expr, "", WORLD, 60)


def test_names_of_metrics() -> None:
    assert metrics("a / on (x) b > 1 or absent(c) or {__name__='d'}") == {"a", "b", "c", "d"}
    assert guarded("a / b > 1 or absent(c) or absent_over_time(d[5m])") == {"c", "d"}
