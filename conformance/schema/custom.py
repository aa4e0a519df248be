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
        self._judges: dict[str, Judge | str] = {}

    @cached_property
    def key(self) -> tuple[str, str] | None:
        """Group and kind; None where they have wrong types, and then the definition is never asked."""
        spec = self._raw.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        kind = names.get("kind") if isinstance(names, dict) else None
        group = spec.get("group") if isinstance(spec, dict) else None
        return (group, kind) if isinstance(group, str) and isinstance(kind, str) else None

    @property
    def scope(self) -> str | None:
        """Whether the kind is "Namespaced" or "Cluster"."""
        scope = self._raw["spec"].get("scope")
        return scope if scope in ("Namespaced", "Cluster") else None

    def serves(self, version: str) -> bool:
        """Whether the definition, if it is sound, serves objects of a version."""
        return not self._broken and self._versions.get(version, {}).get("served") is True

    def judge(self, thing: Object) -> Verdict:
        """The verdict about an object of this kind."""
        if self._broken:
            return self._not_validated(thing, f"the schema in {self._name} is broken")
        if not self.serves(thing.version):
            served = ", ".join(filter(self.serves, self._versions))
            reason = f"{thing.api_version} {thing.kind} is not served: {self._name} serves {served or 'no version'}"
            return Verdict((SchemaProblem(("apiVersion",), reason, served, thing.version),))
        version = self._versions[thing.version]
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            return self._not_validated(thing, f"{self._name} has no schema for {thing.version}")
        judge = self._judges.get(thing.version)
        if judge is None:
            judge = self._judges[thing.version] = self._compiled(schema, version)
        if isinstance(judge, str):
            return self._not_validated(thing, judge)
        return judge.judge(thing.raw)

    def _compiled(self, schema: Schema, version: Any) -> Judge | str:
        status = "status" in (version.get("subresources") or {})
        prune = not self._raw["spec"].get("preserveUnknownFields")
        converted = structural.convert(schema, status_is_subresource=status, prune=prune, version=self._schemas.version)
        try:
            return Judge(self._schemas.closed(converted), has_rules=structural.has_rules(schema))
        except ValueError as error:
            return f"the schema in {self._name} cannot be compiled: {str(error).splitlines()[0]}"

    def _not_validated(self, thing: Object, reason: str) -> Verdict:
        return Verdict(self._schemas.judge_metadata(thing).problems, reason)

    @property
    def _name(self) -> str:
        metadata = self._raw.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return f"CustomResourceDefinition {name or '(without a name)'}"

    @cached_property
    def _versions(self) -> dict[str, Any]:
        return {version["name"]: version for version in self._raw["spec"]["versions"]}

    @cached_property
    def _broken(self) -> bool:
        """A definition that is itself at fault judges nobody; its mistakes are reported where it stands."""
        if self._trusted:
            return False
        verdict = self._schemas.judge_definition(self._raw)
        # A placeholder such as ${VERSIONS} stands where nobody knows what will.
        return bool(verdict.unevaluated) or not all(each.is_unknown_field for each in verdict.problems)
