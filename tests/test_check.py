"""The decorator reads a signature; `with:` is held against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest

from conformance.check import Check, OptionError, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object, TextFile


def declared(function: Any) -> Check:
    found = check(function).plumbline_check  # type: ignore[attr-defined]
    assert isinstance(found, Check)
    return found


def test_reclaim(
    thing: Object,
    inventory: Inventory,
    *,
    policy: Literal["Retain", "Delete"],
    at_least: Annotated[str, quantity.parse] = "1Gi",
    replicas: int = 1,
    ratio: float = 0.5,
    names: list[str] | None = None,
    labels: dict[str, str] | None = None,
    strict: bool = False,
) -> Iterator[Finding]:
    yield Finding(thing, "x", f"{policy}{at_least}{replicas}{ratio}{names}{labels}{strict}{inventory}")


test_reclaim.__test__ = False  # type: ignore[attr-defined]


def whole(texts: list[TextFile]) -> Iterator[Finding]:
    yield Finding(texts[0], (1,), "x")


def only(inventory: Inventory) -> Iterator[Finding]:
    yield Finding(None, "", str(inventory))


def test_the_signature_says_what_is_looked_at() -> None:
    one, many, none = declared(test_reclaim), declared(whole), declared(only)
    assert (one.name, one.subject, one.takes_all, one.wants_inventory) == ("reclaim", Object, False, True)
    assert (many.subject, many.takes_all, many.wants_inventory) == (TextFile, True, False)
    assert (none.subject, none.takes_all, none.wants_inventory) == (None, False, True)


@pytest.mark.parametrize(
    "options",
    [
        {"policy": "Retain"},
        {"policy": "Delete", "at_least": "50Gi", "replicas": 3, "ratio": 1, "names": ["a"], "labels": {"a": "b"}},
        {"policy": "Retain", "names": None, "strict": True},
    ],
)
def test_options_that_fit(options: dict[str, Any]) -> None:
    assert declared(test_reclaim).options(options) == options


@pytest.mark.parametrize(
    ("options", "name", "reason"),
    [
        ({}, "", "check reclaim needs the option policy"),
        ({"policy": "Keep"}, "policy", "'Keep' is none of 'Retain', 'Delete'"),
        ({"policy": "Retain", "replicas": True}, "replicas", "True is not a int"),
        ({"policy": "Retain", "replicas": "3"}, "replicas", "'3' is not a int"),
        ({"policy": "Retain", "at_least": "1K"}, "at_least", "not a quantity"),
        ({"policy": "Retain", "names": "a"}, "names", "'a' is not a list"),
        ({"policy": "Retain", "names": [1]}, "names", "1 is not a str"),
        ({"policy": "Retain", "labels": {"a": 1}}, "labels", "1 is not a str"),
        ({"policy": "Retain", "color": "red"}, "color", "check reclaim has no option color"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], name: str, reason: str) -> None:
    with pytest.raises(OptionError, match=reason) as caught:
        declared(test_reclaim).options(options)
    assert caught.value.name == name
