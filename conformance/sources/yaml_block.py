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
    r"""( *)(-[ ]+)?(?:([A-Za-z0-9_./][A-Za-z0-9_./-]*|"[^"\\\n]*"|'[^'\n]*'):(?: +|\Z))?(.*)\Z""",
)
_PLAIN = re.compile(r"[A-Za-z0-9_/.~+$(^;=<\\](?:[^ :#]|:(?! |\Z)|(?<! )\#| +(?![# ]))*\Z|-[^ :#,\[\]{}]+\Z")
_QUOTED = re.compile(r"""("[^"\\]*"|'[^']*(?:''[^']*)*')(?: +#.*| *)\Z""")
_HEADER = re.compile(r"[|>][+-]?\Z")

_SKIP, _KEY, _OPEN, _BLOCK, _ITEM, _ITEM_KEY, _ITEM_OPEN, _ITEM_BLOCK = range(8)
# A line that stands for a value which may be shared by all documents: nothing ever changes a loaded document.
_Line = tuple[int, int, int, str, Any]
_lines: dict[str, _Line | None] = {"": (_SKIP, 0, 0, "", None)}
_LINES_LIMIT = 100_000
_LONG_LINE = 300
# The regular expression for plain scalars needs memory for each character.
_LONGEST_LINE = 20_000
_FLOW_DEPTH = 20
_MISSING: Any = object()


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
        _lines.clear()
        _lines[""] = (_SKIP, 0, 0, "", None)
    try:
        return _build(lines)
    except _Unsure:
        return None


def _build(lines: list[str]) -> tuple[Any, int]:
    known = _lines
    root: Any = None
    first = 0
    node: Any = None  # the innermost open mapping or list, and its column
    column = -1
    parents: list[tuple[Any, int]] = []
    pending: str | None = None  # the key of `node` whose value has not been seen yet
    number = 0
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
            raise _Unsure
        kind, indent, inner, key, value = entry
        if kind == _SKIP:
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
            if indent == column and kind >= _ITEM and pending is not None:
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
            if kind == _ITEM:
                node.append(value)
                continue
            if kind == _ITEM_BLOCK and not key:
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
        if kind == _OPEN:
            node[key] = None
            pending = key
        elif kind == _KEY:
            node[key] = value
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
            # "-" alone would be an item whose value stands below it
            return None if dash else (_SKIP, 0, 0, "", None)
        kind, value = _OPEN, None
    elif _HEADER.match(rest):
        kind, value = _BLOCK, rest
    else:
        try:
            kind, value = _KEY, _value(rest)
        except _Unsure:
            return None
    if key is None:
        if dash is None or kind == _OPEN:
            return None
        return (_ITEM_BLOCK if kind == _BLOCK else _ITEM), len(indent), 0, "", value
    if len(key) > 2 and key[0] in "\"'":
        name = key[1:-1]
    elif key[0] in "\"'":
        return None
    else:
        try:
            name = key_of(key)
        except ScalarError:
            return None
    column = len(indent)
    if dash is None:
        return kind, column, 0, name, value
    return kind + _ITEM_KEY - _KEY, column, column + len(dash), name, value


def _value(text: str) -> Any:
    if (first := text[0]) in "\"'":
        found = _QUOTED.match(text)
        if found is None:
            raise _Unsure
        inner = found[1][1:-1]
        return inner if first == '"' else inner.replace("''", "'")
    try:
        if first in "[{":
            return _flow(text)
        comment = text.find(" #")
        if comment >= 0:
            text = text[:comment].rstrip(" ")
        if not _PLAIN.match(text):
            raise _Unsure
        return resolve(text)
    except (ScalarError, Fault):
        raise _Unsure from None


def _flow(text: str) -> Any:
    if text.count("[") + text.count("{") > _FLOW_DEPTH:
        raise _Unsure
    builder = Builder(text)
    value = builder.build()
    # The budget for aliases is one document's, not one line's.
    if builder.repeated or builder.anchored:
        raise _Unsure
    return value


def _block(lines: list[str], start: int, header: str, column: int) -> tuple[str, int]:
    """Text of a `|` or `>` scalar whose parent stands at `column`, and the number of the line after it."""
    least = " " * (column + 1)
    stop, count = start, len(lines)
    while stop < count and (not (line := lines[stop]) or line.startswith(least) or not line.strip(" ")):
        stop += 1
    body = "".join([line + "\n" for line in lines[start:stop]])
    if stop == count:
        body = body[:-1]  # whether the last line ends in a line break matters
    try:
        value = Builder(f"--- {header}\n{body}").build()
    except Fault:
        raise _Unsure from None
    if not isinstance(value, str):
        raise _Unsure
    return value, stop
