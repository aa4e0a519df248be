"""Where a document that was read from a file came from, and where its fields stand there."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from typing import NamedTuple

from conformance.kube.object import Location
from conformance.kube.path import Path
from conformance.sources import block_place
from conformance.sources.fault import Fault
from conformance.sources.files import SourceFile, read_bytes
from conformance.sources.marks import Marks
from conformance.sources.yaml_stream import DocumentText, texts

# Up to this size a field is looked for by indentation; in larger documents the marks, once built, are quicker.
_SMALL = 32 * 1024
# Above this size only the elements of a list are looked up one by one.
_LARGE = 512 * 1024
_ALL = 1_000


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
        place = _find(_Document(file.real, file.stamp, file.is_json, self.number), (*self.prefix, *path))
        return Location(file.path) if place is None else Location(file.path, place[0] + 1, place[1] + 1)

    def __reduce__(self) -> tuple[type[FileOrigin], tuple[SourceFile, int, Path]]:
        return FileOrigin, (self.file, self.number, self.prefix)


class _Document(NamedTuple):
    """What tells one document from all others, as long as its file does not change."""

    real: str
    stamp: bytes
    is_json: bool
    number: int


@lru_cache(maxsize=4)
def _texts(real: str, stamp: bytes, is_json: bool) -> list[DocumentText]:
    """The documents of a file; none when it is not what was loaded."""
    try:
        data = read_bytes(real, sys.maxsize)
        return texts(data, json=is_json) if stamp_of(data) == stamp else []
    except Fault:
        return []


@lru_cache(maxsize=8)
def _marks(document: _Document, depth: int) -> Marks:
    return Marks(_texts(*document[:3])[document.number].yaml, depth)


@lru_cache(maxsize=64)
def _element(document: _Document, index: int) -> tuple[Marks, int] | None:
    """Marks of one element of a large list, and the lines above it in the document."""
    outline = _marks(document, 2)
    items, element = outline.find(("items",)), outline.find(("items", index))
    if outline.aliased or element is None or element is items:
        return None
    text = _texts(*document[:3])[document.number].yaml
    return Marks(" " * element.column + text[element.start : element.end]), element.line


def _find(document: _Document, path: Path) -> tuple[int, int] | None:
    """Line and column in the file, from 0."""
    found = _texts(*document[:3])
    if document.number >= len(found):
        return None
    text = found[document.number]
    if len(text.text) > _LARGE and len(path) > 2 and path[0] == "items" and isinstance(path[1], int):
        element = _element(document, path[1])
        if element is not None and (place := element[0].find(path[2:])) is not None:
            return text.above + element[1] + place.line, place.column
    if len(text.text) < _SMALL and not text.is_json and (quick := block_place.find(text.text, path)) is not None:
        return text.above + quick[0], quick[1]
    place = _marks(document, _ALL).find(path)
    return (text.above + place.line, place.column) if place is not None else None
