"""Argo CD: Applications, and the ApplicationSets whose parameters can be known without a cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.kube.object import Node, Object
from conformance.sources.applicationset import TEMPLATE, expand, glob
from conformance.sources.delivery import Delivery, Surroundings, ValuesPart


def read_application(obj: Object, around: Surroundings) -> Iterator[Delivery]:
    """Deliveries of an Application; one for each source that is a path in this repository."""
    yield from _read(obj, Node(obj.mapping("spec"), ("spec",)), obj.name, around.name_of(obj), around)


def read_application_set(obj: Object, around: Surroundings) -> Iterator[Delivery]:
    """Deliveries of the Applications that an ApplicationSet makes.

    Parameters that only a cluster, a provider or a function of the template knows stay unexpanded: then a path matches
    every directory that it can mean, and a templated namespace, release or value is unknown.
    `templatePatch` can change anything, so with one of these a namespace counts as unknown where it names one.
    """
    patched = "namespace" in obj.text("spec.templatePatch")
    for template in expand(obj, around):
        name = template.text("metadata.name") or obj.name
        for delivery in _read(obj, Node(template.mapping("spec")), name, around.name_of(obj), around):
            yield delivery if not patched else _without_namespace(delivery)


READERS = {
    ("argoproj.io", "Application"): read_application,
    ("argoproj.io", "ApplicationSet"): read_application_set,
}


def _without_namespace(delivery: Delivery) -> Delivery:
    return Delivery(delivery.by, delivery.directory, None, delivery.release, delivery.values, delivery.overlay)


def _read(obj: Object, spec: Node, name: str, by: str, around: Surroundings) -> Iterator[Delivery]:
    sources = [*spec.sequence("sources")]
    sources += [spec.at(field) for field in ("source", "sourceHydrator.drySource") if spec.mapping(field)]
    references = {source.text("ref"): source.text("repoURL") for source in sources if source.get("ref")}
    for source in sources:
        path = source.text("path")
        if not path or source.get("chart"):
            continue
        for directory in _directories(obj, source.text("repoURL"), path, around):
            yield Delivery(
                by,
                directory,
                _known(spec.text("destination.namespace")),
                _known(source.text("helm.releaseName") or name),
                tuple(_values(obj, source, directory, references, around)),
                _overlay(source, directory),
            )


def _known(text: str) -> str | None:
    return text if text and not TEMPLATE.search(text) else None


def _directories(obj: Object, url: str, path: str, around: Surroundings) -> Iterator[Path]:
    if TEMPLATE.search(url):
        url = ""
    fixed, *rest = TEMPLATE.sub("*", path).partition("*")
    if not any(rest):
        found = around.locate(obj, url, path)
        if found is not None and found.is_dir():
            yield found
        return
    above, _, start = fixed.rpartition("/")
    top = around.locate(obj, url, above) if above.strip("./") else None
    if top is not None:
        yield from (place for place in glob(top, start + "".join(rest)) if place.is_dir())


def _values(
    obj: Object, source: Node, directory: Path, references: Mapping[str, str], around: Surroundings
) -> Iterator[ValuesPart]:
    helm = Node(source.mapping("helm"))
    lenient = helm.flag("ignoreMissingValueFiles", False)
    for node in helm.sequence("valueFiles"):
        text = node.text(())
        if TEMPLATE.search(text):
            yield "unknown", f"{obj} names values file {text}, which only a cluster knows"
            continue
        part = _referenced(obj, text, references, around) or around.values_file(obj, directory, text)
        if part[0] == "file" or not lenient:
            yield part
    text = json.dumps(helm.mapping("valuesObject")) if helm.mapping("valuesObject") else helm.text("values")
    if text:
        yield ("unknown", f"{obj} has templated values") if TEMPLATE.search(text) else ("text", text)
    for node in helm.sequence("parameters"):
        value = node.text("value")
        if not TEMPLATE.search(value):
            option: Any = "set-string" if node.flag("forceString") else "set"
            yield option, f"{node.text('name')}={_escape_commas(value)}"
    for node in helm.sequence("fileParameters"):
        kind, found = around.values_file(obj, directory, node.text("path"))
        yield ("set-file", f"{node.text('name')}={found}") if kind == "file" else (kind, found)


def _referenced(obj: Object, text: str, references: Mapping[str, str], around: Surroundings) -> ValuesPart | None:
    """A values file of another source of the same Application: `$name/path`."""
    if not text.startswith("$"):
        return None
    name, _, path = text[1:].partition("/")
    found = around.locate(obj, references[name], path) if path and name in references else None
    return ("file", str(found)) if found else ("unknown", f"{obj} names values file {text}, which is not in the tree")


def _escape_commas(value: str) -> str:
    return re.sub(r"(?<!\\),", r"\\,", value)


def _overlay(source: Node, directory: Path) -> dict[str, Any]:
    """`source.kustomize` as fields of a kustomization."""
    settings = Node(source.mapping("kustomize"))
    overlay: dict[str, Any] = {
        name: settings.text(name) for name in ("namePrefix", "nameSuffix", "namespace") if _known(settings.text(name))
    }
    for name in ("patches", "replicas"):
        if settings.sequence(name):
            overlay[name] = [node.raw for node in settings.sequence(name)]
    if settings.mapping("commonAnnotations"):
        overlay["commonAnnotations"] = dict(settings.mapping("commonAnnotations"))
    if settings.mapping("commonLabels"):
        selectors = not settings.flag("labelWithoutSelector", False)
        overlay["labels"] = [{"pairs": dict(settings.mapping("commonLabels")), "includeSelectors": selectors}]
    images = [node.text(()) for node in settings.sequence("images")]
    if images:
        overlay["images"] = [parse_image(image) for image in images if _known(image)]
    if settings.sequence("components"):
        overlay["components"] = [str(directory / node.text(())) for node in settings.sequence("components")]
    return overlay


def parse_image(text: str) -> dict[str, str]:
    """`[name=]image[:tag][@digest]`, the form of `kustomize edit set image`, as an entry of `images:`."""
    name, equals, rest = text.rpartition("=")
    rest, at, digest = rest.partition("@")
    path, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    image = {"name": name if equals else path + slash + last}
    if equals:
        image["newName"] = path + slash + last
    if colon:
        image["newTag"] = tag
    if at:
        image["digest"] = digest
    return image
