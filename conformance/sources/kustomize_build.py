"""Building one kustomization with `kustomize build` or `kubectl kustomize`, and where each object of it came from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.sources.kustomize import FILE_NAMES, Kustomization, chart_home, resolve
from conformance.sources.kustomize_graph import Closure
from conformance.sources.program import Program, ProgramError, find, run, scratch

ORIGIN = "config.kubernetes.io/origin"
TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"

_RECURSED = re.compile(r"^.*recursed accumulation of path '([^']*)': ", re.DOTALL)
_NO_NETWORK = re.compile(r"127\.0\.0\.1:9\b|no 'git' program on path")
_ORIGIN_LINE = re.compile(r"^(path|configuredIn|repo): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Built:
    """Text of all objects, and the directory to which the paths in its origin annotations are relative."""

    text: str
    relative_to: Path
    #: whether the origin annotations are ours, so that they are to be taken out again
    annotated: bool


@dataclass(frozen=True, slots=True)
class Made:
    """What an origin annotation says: the file an object was read from, or the kustomization that generated it."""

    file: Path
    generated: bool


def find_kustomize() -> Program | None:
    """`kustomize`, or `kubectl` whose `kustomize` command does the same ten times slower."""
    return find("kustomize") or find("kubectl")


def build(
    program: Program,
    root: Kustomization,
    overlay: Mapping[str, Any],
    *,
    timeout: float,
    allow_network: bool = False,
    helm: Program | None = None,
) -> Built:
    """Builds a kustomization with the fields of `overlay` laid over it. Raises ProgramError with one line.

    The build goes through a kustomization of our own in a temporary directory, which asks for origin annotations: so
    nothing is written into the tree, and what an Argo CD or Flux object adds needs no file there either. Only a root
    that asks for such annotations itself is built as it stands, because its output has to keep them.
    """
    metadata = root.raw.get("buildMetadata")
    metadata = [entry for entry in metadata if isinstance(entry, str)] if isinstance(metadata, list) else []
    own = {"originAnnotations", "transformerAnnotations"} & set(metadata)
    with scratch() as home:
        place = root.directory
        if overlay or not own:
            place = home / "overlay"
            place.mkdir()
            _write_wrapper(place, root, overlay, [*metadata, *(() if own else ("originAnnotations",))])
        command = ["build"] if program.name == "kustomize" else ["kustomize"]
        command += ["--load-restrictor=LoadRestrictionsRootOnly"]
        command += ["--enable-helm", f"--helm-command={helm.path}"] if helm else []
        out = run(program, [*command, "--", str(place)], home=home, timeout=timeout, allow_network=allow_network)
        try:
            return Built(out.decode("utf-8"), place, annotated=not own)
        except UnicodeDecodeError:
            raise ProgramError(f"{program.name} printed text that is no UTF-8") from None


def _write_wrapper(place: Path, root: Kustomization, overlay: Mapping[str, Any], metadata: list[str]) -> None:
    wrapper: dict[str, Any] = {**overlay, "resources": [_relative(root.directory, place)], "buildMetadata": metadata}
    if "components" in overlay:
        wrapper["components"] = [_relative(Path(os.path.realpath(name)), place) for name in overlay["components"]]
    openapi = root.raw.get("openapi")
    if isinstance(openapi, dict):
        # kustomize reads this field of the outermost kustomization only
        schemas = [reference for reference in root.references if reference.field == ("openapi", "path")]
        for schema in schemas:
            (place / "openapi.json").write_bytes(_read(resolve(root, schema), root.directory))
        wrapper["openapi"] = {**openapi, "path": "openapi.json"} if schemas else openapi
    (place / "kustomization.yaml").write_text(json.dumps(wrapper), encoding="utf-8")


def _relative(directory: Path, place: Path) -> str:
    return Path(os.path.relpath(directory, place)).as_posix()


def _read(path: Path, within: Path) -> bytes:
    if not path.is_relative_to(within):
        raise ProgramError(f"{path.name} lies outside the kustomization")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProgramError(f"{path.name} cannot be read: {error.strerror}") from None


def take_origin(raw: dict[str, Any], built_in: Path, *, strip: bool) -> tuple[dict[str, Any], Made | None]:
    """Reads the origin annotation of a built object; answers the object without it when it was our own doing.

    An object that kustomize fetched from elsewhere has no file here. The given object is not changed.
    """
    metadata = raw.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(annotations, dict):
        return raw, None
    text = annotations.get(ORIGIN)
    if strip:
        left = {key: value for key, value in annotations.items() if key not in (ORIGIN, TRANSFORMATIONS)}
        others = {key: value for key, value in metadata.items() if key != "annotations"}
        raw = {**raw, "metadata": {**others, "annotations": left} if left else others}
    said = dict(_ORIGIN_LINE.findall(text)) if isinstance(text, str) else {}
    name = said.get("path") or said.get("configuredIn")
    if not name or "repo" in said:
        return raw, None
    return raw, Made(Path(os.path.realpath(built_in / name)), generated="path" not in said)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a kustomization was not built; `directory` is that of the kustomization to blame, if one is named."""

    reason: str
    directory: Path | None = None


