"""From the OpenAPI v3 of an API server to JSON Schemas that judge as the server's strict decoding does.

Everything the server does beyond what its OpenAPI says is put into the schemas here, once, when they are taken from
the server, so that nothing is rewritten when manifests are judged:

- a field that the schema does not name is an error (fieldValidation=Strict), except under
  `x-kubernetes-preserve-unknown-fields`;
- null means absent everywhere, so it is allowed wherever the field itself is optional;
- `status` is reset when an object is created, so nothing is required in it;
- a few fields are marked required although the server fills them in: `lenience.json` lists them.

https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
Components = Mapping[str, Mapping[str, Any]]

_REF = "#/components/schemas/"
POINTER = "#/$defs/"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# Published as empty objects, but their decoders take any JSON.
_ANY = ("pkg.runtime.RawExtension", "pkg.apis.meta.v1.FieldsV1", "pkg.apis.meta.v1.Patch")
# Published as anything. The decoder of these reads a schema in turn, by then no longer strictly.
_NESTED_SCHEMA = {"JSONSchemaPropsOrArray": "array", "JSONSchemaPropsOrBool": "boolean"}
_MICRO_TIME = "pkg.apis.meta.v1.MicroTime"
# Variants of a definition: nothing is required and every value is allowed; any field is allowed.
_RELAXED, _OPEN = ".relaxed", ".open"
_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}


@cache
def _lenience() -> dict[str, dict[str, list[str]]]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("lenience.json").read_text(encoding="utf-8"))
    return {topic: found[topic] for topic in ("optional", "empty")}


def kinds(documents: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Schema name and scope ("Namespaced" or "Cluster") of every kind that has a path, by `group/version/kind`.

    The core group gives `v1/Pod`. Kinds that are only spoken in requests (DeleteOptions, Status, lists) have no path of
    their own and do not appear.
    """
    documents = list(documents)
    names = {
        _key(gvk): name
        for document in documents
        for name, schema in document.get("components", {}).get("schemas", {}).items()
        for gvk in schema.get("x-kubernetes-group-version-kind", ())
    }
    scopes: dict[str, str] = {}
    for document in documents:
        for path, operations in document.get("paths", {}).items():
            for operation in operations.values():
                gvk = operation.get("x-kubernetes-group-version-kind") if isinstance(operation, dict) else None
                if gvk is None or _key(gvk) not in names:
                    continue
                if "/namespaces/{namespace}/" in path:
                    scopes[_key(gvk)] = "Namespaced"
                else:
                    scopes.setdefault(_key(gvk), "Cluster")
    return {key: (names[key], scope) for key, scope in sorted(scopes.items())}


def _key(gvk: Mapping[str, str]) -> str:
    return "/".join(filter(None, (gvk["group"], gvk["version"], gvk["kind"])))


def definitions(components: Components, roots: Iterable[str]) -> dict[str, Schema]:
    """JSON Schemas (draft 2020-12, for `$defs`) of the named components and of all they refer to, without prose."""
    done: dict[str, Schema] = {}
    waiting = [*roots, OBJECT_META]
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done[name] = _Definition(components, name).schema
        waiting += references(done[name])
    return dict(sorted(done.items()))


def references(schema: Any) -> set[str]:
    """Names of the definitions that a schema refers to directly."""
    found: set[str] = set()
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            target = part.get("$ref")
            if isinstance(target, str):
                found.add(target.removeprefix(POINTER))
            stack += part.values()
        elif isinstance(part, list):
            stack += part
    return found


