"""Lines of a text that stands inside a document, such as a script or a rule file in a ConfigMap."""

from __future__ import annotations

from typing import Any

from conformance.kube.object import Document, Location, Node
from conformance.kube.path import Path


def locate(subject: Document, path: Path, line: int) -> Location | None:
    """The place in the file of a line (from 1) of a text field; None where only the field itself is certain.

    The lines of a literal block (`key: |`) begin below its key. That it is one shows by what comes next in the document
    standing far enough below: a quoted text with `\\n` in it takes one line only.
    """
    text, first = Node(subject.raw).get(path), subject.locate(path)
    if not first.line or not isinstance(text, str):
        return None
    if "\n" not in text.strip("\n"):
        return None
    following = _next(subject.raw, path)
    if following is not None and subject.locate(following).line <= first.line + text.rstrip("\n").count("\n") + 1:
        return None
    return Location(first.path, first.line + line, 1)


def _next(raw: Any, path: Path) -> Path | None:
    """The field that follows in the nearest list or mapping that has one."""
    for depth in range(len(path) - 1, -1, -1):
        parent = Node(raw).get(path[:depth])
        step = path[depth]
        if isinstance(parent, dict):
            keys = list(parent)
            at = keys.index(step) + 1 if step in parent else len(keys)
            if at < len(keys):
                return (*path[:depth], keys[at])
        elif isinstance(parent, list) and isinstance(step, int) and step + 1 < len(parent):
            return (*path[:depth], step + 1)
    return None
