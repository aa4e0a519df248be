"""Helm charts in a tree: which are rendered, as which release, with which values. Runs nothing.

Source: https://helm.sh/docs/topics/charts/
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.kube.object import Document, Object
from conformance.sources.delivery import Delivery, ValuesPart, agree
from conformance.sources.load import SourceFile

#: Stands for the namespace of a release that nobody names: helm needs one, and would take "default".
UNRESOLVED = "release-namespace"

# values-prod.yaml, values.prod.yaml, values_prod.yml; encrypted ones hold no usable values
_ENVIRONMENT = re.compile(r"values[-._](?P<name>.+)\.ya?ml\Z", re.IGNORECASE)
_IN_FOLDER = re.compile(r"(?P<name>[^/]+)\.ya?ml\Z", re.IGNORECASE)
_NO_ENVIRONMENT = re.compile(r"(^|[-._])(schema|sops|enc)([-._]|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ValuesChoice:
    """`--values GLOB=FILE[,FILE…]`: one more rendering of every chart that matches, files layered left to right."""

    glob: str
    files: tuple[str, ...]


def parse_values(text: str) -> ValuesChoice:
    """Reads the option. Raises ValueError with what is wrong with it."""
    glob, equals, files = text.partition("=")
    names = tuple(name for name in files.split(",") if name)
    if not equals or not glob or not names:
        raise ValueError(f"--values {text}: expected CHART_GLOB=FILE[,FILE...], e.g. charts/*=values-prod.yaml")
    return ValuesChoice(glob, names)


@dataclass(frozen=True, slots=True)
class Dependency:
    """An entry of `dependencies` in Chart.yaml."""

    name: str
    alias: str
    repository: str


@dataclass(slots=True)
class Chart:
    """A directory with a Chart.yaml. `directory` is absolute, `path` is how findings show it."""

    file: SourceFile
    document: Document
    directory: Path
    path: str

    @property
    def name(self) -> str:
        """`name` of Chart.yaml, which helm prints in `# Source:` lines; it need not be that of the directory."""
        name = self.document.raw.get("name")
        return name if isinstance(name, str) else ""

    @property
    def is_library(self) -> bool:
        """A library chart only defines templates for others; helm refuses to render it."""
        return bool(self.document.raw.get("type") == "library")

    @property
    def dependencies(self) -> list[Dependency]:
        """Declared dependencies; entries of wrong types are left for helm to reject."""
        entries = self.document.raw.get("dependencies")
        return [
            Dependency(entry["name"], _text(entry, "alias"), _text(entry, "repository"))
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and isinstance(entry.get("name"), str)
        ]

    @property
    def release(self) -> str:
        """A release name made from the chart's: at most 53 characters that fit into a DNS name."""
        return re.sub(r"[^a-z0-9-]+", "-", self.name.lower())[:53].strip("-") or "release"


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def read_chart(file: SourceFile, directory: Path) -> Chart | None:
    """The chart of a Chart.yaml, or None when the file is something else."""
    if file.path.rpartition("/")[2] != "Chart.yaml" or len(file.documents) != 1:
        return None
    raw = file.documents[0].raw
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or "apiVersion" not in raw:
        return None
    return Chart(file, file.documents[0], directory, file.path.rpartition("/")[0] or ".")


def independent(charts: Iterable[Chart]) -> list[Chart]:
    """Charts that are not in the `charts/` or `templates/` directory of another one."""
    by_directory = {chart.directory: chart for chart in charts}
    return [
        chart
        for chart in by_directory.values()
        if not any(
            parent.name in ("charts", "templates") and parent.parent in by_directory
            for parent in chart.directory.parents
        )
    ]


@dataclass(frozen=True, slots=True)
class Release:
    """One rendering of one chart."""

    directory: Path
    name: str
    #: None: nobody says it
    namespace: str | None
    values: tuple[ValuesPart, ...]
    #: for reports: `with values-prod.yaml`, `for Application argocd/web`
    via: str
    #: the chart's own values alone, while other renderings exist: it may need values that only they bring
    may_fail: bool = False


