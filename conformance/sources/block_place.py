"""The place of one field in a document of plain block style, found by indentation alone.

Building the marks of a whole document to locate one field costs a millisecond, which a run with thousands of findings
feels. In the style that `yaml_block` reads, a field is found by skipping lines that are indented deeper. Whatever else
comes along the way (flow style with steps left to go) is left to the marks; tests hold the two against each other.
"""

from __future__ import annotations

import re

from conformance.kube.path import Path
from conformance.sources import yaml_block
from conformance.sources.scalars import key_of

# Groups: key (perhaps quoted), rest of the line.
_KEY = re.compile(r"""([A-Za-z0-9_./][A-Za-z0-9_./-]*|"[^"\\\n]*"|'[^'\n]*'):(?: +|\Z)(.*)\Z""")
_ITEM = re.compile(r"-( +|\Z)")
_NOTHING = re.compile(r" *(?:#|\Z)")


class _UnsureError(Exception):
    """The field lies in a style that this module does not read."""


def find(text: str, path: Path) -> tuple[int, int] | None:
    """Line and column, from 0, of a field or of its nearest present parent; None where the marks have to be asked.

    The place of a mapping's value is its key's, that of a list element its first character, as the marks have it.
    """
    if not path or yaml_block.build(text) is None:
        return None
    try:
        return _Search(text.split("\n")).find(path)
    except _UnsureError:
        return None


class _Search:
    """A cursor: `line` and `column` are where the content of the current container begins."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.line = -1
        self.column = 0

    def find(self, path: Path) -> tuple[int, int] | None:
        """The place of the last step that is there."""
        if not self._enter(0, -1, False):
            return None
        place = (self.line, self.column)
        for number, step in enumerate(path):
            found = self._key(step) if isinstance(step, str) else self._element(step)
            if found is None:
                return place
            place, rest, below_key = found
            if number + 1 == len(path):
                return place
            if not self._descend(place, rest, below_key):
                return place
        return place

    def _enter(self, line: int, parent: int, below_key: bool) -> bool:
        """Go to the first content at or below a line that is indented deeper than its parent."""
        while line < len(self.lines) and _NOTHING.match(self.lines[line]):
            line += 1
        if line == len(self.lines):
            return False
        text = self.lines[line]
        column = len(text) - len(text.lstrip(" "))
        # A list may stand at the very column of the key it belongs to.
        if column < parent or (column == parent and not (below_key and _ITEM.match(text, column))):
            return False
        self.line, self.column = line, column
        return True

    def _descend(self, place: tuple[int, int], rest: str, below_key: bool) -> bool:
        """Enter the value that begins behind a key or a dash; False when it is a scalar, or nothing."""
        line, column = place
        if below_key:
            if rest and not rest.startswith("#"):
                if rest[0] in "{[":
                    raise _UnsureError
                return False
            return self._enter(line + 1, column, True)
        if not rest or rest.startswith("#"):
            return self._enter(line + 1, column, False)
        self.line, self.column = line, len(self.lines[line]) - len(rest)
        if rest[0] in "{[":
            raise _UnsureError
        return bool(_KEY.match(rest) or _ITEM.match(rest))

    def _key(self, step: str) -> tuple[tuple[int, int], str, bool] | None:
        if self._in_list():
            return None
        found = None
        for line, text in self._siblings():
            key = _KEY.match(text, self.column)
            if key is None:
                raise _UnsureError
            if _plain(key.group(1)) == step:
                found = (line, self.column), key.group(2), True
        return found  # of a key that stands twice the last counts, but such documents are not of this style

    def _element(self, step: int) -> tuple[tuple[int, int], str, bool] | None:
        if not self._in_list():
            return None
        for index, (line, text) in enumerate(self._siblings()):
            dash = _ITEM.match(text, self.column)
            if dash is None or dash.end() == len(text) or text[dash.end()] == "#":
                raise _UnsureError
            if index == step:
                return (line, dash.end()), text[dash.end() :], False
        return None

    def _in_list(self) -> bool:
        return _ITEM.match(self.lines[self.line], self.column) is not None

    def _siblings(self) -> list[tuple[int, str]]:
        """The lines of the current container at its own column."""
        column, found = self.column, []
        inside_list = self._in_list()
        for line in range(self.line, len(self.lines)):
            text = self.lines[line]
            if line > self.line:
                if _NOTHING.match(text):
                    continue
                indentation = len(text) - len(text.lstrip(" "))
                if indentation > column:
                    continue
                is_item = _ITEM.match(text, column) is not None
                if indentation < column or (inside_list and not is_item):
                    break
                if not inside_list and is_item:
                    continue  # of a list that stands at the column of its key
            found.append((line, text))
        return found


def _plain(raw: str) -> str:
    return raw[1:-1] if raw[0] in "\"'" else str(key_of(raw))
