"""The plain block style that nearly every manifest is written in, read line by line.

Several times faster than building from events: lines repeat from manifest to manifest, so what a line says is looked up
instead of parsed. It knows only what it is sure of. Anything else (anchors, tags, several-line scalars, tabs, odd
indentation, a key that stands twice, an error) makes it give up, and the document is built from libyaml's events. So it
never decides that something is wrong, and tests compare it with the other builder.
"""

from __future__ import annotations

import re
from typing import Any

from conformance.sources.fault import Fault
from conformance.sources.scalars import ScalarError, key_of, resolve
from conformance.sources.yaml_events import MAX_DEPTH, Builder

# Groups: indentation, "- " with the blanks behind it, key, rest of the line.
_LINE = re.compile(
    r"""( *)(-(?:[ ]+|\Z))?(?:([A-Za-z0-9_./][A-Za-z0-9_./-]*|"[^"\\\n]*"|'[^'\n]*'):(?: +|\Z))?(.*)\Z""",
)
_PLAIN = re.compile(r"(?:[A-Za-z0-9_/.~+$(^;=<\\]|[-:](?! |\Z))(?:[^ :#]|:(?! |\Z)|(?<! )\#| +(?![# ]))*\Z")
_QUOTED = re.compile(r"""("[^"\\]*"|'[^']*(?:''[^']*)*')(?: +#.*| *)\Z""")
_HEADER = re.compile(r"[|>][+-]?\Z")

# What a line is: a key with its value on the line, below it, or begun on it; the same for list items. The value of a
# _BLOCK is the text that begins it.
_SKIP, _KEY, _OPEN, _BLOCK, _ITEM, _ITEM_KEY, _ITEM_OPEN, _ITEM_BLOCK, _ITEM_NOTHING = range(9)
# A line that stands for a value which may be shared by all documents: nothing ever changes a loaded document.
_Line = tuple[int, int, int, str, Any]
_lines: dict[str, _Line | None] = {"": (_SKIP, 0, 0, "", None)}
_SPANNING = "\"'[{"
_LINES_LIMIT = 100_000
_LONG_LINE = 300
# The regular expression for plain scalars needs memory for each character.
_LONGEST_LINE = 20_000
_FLOW_DEPTH = 20


class _Unsure(Exception):  # noqa: N818 - no error: another reader is asked
    """The line is not in the style that this module knows."""


def build(text: str) -> tuple[Any, int] | None:
    """Value and first line of the one document of a text, or None where libyaml has to be asked.

    The text must be free of characters that need care, as `decode` says; it may begin with the `---` of its document.
    """
    lines = text.split("\n")
    if text.startswith("---"):
        if (rest := lines[0][3:].lstrip(" \t")) and rest[0] != "#":
            return None
        lines[0] = ""
    if len(_lines) > _LINES_LIMIT:
        forget()
    try:
        return _build(lines)
    except _Unsure:
        return None


def forget() -> None:
    """Gives back the memory of the lines seen so far; they are worth keeping only while files are read."""
    _lines.clear()
    _lines[""] = (_SKIP, 0, 0, "", None)


def _build(lines: list[str]) -> tuple[Any, int]:
    known = _lines
    root: Any = None
    first = 0
    node: Any = None  # the innermost open mapping or list, and its column
    column = -1
    parents: list[tuple[Any, int]] = []
    pending: Any = None  # the key or index in `node` whose value has not been seen yet
    number = 0
    last = 0  # the line, from 1, of the plain scalar that the next line may continue
    count = len(lines)
    while number < count:
        line = lines[number]
        number += 1
        try:
            entry = known[line]
        except KeyError:
            entry = _read(line)
            if len(line) < _LONG_LINE:
                known[line] = entry
        if entry is None:
            number = _continue(lines, last, node, column)
            last = 0
            continue
        kind, indent, inner, key, value = entry
        if kind == _SKIP:
            continue
        if indent > column and last:
            number = _continue(lines, last, node, column)
            last = 0
            continue
        if indent > column:
            if node is None:
                if root is not None:
                    raise _Unsure
                first = number
            elif pending is None or len(parents) >= MAX_DEPTH - _FLOW_DEPTH - 2:
                raise _Unsure
            child: Any = [] if kind >= _ITEM else {}
            if node is None:
                root = child
            else:
                node[pending] = child
                pending = None
            parents.append((node, column))
            node, column = child, indent
        else:
            if indent == column and kind >= _ITEM and pending is not None and node.__class__ is dict:
                # a list may stand at the column of its key
                child = node[pending] = []
                parents.append((node, column))
                node = child
            pending = None
            while indent < column:
                node, column = parents.pop()
            if indent != column:
                raise _Unsure
            if kind < _ITEM and node.__class__ is list:
                node, column = parents.pop()
                if indent != column:
                    raise _Unsure
        if kind >= _ITEM:
            if node.__class__ is not list:
                raise _Unsure
            last = 0
            if kind == _ITEM:
                node.append(value)
                last = number
                continue
            if kind == _ITEM_NOTHING:
                pending = len(node)
                node.append(None)
                continue
            if kind == _ITEM_BLOCK and inner == 0:
                value, number = _block(lines, number, value, indent)
                node.append(value)
                continue
            child = {}
            node.append(child)
            parents.append((node, column))
            node, column = child, inner
            kind -= _ITEM_KEY - _KEY
        if key in node:
            raise _Unsure
        last = 0
        if kind == _OPEN:
            node[key] = None
            pending = key
        elif kind == _KEY:
            node[key] = value
            last = number
        else:
            node[key], number = _block(lines, number, value, column)
    return root, first


