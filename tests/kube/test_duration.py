from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.duration import DurationError, equal, parse, parse_go, parse_prometheus


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h30m", "5400"),
        ("500ms", "0.5"),
        ("1.5h", "5400"),
        ("-1.5h", "-5400"),
        ("+2m", "120"),
        ("0", "0"),
        ("-0", "0"),
        ("0s", "0"),
        ("1m1h1m", "3720"),
        (".5s", "0.5"),
        ("5.s", "5"),
        ("1ns", "1e-9"),
        ("1us", "1e-6"),
        ("1µs", "1e-6"),
        ("1μs", "1e-6"),
        ("0.3333333333333333333h", "1200"),
        ("9223372036854775807ns", "9223372036.854775807"),
        ("-9223372036854775808ns", "-9223372036.854775808"),
        ("720h", "2592000"),
        ("0" * 5000 + "1s", "1"),
    ],
)
def test_go(text: str, seconds: str) -> None:
    assert parse_go(text) == Decimal(seconds)
    assert parse(text) == Decimal(seconds)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "+",
            "1",
            "30",
            "1d",
            "30d",
            "1w",
            "1y",
            "h",
            ".s",
            "1h30",
            "1 h",
            " 1h",
            "1h ",
            "1H",
            "1hour",
            "1h-30m",
        ),
        *(
            "--1h",
            "1e3s",
            "1,5h",
            "1.2.3s",
            "٣s",
            "9223372036854775808ns",
            "3000000h",
            "1min",
            "1h\n",
            "9" * 5000 + "s",
        ),
    ],
)
def test_no_go_duration(text: str) -> None:
    with pytest.raises(DurationError):
        parse_go(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2592000),
        ("2w", 1209600),
        ("1y", 31536000),
        ("1d12h", 129600),
        ("1h30m", 5400),
        ("1y1w1d1h1m1s", 31536000 + 604800 + 86400 + 3600 + 60 + 1),
        ("0", 0),
        ("0d", 0),
    ],
)
def test_prometheus(text: str, seconds: int) -> None:
    assert parse_prometheus(text) == seconds
    assert parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.5h", "-1h", "+1h", "1m1h", "1h1h", "1M", "1us", "30 d", "30days", "1d ", "d", "٣d", "300y"),
        *("9" * 30 + "ms", "9" * 5000 + "d"),
    ],
)
def test_no_prometheus_duration(text: str) -> None:
    with pytest.raises(DurationError):
        parse_prometheus(text)


def test_milliseconds_are_no_minutes() -> None:
    assert parse_prometheus("5ms") == Decimal("0.005")
    assert parse_prometheus("5m") == 300


@pytest.mark.parametrize(
    ("left", "right"), [("30d", "720h"), ("1w", "7d"), ("90m", "1h30m"), ("1.5h", "90m"), ("0", "0s")]
)
def test_equal_by_meaning(left: str, right: str) -> None:
    assert equal(left, right)


@pytest.mark.parametrize(("left", "right"), [("30d", "720m"), ("1m", "1ms"), ("1y", "366d"), ("0", "1ns")])
def test_unequal_by_meaning(left: str, right: str) -> None:
    assert not equal(left, right)


@pytest.mark.parametrize("value", [None, 30, 0, 1.5, True, [], {}, "1.5d", "30", "1h 30m", "-1d"])
def test_no_duration_at_all(value: object) -> None:
    with pytest.raises(DurationError):
        parse(value)


UNITS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


@given(st.fixed_dictionaries({unit: st.integers(0, 20) for unit in UNITS}))
def test_units_add_up(amounts: dict[str, int]) -> None:
    text = "".join(f"{amounts[unit]}{unit}" for unit in UNITS)
    assert parse(text) == sum(amounts[unit] * UNITS[unit] for unit in UNITS)


@given(st.integers(0, 10**5), st.sampled_from(["h", "m", "s", "ms"]))
def test_both_notations_agree_where_both_accept(amount: int, unit: str) -> None:
    assert parse_go(f"{amount}{unit}") == parse_prometheus(f"{amount}{unit}")


@given(st.text(alphabet="0123456789.+-ywdhmsuµn ", max_size=10))
def test_no_text_crashes(text: str) -> None:
    try:
        seconds = parse(text)
    except DurationError:
        return
    assert abs(seconds) <= Decimal(2**63) / 10**9