def explain(message: str) -> Failure:
    """What kustomize said, without the path that led there: one line, at most 300 characters."""
    recursed = _RECURSED.match(message)
    if _NO_NETWORK.search(message):
        return Failure("needs the network")
    directory = Path(recursed.group(1)) if recursed else None
    text = _RECURSED.sub("", message).removeprefix("Error: ").removeprefix("error: ")
    text = re.sub(
        r"accumulating resources: accumulation err='(.*?)': must build at directory.*", r"\1", text, flags=re.DOTALL
    )
    text = re.sub(r"\s+", " ", text).strip()
    return Failure(text if len(text) <= 300 else text[:297] + "...", directory)


def unsafe_charts(kustomization: Kustomization) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Entries of `helmCharts` that need more than a chart in the tree, each with its path and the reason.

    A release name that starts with a dash would be read by helm as an option, `--post-renderer` for instance, and
    `configHome` would let helm load plugins from the tree; these are refused even when the network is allowed.
    """
    settings = kustomization.raw.get("helmGlobals")
    if isinstance(settings, dict) and settings.get("configHome"):
        yield ("helmGlobals", "configHome"), "helmGlobals.configHome could bring helm plugins, so it is not run"
    for path, entry in kustomization.charts:
        for key in ("releaseName", "name", "chartName", "version", "chartVersion", "helmHome"):
            value = entry.get(key)
            if isinstance(value, str) and (value.startswith("-") or (key == "helmHome" and value)):
                yield (*path, key), f"{key} {value} could be taken for an option of helm, so it is not run"
    for reference in kustomization.references:
        of_chart = reference.field[0] in ("helmCharts", "helmChartInflationGenerator")
        if of_chart and not resolve(kustomization, reference).is_relative_to(kustomization.directory):
            yield reference.field, f"values file {reference.text} lies outside the kustomization"


def absent_charts(kustomization: Kustomization) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Entries of `helmCharts` whose chart is not here, so that kustomize would download it; with path and URL."""
    home = chart_home(kustomization)
    for path, entry in kustomization.charts:
        name, version = entry.get("name", entry.get("chartName")), entry.get("version", entry.get("chartVersion"))
        places = [home / str(name), home / f"{name}-{version}" / str(name)]
        if not any((place / "Chart.yaml").is_file() for place in places):
            yield path, f"{entry.get('repo', entry.get('chartRepoUrl', 'chart'))} {name}"


def input_files(closure: Closure) -> Iterator[Path]:
    """Every file whose content can change what is built; directories of generators and charts with all they hold."""
    for kustomization in closure.kustomizations:
        yield from (kustomization.directory / name for name in FILE_NAMES if (kustomization.directory / name).is_file())
    yield from closure.resources
    yield from closure.inputs
    for folder in closure.folders:
        yield from (place for place in folder.rglob("*") if place.is_file())
