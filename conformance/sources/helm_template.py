"""Rendering one release with `helm template`, without network, cluster, plugins or the user's repositories."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.sources.helm import UNRESOLVED, Chart, Dependency, Release
from conformance.sources.program import Program, ProgramError, run

_SOURCE = re.compile(r"^---\r?\n# Source: (.+?)\r?$", re.MULTILINE)
_MISSING = re.compile(r"missing in charts/ directory: ([^\n]+)")
_PLACE = re.compile(
    r"(?:execution error at \(|template: |parse error at \(|YAML parse error on )([^\s:()]+)(?::(\d+))?"
)
#: A chart larger than this is not copied to complete it or to learn its lines.
COPY_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every release of a run."""

    kube_version: str
    api_versions: tuple[str, ...]
    #: seconds
    timeout: float
    allow_network: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """One part of helm's output: the template or CRD file it came from, `chart/templates/x.yaml`, and its text."""

    source: str
    text: str


def template(program: Program, release: Release, directory: Path, settings: Settings, home: Path) -> list[Manifest]:
    """Renders a chart directory as a release, with hooks and CRDs. `home` is a temporary directory.

    Raises ProgramError. Post-renderers and plugins cannot run, since nothing names them and helm's homes are empty.
    """
    arguments = [
        "template",
        f"--namespace={release.namespace or UNRESOLVED}",
        f"--kube-version={settings.kube_version}",
        "--include-crds",
        *(f"--api-versions={version}" for version in settings.api_versions),
    ]
    arguments += [*_values(release, home), "--", release.name, str(directory)]
    out = run(program, arguments, home=home, timeout=settings.timeout, allow_network=settings.allow_network)
    return split(out.decode("utf-8", "replace"))


def _values(release: Release, home: Path) -> Iterator[str]:
    for number, (kind, text) in enumerate(release.values):
        if kind == "unknown":
            raise ProgramError(text)
        if kind == "text":
            file = home / f"values-{number}.yaml"
            file.write_text(text, encoding="utf-8")
            yield f"--values={_escape(file)}"
        elif kind == "file":
            if not Path(text).is_file():
                raise ProgramError(f"values file {text} does not exist")
            yield f"--values={_escape(Path(text))}"
        else:
            yield f"--{kind}={text}"


def _escape(file: Path) -> str:
    """helm reads the value of --values as one line of CSV."""
    text = str(file)
    return '"' + text.replace('"', '""') + '"' if re.search(r'[,"\n]', text) else text


