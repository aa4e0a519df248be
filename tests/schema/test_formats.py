import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.quantity import QuantityError, parse
from conformance.schema import formats

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "quantities.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["quantity"][:20] or "empty")
def test_quantities_are_those_of_kubernetes(vector: dict[str, Any]) -> None:
    text = vector["quantity"]
    assert formats.is_quantity(text) == (not vector.get("error") or _valid_when_trimmed(text))


def _valid_when_trimmed(text: str) -> bool:
    try:
        parse(text.strip())
    except QuantityError:
        return False
    return text != text.strip()


@given(st.binary(), st.integers(0, 30))
def test_any_base64_is_taken_however_it_is_broken(data: bytes, at: int) -> None:
    text = base64.b64encode(data).decode()
    assert formats.is_byte(text)
    assert formats.is_byte(text[:at] + "\r\n" + text[at:])
    assert formats.is_encoded(text) == bool(text)


@given(st.text())
def test_no_format_crashes(text: str) -> None:
    for name, judge in formats.FORMATS.items():
        assert judge(text) in (True, False), name


@given(st.datetimes())
def test_every_time_that_is_written_well_is_taken(moment: Any) -> None:
    assert formats.is_time(moment.replace(microsecond=0).isoformat() + "Z")
    assert formats.is_micro_time(moment.isoformat(timespec="microseconds") + "Z")
    assert not formats.is_time(moment.isoformat())
    assert formats.is_date(moment.date().isoformat())


def test_every_format_has_words() -> None:
    for name in formats.FORMATS:
        assert formats.words(name) != name.removeprefix("custom-"), name
    assert formats.custom("nothing-known") is None
    assert formats.custom("byte") == "custom-byte"
