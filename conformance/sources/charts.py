"""Every chart of a tree to objects, each with its template and, where it is certain, its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance.kube.object import Location, Origin
from conformance.sources.helm import Chart, Release
from conformance.sources.helm_template import (
    Manifest,
    Settings,
    build_dependencies,
    copy_chart,
    escapes,
    explain,
    local_dependencies,
    missing_dependencies,
    template,
)
from conformance.sources.overlays import Lost
from conformance.sources.places import Places
from conformance.sources.program import Program, ProgramError, scratch
from conformance.sources.render_cache import RenderCache, digest, is_secret
from conformance.sources.rendered import PlaceOrigin, RenderedOrigin, sources_in
from conformance.sources.rendered_text import Fault, parts, value_of
from conformance.sources.template_origin import Lines, Printed, TemplateOrigin, without_placeholder

MISSING_PROGRAM = "needs the program helm on PATH (https://helm.sh/docs/intro/install/); --no-render leaves charts out"


@dataclass(slots=True)
class Outcome:
    """What came of one release. `release` is the one that was rendered: see `Renderer.run`."""

    release: Release
    objects: list[tuple[dict[str, Any], Printed]] = field(default_factory=list)
    #: why nothing, or not all, was rendered
    lost: list[Lost] = field(default_factory=list)
    #: keys that stand twice in one mapping, and the source that printed them
    repeated: list[tuple[str, str]] = field(default_factory=list)


class Renderer:
    """Renders releases, or takes what an earlier run rendered from the same files."""

    def __init__(
        self,
        at: Callable[[Path], Chart | None],
        places: Places,
        program: Program | None,
        cache: RenderCache,
        settings: Settings,
        within: Callable[[Path], Path],
    ) -> None:
        self._at = at
        self._places = places
        self._program = program
        self._cache = cache
        self._settings = settings
        self._within = within

    def run(self, release: Release) -> Outcome:
        """Renders one release. Safe to call from several threads at once.

        A chart whose own values are not enough is rendered with the first file of `ci/` that is: charts keep there what
        chart-testing installs them with (`ci/*-values.yaml`).
        """
        outcome = self._try(release)
        if not outcome.lost or release.values or missing_dependencies(self._chart(release), self._at):
            return outcome
        for file in sorted(release.directory.glob("ci/*-values.y*ml")):
            via = f"with {file.relative_to(release.directory).as_posix()}"
            again = self._try(replace(release, values=(("file", str(file)),), via=via))
            if not again.lost:
                return again
        return outcome

    def _try(self, release: Release) -> Outcome:
        chart = self._chart(release)
        if self._program is None:
            return Outcome(release, lost=[Lost(Location(chart.file.path), MISSING_PROGRAM)])
        link = escapes(chart.directory, [self._within(chart.directory)])
        if link is not None:
            reason = f"{self._places.shown(link)} is a symbolic link that leads out of the repository"
            return Outcome(release, lost=[Lost(Location(chart.file.path), reason)])
        missing = [] if self._settings.allow_network else missing_dependencies(chart, self._at)
        if missing:
            names = ", ".join(dict.fromkeys(dependency.name for _, dependency in missing))
            reason = f"dependencies are not in charts/: {names} (run `helm dependency build`)"
            return Outcome(release, lost=[Lost(chart.document.locate(("dependencies", missing[0][0])), reason)])
        key = self._key(chart, release, self._program)
        kept = self._cache.get(key)
        if kept is not None:
            objects = [(raw, Printed(*printed)) for raw, printed in kept["objects"]]
            return Outcome(release, objects, repeated=[(source, key) for source, key in kept["repeated"]])
        try:
            manifests = self.manifests(release)
        except ProgramError as error:
            return Outcome(release, lost=[self._failure(chart, release, str(error))])
        outcome = self._read(chart, release, manifests)
        secret = any(is_secret(raw) for raw, _ in outcome.objects)
        if not outcome.lost and not secret and not self._settings.allow_network:
            kept = [[raw, [printed.source, printed.manifest, printed.part]] for raw, printed in outcome.objects]
            self._cache.put(key, {"objects": kept, "repeated": outcome.repeated})
        return outcome

    def manifests(self, release: Release, change: Callable[[Path, bytes], bytes] | None = None) -> list[Manifest]:
        """helm's output, with templates changed on the way if so asked. Raises ProgramError."""
        chart = self._chart(release)
        if self._program is None:
            raise ProgramError(MISSING_PROGRAM)
        with scratch() as home:
            directory = chart.directory
            fetch = self._settings.allow_network and bool(missing_dependencies(chart, self._at))
            if change or fetch or local_dependencies(chart, self._at):
                directory = home / "chart"
                copy_chart(chart, directory, self._at, change)
            if fetch:
                build_dependencies(self._program, chart, directory, home, self._settings)
            return template(self._program, release, directory, self._settings, home)

    def _chart(self, release: Release) -> Chart:
        chart = self._at(release.directory)
        if chart is None:
            raise AssertionError(f"{release.directory} is a chart")
        return chart

    def _read(self, chart: Chart, release: Release, manifests: list[Manifest]) -> Outcome:
        outcome = Outcome(release)
        for number, manifest in enumerate(manifests):
            for index, part in enumerate(parts(manifest.text)):
                try:
                    raw, repeated = value_of(part.text, ordinary=manifest.text.isascii())
                except Fault as fault:
                    path = self._places.shown(self.file_of(chart, manifest.source))
                    reason = f"line {fault.line + part.above - 1} of what it renders: {fault.reason}"
                    outcome.lost.append(Lost(Location(path), reason))
                    continue
                outcome.repeated += [(manifest.source, key) for key in repeated]
                if isinstance(raw, dict):
                    printed = Printed(manifest.source, number, index)
                    outcome.objects.append((without_placeholder(raw), printed))
        return outcome

    def _key(self, chart: Chart, release: Release, program: Program) -> str:
        top = str(self._within(chart.directory))
        values = [(kind, text.removeprefix(top)) for kind, text in release.values]
        settings = self._settings
        facts = [
            program.identity,
            settings.kube_version,
            settings.api_versions,
            release.name,
            release.namespace,
            values,
        ]
        files = [Path(text) for kind, text in release.values if kind == "file"]
        files += [Path(text.partition("=")[2]) for kind, text in release.values if kind == "set-file"]
        todo, seen = [chart], set()
        while todo:
            source = todo.pop()
            if source.directory in seen:
                continue
            seen.add(source.directory)
            files += [place for place in source.directory.rglob("*") if place.is_file()]
            todo += [found for _, place in local_dependencies(source, self._at) if (found := self._at(place))]
        return digest(facts, files, chart.directory)

    def _failure(self, chart: Chart, release: Release, message: str) -> Lost:
        failure = explain(message)
        path, line = Location(chart.file.path), 0
        if failure.source:
            file = self.file_of(chart, failure.source)
            path, line = Location(self._places.shown(file)), failure.line if file.suffix in _TEXT else 0
        place = Location(path.path, line, 1) if line else path
        return Lost(place, f"{failure.reason} (rendered {release.via})")

    def file_of(self, chart: Chart, source: str) -> Path:
        """The file that `# Source: chart/charts/sub/templates/x.yaml` means; of a packed subchart, its archive."""
        steps = source.split("/")[1:]
        while len(steps) > 2 and steps[0] == "charts":
            below = self._subchart(chart, steps[1])
            if isinstance(below, Path):
                return below
            chart, steps = below, steps[2:]
        file = chart.directory.joinpath(*steps)
        return file if file.is_file() else chart.directory / "Chart.yaml"

    def _subchart(self, chart: Chart, name: str) -> Chart | Path:
        names = [name, *(dependency.name for dependency in chart.dependencies if dependency.alias == name)]
        local = {dependency.name: place for dependency, place in local_dependencies(chart, self._at)}
        for each in names:
            found = self._at(chart.directory / "charts" / each) or (self._at(local[each]) if each in local else None)
            if found is not None:
                return found
        packed = sorted(file for each in names for file in chart.directory.glob(f"charts/{each}-*.tgz"))
        return packed[0] if packed else chart.directory / "Chart.yaml"

    def origin(self, release: Release, raw: dict[str, Any], printed: Printed, lines: Lines) -> Origin:
        """The origin of a rendered object; helm runs a second time only when a line is asked for."""
        chart = self._chart(release)
        file = self.file_of(chart, printed.source)
        shown = self._places.shown(file)
        via = f"rendered {release.via}"
        if file.suffix not in _TEXT:
            return PlaceOrigin(shown, via)
        if _CRD.match(printed.source):
            found = self._places.read(file)
            return RenderedOrigin(shown, via, raw, lambda: sources_in(found.documents) if found else ())
        return TemplateOrigin(shown, via, raw, printed, file, lines)

    def lines(self, release: Release) -> Lines:
        """The lines of a release, to be shared by its objects."""
        return Lines(lambda change: self.manifests(release, change))


_CRD = re.compile(r"[^/]+(/charts/[^/]+)*/crds/")
_TEXT = frozenset({".yaml", ".yml", ".tpl", ".txt", ".json"})
