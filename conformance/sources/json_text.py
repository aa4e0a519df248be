"""JSON files: one or several JSON values, typed by the same rules as YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.sources.decode import FORBIDDEN
from conformance.sources.scalars import resolve
from conformance.sources.yaml_events import MAX_DEPTH

# Any escape, so that a backslash that is itself escaped is not taken for the start of one.
_ESCAPE = re.compile(
    r"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Unclosed strings and comments match too: else each of many would be looked at up to the end of the text.
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]+|\\.)*+"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\\n]+|\\.)*+"?|,(?=\s*[\]}])')
#: Python's words -> ours
_REASONS = {
    "Expecting value": "a value is missing here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing here",
    "Expecting ',' delimiter": 'a "," is missing here, or a bracket is not closed',
    "Expecting ':' delimiter": 'a ":" is missing here',
    "Unterminated string starting at": "a string is not closed",
    "Invalid control character at": "a line break or control character inside a string",
    "Invalid \\escape": "an unknown \\ escape",
    "Invalid \\uXXXX escape": "an unknown \\ escape",
    "Illegal trailing comma before end of object": "a key in double quotes is missing here",
    "Illegal trailing comma before end of array": "a value is missing here",
}
_BLANK = re.compile(r"\s*")


class NotJson(Exception):  # noqa: N818 - no error: another reader is asked
    """A text that is no JSON; line and column count from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(slots=True)
class JsonPart:
    """One JSON value with the text that it was read from."""

    value: Any
    text: str
    #: lines before the text, and characters before it on its first line
    above: int
    left: int
    #: whether some key stands twice in one object
    repeated: bool


def read(text: str, *, lenient: bool = False) -> list[JsonPart]:
    """The values of a text, which may follow each other without a separator, as kubectl reads them.

    `lenient` lets comments and trailing commas pass, as in tsconfig.json, unless a value is a Kubernetes object:
    Kubernetes refuses them. Raises `NotJson`.
    """
    try:
        return list(_values(text))
    except NotJson as error:
        if not lenient or (plain := without_comments(text)) == text:
            raise
        try:
            found = list(_values(plain))
        except NotJson:
            raise error from None
        if any(isinstance(each.value, dict) and "apiVersion" in each.value for each in found):
            raise error from None
        return found


def without_comments(text: str) -> str:
    """The text with comments and trailing commas blanked out; lines and columns stay."""

    def blank(found: re.Match[str]) -> str:
        return found[0] if found[0][0] == '"' else re.sub(r"[^\n]", " ", found[0])

    return _STRING_OR_COMMA.sub(blank, _STRING_OR_COMMENT.sub(blank, text))


def masked(text: str, left: int = 0) -> str:
    """JSON text with what only YAML refuses replaced by as many other characters, for finding places with libyaml.

    `left` is the number of characters before it on its first line.
    """

    def mask(found: re.Match[str]) -> str:
        return "_" * len(found[0]) if found["pair"] or found["lone"] else found[0]

    return " " * left + FORBIDDEN.sub("_", _ESCAPE.sub(mask, text).replace("\t", " "))


def _values(text: str) -> Iterator[JsonPart]:
    repeated = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        result = dict(found)
        repeated = repeated or len(result) != len(found)
        return result

    def constant(name: str) -> Any:
        raise json.JSONDecodeError(f"{name} is no JSON number", text, max(0, text.find(name)))

    decoder = json.JSONDecoder(object_pairs_hook=pairs, parse_int=resolve, parse_float=resolve, parse_constant=constant)
    whole = _ESCAPE.sub(_replace_lone, text) if _SURROGATE.search(text) else text
    above = end = line = 0
    while True:
        start = _BLANK.match(whole, end).end()  # type: ignore[union-attr]
        if start == len(whole):
            return
        above += whole.count("\n", end, start)
        line = max(line, whole.rfind("\n", end, start) + 1)
        repeated = False
        try:
            value, end = decoder.raw_decode(whole, start)
        except json.JSONDecodeError as error:
            raise NotJson(f"not JSON: {_REASONS.get(error.msg, error.msg)}", error.lineno, error.colno) from None
        except RecursionError:
            raise _too_deep(above) from None
        part = whole[start:end]
        if part.count("[") + part.count("{") > MAX_DEPTH and _levels(value) > MAX_DEPTH:
            raise _too_deep(above)
        yield JsonPart(value, part, above, start - line, repeated)
        above += part.count("\n")
        line = max(line, whole.rfind("\n", start, end) + 1)


def _replace_lone(found: re.Match[str]) -> str:
    return "\\ufffd" if found["lone"] else found[0]


def _too_deep(above: int) -> NotJson:
    return NotJson(f"nested deeper than {MAX_DEPTH} levels", above + 1, 1)


def _levels(value: Any) -> int:
    levels, row = 0, [value]
    while row and levels <= MAX_DEPTH:
        row = [
            child
            for each in row
            if each.__class__ in (dict, list)
            for child in (each.values() if each.__class__ is dict else each)
        ]
        levels += 1
    return levels
