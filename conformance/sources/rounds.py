"""Rendering in rounds: what is rendered may itself say how other things are delivered.

An Argo CD app of apps is a chart that renders Applications, which point at charts; Flux Kustomizations are mostly
resources of kustomizations. So rendering goes on until no new way of delivering anything turns up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from conformance.kube.object import Document, Location, Object, Origin, Rejected
from conformance.kube.scope import declared_scopes, settle_namespaces
from conformance.sources import charts, overlays
from conformance.sources.candidates import Candidate, group_kind, is_object, matters, read_deliveries
from conformance.sources.delivery import Delivery, Target, Targets, agree
from conformance.sources.helm import Chart, Release, consumed, independent, read_chart, releases
from conformance.sources.helm_template import Settings
from conformance.sources.kustomize import FILE_NAMES, read_kustomization
from conformance.sources.kustomize_build import find_kustomize
from conformance.sources.kustomize_graph import Graph
from conformance.sources.load import Rendering
from conformance.sources.overlays import Lost, Overlay
from conformance.sources.places import Places
from conformance.sources.program import find
from conformance.sources.render_cache import RenderCache
from conformance.sources.render_options import RenderOptions
from conformance.sources.repository import Repository

#: What is still new after so many rounds stays out: Applications could make ever new Applications.
ROUNDS = 5

K = TypeVar("K")
V = TypeVar("V")


class Rounds:
    """One rendering of one tree."""

    def __init__(self, options: RenderOptions, places: Places) -> None:
        self._options = options
        self._places = places
        self._repository = Repository(places.top)
        self.unresolved: dict[str, str] = {}
        # a file named Kustomization has no extension by which the loader could know it
        named = ((path, places.read(path)) for path, _ in places.named(FILE_NAMES))
        kustomizations = {path: k for path, file in named if file and (k := read_kustomization(file, path.parent))}
        self._kustomization_files = set(kustomizations)
        self._graph = Graph(kustomizations.values(), places.read)
        self._charts: dict[Path, Chart | None] = {
            path.parent: chart
            for path, file in places.named(["Chart.yaml"])
            if (chart := read_chart(file, path.parent))
        }
        closures = [self._graph.closure(k) for k in self._graph.kustomizations]
        #: patches and the like: no objects, whatever becomes of their kustomization
        self._inputs = {file for closure in closures for file in closure.inputs}
        homes = {
            folder
            for closure in closures
            for folder in closure.folders
            if any(k.charts for k in closure.kustomizations)
        }
        charts_here = [chart for chart in self._charts.values() if chart]
        self._independent = [c for c in independent(charts_here) if not homes.intersection(c.directory.parents)]
        helm, self._cache = find("helm"), RenderCache(options.cache)
        network = options.allow_network
        self._builder = overlays.Builder(
            self._graph, places, find_kustomize(), helm, self._cache, timeout=options.timeout, allow_network=network
        )
        settings = Settings(options.kube_version, options.api_versions, options.timeout, network)
        self._renderer = charts.Renderer(
            self._chart_at,
            places,
            helm,
            self._cache,
            settings,
            lambda place: self._repository.root(place / "Chart.yaml"),
        )
        self._built: dict[Overlay, overlays.Outcome] = {}
        self._rendered: dict[Release, charts.Outcome] = {}

    def run(self) -> Rendering:
        """Renders until nothing new turns up, and says what was consumed, rendered and lost."""
        deliveries = self._deliveries(self._raw_objects(self._inputs))
        wanted: dict[Overlay, list[Delivery]] = {}
        released: dict[Release, Chart] = {}
        for _ in range(ROUNDS):
            again = self._overlays(deliveries), self._releases(deliveries)
            if again[0].keys() == wanted.keys() and again[1].keys() == released.keys():
                break
            wanted, released = again
            self._run(self._rendered, released, self._renderer.run)
            consumed_files = self._consumed(wanted, released)
            objects = [*self._raw_objects(consumed_files), *self._objects(wanted, released, Targets(deliveries))]
            deliveries = self._deliveries(objects)
        self._cache.prune()
        return self._answer(wanted, released, deliveries)

    def _run(self, done: dict[K, V], wanted: Iterable[K], work: Callable[[K], V]) -> None:
        new = [key for key in wanted if key not in done]
        workers = self._options.jobs or os.cpu_count() or 1
        if len(new) < 2:
            done.update((key, work(key)) for key in new)
            return
        with ThreadPoolExecutor(min(workers, len(new))) as pool:
            done.update(zip(new, pool.map(work, new), strict=True))

    def _overlays(self, deliveries: list[Delivery]) -> dict[Overlay, list[Delivery]]:
        if not self._options.render:
            return {}
        delivered = [self._graph.at(delivery.directory) for delivery in deliveries]
        roots = {k.directory: k for k in (*self._graph.roots, *delivered) if k and not k.is_component}
        found = overlays.overlays(roots.values(), deliveries)
        while True:
            self._run(self._built, found, self._builder.run)
            failed = {each.directory: each.namespace for each in found if self._built[each].may_hold_builds}
            below = self._graph.directly_below(failed, self._in_builds(found))
            if not below:
                return found
            found |= {overlays.under(child.directory, namespaces): [] for child, namespaces in below}

    def _in_builds(self, wanted: Iterable[Overlay]) -> set[Path]:
        """Kustomizations that were tried, or that something else built from them already shows."""
        built = (each for each in wanted if not self._built[each].lost)
        inside = {
            k.directory for each in built for closure in self._builder.closures(each) for k in closure.kustomizations
        }
        return inside | {each.directory for each in wanted}

    def _releases(self, deliveries: list[Delivery]) -> dict[Release, Chart]:
        if not self._options.render:
            return {}
        found: dict[Release, Chart] = {}
        for chart in self._independent:
            if not chart.is_library:
                here = [delivery for delivery in deliveries if delivery.directory == chart.directory]
                files = (path for path, _ in self._places.below(chart.directory))
                found |= dict.fromkeys(releases(chart, here, self._options.values, files), chart)
        return found

    def _chart_at(self, directory: Path) -> Chart | None:
        if directory not in self._charts:
            file = self._places.read(directory / "Chart.yaml") if (directory / "Chart.yaml").is_file() else None
            self._charts[directory] = read_chart(file, directory) if file else None
        return self._charts[directory]

    # what the tree says

    def _raw_objects(self, consumed_files: set[Path]) -> Iterator[Candidate]:
        return (candidate for candidate in self._candidates if candidate.file not in consumed_files)

    @cached_property
    def _candidates(self) -> list[Candidate]:
        """Objects as they stand in files, of the kinds that matter for delivery."""
        return [
            Candidate(document.raw, Target(None), path, _constant(document.origin))
            for path, file in self._places
            for document in file.documents
            if isinstance(document.raw, dict) and matters(document.raw)
        ]

    def _deliveries(self, candidates: Iterable[Candidate]) -> list[Delivery]:
        return read_deliveries(candidates, self._repository, self._documents)

    def _documents(self, path: Path) -> Iterable[Any]:
        file = self._places.read(path)
        return [document.raw for document in file.documents] if file else ()

    # what became of it

    def _consumed(self, wanted: Iterable[Overlay], released: Mapping[Release, Chart]) -> set[Path]:
        files = set(self._inputs)
        files.update(self._kustomization_files)
        for overlay in wanted:
            for closure in self._builder.closures(overlay):
                files.update(closure.inputs)
                if not self._built[overlay].lost:
                    files.update(closure.resources)
        rendered = {chart.directory for release, chart in released.items() if not self._rendered[release].lost}
        for chart in [chart for chart in self._charts.values() if chart]:
            whole = chart.directory in rendered or chart not in self._independent
            for path, _ in self._places.below(chart.directory):
                crd = path.relative_to(chart.directory).parts[0] == "crds"
                if consumed(chart, path) and (whole or not crd):
                    files.add(path)
        return files

    def _objects(
        self, wanted: Mapping[Overlay, list[Delivery]], released: Iterable[Release], targets: Targets
    ) -> Iterator[Candidate]:
        for overlay, deliveries in wanted.items():
            target = agree(deliveries) if deliveries else targets.of(overlay.directory)
            via = self._via(overlay, wanted)
            for raw, made in self._built[overlay].objects:
                origin = _later(self._builder.origin, overlay, raw, made, via)
                yield Candidate(raw, target, made.file if made else overlay.directory / "kustomization.yaml", origin)
        for release in released:
            outcome = self._rendered[release]
            lines = self._renderer.lines(outcome.release)
            target = Target(release.namespace, "" if release.namespace else targets.of(release.directory).reason)
            for raw, printed in outcome.objects:
                origin = _later(self._renderer.origin, outcome.release, raw, printed, lines)
                yield Candidate(raw, target, release.directory / "Chart.yaml", origin)

    def _via(self, overlay: Overlay, wanted: Mapping[Overlay, list[Delivery]]) -> str:
        via = f"rendered by {self._places.shown(overlay.directory)}"
        by = ", ".join(dict.fromkeys(delivery.by for delivery in wanted[overlay]))
        return f"{via} for {by}" if by else via

    def _answer(
        self, wanted: Mapping[Overlay, list[Delivery]], released: Mapping[Release, Chart], deliveries: list[Delivery]
    ) -> Rendering:
        targets = Targets(deliveries)
        files = self._consumed(wanted, released)
        rendered = list(self._objects(wanted, released, targets))
        raws = [entry.raw for entry in rendered]
        raws += [document.raw for path, file in self._places if path not in files for document in file.documents]
        documents = [_document(entry) for entry in rendered]
        settle_namespaces((each for each in documents if isinstance(each, Object)), declared_scopes(raws))
        shown = {self._places.shown(path) for path in files}
        return Rendering(
            shown & {file.path for _, file in self._places},
            documents,
            [*self._lost_overlays(wanted), *self._lost_releases(released)],
            self._namespaces(files, wanted, targets),
        )

    def _namespaces(self, files: set[Path], wanted: Iterable[Overlay], targets: Targets) -> dict[str, str]:
        """Namespaces for what is judged as it stands: of the kustomization that was not built, else by path."""
        built = {overlay.directory for overlay in wanted if not self._built[overlay].lost}
        named: dict[Path, set[str | None]] = {}
        for root in self._graph.roots:
            if root.directory not in built:
                for path, namespace in self._graph.namespaces(root):
                    named.setdefault(path, set()).add(namespace)
        found: dict[str, str] = {}
        for path, file in self._places:
            if path in files or not file.documents:
                continue
            target = targets.of(path.parent)
            own = named.get(path, set())
            namespace = next(iter(own)) if len(own) == 1 else None
            if namespace or target.namespace:
                found[file.path] = namespace or target.namespace or ""
            elif target.reason and any(is_object(document.raw) for document in file.documents):
                self.unresolved[file.path] = target.reason
        return found

    def _lost_overlays(self, wanted: Iterable[Overlay]) -> Iterator[Rejected]:
        """What several roots lost for one and the same reason is said once, with their names."""
        roots: dict[tuple[Location, str], dict[str, None]] = {}
        for overlay in wanted:
            for lost in self._built[overlay].lost:
                roots.setdefault((lost.location, lost.reason), {})[self._places.shown(overlay.directory)] = None
        for (location, reason), names in roots.items():
            others = [name for name in names if (location.path.rpartition("/")[0] or ".") != name]
            listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
            yield Rejected(location, f"{reason}; not rendered: {listed}" if others else reason, "kustomization")

    def _lost_releases(self, released: Mapping[Release, Chart]) -> Iterator[Rejected]:
        held = {chart.directory for release, chart in released.items() if not self._rendered[release].lost}
        said: dict[Lost, None] = {}
        for release, chart in released.items():
            if not (release.may_fail and chart.directory in held):
                said.update(dict.fromkeys(self._rendered[release].lost))
        for lost in said:
            yield Rejected(lost.location, lost.reason, "chart")
        twice: dict[tuple[Path, str], None] = {}
        for release, chart in released.items():
            for source, key in self._rendered[release].repeated:
                twice[self._renderer.file_of(chart, source), key] = None
        for file, key in twice:
            reason = f'key "{key}" stands twice in what this renders; the last one counts'
            yield Rejected(Location(self._places.shown(file)), reason, "duplicate key")


def _constant(origin: Origin) -> Callable[[], Origin]:
    return lambda: origin


def _later(make: Callable[..., Origin], *arguments: Any) -> Callable[[], Origin]:
    return lambda: make(*arguments)


def _document(entry: Candidate) -> Document:
    if group_kind(entry.raw) == ("", ""):
        return Document(entry.raw, entry.origin())
    return Object(entry.raw, entry.origin(), entry.target.namespace)
