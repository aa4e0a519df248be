"""From the structural schema of a CustomResourceDefinition to a JSON Schema, with the API server's semantics.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema

What a JSON Schema library would get wrong: fields that the schema does not name are pruned, so they are errors unless
`x-kubernetes-preserve-unknown-fields`; a null is dropped, hence absent, unless the field is `nullable`; `apiVersion`,
`kind` and `metadata` are implied at the root and in embedded resources; `exclusiveMinimum` is a boolean; an integer has
64 bits, and `format: int32` is enforced from Kubernetes 1.36 on; and `status` is thrown away on creation where it is a
subresource, though its unknown fields are refused before that. CEL rules (`x-kubernetes-validations`) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conformance.kube.path import Path
from conformance.schema import formats
from conformance.schema.openapi import OBJECT_META, POINTER, Schema
from conformance.schema.store import order

_VALUES = (
    *("pattern", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf"),
    "enum",
)
_TYPES = ("array", "boolean", "integer", "number", "object", "string", None)
_FORBIDDEN = {"$ref": "is not supported", "uniqueItems": "must not be true; use x-kubernetes-list-type: set"}
_PROSE = ("description", "title", "example", "externalDocs")
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_EMBEDDED = "x-kubernetes-embedded-resource"
_CEL = "x-kubernetes-validations"
_INT32_SINCE = (1, 36)


def convert(source: Schema, *, status_is_subresource: bool, prune: bool = True, version: str = "1.36") -> Schema:
    """JSON Schema of a whole custom resource; refers to the definition of ObjectMeta.

    `prune` is false under the old `spec.preserveUnknownFields: true`. `version` is that of Kubernetes.
    """
    short = order(version) >= _INT32_SINCE
    root = _Structure(prune=prune, int32=short)
    out = root.convert(source, optional=False)
    fields = out.setdefault("properties", {})
    fields |= _implied(source, root)
    if status_is_subresource and "status" in fields:
        names = _Structure(prune=prune, int32=short, only_names=True)
        fields["status"] = names.convert(source["properties"]["status"], optional=True)
    return out


def _implied(source: Schema, structure: _Structure) -> Schema:
    """`apiVersion`, `kind` and `metadata`, of which a schema may restrict the name and nothing else."""
    own = (source.get("properties") or {}).get("metadata") or {}
    metadata: Schema = {"$ref": POINTER + OBJECT_META}
    if own.get("properties"):
        metadata["allOf"] = [structure.values({"properties": own["properties"]})]
    return {"apiVersion": {"type": ["string", "null"]}, "kind": {"type": ["string", "null"]}, "metadata": metadata}


class _Structure:
    """How one schema is read: whether it prunes, whether int32 is enforced, whether only the names of fields count."""

    def __init__(self, *, prune: bool, int32: bool, only_names: bool = False) -> None:
        self.prune = prune
        self.bits = {"int32": 31} if int32 else {}
        self.only_names = only_names

    def convert(self, source: Schema | None, *, optional: bool) -> Schema:
        source = source or {}
        out: Schema = {} if self.only_names else self._values_of_one(source, optional=optional)
        fields = source.get("properties") or {}
        required = [] if self.only_names else source.get("required") or []
        needed = [name for name in required if "default" not in (fields.get(name) or {})]
        if needed:
            out["required"] = sorted(set(needed))
        if fields:
            out["properties"] = {
                name: self.convert(child, optional=name not in needed) for name, child in fields.items()
            }
        if source.get(_EMBEDDED):
            self._embed(source, out)
        if isinstance(source.get("items"), dict):
            out["items"] = self.convert(source["items"], optional=False)
        return out | self._pruned(source, out)

    def _pruned(self, source: Schema, out: Schema) -> Schema:
        values = source.get("additionalProperties")
        if isinstance(values, dict):
            return {"additionalProperties": self.convert(values, optional=True)}
        # Where a mapping stands in place of a number, a type error says enough, unless types do not count.
        mapping = source.get("type") == "object" or (self.only_names and not source.get(_INT_OR_STRING))
        if values or not mapping or not self.prune or source.get(_PRESERVE):
            return {}
        return {"properties": out.get("properties", {}), "additionalProperties": False}

    def _embed(self, source: Schema, out: Schema) -> None:
        out["properties"] = out.get("properties", {}) | _implied(source, self)
        if not self.only_names:
            out["required"] = sorted({*out.get("required", ()), "apiVersion", "kind"})
            for name in ("apiVersion", "kind"):
                out["properties"][name] = {"type": "string", "minLength": 1}

    def _values_of_one(self, source: Schema, *, optional: bool) -> Schema:
        out = self.values({key: source[key] for key in (*_VALUES, "format") if key in source}) | self._limits(source)
        nullable = bool(source.get("nullable"))
        types = ["integer", "string"] if source.get(_INT_OR_STRING) else [source["type"]] if source.get("type") else []
        if types:
            out["type"] = [*types, "null"] if optional or nullable else types
        if "enum" in out and optional and not nullable:
            out["enum"] = [*out["enum"], None]
        if source.get("x-kubernetes-list-type") == "set":
            out["uniqueItems"] = True
        junctors = {key: source[key] for key in (*_JUNCTORS, "not") if source.get(key)}
        if junctors.get("anyOf") == [{"type": "integer"}, {"type": "string"}]:
            # Says nothing more than x-kubernetes-int-or-string beside it.
            del junctors["anyOf"]
        if junctors:
            # A null was dropped, or is allowed, before these are judged.
            out |= {"if": {"not": {"type": "null"}}, "then": self.values(junctors)}
        return out

    def values(self, source: Schema | None) -> Schema:
        """A schema inside `allOf`, `anyOf`, `oneOf` or `not`, which only limits values and prunes nothing."""
        source = source or {}
        out: Schema = {key: source[key] for key in _VALUES if key in source} | self._limits(source)
        if not out.get("enum", True):
            del out["enum"]
        judged = formats.custom(source.get("format") or "")
        if judged:
            out["format"] = judged
        if isinstance(source.get("type"), str):
            out["type"] = source["type"]
        for junctor in _JUNCTORS:
            if source.get(junctor):
                out[junctor] = [self.values(each) for each in source[junctor]]
        if isinstance(source.get("not"), dict):
            out["not"] = self.values(source["not"])
        if isinstance(source.get("items"), dict):
            out["items"] = self.values(source["items"])
        if isinstance(source.get("additionalProperties"), dict):
            out["additionalProperties"] = self.values(source["additionalProperties"])
        fields = {name: self.values(child) for name, child in (source.get("properties") or {}).items()}
        for name in source.get("required") or ():
            # A null was dropped before this is judged.
            fields[name] = {"allOf": [fields.get(name, {}), {"not": {"type": "null"}}]}
        if fields:
            out["properties"] = fields
            out["required"] = sorted(set(source.get("required") or ()))
        return out

    def _limits(self, source: Schema) -> Schema:
        """Bounds of numbers, with the boolean `exclusive…` of OpenAPI 3.0 turned into JSON Schema's number."""
        out: Schema = {}
        for bound in ("minimum", "maximum"):
            exclusive = f"exclusive{bound.capitalize()}"
            if bound in source:
                out[exclusive if source.get(exclusive) is True else bound] = source[bound]
        if source.get("type") == "integer" or source.get(_INT_OR_STRING):
            bits = self.bits.get(source.get("format", ""), 63)
            out["minimum"] = max(out.get("minimum", -(2**bits)), -(2**bits))
            out["maximum"] = min(out.get("maximum", 2**bits - 1), 2**bits - 1)
        return out


