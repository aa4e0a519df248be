from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.sources.scalars import ScalarError, key_of, resolve, resolve_tagged
from conformance.sources.yaml_stream import read

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "yaml-scalars.json").read_text(encoding="utf-8")
)
INT = "tag:yaml.org,2002:int"
FLOAT = "tag:yaml.org,2002:float"


def typed(value: Any) -> Any:
    """Tells apart what Python takes for equal: 1, 1.0 and True."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    return [typed(each) for each in value] if isinstance(value, list) else (type(value).__name__, value)


@pytest.mark.parametrize("vector", VECTORS, ids=[json.dumps(each["yaml"]) for each in VECTORS])
def test_every_vector_of_the_go_loader(vector: dict[str, Any]) -> None:
    found = read(vector["yaml"].encode())
    values = [value for _, value in found.documents]
    lost = [problem for problem in found.problems if problem[3] != "duplicate key"]
    if "error" in vector:
        assert values == []
        assert len(lost) == 1
        assert lost[0][0] in (1, 2)
    else:
        assert lost == []
        assert [typed(value) for value in values] == [typed(vector["json"])]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0777777777777777777777777777777", 7.777777777777778e29),
        ("1e400", "1e400"),
        ("+18446744073709551615", 18446744073709552000),
        (".1_0", 0.1),
        (".1__0", ".1__0"),
        ("-0.0", 0),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_numbers_at_the_edges(text: str, value: Any) -> None:
    """Values as sigs.k8s.io/yaml 1.6 prints them."""
    assert typed(resolve(text)) == typed(value)


def test_equal_strings_are_one_object() -> None:
    assert resolve("".join(["Deploy", "ment"])) is resolve("".join(["Deploym", "ent"]))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1", "1"),
        ("yes", "true"),
        ("Off", "false"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("1.10", "1.1"),
        ("82.47092189350099", "82.470924"),
        ("1.5e-05", "1.5e-05"),
        ("1e160", ".inf"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("0x1F", "31"),
        ("plain", "plain"),
    ],
)
def test_keys_become_the_strings_that_go_prints(text: str, key: str) -> None:
    assert key_of(text) == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", "a key must be text, not null"),
        ("", "a key must be text, not nothing"),
        ("18446744073709551615", "a key must be text, not 18446744073709551615"),
    ],
)
def test_keys_that_kubernetes_refuses(text: str, reason: str) -> None:
    with pytest.raises(ScalarError) as caught:
        key_of(text)
    assert str(caught.value) == reason


def test_tags_convert_or_refuse() -> None:
    assert resolve_tagged(INT, "3") == 3
    assert typed(resolve_tagged(FLOAT, "1")) == ("int", 1)
    assert resolve_tagged("!ours", "yes") == "yes"
    assert resolve_tagged("tag:yaml.org,2002:binary", "aGVs\n bG8=".replace(" ", "")) == "hello"
    for tag, text, reason in (
        (INT, "1.0", "a value is no int, as its tag !!int says"),
        (FLOAT, "18446744073709551615", "a value is no float, as its tag !!float says"),
        ("tag:yaml.org,2002:bool", "1", "a value is no bool, as its tag !!bool says"),
        ("tag:yaml.org,2002:null", "x", "a value is no null, as its tag !!null says"),
        ("tag:yaml.org,2002:timestamp", "soon", "a value is no timestamp, as its tag !!timestamp says"),
        ("tag:yaml.org,2002:binary", "a b", "a !!binary value is no base64"),
    ):
        with pytest.raises(ScalarError) as caught:
            resolve_tagged(tag, text)
        assert str(caught.value) == reason
