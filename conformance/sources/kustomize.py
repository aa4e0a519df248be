"""Kustomizations in a tree: what they are built from, which are roots, what must not be judged raw. Runs nothing.

Source of the field names: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ and kustomize's
api/types/kustomization.go at v5.8.1, with the deprecated fields that it still reads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeGuard

from conformance.kube.object import Document
from conformance.kube.path import Path as FieldPath
from conformance.sources.load import SourceFile

#: The names kustomize looks for, in no order: two of them in one directory are an error.
FILE_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_GROUP = "kustomize.config.k8s.io/"

# As kustomize decides it (api/internal/git/repospec.go and IsRemoteFile): a scheme, `user@host:`, or GitHub by name.
_REMOTE = re.compile(
    r"(git::)?((https?|ssh|file)://|[a-z][a-z0-9-]*@[^/]*[:/]|github\.com[/:][^/]+/[^/])", re.IGNORECASE
)


class Use(Enum):
    """What a kustomization takes a file or directory for."""

    RESOURCE = auto()
    COMPONENT = auto()
    PATCH = auto()
    INPUT = auto()  # generator and transformer configuration, files of generated ConfigMaps, OpenAPI schemas


@dataclass(frozen=True, slots=True)
class Reference:
    """One mention of a file, directory or URL in a kustomization."""

    use: Use
    text: str
    field: FieldPath

    @property
    def has_scheme(self) -> bool:
        """Whether it is a URL even when a file of that name exists."""
        return "://" in self.text

    @property
    def is_remote(self) -> bool:
        """Whether kustomize would fetch it, even when there is a directory of that name. A file of it comes first."""
        return _REMOTE.match(self.text) is not None


@dataclass(slots=True)
class Kustomization:
    """One kustomization file. `directory` is absolute; wrong types in the file are left for kustomize to reject."""

    file: SourceFile
    document: Document
    directory: Path
    references: list[Reference] = field(default_factory=list)

    @property
    def raw(self) -> dict[str, Any]:
        """The file's content."""
        raw: dict[str, Any] = self.document.raw
        return raw

    @property
    def is_component(self) -> bool:
        """A Component is only ever a part of another kustomization and cannot be built alone."""
        return self.raw.get("kind") == "Component"

    @property
    def namespace(self) -> str | None:
        """`namespace:`, which kustomize puts into everything it renders here."""
        value = self.raw.get("namespace")
        return value if isinstance(value, str) and value else None

    @property
    def charts(self) -> list[tuple[FieldPath, dict[str, Any]]]:
        """Entries of `helmCharts` and of its older form, each with its path."""
        return [
            ((name, index), entry)
            for name in ("helmCharts", "helmChartInflationGenerator")
            for index, entry in enumerate(_list(self.raw.get(name)))
            if isinstance(entry, dict)
        ]


def read_kustomization(file: SourceFile, directory: Path) -> Kustomization | None:
    """The kustomization that a file holds, or None: the name alone does not decide, nor does the kind alone.

    Flux has a kind Kustomization too (kustomize.toolkit.fluxcd.io), and people keep it in files of these names.
    """
    if file.path.rpartition("/")[2] not in FILE_NAMES or len(file.documents) != 1:
        return None
    raw = file.documents[0].raw
    if not isinstance(raw, dict):
        return None
    version, kind = raw.get("apiVersion", _GROUP), raw.get("kind", "Kustomization")
    if not isinstance(version, str) or not version.startswith(_GROUP) or kind not in ("Kustomization", "Component"):
        return None
    return Kustomization(file, file.documents[0], directory, list(_references(raw)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_name(value: Any) -> TypeGuard[str]:
    """Whether a string can name a file at all: patches and generators may also stand inline, as YAML text."""
    return isinstance(value, str) and 0 < len(value) < 4000 and not re.search(r"[\n\0]|: |\A\s*\{|[^/]{256}", value)


def _references(raw: dict[str, Any]) -> Iterator[Reference]:
    for name, use in _PLAIN.items():
        for index, entry in enumerate(_list(raw.get(name))):
            if _is_name(entry):
                yield Reference(use, entry, (name, index))
    for name, use in _WITH_PATH.items():
        for index, entry in enumerate(_list(raw.get(name))):
            if isinstance(entry, dict) and _is_name(entry.get("path")):
                yield Reference(use, entry["path"], (name, index, "path"))
            elif isinstance(entry, str) and _is_name(entry):
                # Written for kustomize 1, whose `patches` were file names: no build takes it now, a patch it is.
                yield Reference(use, entry, (name, index))
    for name in ("configMapGenerator", "secretGenerator"):
        for index, entry in enumerate(_list(raw.get(name))):
            if isinstance(entry, dict):
                yield from _generator(entry, (name, index))
    openapi = raw.get("openapi")
    schema = openapi.get("path") if isinstance(openapi, dict) else None
    if _is_name(schema):
        yield Reference(Use.INPUT, schema, ("openapi", "path"))
    for name, key in (("helmCharts", "valuesFile"), ("helmChartInflationGenerator", "values")):
        for index, entry in enumerate(_list(raw.get(name))):
            if isinstance(entry, dict):
                yield from _chart_values(entry, key, (name, index))


_PLAIN = {
    "resources": Use.RESOURCE,
    "bases": Use.RESOURCE,
    "components": Use.COMPONENT,
    "patchesStrategicMerge": Use.PATCH,
    "crds": Use.INPUT,
    "configurations": Use.INPUT,
    "generators": Use.INPUT,
    "transformers": Use.INPUT,
    "validators": Use.INPUT,
}
_WITH_PATH = {"patches": Use.PATCH, "patchesJson6902": Use.PATCH, "replacements": Use.INPUT}


def _generator(entry: dict[str, Any], path: FieldPath) -> Iterator[Reference]:
    for index, text in enumerate(_list(entry.get("files"))):
        if _is_name(text):
            key, equals, name = text.partition("=")
            yield Reference(Use.INPUT, name if equals else key, (*path, "files", index))
    for index, text in enumerate(_list(entry.get("envs"))):
        if _is_name(text):
            yield Reference(Use.INPUT, text, (*path, "envs", index))
    if _is_name(entry.get("env")):
        yield Reference(Use.INPUT, entry["env"], (*path, "env"))


def _chart_values(entry: dict[str, Any], key: str, path: FieldPath) -> Iterator[Reference]:
    if _is_name(entry.get(key)):
        yield Reference(Use.INPUT, entry[key], (*path, key))
    for index, text in enumerate(_list(entry.get("additionalValuesFiles"))):
        if _is_name(text):
            yield Reference(Use.INPUT, text, (*path, "additionalValuesFiles", index))


def resolve(kustomization: Kustomization, reference: Reference) -> Path:
    """The absolute path that a reference means; symbolic links are resolved, as kustomize does it."""
    return Path(os.path.realpath(kustomization.directory / reference.text))


def chart_home(kustomization: Kustomization) -> Path:
    """Directory in which kustomize looks for the charts of `helmCharts`: `helmGlobals.chartHome`, else `charts`."""
    settings = kustomization.raw.get("helmGlobals")
    home = settings.get("chartHome") if isinstance(settings, dict) else None
    for _, entry in kustomization.charts:
        home = home or entry.get("chartHome")
    return Path(os.path.realpath(kustomization.directory / (home if isinstance(home, str) and home else "charts")))
