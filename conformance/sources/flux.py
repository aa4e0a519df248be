"""Flux: Kustomizations and HelmReleases, and the variables that Flux puts into what it applies.

Source: https://fluxcd.io/flux/components/kustomize/kustomizations/ and
https://fluxcd.io/flux/components/helm/helmreleases/
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from conformance.kube.object import Node, Object
from conformance.sources.delivery import Delivery, Surroundings, ValuesPart

#: Objects with this annotation or label set to `disabled` are left as they are.
_DISABLED = re.compile(r"^\s*kustomize\.toolkit\.fluxcd\.io/substitute:\s*[\"']?disabled\b", re.MULTILINE)
# The subset of drone/envsubst that people use; other functions stay as they stand.
_VARIABLE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-=])([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Variables:
    """`spec.postBuild`: what replaces `${NAME}` in rendered text."""

    pairs: tuple[tuple[str, str], ...] = ()
    #: False when a ConfigMap or Secret they come from is not in the tree, or is encrypted
    complete: bool = True

    def replace(self, text: str) -> str:
        """The text of one object with its variables replaced, as Flux does it before the YAML is parsed again.

        An undefined variable becomes empty, as in Flux, unless it may be defined by something we cannot read: then it
        stays. `$${NAME}` is an escape.
        """
        return text if "${" not in text or _DISABLED.search(text) else _VARIABLE.sub(self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        escape, name, operator, default = found.groups()
        if escape:
            return found.group(0)[1:]
        value = dict(self.pairs).get(name)
        if operator and (value is None or (value == "" and operator.startswith(":"))):
            return str(default)
        if value is None:
            return "" if self.complete else found.group(0)
        return value


def read_kustomization(obj: Object, around: Surroundings) -> Iterator[Delivery]:
    """The delivery of a Flux Kustomization.

    `targetNamespace` replaces namespaces that are set, so it is laid over the kustomization like the patches.
    """
    directory = _delivered_directory(obj, around)
    if directory is None or not directory.is_dir():
        return
    namespace = obj.text("spec.targetNamespace")
    overlay: dict[str, Any] = {"namespace": namespace} if namespace else {}
    for name in ("namePrefix", "nameSuffix"):
        if obj.text(f"spec.{name}"):
            overlay[name] = obj.text(f"spec.{name}")
    for name in ("patches", "images"):
        if obj.sequence(f"spec.{name}"):
            overlay[name] = [node.raw for node in obj.sequence(f"spec.{name}")]
    if obj.mapping("spec.commonMetadata.labels"):
        overlay["labels"] = [{"pairs": dict(obj.mapping("spec.commonMetadata.labels"))}]
    if obj.mapping("spec.commonMetadata.annotations"):
        overlay["commonAnnotations"] = dict(obj.mapping("spec.commonMetadata.annotations"))
    components = [directory / node.text(()) for node in obj.sequence("spec.components")]
    if obj.flag("spec.ignoreMissingComponents"):
        components = [place for place in components if place.is_dir()]
    if components:
        overlay["components"] = [str(place) for place in components]
    yield Delivery(
        around.name_of(obj), directory, namespace or None, overlay=overlay, variables=_variables(obj, around)
    )


def _delivered_directory(obj: Object, around: Surroundings) -> Path | None:
    reference, path = obj.at("spec.sourceRef"), obj.text("spec.path")
    if reference.text("kind") == "ExternalArtifact":
        return _in_artifact(obj, reference, path, around)
    return around.locate(obj, _url(obj, reference, around), path)


def _in_artifact(obj: Object, reference: Node, path: str, around: Surroundings) -> Path | None:
    """The directory from which an ArtifactGenerator copies what a path inside its artifact means.

    Source: https://fluxcd.io/flux/components/source/artifactgenerators/
    """
    namespace, name = reference.text("namespace") or obj.namespace, reference.text("name")
    wanted = PurePosixPath("/", path)
    for generator in around.of_kind(obj, "ArtifactGenerator"):
        sources = {source.text("alias"): source for source in generator.sequence("spec.sources")}
        made = [a for a in generator.sequence("spec.artifacts") if a.text("name") == name]
        for copy in made[0].sequence("copy") if made and generator.namespace == namespace else ():
            alias, _, origin = copy.text("from").removeprefix("@").partition("/")
            target = PurePosixPath("/", copy.text("to").removeprefix("@artifact").lstrip("/"))
            if alias in sources and origin.endswith("/**") and wanted.is_relative_to(target):
                below = wanted.relative_to(target).as_posix()
                found = f"{origin.removesuffix('/**')}/{below}"
                return around.locate(generator, _url(generator, sources[alias], around), found)
    return None


def read_helm_release(obj: Object, around: Surroundings) -> Iterator[Delivery]:
    """The delivery of a HelmRelease whose chart is a directory of the tree; charts of registries are not rendered."""
    chart = obj.at("spec.chart.spec")
    if chart.text("sourceRef.kind") not in ("GitRepository", "Bucket"):
        return
    directory = around.locate(obj, _url(obj, chart.at("sourceRef"), around), chart.text("chart"))
    if directory is None or not directory.is_dir():
        return
    target = obj.text("spec.targetNamespace")
    release = obj.text("spec.releaseName") or (f"{target}-{obj.name}" if target else obj.name)
    values = tuple(_values(obj, chart, around))
    yield Delivery(around.name_of(obj), directory, target or obj.namespace or None, release, values)


READERS = {
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): read_kustomization,
    ("helm.toolkit.fluxcd.io", "HelmRelease"): read_helm_release,
}


def _url(obj: Object, reference: Node, around: Surroundings) -> str:
    namespace = reference.text("namespace") or obj.namespace
    source = around.find(obj, reference.text("kind"), namespace, reference.text("name"))
    return source.text("spec.url") if source is not None and source.kind == "GitRepository" else ""


def _variables(obj: Object, around: Surroundings) -> Variables | None:
    build = obj.at("spec.postBuild")
    if not build.mapping():
        return None
    values: dict[str, str] = {}
    complete = True
    for reference in build.sequence("substituteFrom"):
        data = _data(around.find(obj, reference.text("kind"), obj.namespace, reference.text("name")))
        complete = complete and (data is not None or bool(reference.flag("optional")))
        values |= data or {}
    values |= {name: str(value) for name, value in build.mapping("substitute").items() if value is not None}
    return Variables(tuple(sorted(values.items())), complete)


def _data(source: Object | None) -> dict[str, str] | None:
    """What a ConfigMap or Secret holds; None when it is not there, or any of it is encrypted by SOPS."""
    if source is None or source.get("sops") is not None:
        return None
    data = {name: value for name, value in source.mapping("data").items() if isinstance(value, str)}
    if source.kind == "Secret":
        try:
            data = {name: base64.b64decode(value, validate=True).decode() for name, value in data.items()}
        except (binascii.Error, UnicodeDecodeError):
            return None
        data |= {name: value for name, value in source.mapping("stringData").items() if isinstance(value, str)}
    return data


def _values(obj: Object, chart: Node, around: Surroundings) -> Iterator[ValuesPart]:
    for node in chart.sequence("valuesFiles"):
        part = around.values_file(obj, around.root_of(obj), node.text(()))
        if part[0] == "file" or not chart.flag("ignoreMissingValuesFiles"):
            yield part
    for reference in obj.sequence("spec.valuesFrom"):
        yield from _values_from(obj, reference, around)
    if obj.mapping("spec.values"):
        yield "text", json.dumps(obj.mapping("spec.values"))


def _values_from(obj: Object, reference: Node, around: Surroundings) -> Iterator[ValuesPart]:
    kind, name, key = reference.text("kind"), reference.text("name"), reference.text("valuesKey", "values.yaml")
    data = _data(around.find(obj, kind, obj.namespace, name))
    if data is None or key not in data:
        if not reference.flag("optional") and kind != "Secret":
            yield "unknown", f"{obj} takes values from {kind} {name}, key {key}, which is not in the tree"
        return
    target = reference.text("targetPath")
    yield ("set", f"{target}={data[key].strip()}") if target else ("text", data[key])
