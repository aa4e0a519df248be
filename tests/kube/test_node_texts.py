"""Lists of strings."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.object import FieldTypeError, Node


@pytest.mark.parametrize(
    ("raw", "expected"), [({"a": ["x", "y"]}, ["x", "y"]), ({"a": []}, []), ({"a": None}, []), ({}, [])]
)
def test_texts(raw: dict[str, Any], expected: list[str]) -> None:
    assert Node(raw).texts("a") == expected


@pytest.mark.parametrize(
    ("value", "path"), [([1], ("a", 0)), (["x", None], ("a", 1)), ("x", ("a",)), ({"x": 1}, ("a",))]
)
def test_what_is_no_list_of_strings_is_refused_at_its_place(value: object, path: tuple[str | int, ...]) -> None:
    with pytest.raises(FieldTypeError) as caught:
        Node({"a": value}).texts("a")
    assert caught.value.path == path
