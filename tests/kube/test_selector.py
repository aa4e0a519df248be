from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.object import FieldTypeError, Node
from conformance.kube.path import render
from conformance.kube.selector import NOTHING, SelectorError, label_selector, map_selector, selects


def at(raw: Any) -> Node:
    return Node({"spec": {"selector": raw}}).at("spec.selector")


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


WEB = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "web"}},
        {"matchLabels": {"app": "web", "tier": "front"}},
        {"matchLabels": {"app": "web"}, "matchExpressions": None},
        {"matchLabels": {}, "matchExpressions": []},
        {},
        expression("app", "In", "web", "api"),
        expression("app", "NotIn", "api"),
        expression("legacy", "NotIn", "true"),
        expression("app", "Exists"),
        expression("legacy", "DoesNotExist"),
        {"matchLabels": {"app": "web"}, **expression("tier", "In", "front")},
        {"matchExpressions": [{"key": "app", "operator": "Exists", "values": []}]},
    ],
    ids=str,
)
def test_selected(selector: dict[str, Any]) -> None:
    assert selects(selector, WEB)


@pytest.mark.parametrize(
    "selector",
    [
        None,
        {"matchLabels": {"app": "api"}},
        {"matchLabels": {"app": "web", "tier": "back"}},
        {"matchLabels": {"app": "web", "release": "a"}},
        {"matchLabels": {"app": "Web"}},
        expression("app", "In", "api"),
        expression("legacy", "In", "true"),
        expression("app", "NotIn", "web", "api"),
        expression("legacy", "Exists"),
        expression("app", "DoesNotExist"),
        {"matchLabels": {"app": "web"}, **expression("tier", "NotIn", "front")},
        {"matchLabels": {"app": "api"}, **expression("tier", "In", "front")},
        {
            "matchExpressions": [
                *expression("app", "Exists")["matchExpressions"],
                *expression("x", "Exists")["matchExpressions"],
            ]
        },
    ],
    ids=str,
)
def test_not_selected(selector: dict[str, Any] | None) -> None:
    assert not selects(selector, WEB)


def test_everything_and_nothing_are_told_apart() -> None:
    assert label_selector(at({})).selects_everything
    assert label_selector(at({"matchLabels": {}})).matches({})
    assert label_selector(at(None)) == NOTHING
    assert not label_selector(at(None)).selects_everything
    assert not label_selector(at(None)).matches({})
    assert not label_selector(at(expression("a", "DoesNotExist"))).selects_everything


def test_a_service_with_an_empty_selector_selects_nothing() -> None:
    assert map_selector(at({})) == NOTHING
    assert map_selector(at(None)) == NOTHING
    assert map_selector(at({"app": "web"})).matches(WEB)
    assert not map_selector(at({"app": "web", "x": "y"})).matches(WEB)


def test_a_service_selector_is_no_label_selector() -> None:
    with pytest.raises(FieldTypeError) as caught:
        map_selector(at({"matchLabels": {"app": "web"}}))
    assert render(caught.value.path) == "spec.selector.matchLabels"


def test_null_is_the_empty_value() -> None:
    assert selects({"matchLabels": {"app": None}}, {"app": ""})
    assert selects({"matchLabels": {"app": ""}}, {"app": None})
    assert selects(expression("app", "In", ""), {"app": None})
    assert not selects({"matchLabels": {"app": ""}}, {})
    assert not selects({"matchLabels": {"app": None}}, {"app": "web"})
    assert map_selector(at({"app": None})).matches({"app": ""})


def test_values_that_are_no_strings_are_never_equal() -> None:
    assert not selects({"matchLabels": {"v": "1"}}, {"v": 1})
    assert not selects({"matchLabels": {"v": ""}}, {"v": 0})
    assert not selects(expression("v", "In", ""), {"v": False})
    assert selects(expression("v", "NotIn", "1"), {"v": ["1"]})


