"""Kinds that CustomResourceDefinitions define."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from conformance.kube.object import Object
from conformance.schema import structural
from conformance.schema.engine import Judge, is_pattern
from conformance.schema.openapi import Schema
from conformance.schema.verdict import SchemaProblem, Verdict

if TYPE_CHECKING:
    from conformance.schema.validate import SchemaSet

CRD = "apiextensions.k8s.io/v1/CustomResourceDefinition"
_CEL = "CEL rules (x-kubernetes-validations)"


def mistakes(crd: Any) -> Iterator[SchemaProblem]:
    """What the API server would refuse in the schemas of a definition, beyond what its own schema says."""
    for index, version in enumerate(crd["spec"]["versions"]):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        where = ("spec", "versions", index, "schema", "openAPIV3Schema")
        if schema is None:
            yield SchemaProblem(("spec", "versions", index), 'required field "schema.openAPIV3Schema" is missing')
        else:
            for path, reason in structural.mistakes(schema, is_pattern):
                yield SchemaProblem((*where, *path), reason)


class CustomKind:
    """One CustomResourceDefinition as a judge of its objects.

    `trusted` means that a server has accepted the definition already.
    """

    def __init__(self, schemas: SchemaSet, raw: Any, *, trusted: bool = False) -> None:
        self._schemas = schemas
        self._raw = raw
        self._trusted = trusted
        self._verdicts: dict[str, Judge | str] = {}

    @cached_property
    def key(self) -> tuple[str, str]:
        """Group and kind; empty where the definition has wrong types, and then it is never asked."""
        spec = self._raw.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        kind = names.get("kind") if isinstance(names, dict) else None
        group = spec.get("group") if isinstance(spec, dict) else None
        return (group, kind) if isinstance(group, str) and isinstance(kind, str) else ("", "")

    @property
    def scope(self) -> str | None:
        """ "Namespaced" or "Cluster"."""
        scope = self._raw["spec"].get("scope")
        return scope if scope in ("Namespaced", "Cluster") else None

    def judge(self, thing: Object) -> Verdict:
        """The verdict about an object of this kind."""
        if self._broken:
            return self._not_validated(thing, f"the schema in {self._name} is broken")
        version = self._versions.get(thing.version)
        if version is None or version.get("served") is False:
            served = ", ".join(name for name, each in self._versions.items() if each.get("served") is not False)
            reason = f"{thing.api_version} {thing.kind} is not served: {self._name} serves {served or 'no version'}"
            return Verdict((SchemaProblem(("apiVersion",), reason, served, thing.version),))
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            return self._not_validated(thing, f"{self._name} has no schema for {thing.version}")
        judge = self._verdicts.get(thing.version)
        if judge is None:
            judge = self._verdicts[thing.version] = self._compiled(schema, version)
        if isinstance(judge, str):
            return self._not_validated(thing, judge)
        return Verdict(judge.problems(thing.raw), unevaluated=_CEL if structural.has_rules(schema) else "")

    def _compiled(self, schema: Schema, version: Any) -> Judge | str:
        status = "status" in (version.get("subresources") or {})
        prune = not self._raw["spec"].get("preserveUnknownFields")
        converted = structural.convert(schema, status_is_subresource=status, prune=prune, version=self._schemas.version)
        try:
            return Judge(self._schemas.closed(converted))
        except ValueError as error:
            return f"the schema in {self._name} cannot be compiled: {str(error).splitlines()[0]}"

    def _not_validated(self, thing: Object, reason: str) -> Verdict:
        return Verdict(self._schemas.metadata_problems(thing), reason)

    @property
    def _name(self) -> str:
        return f"CustomResourceDefinition {self._raw['metadata'].get('name', '')}"

    @cached_property
    def _versions(self) -> dict[str, Any]:
        return {version["name"]: version for version in self._raw["spec"]["versions"]}

    @cached_property
    def _broken(self) -> bool:
        """A definition that is itself at fault judges nobody; its mistakes are reported where it stands."""
        return not self._trusted and bool(self._schemas.definition_problems(self._raw))
