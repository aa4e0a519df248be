"""Bytes of a file to text, and text to the parts that hold one YAML document each."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.sources.fault import Fault

# Bytes of a text that needs no second look: tabs, line feeds and printable ASCII.
_ORDINARY = bytes((9, 10, *range(32, 127)))
#: what YAML forbids; lone surrogates stand for bytes that are no UTF-8.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# Line breaks besides \n, and the byte order mark inside a text, which only libyaml knows how to treat.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_MARKER = re.compile(r"^(?:---|\.\.\.)(?=[ \t\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)
_DIRECTIVES = re.compile(r"(?:[ \t]*(?:#.*)?\n|%.*\n)*\Z")
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a text, from its `---` marker on, if it has one."""

    text: str
    #: lines before it
    above: int
    #: whether it holds more than comments
    filled: bool


def decode(data: bytes) -> tuple[str, bool]:
    """Text with `\\n` for every line break, and whether the text is free of characters that need care.

    UTF-8 with or without a byte order mark, and UTF-16 with one. A byte that is no UTF-8 becomes a lone surrogate, so
    that only its document is lost. Raises `Fault` with line 0 for a file that is no text at all.
    """
    if not data.translate(None, _ORDINARY):
        if data.startswith(_LFS):
            raise Fault("a Git LFS pointer: the file itself was not checked out (git lfs pull)", 0, 0)
        return data.decode("ascii"), True
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Fault("UTF-32, which YAML parsers do not read: save it as UTF-8", 0, 0)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            raise Fault("not valid UTF-16, as its byte order mark says", 0, 0) from None
    elif (nul := data.find(0)) >= 0:
        raise Fault(f"binary, not text: a NUL byte at offset {nul}", 0, 0)
    else:
        text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, not _ODD.search(text)


def forbidden(text: str) -> Fault | None:
    """The first character that no YAML text may hold."""
    found = FORBIDDEN.search(text)
    if found is None:
        return None
    code = ord(found[0])
    what = f"byte 0x{code - 0xDC00:02X} is not UTF-8" if 0xDC80 <= code <= 0xDCFF else f"control character U+{code:04X}"
    line = text.count("\n", 0, found.start())
    return Fault(what, line + 1, found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1)


def parts(text: str) -> Iterator[Part]:
    """The documents of a text, in order.

    YAML ends a document at a line that begins with `---` or `...`, even inside a quoted string or a block scalar, so
    splitting there first is exact, and a syntax error costs only its own document.
    """
    start = above = 0
    for end in _borders(text):
        part = text[start:end]
        if part.startswith("..."):
            part = part[3:]
        marker = 3 if part.startswith("---") else 0
        yield Part(part, above, _CONTENT.search(part, marker) is not None or _tail(part, marker))
        above += text.count("\n", start, end)
        start = end


def _tail(part: str, marker: int) -> bool:
    """Whether content stands behind the marker on its own line."""
    rest = part[marker:].partition("\n")[0].strip(" \t")
    return bool(rest) and rest[0] != "#"


def _borders(text: str) -> Iterator[int]:
    if "\n---" in text or "\n..." in text:
        directives = "\n%" in text or text.startswith("%")
        previous = 0
        for found in _MARKER.finditer(text, 1):
            border = found.start()
            # %YAML and %TAG lines belong to the document whose marker follows them.
            if directives and found[0] == "---" and _only_directives(text[previous:border]):
                continue
            yield border
            previous = border
    yield len(text)


def _only_directives(part: str) -> bool:
    if part.startswith("..."):
        part = part[3:]
    return "%" in part and _DIRECTIVES.match(part) is not None