class _Definition:
    """One component on its way to a JSON Schema."""

    def __init__(self, components: Components, name: str) -> None:
        self.components = components
        self.name = name.removesuffix(_RELAXED).removesuffix(_OPEN)
        self.variant = name[len(self.name) :]
        self.relaxed = self.variant == _RELAXED
        self.schema = self._convert(components[self.name], optional=True)

    def _convert(self, source: Mapping[str, Any], *, optional: bool) -> Schema:
        target = _target(source)
        if target is not None:
            return self._reference(target, optional=optional)
        if self.name.endswith(_ANY):
            return {}
        other = _NESTED_SCHEMA.get(self.name.rpartition(".")[2])
        if other is not None:
            nested = {"$ref": POINTER + self.name.removesuffix("OrArray").removesuffix("OrBool") + _OPEN}
            return {"type": ["object", other, "null"], "if": {"type": "object"}, "then": nested}
        if source.get("format") == "int-or-string":
            low, high = _RANGES["int32"]
            types, limits = ["integer", "string"], {"minimum": low, "maximum": high}
            return {"type": _nullable(types, optional), "format": "int-or-string", **limits}
        if "oneOf" in source:
            return {"type": _nullable(["string", "number"], optional), "format": "quantity"}
        return self._typed(source, optional=optional)

    def _typed(self, source: Mapping[str, Any], *, optional: bool) -> Schema:
        kind = source.get("type")
        if kind is None:
            return {}
        out: Schema = {"type": _nullable([kind], optional)}
        if kind == "object":
            out |= self._object(source)
        elif kind == "array":
            out["items"] = self._element(source["items"])
        if source.get("enum") and not self.relaxed:
            out["enum"] = self._choices(source["enum"], optional=optional)
        limits = _RANGES.get(source.get("format", ""))
        if limits and kind == "integer":
            out["minimum"], out["maximum"] = limits
        elif source.get("format") in ("byte", "date-time"):
            out["format"] = "micro-time" if self.name.endswith(_MICRO_TIME) else source["format"]
        return out

    def _object(self, source: Mapping[str, Any]) -> Schema:
        values = source.get("additionalProperties")
        if isinstance(values, dict) and "properties" not in source:
            return {"additionalProperties": self._convert(values, optional=True)}
        required = [] if self.relaxed else _required(self.name, source)
        out: Schema = {
            "properties": {
                field: self._property(field, child, required) for field, child in source.get("properties", {}).items()
            }
        }
        if required:
            out["required"] = required
        if self.variant != _OPEN and not source.get("x-kubernetes-preserve-unknown-fields") and values is not True:
            out["additionalProperties"] = False
        return out

    def _property(self, field: str, source: Mapping[str, Any], required: list[str]) -> Schema:
        target = _target(source)
        if field == "status" and target is not None and target.endswith("Status"):
            return {"$ref": POINTER + target + _RELAXED}
        converted = self._convert(source, optional=field not in required)
        if field in _lenience()["empty"].get(self.name, ()) and "enum" in converted:
            converted["enum"].append("")
        return converted

    def _choices(self, choices: list[Any], *, optional: bool) -> list[Any]:
        return [*choices, None] if optional and None not in choices else list(choices)

    def _element(self, source: Mapping[str, Any]) -> Schema:
        """Null in a list becomes an empty element, which only matters where the element has required fields."""
        target = _target(source)
        needs = target is not None and not self.relaxed and bool(_required(target, self.components[target]))
        return self._convert(source, optional=not needs)

    def _reference(self, target: str, *, optional: bool) -> Schema:
        referred = self.components[target]
        structured = "properties" in referred or "additionalProperties" in referred
        out: Schema = {"$ref": POINTER + target + (self.variant if structured else "")}
        if not optional and not target.endswith(_ANY):
            types = _Definition(self.components, target).schema.get("type") if not structured else ["object"]
            if types:
                out["type"] = [each for each in types if each != "null"]
        return out


def _required(name: str, source: Mapping[str, Any]) -> list[str]:
    lenient = _lenience()["optional"].get(name, ())
    return [field for field in source.get("required", ()) if field not in lenient]


def _target(source: Mapping[str, Any]) -> str | None:
    """The component a schema stands for; a lone `allOf` is how OpenAPI puts a default beside a reference."""
    wrapped = source.get("allOf")
    reference = source.get("$ref") or (wrapped[0].get("$ref") if wrapped and len(wrapped) == 1 else None)
    return reference.removeprefix(_REF) if reference else None


def _nullable(types: list[str], optional: bool) -> list[str]:
    return [*types, "null"] if optional else types