def mistakes(source: Schema, compiles: Callable[[str], bool]) -> Iterator[tuple[Path, str]]:
    """Why the API server would refuse this schema, at which path in it; nothing means that it can be used.

    Takes a schema whose fields have the right types already. Judged are the rules that are broken in practice: every
    part says its type, lists say their items, `properties` and `additionalProperties` exclude each other, patterns are
    regular expressions (`compiles` tells). Others, such as the cost of CEL rules, are left to the server.
    """
    if source.get("type") not in ("object", "", None):
        yield ("type",), "the type at the root must be object"
    yield from _mistakes(source, (), compiles)


def _mistakes(source: Schema, path: Path, compiles: Callable[[str], bool]) -> Iterator[tuple[Path, str]]:
    kind = source.get("type") or None
    if kind is None and not source.get(_INT_OR_STRING) and not source.get(_PRESERVE):
        yield path, "has no type, which a structural schema must state"
    elif kind not in _TYPES:
        yield (*path, "type"), f"must be one of {', '.join(t for t in _TYPES if t)}"
    if kind == "array" and not isinstance(source.get("items"), dict):
        yield path, "is an array, so it must have items, and they must be one schema"
    for key, reason in _FORBIDDEN.items():
        if source.get(key):
            yield (*path, key), reason
    if source.get("properties") and source.get("additionalProperties"):
        yield (*path, "additionalProperties"), "must be absent beside properties"
    yield from _bad_patterns(source, path, compiles)
    for name, child in (source.get("properties") or {}).items():
        yield from _mistakes(child or {}, (*path, "properties", name), compiles)
    for key in ("items", "additionalProperties"):
        if isinstance(source.get(key), dict):
            yield from _mistakes(source[key], (*path, key), compiles)


def _bad_patterns(source: Schema, path: Path, compiles: Callable[[str], bool]) -> Iterator[tuple[Path, str]]:
    pattern = source.get("pattern")
    if pattern is not None and not compiles(pattern):
        yield (*path, "pattern"), "must be a regular expression in Go's notation (no look-around)"
    for junctor in _JUNCTORS:
        for index, each in enumerate(source.get(junctor) or ()):
            yield from _bad_patterns(each or {}, (*path, junctor, index), compiles)


def has_rules(source: Any) -> bool:
    """Whether a schema has CEL rules anywhere, so that its objects are judged in part only."""
    if isinstance(source, dict):
        return bool(source.get(_CEL)) or any(has_rules(each) for each in source.values())
    return isinstance(source, list) and any(has_rules(each) for each in source)


def without_prose(crd: Mapping[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition reduced to what judging its objects takes."""
    spec = crd["spec"]
    versions = []
    for version in spec["versions"]:
        versions.append({key: version[key] for key in ("name", "served", "subresources") if key in version})
        if "schema" in version:
            versions[-1]["schema"] = {"openAPIV3Schema": _stripped(version["schema"]["openAPIV3Schema"])}
    kept = {key: spec[key] for key in ("group", "scope", "preserveUnknownFields") if key in spec}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd["metadata"]["name"]},
        "spec": kept | {"names": {"kind": spec["names"]["kind"]}, "versions": versions},
    }


def _stripped(schema: Schema) -> Schema:
    out = {key: value for key, value in schema.items() if key not in _PROSE}
    if isinstance(out.get("properties"), dict):
        out["properties"] = {name: _stripped(child) for name, child in out["properties"].items()}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(out.get(key), dict):
            out[key] = _stripped(out[key])
    for junctor in _JUNCTORS:
        if junctor in out:
            out[junctor] = [_stripped(each) for each in out[junctor]]
    if _CEL in out:
        out[_CEL] = [{"rule": each.get("rule", "")} for each in out[_CEL]]
    return out
