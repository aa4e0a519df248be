from typing import Any

from conformance.schema.openapi import OBJECT_META, definitions, kinds, references

_REF = "#/components/schemas/"


def _ref(name: str) -> dict[str, Any]:
    return {"default": {}, "allOf": [{"$ref": _REF + name}]}


def _object(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"type": "object", "description": "prose", "properties": fields, "required": list(required)}


META = {OBJECT_META: _object(name={"type": "string"})}


def _definition(schema: dict[str, Any], **others: Any) -> dict[str, Any]:
    return definitions({**META, "X": schema, **others}, ["X"])["X"]


def test_fields_named_like_prose_stay_and_prose_goes() -> None:
    fields = {name: {"type": "string", "description": "prose"} for name in ("description", "default", "example")}
    assert _definition({"type": "object", "description": "prose", "properties": fields}) == {
        "type": ["object", "null"],
        "properties": {name: {"type": ["string", "null"]} for name in ("description", "default", "example")},
        "additionalProperties": False,
    }


def test_a_required_field_may_not_be_null() -> None:
    found = _definition(_object(("a", "b"), a={"type": "string"}, b=_ref("Y")), Y=_object())
    assert found["required"] == ["a", "b"]
    assert found["properties"]["a"] == {"type": ["string"]}
    assert found["properties"]["b"] == {"$ref": "#/$defs/Y", "type": ["object"]}


def test_unknown_fields_pass_under_preserve_unknown_fields() -> None:
    assert "additionalProperties" not in _definition({**_object(), "x-kubernetes-preserve-unknown-fields": True})


def test_maps_keep_their_values_type() -> None:
    found = _definition({"type": "object", "additionalProperties": {"type": "string", "default": ""}})
    assert found == {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}}


def test_nothing_is_required_or_enumerated_in_a_status() -> None:
    status = _object(("ready",), ready={"type": "string", "enum": ["a"]}, inner=_ref("Inner"))
    inner = _object(("a",), a={"type": "string"})
    found = definitions({**META, "X": _object(status=_ref("XStatus")), "XStatus": status, "Inner": inner}, ["X"])
    assert found["X"]["properties"]["status"] == {"$ref": "#/$defs/XStatus.relaxed"}
    assert "required" not in found["XStatus.relaxed"]
    assert found["XStatus.relaxed"]["properties"]["ready"] == {"type": ["string", "null"]}
    assert found["XStatus.relaxed"]["properties"]["inner"] == {"$ref": "#/$defs/Inner.relaxed"}
    assert "required" not in found["Inner.relaxed"]
    assert "Inner" not in found


def test_ranges_and_formats_become_rules() -> None:
    found = _definition(
        _object(
            short={"type": "integer", "format": "int32"},
            long={"type": "integer", "format": "int64"},
            bytes={"type": "string", "format": "byte"},
            port=_ref("IntOrString"),
            amount=_ref("Quantity"),
        ),
        IntOrString={"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
        Quantity={"oneOf": [{"type": "string"}, {"type": "number"}]},
    )["properties"]
    assert (found["short"]["minimum"], found["short"]["maximum"]) == (-(2**31), 2**31 - 1)
    assert (found["long"]["minimum"], found["long"]["maximum"]) == (-(2**63), 2**63 - 1)
    assert found["bytes"]["format"] == "byte"
    assert found["port"] == {"$ref": "#/$defs/IntOrString"}
    assert found["amount"] == {"$ref": "#/$defs/Quantity"}


def test_null_elements_pass_where_nothing_is_required_of_an_element() -> None:
    found = _definition(
        _object(a={"type": "array", "items": {"type": "string"}}, b={"type": "array", "items": _ref("Y")}),
        Y=_object(("name",), name={"type": "string"}),
    )["properties"]
    assert found["a"]["items"] == {"type": ["string", "null"]}
    assert found["b"]["items"] == {"$ref": "#/$defs/Y", "type": ["object"]}


def test_definitions_that_refer_to_themselves_end() -> None:
    found = definitions({**META, "X": _object(child=_ref("X"))}, ["X"])
    assert sorted(found) == ["X", OBJECT_META]


def test_references_are_found_at_any_depth() -> None:
    schema = {"properties": {"a": {"items": {"$ref": "#/$defs/A"}}}, "anyOf": [{"$ref": "#/$defs/B"}]}
    assert references(schema) == {"A", "B"}


def test_kinds_come_with_their_scope_and_without_what_is_no_resource() -> None:
    def gvk(group: str, kind: str) -> dict[str, str]:
        return {"group": group, "version": "v1", "kind": kind}

    document = {
        "components": {
            "schemas": {
                "a.Pod": {"x-kubernetes-group-version-kind": [gvk("", "Pod")]},
                "a.PodList": {"x-kubernetes-group-version-kind": [gvk("", "PodList")]},
                "a.Role": {"x-kubernetes-group-version-kind": [gvk("rbac", "Role")]},
                "a.Node": {"x-kubernetes-group-version-kind": [gvk("", "Node")]},
            }
        },
        "paths": {
            "/api/v1/pods": {"get": {"x-kubernetes-group-version-kind": gvk("", "Pod")}},
            "/api/v1/namespaces/{namespace}/pods": {"post": {"x-kubernetes-group-version-kind": gvk("", "Pod")}},
            "/apis/rbac/v1/namespaces/{namespace}/roles": {
                "parameters": [{"name": "namespace"}],
                "post": {"x-kubernetes-group-version-kind": gvk("rbac", "Role")},
            },
            "/api/v1/nodes": {"post": {"x-kubernetes-group-version-kind": gvk("", "Node")}},
            "/api/v1/pods/{name}/exec": {"post": {"x-kubernetes-group-version-kind": gvk("", "PodExecOptions")}},
        },
    }
    assert kinds([document]) == {
        "rbac/v1/Role": ("a.Role", "Namespaced"),
        "v1/Node": ("a.Node", "Cluster"),
        "v1/Pod": ("a.Pod", "Namespaced"),
    }
