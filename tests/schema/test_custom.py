"""Custom resources; every good and bad value here was tried against a real API server too."""

import copy
from typing import Any

import pytest

from conformance.kube.path import render
from conformance.schema import SchemaSet, Verdict
from tests.schema.loading import definition, documents, thing

PLAIN = SchemaSet.load("1.34")
CRD = documents("crd.yaml")[0]
SCHEMAS = PLAIN.with_crds([thing(CRD)])
FULL = documents("custom.yaml")[0]


def _judge(schema: dict[str, Any], spec: Any, schemas: SchemaSet = PLAIN) -> Verdict:
    raw = {"apiVersion": "test.example.com/v1", "kind": "Part", "metadata": {"name": "a"}, "spec": spec}
    return schemas.with_crds([thing(definition(schema))]).judge(thing(raw))


def _where(verdict: Verdict) -> list[str]:
    return [render(problem.path) for problem in verdict.problems]


@pytest.mark.parametrize("case", documents("custom_values.yaml"), ids=lambda case: case["field"])
def test_values(case: dict[str, Any]) -> None:
    for good, values in ((True, case["good"]), (False, case["bad"])):
        for value in values:
            verdict = SCHEMAS.judge(thing(FULL | {"spec": {"text": "abc", case["field"]: value}}))
            assert verdict.valid == good, (value, verdict)
            assert all(where.startswith(f"spec.{case['field']}") or where == "spec" for where in _where(verdict))


@pytest.mark.parametrize("case", documents("definitions.yaml"), ids=lambda case: case["why"])
def test_definitions(case: dict[str, Any]) -> None:
    verdict = PLAIN.judge(thing(definition(case["schema"])))
    root = "spec.versions[0].schema.openAPIV3Schema."
    assert _where(verdict) == ([] if case["field"] is None else [root + case["field"]])


def test_a_full_object_is_valid_and_its_cel_rules_are_named_as_not_evaluated() -> None:
    verdict = SCHEMAS.judge(thing(FULL))
    assert verdict.valid
    assert verdict.unevaluated == "CEL rules (x-kubernetes-validations)"
    assert SCHEMAS.judge(thing(FULL | {"spec": FULL["spec"] | {"rule": {"a": 1}}})).valid


def test_without_cel_rules_nothing_is_left_unevaluated() -> None:
    assert _judge({"type": "object"}, {}) == Verdict()


def test_a_status_that_is_a_subresource_is_judged_by_its_names_alone() -> None:
    for status in ({}, {"ready": "yes"}, {"count": "x"}, "x", None):
        assert SCHEMAS.judge(thing(FULL | {"status": status})).valid
    assert _where(SCHEMAS.judge(thing(FULL | {"status": {"other": 1}}))) == ["status.other"]
    assert _where(SCHEMAS.judge(thing(FULL | {"status": {"ready": {"a": 1}}}))) == ["status.ready.a"]


def test_a_status_that_is_no_subresource_is_judged_as_all_else() -> None:
    second = FULL | {"apiVersion": "test.example.com/v2"}
    assert _where(SCHEMAS.judge(thing(second | {"status": {}}))) == ["status"]
    assert _where(SCHEMAS.judge(thing(second | {"status": {"ready": "yes"}}))) == ["status.ready"]


def test_int32_is_enforced_from_1_36_on() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "format": "int32"}}}
    assert _judge(schema, {"a": 2**31}, SchemaSet.load("1.35")).valid
    assert _where(_judge(schema, {"a": 2**31}, SchemaSet.load("1.36"))) == ["spec.a"]


@pytest.mark.parametrize("version", ["v0", "v3"])
def test_a_version_that_the_definition_does_not_serve(version: str) -> None:
    verdict = SCHEMAS.judge(thing(FULL | {"apiVersion": f"test.example.com/{version}"}))
    assert _where(verdict) == ["apiVersion"]
    assert verdict.problems[0].message == (
        f"test.example.com/{version} Gadget is not served: "
        "CustomResourceDefinition gadgets.test.example.com serves v1, v2"
    )


def test_metadata_is_judged_in_full_and_names_may_be_limited() -> None:
    def metadata(**fields: Any) -> list[str]:
        return _where(SCHEMAS.judge(thing(FULL | {"metadata": {"name": "a", **fields}})))

    assert metadata(other=1) == ["metadata.other"]
    assert metadata(annotations={"a": True}) == ["metadata.annotations.a"]
    assert metadata(name="x" * 11) == ["metadata.name"]
    assert metadata(creationTimestamp=None) == []