def split(output: str) -> list[Manifest]:
    """helm's output by its `# Source:` lines."""
    found = list(_SOURCE.finditer(output))
    starts = [*(part.start() for part in found), len(output)]
    return [Manifest(part.group(1), output[part.end() : end]) for part, end in zip(found, starts[1:], strict=True)]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a chart was not rendered, and the template to blame if helm names one; `line` is 0 unless helm is exact."""

    reason: str
    source: str = ""
    line: int = 0


def explain(message: str) -> Failure:
    """What helm said, as one line of at most 300 characters, and where."""
    missing = _MISSING.search(message)
    if missing:
        names = missing.group(1).strip()
        return Failure(f"dependencies are not in charts/: {names} (run `helm dependency build`)")
    text = message.removeprefix("Error: ").replace("Use --debug flag to render out invalid YAML", "")
    place = _PLACE.search(text)
    text = re.sub(r"^execution error at \([^)]*\): ", "", re.sub(r"\s+", " ", text).strip())
    reason = text if len(text) <= 300 else text[:297] + "..."
    if place is None:
        return Failure(reason)
    # only errors of the template itself count its own lines; YAML errors count those of the rendered text
    exact = not place.group(0).startswith("YAML")
    return Failure(reason, place.group(1), int(place.group(2) or 0) if exact else 0)


#: Replaces the content of a template: file, content as it stands.
Change = Callable[[Path, bytes], bytes]
At = Callable[[Path], Chart | None]


def missing_dependencies(chart: Chart, at: At) -> list[tuple[int, Dependency]]:
    """Declared dependencies that are neither in `charts/` nor elsewhere in the tree, each with its place in the list.

    Helm demands them whatever their `condition` says.
    """
    vendored = _vendored(chart, at)
    local = {dependency for dependency, _ in local_dependencies(chart, at)}
    return [
        (index, dependency)
        for index, dependency in enumerate(chart.dependencies)
        if dependency.name not in vendored and dependency not in local
    ]


def local_dependencies(chart: Chart, at: At) -> list[tuple[Dependency, Path]]:
    """Dependencies declared with `file://` that are not in `charts/`, and the directories they mean."""
    found = []
    vendored = _vendored(chart, at) if chart.dependencies else set()
    for dependency in chart.dependencies:
        if dependency.repository.startswith("file://") and dependency.name not in vendored:
            place = Path(os.path.realpath(chart.directory / dependency.repository.removeprefix("file://")))
            if (place / "Chart.yaml").is_file():
                found.append((dependency, place))
    return found


def _vendored(chart: Chart, at: At) -> set[str]:
    """Names of the charts in `charts/`, unpacked or packed as NAME-VERSION.tgz."""
    names = {found.name for place in chart.directory.glob("charts/*/Chart.yaml") if (found := at(place.parent))}
    packed = (re.match(r"(.+?)-v?\d+\..*\.tgz\Z", place.name) for place in chart.directory.glob("charts/*.tgz"))
    return names | {found.group(1) for found in packed if found}


def copy_chart(chart: Chart, place: Path, at: At, change: Change | None = None) -> None:
    """Copies a chart with its `file://` dependencies in place, as `helm dependency build` would do inside the tree.

    `at` gives the chart of a directory. Raises ProgramError for a chart that is too large, or holds itself.
    """
    copies = 0
    todo: list[tuple[Chart, Path]] = [(chart, place)]
    budget = COPY_LIMIT
    while todo:
        source, target = todo.pop()
        copies += 1
        if copies > 100:
            raise ProgramError("more than 100 local dependencies; do they depend on each other in a circle?")
        budget -= _copy(source.directory, target, budget, change)
        for dependency, directory in local_dependencies(source, at):
            found = at(directory)
            if found is not None:
                todo.append((found, target / "charts" / dependency.name))


def _copy(source: Path, target: Path, budget: int, change: Change | None) -> int:
    copied = 0
    seen: set[str] = set()
    for folder, folders, names in os.walk(source, followlinks=True):
        here = Path(folder)
        folders[:] = [name for name in folders if name != ".git"]
        if os.path.realpath(here) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        (target / here.relative_to(source)).mkdir(parents=True, exist_ok=True)
        for name in names:
            file = here / name
            if not file.is_file():
                continue
            copied += file.stat().st_size
            if copied > budget:
                raise ProgramError(f"the chart is larger than {COPY_LIMIT >> 20} MB")
            destination = target / file.relative_to(source)
            if change and "templates" in file.relative_to(source).parts[:-1]:
                destination.write_bytes(change(file, file.read_bytes()))
            else:
                shutil.copyfile(file, destination)
    return copied


def escapes(directory: Path, within: Sequence[Path]) -> Path | None:
    """A symbolic link below a chart that leads out of the repository, so that rendering would read foreign files."""
    for folder, folders, names in os.walk(directory):
        for name in (*folders, *names):
            place = Path(folder) / name
            if place.is_symlink() and not any(Path(os.path.realpath(place)).is_relative_to(root) for root in within):
                return place
    return None


def build_dependencies(program: Program, chart: Chart, directory: Path, home: Path, settings: Settings) -> None:
    """Downloads the dependencies of a copied chart. Only when the user allowed the network. Raises ProgramError.

    helm builds from a lock file only with repositories that have been added, so they are, in its temporary home.
    """
    urls = dict.fromkeys(d.repository for d in chart.dependencies if d.repository.startswith(("http://", "https://")))
    commands = [["repo", "add", "--", f"repository-{number}", url] for number, url in enumerate(urls)]
    for command in [*commands, ["dependency", "build", "--", str(directory)]]:
        run(program, command, home=home, timeout=settings.timeout, allow_network=True)