def releases(
    chart: Chart, deliveries: Sequence[Delivery], choices: Sequence[ValuesChoice], files: Iterable[Path]
) -> list[Release]:
    """How a chart is rendered: as Argo CD and Flux deliver it, and with the values files meant for it.

    `values.yaml` is always below everything. On top of it, each on its own:
    1. what every Application or HelmRelease in the tree that points at the chart says;
    2. every `--values` option whose glob matches the chart's path; if none does, every `values-ENV.yaml` beside
       `values.yaml` and every `values/ENV.yaml` that no delivery uses;
    3. `values.yaml` alone, when nothing delivers the chart. A chart often needs values that only its environments
       bring, so this one may fail as long as another one does not.
    `files` are the files of the tree below the chart.
    """
    namespace = agree(deliveries).namespace
    found = [
        Release(chart.directory, d.release or chart.release, d.namespace, d.values, via=f"for {d.by}")
        for d in deliveries
    ]
    matching = [choice for choice in choices if _matches(chart, choice.glob)]
    if matching:
        found += [_chosen(chart, choice, namespace) for choice in matching]
    else:
        used = {text for release in found for kind, text in release.values if kind == "file"}
        found += [
            Release(chart.directory, chart.release, namespace, (("file", str(file)),), via=f"with {label}")
            for label, file in _environments(chart, files)
            if str(file) not in used
        ]
    if not deliveries and not matching:
        found.append(Release(chart.directory, chart.release, None, (), via="with values.yaml", may_fail=bool(found)))
    return list(dict.fromkeys(found))


def _matches(chart: Chart, glob: str) -> bool:
    return fnmatch.fnmatchcase(chart.path, glob.rstrip("/")) or fnmatch.fnmatchcase(chart.name, glob)


def _chosen(chart: Chart, choice: ValuesChoice, namespace: str | None) -> Release:
    """Files of the option are looked for in the working directory first, then in the chart."""
    places = [Path(name) if Path(name).exists() else chart.directory / name for name in choice.files]
    values: tuple[ValuesPart, ...] = tuple(("file", str(place.absolute())) for place in places)
    return Release(chart.directory, chart.release, namespace, values, via=f"with {', '.join(choice.files)}")


def _environments(chart: Chart, files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for file in sorted(files):
        beside = file.parent == chart.directory
        in_folder = file.parent == chart.directory / "values"
        found = _ENVIRONMENT.match(file.name) if beside else _IN_FOLDER.match(file.name) if in_folder else None
        if found and not _NO_ENVIRONMENT.search(found["name"]):
            yield file.relative_to(chart.directory).as_posix(), file


def is_helm_test(obj: Object) -> bool:
    """Whether an object only exists while `helm test` runs; what holds for workloads need not hold for it.

    Helm 2 called the hook `test-success` and `test-failure`, which Helm 3 still reads. One annotation may name several
    hooks. Source: https://helm.sh/docs/topics/chart_tests/
    """
    return any(hook.startswith("test") for hook in hooks(obj))


def hooks(obj: Object) -> list[str]:
    """The Helm hooks of an object; empty for an ordinary one. Source: https://helm.sh/docs/topics/charts_hooks/"""
    text = obj.annotations.get("helm.sh/hook")
    return [hook.strip() for hook in text.split(",") if hook.strip()] if isinstance(text, str) else []


def consumed(chart: Chart, file: Path) -> bool:
    """Whether a file of a chart is only input of its rendering. Other files in the directory stand for themselves."""
    parts = file.relative_to(chart.directory).parts
    if parts[0] in ("templates", "crds", "charts", "files", "ci"):
        return True
    if len(parts) == 1:
        return parts[0].startswith(("Chart.", "values")) or parts[0] == "requirements.yaml"
    return parts[0] == "values" and len(parts) == 2