def test_a_broken_definition_is_reported_where_it_stands_and_judges_nobody() -> None:
    broken = definition({"type": "object", "properties": {"a": {}}})
    schemas = PLAIN.with_crds([thing(broken)])
    raw = {"apiVersion": "test.example.com/v1", "kind": "Part", "metadata": {"name": "a"}, "spec": {"zzz": 1}}
    verdict = schemas.judge(thing(raw))
    assert verdict.not_validated == "the schema in CustomResourceDefinition parts.test.example.com is broken"
    assert verdict.problems == ()
    assert not schemas.covers(thing(raw))
    assert _where(schemas.judge(thing(raw | {"metadata": {"labels": {"a": 1}}}))) == ["metadata.labels.a"]
    assert len(schemas.judge(thing(broken)).problems) == 1


def test_an_unknown_field_in_a_definition_does_not_keep_it_from_judging() -> None:
    raw = definition({"type": "object"})
    raw["spec"]["strange"] = 1
    assert _where(PLAIN.judge(thing(raw))) == ["spec.strange"]
    custom = {"apiVersion": "test.example.com/v1", "kind": "Part", "spec": {"zzz": 1}}
    assert _where(PLAIN.with_crds([thing(raw)]).judge(thing(custom))) == ["spec.zzz"]


@pytest.mark.parametrize(
    "damage",
    [
        {"spec": None},
        {"spec": []},
        {"spec": {"group": 5, "names": {"kind": "Part"}}},
        {"spec": {"group": "test.example.com", "names": {"kind": "Part"}}},
        {"spec": {"group": "test.example.com", "names": {"kind": "Part"}, "versions": [None]}},
        {"spec": {"group": "test.example.com", "names": {"kind": "Part"}, "versions": {"v1": {}}}},
        {"metadata": None, "spec": {"group": "test.example.com", "names": {"kind": "Part"}, "versions": [{"name": 1}]}},
    ],
)
def test_a_definition_with_wrong_types_is_a_problem_of_its_own(damage: dict[str, Any]) -> None:
    raw = definition({"type": "object"}) | damage
    schemas = PLAIN.with_crds([thing(raw)])
    assert schemas.judge(thing(raw)).problems
    assert schemas.judge(thing({"apiVersion": "test.example.com/v1", "kind": "Part"})).not_validated


def test_a_definition_without_schema_for_a_version_is_a_problem_and_judges_nobody() -> None:
    raw = definition({"type": "object"})
    del raw["spec"]["versions"][0]["schema"]
    assert _where(PLAIN.judge(thing(raw))) == ["spec.versions[0]"]


def test_definitions_of_v1beta1_are_not_served_and_not_used() -> None:
    raw = definition({"type": "object"}) | {"apiVersion": "apiextensions.k8s.io/v1beta1"}
    schemas = PLAIN.with_crds([thing(raw)])
    assert _where(schemas.judge(thing(raw))) == ["apiVersion"]
    custom = thing({"apiVersion": "test.example.com/v1", "kind": "Part"})
    assert schemas.judge(custom).not_validated == "no schema of test.example.com/v1 Part"


def test_of_several_releases_of_a_definition_one_must_fit() -> None:
    old, new = definition({"type": "object"}), definition({"type": "object", "properties": {"a": {"type": "string"}}})
    second = copy.deepcopy(new)
    second["spec"]["versions"][0]["name"] = "v2"
    schemas = PLAIN.with_crds([thing(second), thing(old), thing(new)])

    def judge(spec: Any) -> list[str]:
        return _where(schemas.judge(thing({"apiVersion": "test.example.com/v1", "kind": "Part", "spec": spec})))

    assert judge({"a": "x"}) == []
    assert judge({"a": "x", "b": 1}) == ["spec.b"]


def test_preserve_unknown_fields_of_the_whole_definition_switches_pruning_off() -> None:
    raw = definition({"type": "object", "properties": {"a": {"type": "string"}}})
    raw["spec"]["preserveUnknownFields"] = True
    schemas = PLAIN.with_crds([thing(raw)])
    custom = {"apiVersion": "test.example.com/v1", "kind": "Part"}
    assert schemas.judge(thing(custom | {"spec": {"other": 1}})).valid
    assert _where(schemas.judge(thing(custom | {"spec": {"a": 1}}))) == ["spec.a"]


@pytest.mark.parametrize("case", documents("custom_messages.yaml"), ids=lambda case: case["message"][:40])
def test_messages(case: dict[str, Any]) -> None:
    verdict = _judge(case["schema"], case["spec"])
    assert [(p.path, p.message) for p in verdict.problems] == [(("spec",), case["message"])]


def test_a_placeholder_in_place_of_a_version_breaks_the_definition_and_nothing_else() -> None:
    crd = copy.deepcopy(CRD)
    crd["spec"]["versions"] = ["${VERSIONS}"]
    schemas = PLAIN.with_crds([thing(crd)])
    assert "values with ${…}" in schemas.judge(thing(crd)).unevaluated
    assert "is broken" in schemas.judge(thing(FULL)).not_validated