def _read(line: str) -> _Line | None:
    """What a line says; None where it is unsure."""
    if len(line) > _LONGEST_LINE or "\t" in line:
        return None
    found = _LINE.match(line)
    if found is None:
        return None
    indent, dash, key, rest = found.groups()
    if key is not None and len(key) > _LONG_LINE:
        return None
    rest = rest.rstrip(" ")
    if not rest or rest[0] == "#":
        if key is None:
            return (_ITEM_NOTHING, len(indent), 0, "", None) if dash else (_SKIP, 0, 0, "", None)
        kind, value = _OPEN, None
    else:
        try:
            kind, value = (_BLOCK, rest) if _HEADER.match(rest) else (_KEY, _value(rest))
        except _Unsure:
            if rest[0] not in _SPANNING:
                return None
            kind, value = _BLOCK, rest
    column = len(indent)
    if key is None:
        return None if dash is None else (_ITEM_BLOCK if kind == _BLOCK else _ITEM, column, 0, "", value)
    try:
        name = key[1:-1] if key[0] in "\"'" else key_of(key)
    except ScalarError:
        return None
    if dash is None:
        return kind, column, 0, name, value
    return kind + _ITEM_KEY - _KEY, column, column + len(dash), name, value


def _value(text: str) -> Any:
    if (first := text[0]) in "\"'":
        found = _QUOTED.match(text)
        if found is not None:
            inner = found[1][1:-1]
            return inner if first == '"' else inner.replace("''", "'")
    if first in _SPANNING:
        return _flow(text)
    try:
        comment = text.find(" #")
        if comment >= 0:
            text = text[:comment].rstrip(" ")
        if not _PLAIN.match(text):
            raise _Unsure
        return resolve(text)
    except ScalarError:
        raise _Unsure from None


def _flow(text: str) -> Any:
    """Value of a text that holds nothing else."""
    if text.lstrip("- ")[:1] in ("[", "{") and text.count("[") + text.count("{") > _FLOW_DEPTH:
        raise _Unsure
    builder = Builder(text)
    try:
        value = builder.build()
    except Fault:
        raise _Unsure from None
    # The budget for aliases is one document's, not one line's.
    if builder.repeated or builder.anchored:
        raise _Unsure
    return value


def _block(lines: list[str], start: int, header: str, column: int) -> tuple[Any, int]:
    """A value that begins with `header` and goes on in the lines deeper than `column`, and the number of lines read.

    Those lines are the whole value, or a syntax error: either way libyaml knows.
    """
    least = " " * (column + 1)
    stop, count = start, len(lines)
    while stop < count and (not (line := lines[stop]) or line.startswith(least) or not line.strip(" ")):
        stop += 1
    body = "".join([line + "\n" for line in lines[start:stop]])
    if stop == count:
        body = body[:-1]  # whether the last line ends in a line break matters
    return _flow(f"--- {header}\n{body}"), stop


def _continue(lines: list[str], last: int, node: Any, column: int) -> int:
    """Reads the plain scalar that ends line `last`, from 1, together with the deeper lines after it."""
    if not last or (found := _LINE.match(lines[last - 1])) is None:
        raise _Unsure
    value, stop = _block(lines, last, found[4], column)
    if not isinstance(value, str):
        raise _Unsure
    if node.__class__ is list:
        node[-1] = value
    else:
        node[next(reversed(node))] = value
    return stop
