import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kube.path import render
from conformance.schema import SchemaSet
from tests.schema.loading import documents, thing
from tests.schema.mutations import UNKNOWN, mutations

SCHEMAS = SchemaSet.load("1.34")
GOOD = documents("good.yaml")


@pytest.mark.parametrize("case", documents("decoding.yaml"), ids=lambda case: case["why"])
def test_odd_values_are_decoded_as_go_does(case: dict[str, Any]) -> None:
    assert SCHEMAS.judge(thing(case["object"])).valid == case["decodes"]


@pytest.mark.parametrize("raw", GOOD, ids=lambda raw: f"{raw['kind']}-{raw['metadata']['name']}")
def test_an_unknown_field_is_found_at_every_depth(raw: dict[str, Any]) -> None:
    found = [
        [render(problem.path) for problem in SCHEMAS.judge(thing(changed)).problems if problem.is_unknown_field]
        for what, changed in mutations(raw)
        if what.startswith("unknown field in metadata") or what == "unknown field in the object"
    ]
    assert found[0] == [UNKNOWN]
    assert found[1] == [f"metadata.{UNKNOWN}"]


def test_judging_changes_nothing() -> None:
    for raw in GOOD:
        before = copy.deepcopy(raw)
        SCHEMAS.judge(thing(raw))
        SCHEMAS.judge(thing(raw | {"spec": []}))
        assert raw == before


@pytest.mark.parametrize(
    ("metadata", "where"),
    [
        ({"labels": {"a": 1}}, ["metadata.labels.a"]),
        ({"annotations": {"a": True, "b": "x", "c": [1]}}, ["metadata.annotations.a", "metadata.annotations.c"]),
        ({"annotations": ["a"]}, ["metadata.annotations"]),
        ({"name": 5, "namespace": True}, ["metadata.name", "metadata.namespace"]),
        ({"labels": None, "annotations": {"a": None}, "name": "a", "tags": ["of a catalogue"]}, []),
        (["a"], ["metadata"]),
        (None, []),
    ],
)
def test_metadata_is_judged_in_kinds_without_schema(metadata: Any, where: list[str]) -> None:
    verdict = SCHEMAS.judge(thing({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata, "other": 1}))
    assert [render(problem.path) for problem in verdict.problems] == where
    assert verdict.not_validated == "no schema of example.com/v1 Thing"
    assert not SCHEMAS.covers(thing({"apiVersion": "example.com/v1", "kind": "Thing"}))


def test_what_is_judged_is_covered() -> None:
    assert all(SCHEMAS.covers(thing(raw)) for raw in GOOD)
    assert SCHEMAS.covers(thing({"apiVersion": "apps/v1beta1", "kind": "Deployment"}))
    assert not SCHEMAS.covers(thing({"apiVersion": "v1", "kind": "Config"}))


def test_scopes() -> None:
    assert SCHEMAS.scope_of("apps", "Deployment") == "Namespaced"
    assert SCHEMAS.scope_of("", "Node") == "Cluster"
    assert SCHEMAS.scope_of("", "Deployment") is None
    with_crd = SCHEMAS.with_crds([thing(documents("crd.yaml")[0])])
    assert with_crd.scope_of("test.example.com", "Gadget") == "Namespaced"
    assert SCHEMAS.scope_of("test.example.com", "Gadget") is None


@pytest.mark.parametrize("value", ["\ud800", {"\ud800": "x"}], ids=["value", "key"])
def test_what_json_cannot_say_is_a_problem(value: Any) -> None:
    raw = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": value}}
    verdict = SCHEMAS.judge(thing(raw))
    assert not verdict.valid


def test_bytes_that_no_loader_gives_are_a_problem() -> None:
    verdict = SCHEMAS.judge(thing({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": b"x"}}))
    assert verdict.problems[0].message.startswith("holds what JSON cannot say")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(GOOD + documents("custom.yaml") + documents("crd.yaml")), st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_in_an_object_makes_it_crash(raw: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(raw)
    node: Any = changed
    while isinstance(node, dict | list) and node:
        step = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if data.draw(st.integers(0, 3)) == 0 or not isinstance(node[step], dict | list):
            node[step] = data.draw(_JSON)
            break
        node = node[step]
    changed["apiVersion"], changed["kind"] = raw["apiVersion"], raw["kind"]
    schemas = WITH_CRD.with_crds([thing(changed)]) if raw["kind"] == "CustomResourceDefinition" else WITH_CRD
    verdict = schemas.judge(thing(changed))
    assert all(isinstance(problem.message, str) and problem.message for problem in verdict.problems)
    schemas.judge(thing(documents("custom.yaml")[0]))


WITH_CRD = SCHEMAS.with_crds([thing(documents("crd.yaml")[0])])