@pytest.mark.parametrize(
    ("selector", "field"),
    [
        (expression("app", "in", "web"), "spec.selector.matchExpressions[0].operator"),
        (expression("app", "Equals", "web"), "spec.selector.matchExpressions[0].operator"),
        ({"matchExpressions": [{"key": "app"}]}, "spec.selector.matchExpressions[0].operator"),
        ({"matchExpressions": [None]}, "spec.selector.matchExpressions[0].operator"),
        (expression("app", "In"), "spec.selector.matchExpressions[0].values"),
        (expression("app", "NotIn"), "spec.selector.matchExpressions[0].values"),
        (expression("app", "Exists", "web"), "spec.selector.matchExpressions[0].values"),
        (expression("app", "DoesNotExist", ""), "spec.selector.matchExpressions[0].values"),
        (expression("", "Exists"), "spec.selector.matchExpressions[0].key"),
    ],
    ids=str,
)
def test_what_the_api_server_refuses(selector: dict[str, Any], field: str) -> None:
    with pytest.raises(SelectorError) as caught:
        label_selector(at(selector))
    assert render(caught.value.path) == field
    assert str(caught.value).startswith(field)


@pytest.mark.parametrize(
    ("selector", "field"),
    [
        ("app=web", "spec.selector"),
        (["app"], "spec.selector"),
        ({"matchLabels": ["app"]}, "spec.selector.matchLabels"),
        ({"matchLabels": {"version": 1}}, "spec.selector.matchLabels.version"),
        ({"matchLabels": {"ok": "yes", "on": True}}, "spec.selector.matchLabels.on"),
        ({"matchExpressions": {"key": "app"}}, "spec.selector.matchExpressions"),
        ({"matchExpressions": ["app"]}, "spec.selector.matchExpressions[0]"),
        ({"matchExpressions": [{"key": 1, "operator": "Exists"}]}, "spec.selector.matchExpressions[0].key"),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": "b"}]},
            "spec.selector.matchExpressions[0].values",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", 2]}]},
            "spec.selector.matchExpressions[0].values[1]",
        ),
    ],
    ids=str,
)
def test_wrong_types_name_their_field(selector: Any, field: str) -> None:
    with pytest.raises(FieldTypeError) as caught:
        label_selector(at(selector))
    assert render(caught.value.path) == field


@pytest.mark.parametrize("raw", ["app=web", ["app"], 1])
def test_a_map_selector_of_a_wrong_type_names_its_field(raw: Any) -> None:
    with pytest.raises(FieldTypeError) as caught:
        map_selector(at(raw))
    assert render(caught.value.path) == "spec.selector"


def test_selectors_compare_by_meaning_of_order() -> None:
    left = label_selector(at({"matchLabels": {"a": "1", "b": "2"}, **expression("c", "In", "x", "y")}))
    right = label_selector(at({"matchLabels": {"b": "2", "a": "1"}, **expression("c", "In", "y", "x")}))
    assert left == right
    assert hash(left) == hash(right)
    assert left != label_selector(at({"matchLabels": {"a": "1", "b": "2"}}))
    assert left != "a=1"


def test_a_selector_prints_as_kubectl_writes_it() -> None:
    raw = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["b", "a"]},
            {"key": "env", "operator": "NotIn", "values": ["dev"]},
            {"key": "team", "operator": "Exists"},
            {"key": "legacy", "operator": "DoesNotExist"},
        ],
    }
    assert str(label_selector(at(raw))) == "app=web,tier in (a,b),env notin (dev),team,!legacy"
    assert str(label_selector(at({}))) == "<all>"
    assert str(NOTHING) == "<none>"


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "x", "y"])
LABELS = st.dictionaries(KEYS, VALUES)


@given(KEYS, st.lists(VALUES, min_size=1, max_size=3), LABELS)
def test_not_in_is_the_opposite_of_in(key: str, values: list[str], labels: dict[str, str]) -> None:
    assert selects(expression(key, "In", *values), labels) != selects(expression(key, "NotIn", *values), labels)


@given(KEYS, LABELS)
def test_does_not_exist_is_the_opposite_of_exists(key: str, labels: dict[str, str]) -> None:
    assert selects(expression(key, "Exists"), labels) != selects(expression(key, "DoesNotExist"), labels)


@given(LABELS, LABELS)
def test_match_labels_is_inclusion(wanted: dict[str, str], labels: dict[str, str]) -> None:
    assert selects({"matchLabels": wanted}, labels) == (wanted.items() <= labels.items())


@given(LABELS, KEYS, st.lists(VALUES, min_size=1, max_size=3), LABELS)
def test_labels_and_expressions_must_both_hold(
    wanted: dict[str, str], key: str, values: list[str], labels: dict[str, str]
) -> None:
    both = selects({"matchLabels": wanted, **expression(key, "In", *values)}, labels)
    assert both == (selects({"matchLabels": wanted}, labels) and selects(expression(key, "In", *values), labels))
