from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.sources.fault import Fault
from conformance.sources.yaml_events import Builder

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff\ufeff"))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)


class Quoting(yaml.CSafeDumper):
    """Writes every string in quotes: the words that YAML 1.1 reads differently are another test's matter."""


Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


@settings(max_examples=200)
@given(values)
def test_what_is_written_is_read_again(value: object) -> None:
    for flow in (False, True):
        assert Builder(yaml.dump(value, Dumper=Quoting, default_flow_style=flow, allow_unicode=True)).build() == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1, c: 1}\nd:\n  <<: *x\n  c: 2\n", {"a": {"b": 1, "c": 1}, "d": {"b": 1, "c": 2}}),
        ("a: {c: 2, <<: {c: 1}}\n", {"a": {"c": 1}}),
        ("a: {<<: [{b: 1}, {b: 2, c: 3}]}\n", {"a": {"b": 1, "c": 3}}),
        ("a: {'<<': {b: 1}}\n", {"a": {"<<": {"b": 1}}}),
        ("!!merge <<: {b: 1}\n", {"b": 1}),
        ("a: &x 1\n*x : b\n", {"a": 1, "1": "b"}),
        ("&x a: 1\nb: *x\n", {"a": 1, "b": "a"}),
        ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
        ("a: !ours {b: !theirs [1]}\n", {"a": {"b": [1]}}),
        ("a: ! 12\n", {"a": "12"}),
        ("{a, b: 1}\n", {"a": None, "b": 1}),
        ("[a: 1, b]\n", [{"a": 1}, "b"]),
        ("%YAML 1.1\n%TAG !k! tag:k,2024:\n---\na: !k!b 1\n", {"a": "1"}),
        ("", None),
    ],
)
def test_structure(text: str, value: object) -> None:
    """Values as sigs.k8s.io/yaml 1.6 gives them."""
    assert Builder(text).build() == value


def test_aliases_share_one_value() -> None:
    value = Builder("a: &x {b: 1}\nc: *x\n").build()
    assert value["a"] is value["c"]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: *x\n", (1, 4), "*x names an anchor that is not defined before it"),
        ("a:\n  b: &x [*x]\n", (2, 10), "*x stands inside the value that it names"),
        ("? [a]\n: 1\n", (1, 3), "a mapping or list is used as a key"),
        ("a: &x [1]\n*x : 1\n", (2, 1), "a mapping or list is used as a key"),
        ("a:\n  <<: 1\n", (2, 7), "<< can only merge a mapping or a list of mappings"),
        ("a: &x [{b: 1}]\nc: {<<: *x}\n", (2, 9), "<< can only merge a mapping or a list of mappings"),
        ("a: .nan\n", (1, 4), ".nan is a number that JSON, and so Kubernetes, cannot hold"),
        ("a: 1\nnull: 2\n", (2, 1), "a key must be text, not null"),
        ("a: !!int x\n", (1, 4), "a value is no int, as its tag !!int says"),
        ("[" * 300, (1, 201), "nested deeper than 200 levels"),
        ("- " * 300 + "a", (1, 401), "nested deeper than 200 levels"),
    ],
)
def test_refusals(text: str, place: tuple[int, int], reason: str) -> None:
    with pytest.raises(Fault) as caught:
        Builder(text).build()
    assert (caught.value.reason, (caught.value.line, caught.value.column)) == (reason, place)


def laughs(levels: int, wide: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * wide)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (laughs(10, 10), "aliases expand to more than 400000 values"),
        (laughs(40, 30), "aliases expand to more than 400000 values"),
        (merges(60), "aliases expand to more than 400000 values"),
        (
            "a: &a {x: {y: 1}}\n" + "".join(f"b{n}: *a\n" for n in range(200_000)),
            "aliases expand to more than 400000 values",
        ),
        (
            "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)),
            "nested deeper than 200 levels",
        ),
        ("[" * 200_000, "nested deeper than 200 levels"),
        ("{" * 50_000, "a mapping or list is used as a key"),
        ("[a: " * 50_000, "nested deeper than 200 levels"),
    ],
    ids=["laughs", "wide laughs", "merges", "many aliases", "alias chain", "lists", "mappings", "pairs"],
)
def test_bombs_are_refused_at_once(text: str, reason: str) -> None:
    started = time.perf_counter()
    with pytest.raises(Fault) as caught:
        Builder(text).build()
    assert caught.value.reason == reason
    assert time.perf_counter() - started < 10  # a guard against hanging, not a benchmark


def test_as_many_aliases_as_kubernetes_allows() -> None:
    value = Builder("a: &a {x: 1}\nb: [" + "*a, " * 100_000 + "]").build()
    assert len(value["b"]) == 100_000


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2\n", "{a: 1, a: 2}", "a: &x 1\n? 1\n: 2\n? *x\n: 3\n", "yes: 1\ntrue: 2\n"]
)
def test_keys_that_stand_twice_are_noticed(text: str) -> None:
    builder = Builder(text)
    builder.build()
    assert builder.repeated
