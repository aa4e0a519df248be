"""Helm values of a release as far as a tree shows them: the values file, and what is laid over it.

Helm merges `-f` files in order, then `--set`; Argo CD merges `valueFiles`, then `values`, `valuesObject`, `parameters`.
https://helm.sh/docs/chart_template_guide/values_files/ and https://argo-cd.readthedocs.io/en/stable/user-guide/helm/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.kube.inventory import Inventory, Match, path_matches
from conformance.kube.object import Document, Node, Object
from conformance.kube.path import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """The value that counts for a key, and where it stands. `value` is None when no layer sets it."""

    subject: Document
    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of values: a mapping below `path`, or (for `parameters`) a list of name and value."""

    document: Document
    path: Path = ()
    parameters: bool = False

    def find(self, key: str) -> Setting | None:
        """The key in this layer; an explicit null deletes the chart's default, which is not the same as absent."""
        if self.parameters:
            return next((each for each in self._parameters() if each[0] == key), (key, None))[1]
        steps = (*self.path, *key.split("."))
        node: Any = self.document.raw
        for step in steps:
            by_name = isinstance(step, str) and isinstance(node, dict) and step in node
            by_index = isinstance(step, int) and isinstance(node, list) and step < len(node)
            if by_name or by_index:
                node = node[step]
            else:
                return None
        return Setting(self.document, steps, node)

    def _parameters(self) -> Iterator[tuple[str, Setting]]:
        entries: list[Node] = list(self.document.sequence(self.path))
        for entry in reversed(entries):
            value = entry.get("value")
            if entry.get("forceString") is not True and value in ("true", "false"):
                value = value == "true"
            yield str(entry.get("name")), Setting(self.document, (*entry.path, "value"), value)


def releases(inventory: Inventory, file: str) -> list[list[Layer]]:
    """For every release that uses a values file, its layers in the order in which they are merged, last wins.

    Without an Argo CD Application that uses the file there is one release made of the file alone. Inline `values` (a
    string of YAML) is not read here. Empty when the tree has no such file.
    """
    base = [each for each in inventory.select_documents(Match(paths=(file,))) if not isinstance(each, Object)]
    if not base:
        return []
    found = [layers for layers in _argo_releases(inventory, file) if layers]
    return found or [[Layer(each) for each in base]]


def settings(inventory: Inventory, file: str, key: str) -> list[Setting]:
    """The effective value of a key in each release; where no layer has it, the place in the file where it would be.

    Empty when the tree has no such file.
    """
    found = []
    for layers in releases(inventory, file):
        values = [setting for layer in layers if (setting := layer.find(key)) is not None]
        first = next((each for each in layers if path_matches(each.document.origin.path, file)), layers[0])
        found.append(values[-1] if values else Setting(first.document, tuple(key.split(".")), None))
    return found


def _argo_releases(inventory: Inventory, file: str) -> Iterator[list[Layer]]:
    for application in inventory.of_kind("Application", "argoproj.io"):
        single = [application.at("spec.source")] if application.get("spec.source") else []
        for source in [*single, *application.sequence("spec.sources")]:
            names = [str(each.raw) for each in source.sequence("helm.valueFiles")]
            if not any(path_matches("/" + name.lstrip("$./"), file) for name in names):
                continue
            layers = [layer for name in names for layer in _files(inventory, name)]
            if source.get("helm.valuesObject"):
                layers.append(Layer(application, (*source.path, "helm", "valuesObject")))
            if source.get("helm.parameters"):
                layers.append(Layer(application, (*source.path, "helm", "parameters"), parameters=True))
            yield layers


def _files(inventory: Inventory, name: str) -> Iterator[Layer]:
    """A `valueFiles` entry is relative to the chart, or to a source named by `$ref`; it is found by its end."""
    tail = re.sub(r"^(\$[A-Za-z0-9_-]+/|\.\.?/|/)+", "", name)
    for document in inventory.select_documents(Match(paths=(tail,))):
        if not isinstance(document, Object):
            yield Layer(document)


def alternatives(inventory: Inventory, values: str, keys: Sequence[str] | None, required: bool = True) -> list[Setting]:
    """Effective values of keys that mean the same; the first stands for all when none of them is set."""
    if not values or not keys:
        return []
    found = [setting for key in keys for setting in settings(inventory, values, key)]
    present = [each for each in found if each.value is not None]
    return present or (found[:1] if required else [])
