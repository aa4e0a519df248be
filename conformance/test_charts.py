"""What files are given to kubectl and to Helm: the objects they yield, the values that count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import Said, check
from conformance.declared import compare
from conformance.finding import Finding
from conformance.kube.chart_values import settings
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Node, Object


@check
def test_manifest_file(
    inventory: Inventory, *, path: str, kind: str, name: str, values_key: str = "", values_default: str = ""
) -> Iterator[Said]:
    """A file is there and yields an object of that kind and name: as a manifest, or as values of a chart that makes it.

    A file that mixes both can be neither applied nor given to Helm.
    """
    if not any(Match(paths=(path,)).selects_path(each) for each in inventory.files):
        yield Finding(None, "", f"no file {path}")
        return
    documents = list(inventory.select_documents(Match(paths=(path,))))
    objects = [each for each in documents if isinstance(each, Object)]
    values = [each for each in documents if not isinstance(each, Object) and isinstance(each.raw, dict)]
    for each in values:
        if objects:
            yield Finding(each, "", "is no manifest, beside manifests that are applied from the same file")
        elif not values_key or each.get(values_key) is None:
            yield Finding(each, "", f"yields no {kind} {name}", f"{kind} {name}", None)
        elif each.get((*values_key.split("."), "name"), values_default) != name:
            yield Finding(each, f"{values_key}.name", f"yields another {kind}", name, each.get(f"{values_key}.name"))
    if not values and not any(each.kind == kind and each.name == name for each in objects):
        for other in objects[:1]:
            yield Finding(other, "metadata.name", f"yields no {kind} {name}", f"{kind} {name}", str(other))
        if not objects:
            yield Finding(None, "", f"{path} holds no object that could be read")


@check
def test_chart_value(inventory: Inventory, *, values: str, key: str, expect: Any) -> Iterator[Said]:
    """A value of a chart is what was documented, after everything that is laid over the values file.

    Compared by meaning, with the operators of `declared`. That the key is set proves nothing about the chart: Helm
    ignores what a chart does not know.
    """
    found = settings(inventory, values, key)
    if not found:
        yield Finding(None, "", f"no values file {values}")
    for setting in found:
        for mismatch in compare(Node(setting.value, setting.path), expect):
            yield Finding(setting.subject, mismatch.path, mismatch.message, mismatch.expected, mismatch.observed)
