import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.quantity import QuantityError, equal, parse

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "quantities.json").read_text(encoding="utf-8")
)
VALID = [v for v in VECTORS if "decimal" in v]
INVALID = [v for v in VECTORS if v.get("error")]


def test_every_vector_is_used() -> None:
    assert len(VALID) + len(INVALID) == len(VECTORS) > 60


@pytest.mark.parametrize("vector", VALID, ids=lambda v: v["quantity"][:20])
def test_vector_is_read_as_kubernetes_reads_it(vector: dict[str, Any]) -> None:
    assert parse(vector["quantity"]) == Decimal(vector["decimal"])


@pytest.mark.parametrize("vector", INVALID, ids=lambda v: v["quantity"][:20] or "empty")
def test_vector_is_refused_as_kubernetes_refuses_it(vector: dict[str, Any]) -> None:
    with pytest.raises(QuantityError):
        parse(vector["quantity"])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("0.1", "100m"),
        ("1Gi", "1024Mi"),
        ("1", "1000m"),
        ("1k", "1e3"),
        ("1E", "1e18"),
        ("+5", "5"),
        ("-0", "0"),
        (2, "2"),
        (0.5, "500m"),
        (1e22, "1e22"),
        (1e-7, "100n"),
        (1000, "1k"),
    ],
)
def test_equal_by_meaning(left: object, right: object) -> None:
    assert equal(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("128M", "128Mi"), ("1m", "1M"), ("1e", None), ("1E", "1e1"), ("1", "1.000000001"), ("1Ki", "1k")],
)
def test_unequal_by_meaning(left: object, right: object) -> None:
    if right is None:
        with pytest.raises(QuantityError):
            equal(left, right)
    else:
        assert not equal(left, right)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1n", "1e-9"),
        ("-0.1n", "-1e-9"),
        ("1.0000000001", "1.000000001"),
        ("1e-2000000000", "1e-9"),
        ("0e-2000000000", "0"),
        ("8Ei", str(2**63 - 1)),
        ("-16Ei", str(-(2**63 - 1))),
        ("10E", "1e19"),
        ("1.5Ki", "1536"),
        (".0001Ki", "0.1024"),
        (".00000000001Ki", "0.000000011"),
        ("9223372036854775807.5", "9223372036854775807.5"),
        ("1e4294967299", "1000"),
        ("1e" + "0" * 5000 + "3", "1000"),
        ("1e1000000000", "1e1000000000"),
        ("+", "0"),
        (".", "0"),
        ("-.m", "0"),
        ("Ti", "0"),
        ("e3", "0"),
        ("0Pi", "0"),
    ],
)
def test_edges_that_follow_the_go_code(text: str, amount: str) -> None:
    assert parse(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        *("Pi", "Ei", ".Ei", "e-10", "1e+", "1e1.5", "1e9223372036854775808", "1Ee3", "1-5", "1+", "1\n", "\n1"),
        *(" 1", "1 ", "1Gi\x00", "٣", "1²", "1e٣", "1.5.Gi", "infinity", "1Kii", "1iK", "1e" + "9" * 5000),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse(text)


@pytest.mark.parametrize("value", [True, False, None, [], {}, float("nan"), float("inf"), b"1"])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        parse(value)


def test_long_numbers_are_exact_and_quick() -> None:
    assert parse("9" * 6000) == Decimal("9" * 6000)
    assert parse(int("9" * 4000)) == Decimal("9" * 4000)
    assert parse("0." + "1" * 50_000) == Decimal("0.111111112")


def test_zero_has_no_sign() -> None:
    assert not parse("-0").is_signed()
    assert not parse("-0.0Gi").is_signed()


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9, places=6)


@given(NUMBERS, st.sampled_from(["", "m", "k", "M", "G", "T"]))
def test_a_decimal_suffix_is_a_power_of_ten(number: Decimal, suffix: str) -> None:
    power = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}[suffix]
    assert parse(f"{number:f}{suffix}") == number.scaleb(power)


@given(st.integers(0, 2**20), st.sampled_from(["Ki", "Mi", "Gi", "Ti"]))
def test_a_binary_suffix_is_a_power_of_1024(number: int, suffix: str) -> None:
    assert parse(f"{number}{suffix}") == number * 1024 ** (["Ki", "Mi", "Gi", "Ti"].index(suffix) + 1)


@given(st.integers(-(10**30), 10**30))
def test_an_unquoted_integer_means_what_its_text_means(number: int) -> None:
    assert equal(number, str(number))


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e25, max_value=1e25))
def test_an_unquoted_float_is_never_less_than_written(number: float) -> None:
    assert abs(parse(number)) >= abs(Decimal(repr(number)))


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP _", max_size=8))
def test_no_text_crashes(text: str) -> None:
    try:
        amount = parse(text)
    except QuantityError:
        return
    assert amount.is_finite()


@given(NUMBERS)
def test_a_sign_only_negates(number: Decimal) -> None:
    assert parse(f"-{number:f}Mi") == -parse(f"+{number:f}Mi")
