"""What is known of the value at a field: by what a list is keyed, what is a quantity, what the server fills in.

Built-in kinds are known by the schemas that travel with the package, custom ones by their CustomResourceDefinition.
`lists.json` holds the keys of lists (`x-kubernetes-list-map-keys`, else the patch merge key) as the OpenAPI of a v1.34
API server says them, and `defaults.json` what that server fills into fields that nobody set; `"*"` stands for values
that it makes up, such as an address.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from conformance.kube.object import Object
from conformance.schema import store
from conformance.schema.openapi import POINTER, Schema

#: a default that is whatever the server finds fit
ANY = "*"
_POD_TEMPLATE = "io.k8s.api.core.v1.PodTemplateSpec"
_LABELS = ("labels", "annotations")


@cache
def _data(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


class Shape:
    """What is known of one value. Nothing is known of most values of custom resources, and then the value decides."""

    __slots__ = ("_definitions", "_schema", "builtin", "keys", "name", "silent")

    def __init__(
        self,
        schema: Schema | None,
        definitions: Mapping[str, Schema],
        *,
        builtin: bool,
        keys: tuple[str, ...] = (),
        silent: bool = False,
    ) -> None:
        self._definitions = definitions
        #: of the definition, without group and version: `Container`; empty for a part of one
        self.name = ""
        while schema is not None and "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(POINTER)
            self.name = name.removesuffix(".relaxed").removesuffix(".open").rpartition(".")[2]
            schema = definitions.get(name)
        self._schema = schema
        #: whether Kubernetes itself defines it
        self.builtin = builtin
        #: of a list: the fields that tell its elements apart
        self.keys = keys
        #: whether what only the cluster has in this mapping means nothing: labels and annotations
        self.silent = silent

    @property
    def known(self) -> bool:
        """Whether there is a schema of it at all."""
        return bool(self._schema)

    @property
    def free(self) -> bool:
        """Whether it is a mapping with keys of the author's own choice, such as `data` of a ConfigMap."""
        return (
            bool(self._schema)
            and "properties" not in (self._schema or {})
            and bool((self._schema or {}).get("additionalProperties"))
        )

    @property
    def format(self) -> str:
        """`quantity`, `byte`, `int-or-string` … of a scalar; empty when the schema says nothing."""
        schema = self._schema or {}
        if schema.get("x-kubernetes-int-or-string"):
            return "int-or-string"
        return str(schema.get("format") or "")

    def field(self, name: str) -> Shape:
        """What is known of a field of a mapping."""
        schema = self._schema or {}
        properties = schema.get("properties")
        found = properties.get(name) if isinstance(properties, dict) else None
        if found is None and isinstance(schema.get("additionalProperties"), dict):
            found = schema["additionalProperties"]
        silent = self.name == "ObjectMeta" and name in _LABELS
        keys = tuple(_data("lists.json").get(self.name, {}).get(name, ()))
        if not keys and isinstance(found, dict):
            keys = tuple(found.get("x-kubernetes-list-map-keys") or ())
        return Shape(found, self._definitions, builtin=self.builtin, keys=keys, silent=silent)

    def element(self) -> Shape:
        """What is known of the elements of a list."""
        found = (self._schema or {}).get("items")
        return Shape(found if isinstance(found, dict) else None, self._definitions, builtin=self.builtin)

    def has_field(self, name: str) -> bool:
        """Whether the schema names a field."""
        return name in ((self._schema or {}).get("properties") or {})

    def fills_in(self, name: str, value: Any) -> bool:
        """Whether a value is what the server puts into a field that nobody set."""
        known = _data("defaults.json").get(self.name, {}).get(name, ())
        if known == ANY or value in known:
            return True
        found = ((self._schema or {}).get("properties") or {}).get(name)
        return isinstance(found, dict) and "default" in found and found["default"] == value


class Shapes:
    """The shapes of kinds; `version` is that of the cluster, `definitions` are CustomResourceDefinitions."""

    def __init__(self, version: str, definitions: Iterable[Object] = ()) -> None:
        self._known = store.stored(_nearest(version))
        self._custom: dict[tuple[str, str, str], Schema] = {}
        for each in definitions:
            for key, schema in _versions(each.raw):
                self._custom.setdefault(key, schema)

    def of(self, thing: Object) -> Shape:
        """The shape of an object of that version and kind."""
        known = self._known.kinds.get(f"{thing.api_version}/{thing.kind}")
        if known is not None:
            return Shape({"$ref": POINTER + known[0]}, self._known.definitions, builtin=True)
        schema = self._custom.get((thing.group, thing.version, thing.kind))
        return Shape(schema, self._known.definitions, builtin=False)

    @property
    def pod_template(self) -> Shape:
        """That of a pod template, which custom workloads such as a Rollout embed without saying so."""
        return Shape({"$ref": POINTER + _POD_TEMPLATE}, self._known.definitions, builtin=True)


def _nearest(version: str) -> str:
    """The stored version of a cluster's, or the newest that is not newer, or the oldest."""
    versions = store.versions()
    try:
        wanted = store.order(version)
    except store.SchemaFileError:
        return versions[-1]
    return next((each for each in reversed(versions) if store.order(each) <= wanted), versions[0])


def _versions(raw: Any) -> Iterable[tuple[tuple[str, str, str], Schema]]:
    """(group, version, kind) and schema of a definition; parts of a wrong type are passed over."""
    spec = raw.get("spec") if isinstance(raw, dict) else None
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict) or not isinstance(spec.get("versions"), list):
        return
    for each in spec["versions"]:
        held = each.get("schema") if isinstance(each, dict) else None
        schema = held.get("openAPIV3Schema") if isinstance(held, dict) else None
        if isinstance(schema, dict):
            yield (str(spec.get("group")), str(each.get("name")), str(names.get("kind"))), schema
