"""Where in a template a field of a rendered object stands."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from conformance.kube.object import Location
from conformance.kube.path import Path as FieldPath
from conformance.sources.helm import UNRESOLVED
from conformance.sources.helm_template import Change, Manifest
from conformance.sources.program import ProgramError
from conformance.sources.rendered import certain_place
from conformance.sources.rendered_text import Fault, FieldLines, parts, value_of
from conformance.sources.template_lines import annotate, template_line


@dataclass(frozen=True, slots=True)
class Printed:
    """Where in helm's output an object stood: the source named there, the number of the manifest and of the part."""

    source: str
    manifest: int
    part: int


def without_placeholder(raw: dict[str, Any]) -> dict[str, Any]:
    """A namespace that helm printed only because it must have one is not known. Loaded values are never changed."""
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace") != UNRESOLVED:
        return raw
    return {**raw, "metadata": {key: value for key, value in metadata.items() if key != "namespace"}}


@dataclass(frozen=True, slots=True)
class Numbered:
    """An object as the numbered templates printed it, and the template as it stands."""

    raw: dict[str, Any]
    lines: FieldLines
    output: list[str]
    template: list[str]


class Lines:
    """The output of one release with the numbers of the template lines in it; rendered when first asked for.

    A number can break a template. Then each template of which a line is wanted is numbered alone.
    """

    def __init__(self, render: Callable[[Change], list[Manifest]]) -> None:
        self._rendered_with = render
        self._alone: dict[Path, list[Manifest]] = {}
        self._parsed: dict[Printed, Numbered | None] = {}

    @cached_property
    def _together(self) -> list[Manifest]:
        return self._render(lambda file: True)

    def _render(self, wanted: Callable[[Path], bool]) -> list[Manifest]:
        try:
            return self._rendered_with(lambda file, content: _numbered(file, content) if wanted(file) else content)
        except ProgramError:
            return []

    def find(self, printed: Printed, file: Path) -> Numbered | None:
        """The numbered text of an object; None when the numbered templates rendered something else."""
        if printed not in self._parsed:
            self._parsed[printed] = self._parse(printed, file)
        return self._parsed[printed]

    def _parse(self, printed: Printed, file: Path) -> Numbered | None:
        manifests = self._together
        if not manifests:
            if file not in self._alone:
                self._alone[file] = self._render(lambda each: each == file)
            manifests = self._alone[file]
        if printed.manifest >= len(manifests) or manifests[printed.manifest].source != printed.source:
            return None
        found = list(parts(manifests[printed.manifest].text))
        if printed.part >= len(found):
            return None
        text = found[printed.part].text
        try:
            raw = value_of(text)[0]
            template = file.read_text(encoding="utf-8").split("\n")
        except (Fault, OSError, UnicodeDecodeError):
            return None
        return (
            Numbered(without_placeholder(raw), FieldLines(text), text.split("\n"), template)
            if isinstance(raw, dict)
            else None
        )


def _numbered(file: Path, content: bytes) -> bytes:
    if file.suffix not in (".yaml", ".yml") or file.name.startswith("_"):
        return content
    try:
        return annotate(content.decode("utf-8"), _tag(file)).encode("utf-8")
    except UnicodeDecodeError:
        return content


def _tag(file: Path) -> str:
    return f"{zlib.crc32(str(file).encode('utf-8', 'surrogateescape')):x}"


class TemplateOrigin:
    """Origin of an object that a template printed."""

    __slots__ = ("_file", "_lines", "_printed", "_raw", "path", "via")

    def __init__(self, path: str, via: str, raw: dict[str, Any], printed: Printed, file: Path, lines: Lines) -> None:
        self.path = path
        self.via = via
        self._raw = raw
        self._printed = printed
        self._file = file
        self._lines = lines

    def locate(self, path: FieldPath) -> Location:
        """The template line that printed a field, or the place where a missing one belongs; else the template alone."""
        numbered = self._lines.find(self._printed, self._file)
        if numbered is None or any(numbered.raw.get(key) != self._raw.get(key) for key in ("apiVersion", "kind")):
            return Location(self.path)
        place = certain_place(self._raw, numbered.raw, path, lambda rendered, source: bool(rendered == source))
        line = numbered.lines.line_of(place) if place is not None else None
        number = template_line(numbered.output, line - 1, numbered.template, _tag(self._file)) if line else 0
        if not 0 < number <= len(numbered.template):
            return Location(self.path)
        content = numbered.template[number - 1]
        return Location(self.path, number, len(content) - len(content.lstrip()) + 1)
