"""Messages, and where they stand."""

from typing import Any

import pytest

from conformance.kube.path import render
from conformance.schema import SchemaProblem, SchemaSet
from tests.schema.loading import documents, thing

SCHEMAS = SchemaSet.load("1.34")


def _problems(raw: dict[str, Any]) -> list[SchemaProblem]:
    return list(SCHEMAS.validate(thing(raw)))


def _pod(container: dict[str, Any], **spec: Any) -> list[SchemaProblem]:
    containers = [{"name": "a", "image": "a", **container}]
    return _problems(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": containers, **spec}}
    )


def _one(problems: list[SchemaProblem]) -> tuple[str, str]:
    assert len(problems) == 1, problems
    return render(problems[0].path), problems[0].message


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("imagePullPolic", '; did you mean "imagePullPolicy"?'),
        ("readinessprobe", '; did you mean "readinessProbe"?'),
        ("Image", '; did you mean "image"?'),
        ("runAsUser", "; it is a field of spec.containers[0].securityContext"),
        ("fsGroup", ""),
        ("nodeSelector", "; it is a field of spec"),
        ("mountPath", "; it is a field of spec.containers[0].volumeMounts"),
        ("zzz", ""),
    ],
)
def test_an_unknown_field_is_named_where_it_stands(field: str, hint: str) -> None:
    found = _pod({field: "x"})
    assert _one(found) == (f"spec.containers[0].{field}", f'unknown field "{field}"{hint}')


def test_a_field_of_containers_that_stands_beside_them() -> None:
    assert _one(_pod({}, livenessProbe={})) == (
        "spec.livenessProbe",
        'unknown field "livenessProbe"; it is a field of spec.containers',
    )


def test_several_unknown_fields_are_several_problems() -> None:
    found = _pod({"b": 1, "a": None}, z=1)
    assert [render(p.path) for p in found] == ["spec.containers[0].a", "spec.containers[0].b", "spec.z"]
    assert all(p.is_unknown_field for p in found)


def test_an_odd_key_is_printed_in_brackets() -> None:
    problem = _problems({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "a.b/c": 1}})[0]
    assert render(problem.path) == "metadata[a.b/c]"


def test_a_missing_field_stands_at_its_parent() -> None:
    found = _problems(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {"selector": {}}}
    )
    assert [(render(p.path), p.message, p.expected, p.observed) for p in found] == [
        ("spec", 'required field "template" is missing', "template", "absent")
    ]


def test_a_null_is_a_missing_field() -> None:
    assert _one(_pod({"name": None})) == ("spec.containers[0]", 'required field "name" is missing')


@pytest.mark.parametrize("case", documents("messages.yaml"), ids=lambda case: case["message"][:40])
def test_wrong_values_are_explained(case: dict[str, Any]) -> None:
    assert _one(_pod({}, **case["spec"])) == (case["where"], case["message"])


def test_a_number_that_python_would_not_print_is_explained() -> None:
    assert _one(_pod({}, priority=-(10**500))) == (
        "spec.priority",
        "must be an integer of 32 bits, not a number beyond all bounds",
    )


def test_a_number_where_a_text_is_asked_for_is_not_repeated() -> None:
    found = _pod({"env": [{"name": "PASSWORD", "value": 123456}]})
    assert _one(found) == ("spec.containers[0].env[0].value", "must be a string, not a number; quote it")
    assert "123456" not in f"{found}"


def test_a_secret_that_is_not_encoded_is_not_repeated() -> None:
    found = _problems({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"key": "hunter 2"}})
    assert _one(found) == ("data.key", "must be base64, not other text")
    assert "hunter" not in f"{found}"


def test_a_long_value_is_cut() -> None:
    _, message = _one(_pod({}, hostNetwork="x" * 500))
    assert len(message) < 120


def test_problems_come_in_the_order_of_their_paths() -> None:
    found = _pod({"zz": 1, "ports": [{"containerPort": "1"}, {"containerPort": "2"}]}, aa=1)
    assert [render(p.path) for p in found] == [
        "spec.aa",
        "spec.containers[0].ports[0].containerPort",
        "spec.containers[0].ports[1].containerPort",
        "spec.containers[0].zz",
    ]


def test_a_problem_prints_as_path_and_message() -> None:
    assert str(_pod({}, zzz=1)[0]) == 'spec.zzz: unknown field "zzz"'
    assert str(SchemaProblem((), "whole object")) == "whole object"


def test_a_placeholder_is_neither_judged_nor_called_valid_in_silence() -> None:
    spec = {"accessModes": ["${MODE:=ReadWriteOnce}"], "resources": {"requests": {"storage": "${SIZE}", "x": "$5"}}}
    verdict = SCHEMAS.judge(thing({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {}, "spec": spec}))
    assert [render(problem.path) for problem in verdict.problems] == ["spec.resources.requests.x"]
    assert verdict.unevaluated == "values with ${…}, which are filled in later"
