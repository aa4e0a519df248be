"""Where a field of a rendered object stands in the files it came from. A line is given only when it is certain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.kube.object import Document, Location
from conformance.kube.path import Path

Same = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Source:
    """One object inside a file: a document, or an element of a list kind."""

    document: Document
    prefix: Path
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """`metadata.name`; empty when absent or no string."""
        return name_of(self.raw)

    def locate(self, path: Path) -> Location:
        """Place of a field of this object in its file."""
        return self.document.locate((*self.prefix, *path))


def name_of(raw: dict[str, Any]) -> str:
    """`metadata.name` of an object; empty when absent or of a wrong type."""
    metadata = raw.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def sources_in(documents: Iterable[Document]) -> Iterator[Source]:
    """The objects of a file, with the elements of list kinds one by one."""
    for document in documents:
        raw = document.raw
        if not isinstance(raw, dict):
            continue
        items = raw.get("items")
        if str(raw.get("kind", "")).endswith("List") and isinstance(items, list):
            for index, item in enumerate(items):
                if isinstance(item, dict):
                    yield Source(document, ("items", index), item)
        else:
            yield Source(document, (), raw)


def find_source(rendered: dict[str, Any], candidates: Iterable[Source]) -> Source | None:
    """The one object that a rendered object must come from, or None when several could be it.

    Prefixes, suffixes and hashes change names, so a name only has to be contained, when no candidate has the very name.
    """
    same_kind = [
        source
        for source in candidates
        if source.raw.get("kind") == rendered.get("kind") and source.raw.get("apiVersion") == rendered.get("apiVersion")
    ]
    if len(same_kind) == 1:
        return same_kind[0]
    name = name_of(rendered)
    exact = [source for source in same_kind if source.name == name]
    if exact:
        return exact[0] if len(exact) == 1 else None
    contained = [source for source in same_kind if source.name and source.name in name]
    return contained[0] if len(contained) == 1 else None


def counterpart(rendered: Any, source: Any, path: Path) -> tuple[Any, Any, Path, int] | None:
    """Walks both values along `path` as far as the rendered one goes.

    Answers both values there, the path in the source, and how many steps were walked. None when the source lacks
    something on the way, or when it is not certain that two list elements are the same: they must have the same unique
    `name`, or the same position and equal content.
    """
    walked: list[str | int] = []
    for depth, step in enumerate(path):
        if isinstance(rendered, dict) and step in rendered:
            if not isinstance(source, dict) or step not in source:
                return None
            rendered, source = rendered[step], source[step]
            walked.append(step)
        elif isinstance(rendered, list) and isinstance(step, int) and step < len(rendered):
            index = _same_element(rendered, source, step)
            if index is None:
                return None
            rendered, source = rendered[step], source[index]
            walked.append(index)
        else:
            return rendered, source, tuple(walked), depth
    return rendered, source, tuple(walked), len(path)


def _same_element(rendered: list[Any], source: Any, index: int) -> int | None:
    if not isinstance(source, list):
        return None
    element = rendered[index]
    name = element.get("name") if isinstance(element, dict) else None
    if isinstance(name, str):
        named = [place for place, other in enumerate(source) if isinstance(other, dict) and other.get("name") == name]
        again = [other for other in rendered if isinstance(other, dict) and other.get("name") == name]
        return named[0] if len(named) == len(again) == 1 else None
    return index if index < len(source) and source[index] == element else None


def certain_place(rendered: Any, source: Any, path: Path, same: Same) -> Path | None:
    """The path in the source at which a field of the rendered object surely stands, or would stand if it were there.

    A present field must have an equal value. A missing one belongs below its nearest present parent, if the source has
    that parent and lacks the field too; a mapping that was rendered from nothing has no place.
    """
    found = counterpart(rendered, source, path)
    if found is None:
        return None
    value, original, place, walked = found
    if walked == len(path):
        return place if not path or same(value, original) else None
    step = path[walked]
    if isinstance(original, dict) and isinstance(value, dict) and original.get(step) is None:
        return place
    return place if same(value, original) else None


class RenderedOrigin:
    """Origin of an object that was rendered from objects in files: by kustomize, or by helm from a chart's `crds/`.

    `path` is the file that a person would open. `via` says what rendered it, for reports: `rendered by overlays/prod`.
    `sources` are the objects of that file; `patches` those of patch files, of which one may have put the value there.
    Both are asked for only when a line is wanted.
    """

    __slots__ = ("_patches", "_raw", "_same", "_sources", "path", "via")

    def __init__(
        self,
        path: str,
        via: str,
        raw: dict[str, Any],
        sources: Callable[[], Iterable[Source]],
        patches: Callable[[], Iterable[Source]] = tuple,
        same: Same = lambda rendered, source: bool(rendered == source),
    ) -> None:
        self.path = path
        self.via = via
        self._raw = raw
        self._sources = sources
        self._patches = patches
        self._same = same

    def locate(self, path: Path) -> Location:
        """Place of a field in the source, or in the one patch that sets it to this value; else the file alone."""
        source = find_source(self._raw, self._sources())
        if source is None:
            return Location(self.path)
        place = certain_place(self._raw, source.raw, path, self._same)
        if place is not None:
            return source.locate(place)
        return self._patched(source, path) or Location(self.path)

    def _patched(self, source: Source, path: Path) -> Location | None:
        places = []
        for patch in self._patches():
            if patch.raw.get("kind") != source.raw.get("kind") or patch.name != source.name:
                continue
            found = counterpart(self._raw, patch.raw, path)
            if found and found[3] == len(path) and self._same(found[0], found[1]):
                places.append(patch.locate(found[2]))
        return places[0] if len(places) == 1 else None


class PlaceOrigin:
    """Origin of an object of which only one place is known: an entry of `configMapGenerator`, or a file."""

    __slots__ = ("_place", "path", "via")

    def __init__(self, path: str, via: str, place: Callable[[], Location] | None = None) -> None:
        self.path = path
        self.via = via
        self._place = place

    def locate(self, path: Path) -> Location:
        """The same place for every field."""
        return self._place() if self._place else Location(self.path)
