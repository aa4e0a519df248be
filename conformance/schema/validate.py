"""Judging objects by the schemas of Kubernetes and of the custom resources that are defined beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path as File
from typing import Any

from conformance.kube.object import Object
from conformance.schema import store
from conformance.schema.custom import CRD, CustomKind, mistakes
from conformance.schema.engine import Judge
from conformance.schema.openapi import OBJECT_META, POINTER, Schema, references
from conformance.schema.served import not_served
from conformance.schema.verdict import SchemaProblem, Verdict

# All that can be asked of the metadata of a kind whose schema nobody has: it need not be an object of an API server.
_KNOWN_METADATA = ("name", "generateName", "namespace", "labels", "annotations")


class SchemaSet:
    """The schemas of one Kubernetes version, and of custom resources.

    Compiled lazily, kind by kind. Immutable to the outside: `with_crds` gives another set.
    """

    def __init__(self, known: store.Stored, crds: Iterable[Object] = ()) -> None:
        self.version = known.minor
        self._known = known
        self._judges: dict[str, Judge] = {}
        self._covered: dict[str, bool] = {}
        self._custom: dict[tuple[str, str], list[CustomKind]] = {}
        given = [CustomKind(self, crd.raw) for crd in crds if f"{crd.api_version}/{crd.kind}" == CRD]
        for kind in (*given, *(CustomKind(self, raw, trusted=True) for raw in known.crds)):
            if kind.key is not None:
                self._custom.setdefault(kind.key, []).append(kind)

    @classmethod
    def load(cls, version: str | None = None) -> SchemaSet:
        """The schemas of a version that travels with the package; without a version the newest.

        `1.34`, `v1.34` and `1.34.2` are the same. Raises `SchemaFileError` for a version that is not there.
        """
        return cls(store.stored(version or store.versions()[-1]))

    @classmethod
    def read(cls, path: File) -> SchemaSet:
        """Schemas that `plumbline schemas` took. Raises `SchemaFileError`, `OSError`."""
        return cls(store.read(path.resolve()))

    def with_crds(self, crds: Iterable[Object]) -> SchemaSet:
        """This set and the kinds that CustomResourceDefinitions (of v1) define; those found first count first."""
        return SchemaSet(self._known, crds)

    def scope_of(self, group: str, kind: str) -> str | None:
        """Whether a kind is "Namespaced" or "Cluster", as the server said it; None for a kind without schema."""
        for key, (_, scope) in self._known.kinds.items():
            if store.group_and_kind(key) == (group, kind):
                return scope
        scopes = [each.scope for each in self._custom.get((group, kind), ())]
        return scopes[0] if scopes else None

    def validate(self, thing: Object) -> Iterator[SchemaProblem]:
        """Problems alone; `judge` tells in addition whether the object could be judged at all."""
        yield from self.judge(thing).problems

    def judge(self, thing: Object) -> Verdict:
        """The verdict about one object. Never raises: a value that the engine cannot read is a problem."""
        try:
            return self._judge(f"{thing.api_version}/{thing.kind}", thing)
        except ValueError as error:
            return Verdict((SchemaProblem((), f"holds what JSON cannot say: {error}"),))

    def covers(self, thing: Object) -> bool:
        """Whether anything but the metadata of an object can be judged; false exactly where `not_validated` says why.

        Answered once for each kind, so asking costs nothing.
        """
        key = f"{thing.api_version}/{thing.kind}"
        if key not in self._covered:
            self._covered[key] = not self.judge(thing).not_validated
        return self._covered[key]

    def _judge(self, key: str, thing: Object) -> Verdict:
        if key in self._known.kinds:
            return self.judge_definition(thing.raw) if key == CRD else self._judge_built_in(key, thing.raw)
        custom = self._custom.get((thing.group, thing.kind), ())
        if custom:
            # A tree may hold several releases of one definition; the object needs to fit one of them.
            able = [each for each in custom if each.serves(thing.version)] or custom
            verdicts = (each.judge(thing) for each in able)
            return min(verdicts, key=lambda each: (bool(each.not_validated), len(each.problems)))
        reason = not_served(key, self._known)
        if reason is not None:
            return Verdict((SchemaProblem(("apiVersion",), reason, "", thing.api_version),))
        return Verdict(self.judge_metadata(thing).problems, f"no schema of {thing.api_version} {thing.kind}")

    def _judge_built_in(self, key: str, raw: Any) -> Verdict:
        judge = self._judges.get(key)
        if judge is None:
            judge = self._judges[key] = Judge(self.closed({"$ref": POINTER + self._known.kinds[key][0]}))
        return judge.judge(raw)

    def judge_definition(self, raw: Any) -> Verdict:
        """The verdict about a CustomResourceDefinition, its schemas included once their types are right."""
        verdict = self._judge_built_in(CRD, raw)
        if verdict.unevaluated or not all(each.is_unknown_field for each in verdict.problems):
            return verdict
        return replace(verdict, problems=(*verdict.problems, *mistakes(raw)))

    def judge_metadata(self, thing: Object) -> Verdict:
        """Labels and annotations that are no strings, names that are no text: wrong in every kind."""
        return self._metadata.judge(thing.raw)

    @cached_property
    def _metadata(self) -> Judge:
        known = self._known.definitions[OBJECT_META]["properties"]
        metadata = {"type": ["object", "null"], "properties": {name: known[name] for name in _KNOWN_METADATA}}
        return Judge({"properties": {"metadata": metadata}})

    def schema_of(self, api_version: str, kind: str) -> Schema | None:
        """JSON Schema of a built-in kind with all that it refers to, for other validators; None when there is none."""
        known = self._known.kinds.get(f"{api_version}/{kind}")
        return self.closed({"$ref": POINTER + known[0]}) if known else None

    def closed(self, schema: Schema) -> Schema:
        """A schema with all the definitions it refers to, and no others."""
        definitions: dict[str, Schema] = {}
        waiting = references(schema)
        while waiting:
            name = waiting.pop()
            if name not in definitions:
                definitions[name] = self._known.definitions[name]
                waiting |= references(definitions[name])
        return schema | {"$defs": definitions}
