"""`expect:` by meaning, operator by operator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.declared import ExpectError, compare, same, validate
from conformance.kube.object import Node
from conformance.kube.path import render


def mismatches(observed: Any, expected: Any) -> list[tuple[str, str]]:
    validate(expected)
    return [(render(each.path), each.message) for each in compare(Node(observed), expected)]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ("50Gi", "51200Mi"),
        (0.1, "100m"),
        ("30d", "720h"),
        ("00 02 * * *", "0 2 * * *"),
        (2, 2),
        (True, True),
        ([1, "128Mi"], [1, "131072Ki"]),
        ("a", "a"),
    ],
)
def test_equal_by_meaning(observed: Any, expected: Any) -> None:
    assert same(observed, expected)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ("128M", "128Mi"),
        ("true", True),
        (True, "true"),
        (1, True),
        ("2", 2),
        (None, "a"),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ("0 2 * * 1", "0 2 * * *"),
        ("30m", "30h"),
        ({"a": 1}, "a"),
    ],
)
def test_unequal(observed: Any, expected: Any) -> None:
    assert not same(observed, expected)


def test_a_partial_object_names_each_differing_field() -> None:
    observed = {"spec": {"minReplicas": 2, "maxReplicas": 5, "other": 1}}
    expected = {"spec": {"minReplicas": 2, "maxReplicas": 10, "behaviour": {"x": 1}}}
    assert mismatches(observed, expected) == [
        ("spec.maxReplicas", "has another value"),
        ("spec.behaviour", "is not set"),
    ]


@pytest.mark.parametrize(
    ("observed", "operators", "message"),
    [
        ({}, {"absent": True}, None),
        ({"x": 1}, {"absent": True}, "must not be set"),
        ({"x": None}, {"absent": True}, None),
        ({}, {"present": True}, "is not set"),
        ({"x": 0}, {"present": True}, None),
        ({"x": "b"}, {"in": ["a", "b"]}, None),
        ({"x": "c"}, {"in": ["a", "b"]}, "is none of the allowed values"),
        ({"x": "51200Mi"}, {"at_least": "50Gi"}, None),
        ({"x": "50G"}, {"at_least": "50Gi"}, "is less than 50Gi"),
        ({"x": "720h"}, {"at_most": "30d"}, None),
        ({"x": "31d"}, {"at_most": "720h"}, "is more than 720h"),
        ({"x": "5m"}, {"at_least": "300s"}, None),
        ({"x": "much"}, {"at_least": 1}, "is a string that cannot be compared"),
        ({"x": True}, {"at_least": 1}, "is a boolean that cannot be compared"),
        ({}, {"at_least": 1}, "is not set"),
        ({"x": 3}, {"at_least": 2, "at_most": 4}, None),
        ({"x": 5}, {"at_least": 2, "at_most": 4}, "is more than 4"),
        ({"x": "v1.2"}, {"matches": r"^v\d"}, None),
        ({"x": "latest"}, {"matches": r"^v\d"}, "does not match"),
        ({"x": 1}, {"matches": "1"}, "does not match"),
    ],
)
def test_operators(observed: dict[str, Any], operators: dict[str, Any], message: str | None) -> None:
    assert mismatches(observed, {"x": operators}) == ([("x", message)] if message else [])


def test_contains_takes_the_element_of_that_name() -> None:
    observed = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    assert mismatches(observed, {"containers": {"contains": {"name": "b", "image": "y"}}}) == []
    assert mismatches(observed, {"containers": {"contains": {"name": "b", "image": "z"}}}) == [
        ("containers[1].image", "has another value")
    ]
    assert mismatches(observed, {"containers": {"contains": {"name": "c"}}}) == [("containers", "has no such element")]
    assert mismatches(observed, {"containers": {"contains": {"image": "y"}}}) == []
    assert mismatches({"modes": ["a"]}, {"modes": {"contains": "b"}}) == [("modes", "has no such element")]
    assert mismatches({"modes": "a"}, {"modes": {"contains": "a"}}) == [("modes", "is a string, not a list")]


@pytest.mark.parametrize(
    "expected",
    [
        {"x": {"absent": False}},
        {"x": {"in": []}},
        {"x": {"in": "a"}},
        {"x": {"at_least": "many"}},
        {"x": {"at_most": True}},
        {"x": {"matches": "("}},
        {"x": {}},
    ],
)
def test_an_expectation_that_cannot_mean_anything_is_refused(expected: dict[str, Any]) -> None:
    with pytest.raises(ExpectError, match=r"^x"):
        validate(expected)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab1mGi", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
)


@given(values.filter(lambda v: v is not None))
def test_every_value_without_nulls_is_what_it_is(value: Any) -> None:
    def nulls(each: Any) -> bool:
        if isinstance(each, dict):
            return not each or any(map(nulls, each.values()))
        return each is None or (isinstance(each, list) and any(map(nulls, each)))

    if not nulls(value):
        assert list(compare(Node(value), value)) == []
