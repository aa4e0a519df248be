"""Every root kustomization of a tree to objects, each with its place in the source."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.kube.object import Location
from conformance.kube.path import Path as FieldPath
from conformance.sources.delivery import Delivery, TextReplacement
from conformance.sources.kustomize import Kustomization
from conformance.sources.kustomize_build import (
    Built,
    Made,
    absent_charts,
    build,
    explain,
    input_files,
    take_origin,
    unsafe_charts,
)
from conformance.sources.kustomize_graph import Closure, Graph
from conformance.sources.places import Places
from conformance.sources.program import Program, ProgramError
from conformance.sources.render_cache import RenderCache, digest, is_secret
from conformance.sources.rendered import PlaceOrigin, RenderedOrigin, Source, name_of, sources_in
from conformance.sources.rendered_text import Fault, parts, value_of
from conformance.sources.repository import git_root

MISSING_PROGRAM = (
    "needs the program kustomize (https://kubectl.docs.kubernetes.io/installation/kustomize/) or kubectl on PATH; "
    "--no-render judges its files as they stand"
)


@dataclass(frozen=True, slots=True)
class Overlay:
    """One build: a root and what an Argo CD or Flux object lays over it."""

    directory: Path
    #: fields of the wrapping kustomization, as canonical JSON
    fields: str = "{}"
    variables: TextReplacement | None = None

    @property
    def laid_over(self) -> dict[str, Any]:
        """The fields, read again."""
        fields: dict[str, Any] = json.loads(self.fields)
        return fields

    @property
    def namespace(self) -> str | None:
        """The namespace laid over everything, if any."""
        return self.laid_over.get("namespace")


@dataclass(frozen=True, slots=True)
class Lost:
    """Why a root was not built, and where."""

    location: Location
    reason: str


@dataclass(slots=True)
class Outcome:
    """What came of one build."""

    objects: list[tuple[dict[str, Any], Made | None]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    @property
    def may_hold_builds(self) -> bool:
        """Whether what it is built from may be built by itself, although it was not."""
        return bool(self.lost) and all(each.reason != MISSING_PROGRAM for each in self.lost)


def under(directory: Path, namespaces: set[str | None]) -> Overlay:
    """The build of what a failed kustomization is built from, with the namespace that all its users agree on.

    What else its users would have changed is not known; but its own patches and image tags count.
    """
    namespace = next(iter(namespaces)) if len(namespaces) == 1 else None
    return Overlay(directory, json.dumps({"namespace": namespace}) if namespace else "{}")


def overlays(roots: Iterable[Kustomization], deliveries: Sequence[Delivery]) -> dict[Overlay, list[Delivery]]:
    """The builds of a tree, each with what delivers it. A root that is delivered in two ways is built twice."""
    by_directory: dict[Path, list[Delivery]] = {}
    for delivery in deliveries:
        by_directory.setdefault(delivery.directory, []).append(delivery)
    found: dict[Overlay, list[Delivery]] = {}
    for root in roots:
        for delivery in by_directory.get(root.directory, ()):
            fields = json.dumps(delivery.overlay, sort_keys=True, default=str)
            found.setdefault(Overlay(root.directory, fields, delivery.variables), []).append(delivery)
        if root.directory not in by_directory:
            found[Overlay(root.directory)] = []
    return found


class Builder:
    """Builds roots, or takes what an earlier run built from the same files."""

    def __init__(
        self,
        graph: Graph,
        places: Places,
        program: Program | None,
        helm: Program | None,
        cache: RenderCache,
        *,
        timeout: float,
        allow_network: bool,
    ) -> None:
        self._graph = graph
        self._places = places
        self._program = program
        self._helm = helm
        self._cache = cache
        self._timeout = timeout
        self._allow_network = allow_network

    def run(self, overlay: Overlay) -> Outcome:
        """Builds one root. Safe to call from several threads at once."""
        root = self._graph.at(overlay.directory)
        if root is None:
            raise AssertionError(f"{overlay.directory} is a root")
        closures = self.closures(overlay)
        lost = [failure for closure in closures for failure in self._certain_failures(closure)]
        if lost:
            return Outcome(lost=lost)
        if self._program is None:
            return Outcome(lost=[Lost(root.document.locate(()), MISSING_PROGRAM)])
        key = self._key(overlay, closures, self._program)
        kept = self._cache.get(key)
        if kept is not None:
            return Outcome([(raw, _made(made, root.directory)) for raw, made in kept])
        try:
            outcome = self._build(self._program, root, overlay, closures)
        except ProgramError as error:
            return Outcome(lost=[self._failure(root, str(error))])
        secret = any(is_secret(raw) for raw, _ in outcome.objects)
        if not outcome.lost and not secret and not self._allow_network:
            self._cache.put(key, [[raw, _relative(made, root.directory)] for raw, made in outcome.objects])
        return outcome

    def _build(self, program: Program, root: Kustomization, overlay: Overlay, closures: list[Closure]) -> Outcome:
        with_charts = any(user.charts for closure in closures for user in closure.kustomizations)
        built = build(
            program,
            root,
            overlay.laid_over,
            timeout=self._timeout,
            allow_network=self._allow_network,
            helm=self._helm if with_charts else None,
        )
        return self._read(built, root, overlay)

    def _read(self, built: Built, root: Kustomization, overlay: Overlay) -> Outcome:
        outcome = Outcome()
        for part in parts(built.text):
            text = overlay.variables.replace(part.text) if overlay.variables else part.text
            try:
                raw, _ = value_of(text, ordinary=text.isascii())
            except Fault as fault:
                reason = f"line {fault.line + part.above} of what it renders: {fault.reason}"
                outcome.lost.append(Lost(Location(root.file.path), reason))
                continue
            if isinstance(raw, dict):
                outcome.objects.append(take_origin(raw, built.relative_to, strip=built.annotated))
        return outcome

    def closures(self, overlay: Overlay) -> list[Closure]:
        """What a build reads: the root's own closure, and those of Components that Argo CD or Flux adds."""
        places = [
            overlay.directory,
            *(Path(os.path.realpath(name)) for name in overlay.laid_over.get("components", ())),
        ]
        return [self._graph.closure(found) for place in places if (found := self._graph.at(place))]

    def _key(self, overlay: Overlay, closures: list[Closure], program: Program) -> str:
        # components are named by absolute path, which must not keep a cache from fitting another checkout
        fields = overlay.fields.replace(str(self._places.top), "")
        facts = [program.identity, fields, self._helm.identity if self._helm else "", repr(overlay.variables)]
        files = [file for closure in closures for file in input_files(closure)]
        return digest(facts, files, overlay.directory)

    def _certain_failures(self, closure: Closure) -> Iterator[Lost]:
        """What must fail, or must not be tried, found without running anything; so with the exact line."""
        for document, reference in closure.remote:
            if not self._allow_network:
                yield Lost(document.locate(reference.field), f"needs the network (--allow-network): {reference.text}")
        for user, reference in closure.missing:
            name = ".".join(str(step) for step in reference.field[:1])
            yield _lost(user, reference.field, f"{name} names {reference.text}, which does not exist")
        root = git_root(closure.kustomizations[0].directory)
        for user in closure.kustomizations:
            if root is not None and not user.directory.is_relative_to(root):
                reason = f"uses {user.directory}, which lies outside the repository"
                yield _lost(closure.kustomizations[0], (), reason)
            for path, reason in unsafe_charts(user):
                yield _lost(user, path, reason)
            for path, chart in absent_charts(user):
                if not self._allow_network:
                    yield _lost(user, path, f"needs the network (--allow-network): {chart}")
            if user.charts and self._helm is None:
                yield _lost(user, user.charts[0][0], "needs the program helm on PATH for its helmCharts")

    def _failure(self, root: Kustomization, message: str) -> Lost:
        failure = explain(message)
        blamed = self._graph.at(failure.directory) if failure.directory else None
        return Lost(Location((blamed or root).file.path), failure.reason)

    def origin(
        self, overlay: Overlay, raw: dict[str, Any], made: Made | None, via: str
    ) -> RenderedOrigin | PlaceOrigin:
        """The origin of a built object; nothing is read before a line is asked for."""
        root = self._graph.at(overlay.directory)
        if root is None:
            raise AssertionError(f"{overlay.directory} is a root")
        if made is None:
            return PlaceOrigin(root.file.path, via)
        shown = self._places.shown(made.file)
        if made.generated:
            return PlaceOrigin(shown, via, lambda: self._generator(made.file, raw))
        return RenderedOrigin(
            shown,
            via,
            raw,
            lambda: self._sources(made.file),
            lambda: self._patches(overlay),
            _same_after(overlay.variables) if overlay.variables else lambda rendered, source: bool(rendered == source),
        )

    def _sources(self, file: Path) -> Iterable[Source]:
        found = self._places.read(file)
        return sources_in(found.documents) if found else ()

    def _patches(self, overlay: Overlay) -> Iterator[Source]:
        for file in sorted({file for closure in self.closures(overlay) for file in closure.inputs}):
            yield from self._sources(file)

    def _generator(self, file: Path, raw: dict[str, Any]) -> Location:
        """The entry of configMapGenerator or secretGenerator that made an object; its name has prefix and hash."""
        kustomization = self._graph.at(file.parent)
        if kustomization is None:
            return Location(self._places.shown(file))
        field_name = {"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}.get(str(raw.get("kind")), "")
        entries = kustomization.raw.get(field_name)
        name = name_of(raw)
        found = [
            index
            for index, entry in enumerate(entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"] in name
        ]
        if len(found) != 1:
            return Location(kustomization.file.path)
        return kustomization.document.locate((field_name, found[0]))


def _lost(user: Kustomization, path: FieldPath, reason: str) -> Lost:
    return Lost(user.document.locate(path), reason)


def _same_after(variables: TextReplacement) -> Callable[[Any, Any], bool]:
    """Equality of a rendered value with a source in which variables are still to be replaced."""

    def same(rendered: Any, source: Any) -> bool:
        if isinstance(source, str) and "${" in source:
            replaced = variables.replace(source)
            return bool(rendered == replaced) or (not isinstance(rendered, str) and json.dumps(rendered) == replaced)
        if isinstance(source, Mapping) and isinstance(rendered, Mapping):
            return source.keys() == rendered.keys() and all(same(rendered[key], source[key]) for key in source)
        if isinstance(source, list) and isinstance(rendered, list):
            return len(source) == len(rendered) and all(map(same, rendered, source))
        return bool(rendered == source)

    return same


def _relative(made: Made | None, directory: Path) -> Any:
    return None if made is None else [os.path.relpath(made.file, directory), made.generated]


def _made(kept: Any, directory: Path) -> Made | None:
    return None if kept is None else Made(Path(os.path.normpath(directory / kept[0])), bool(kept[1]))
