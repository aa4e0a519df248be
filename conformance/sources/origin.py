"""Where a document that was read from a file came from, and where its fields stand there."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache

from conformance.kube.object import Location
from conformance.kube.path import Path
from conformance.sources import block_place
from conformance.sources.fault import Fault
from conformance.sources.files import SourceFile, read_bytes
from conformance.sources.marks import Marks, Place
from conformance.sources.yaml_stream import texts

# Above this size only the elements of a list are looked up one by one.
_LARGE = 512 * 1024


def stamp_of(data: bytes) -> bytes:
    """Digest of a file's content; also the key of the cache."""
    return hashlib.blake2b(data, digest_size=16).digest()


class FileOrigin:
    """Origin of one document of a file, or of one element of a `List` in it.

    A field that is reached through an alias or a merge key is located where the anchored content stands: that is the
    line to change. An absent field is located at its nearest present parent. When the file has changed since it was
    loaded, only the file is certain.
    """

    __slots__ = ("file", "number", "prefix")

    def __init__(self, file: SourceFile, number: int, prefix: Path = ()) -> None:
        self.file = file
        #: of the document in the file, empty ones counted, from 0
        self.number = number
        #: where the object stands in its document: `("items", 3)` in a list
        self.prefix = prefix

    @property
    def path(self) -> str:
        """The file as shown."""
        return self.file.path

    def locate(self, path: Path) -> Location:
        """Place of a field, or of its nearest parent that is present: key or list element, from 1."""
        file = self.file
        found = _texts(file.real, file.stamp, file.is_json)
        if found is None or self.number not in found:
            return Location(file.path)
        above = found[self.number][1]
        place = _find(file.real, file.stamp, file.is_json, self.number, (*self.prefix, *path))
        if place is None:
            return Location(file.path)
        line, column = place
        return Location(file.path, above + line + 1, column + 1)

    def __reduce__(self) -> tuple[type[FileOrigin], tuple[SourceFile, int, Path]]:
        return FileOrigin, (self.file, self.number, self.prefix)


@lru_cache(maxsize=4)
def _texts(real: str, stamp: bytes, json: bool) -> dict[int, tuple[str, int]] | None:
    """Text of each document, and the lines above it; None when the file is not what was loaded."""
    try:
        data = read_bytes(real, sys.maxsize)
        return texts(data, json=json) if stamp_of(data) == stamp else None
    except Fault:
        return None


@lru_cache(maxsize=8)
def _marks(real: str, stamp: bytes, json: bool, number: int, depth: int) -> Marks:
    text = (_texts(real, stamp, json) or {})[number][0]
    return Marks(text, depth)


@lru_cache(maxsize=64)
def _element_marks(real: str, stamp: bytes, json: bool, number: int, index: int) -> tuple[Marks, int] | None:
    """Marks of one element of a large list, and the lines above it in the document."""
    outline = _marks(real, stamp, json, number, 2)
    element = outline.find(("items", index))
    items = outline.find(("items",))
    if outline.aliased or element is None or element is items:
        return None
    text = (_texts(real, stamp, json) or {})[number][0]
    return Marks(" " * element.column + text[element.start : element.end]), element.line


def _find(real: str, stamp: bytes, json: bool, number: int, path: Path) -> tuple[int, int] | None:
    """Line and column in the document, from 0."""
    text = (_texts(real, stamp, json) or {})[number][0]
    if not json and (quick := block_place.find(text, path)) is not None:
        return quick
    if len(text) > _LARGE and len(path) > 2 and path[0] == "items" and isinstance(path[1], int):
        element = _element_marks(real, stamp, json, number, path[1])
        if element is not None and (place := element[0].find(path[2:])) is not None:
            return element[1] + place.line, place.column
    place = _marks(real, stamp, json, number, 1_000).find(path)
    return _start(place)


def _start(place: Place | None) -> tuple[int, int] | None:
    return (place.line, place.column) if place is not None else None
