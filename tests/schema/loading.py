"""The objects of this folder's YAML files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import yaml

from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.schema import SchemaSet, store
from conformance.schema.openapi import POINTER


class NoFile:
    """The origin of an object that was made up."""

    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


def thing(raw: dict[str, Any]) -> Object:
    return Object(raw, NoFile())


def documents(name: str) -> list[dict[str, Any]]:
    text = File(__file__).with_name(name).read_text(encoding="utf-8")
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition whose objects have a `spec` of this schema."""
    root = {"type": "object", "properties": {"spec": schema}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    names = {"plural": "parts", "kind": "Part"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "parts.test.example.com"},
        "spec": {"group": "test.example.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def places(schemas: SchemaSet, raw: dict[str, Any], definition_name: str) -> Iterator[Path]:
    """Paths in an object at which a definition of its kind's schema stands."""
    known = store.stored(schemas.version)
    root = known.kinds.get(f"{raw['apiVersion']}/{raw['kind']}")
    if root is not None:
        yield from _places(known.definitions, {"$ref": POINTER + root[0]}, raw, definition_name, ())


def _places(definitions: dict[str, Any], schema: Any, value: Any, wanted: str, path: Path) -> Iterator[Path]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(POINTER)
        if name == wanted:
            yield path
        schema = definitions[name]
    if isinstance(value, dict):
        for key, child in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(below, dict):
                yield from _places(definitions, below, child, wanted, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _places(definitions, schema.get("items", {}), child, wanted, (*path, index))
