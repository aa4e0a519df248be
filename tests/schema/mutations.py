"""Systematic damage to a good object: what could be wrong, at every field."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from conformance.kube.path import Path, render

UNKNOWN = "notAField"


def mutations(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies with one change each, and what was changed. What chooses the address stays."""
    for path, value in list(_walk(raw, ())):
        if path[:1] in (("apiVersion",), ("kind",)) or path[:2] in (("metadata", "name"), ("metadata", "namespace")):
            continue
        where = render(path)
        if isinstance(value, dict):
            yield f"unknown field in {where or 'the object'}", _changed(raw, path, {**value, UNKNOWN: "x"})
            yield f"unknown null in {where or 'the object'}", _changed(raw, path, {**value, UNKNOWN: None})
        if path and path != ("metadata",):
            for name, other in _others(value):
                yield f"{name} at {where}", _changed(raw, path, other)
            yield f"without {where}", _removed(raw, path)


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _walk(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(child, (*path, index))


def _others(value: Any) -> Iterator[tuple[str, Any]]:
    yield "null", None
    if not isinstance(value, dict):
        yield "a mapping", {"a": "b"}
    if not isinstance(value, list):
        yield "a list", ["a"]
    if isinstance(value, list) and value:
        yield "a null element", [*value, None]
    if not isinstance(value, str):
        yield "a string", "a"
    else:
        yield "an empty string", ""
    if isinstance(value, bool):
        yield "a quoted boolean", str(value).lower()
    elif isinstance(value, int):
        yield "a quoted number", str(value)
        yield "a number beyond 32 bits", 2**40
        yield "a number beyond 64 bits", 2**63
    else:
        yield "a boolean", True
        yield "a number", 7
    yield "a fraction", 1.5


def _changed(raw: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    new: Any = copy.deepcopy(raw)
    if not path:
        return dict(value)
    _parent(new, path)[path[-1]] = value
    return dict(new)


def _removed(raw: dict[str, Any], path: Path) -> dict[str, Any]:
    new = copy.deepcopy(raw)
    del _parent(new, path)[path[-1]]
    return new


def _parent(raw: Any, path: Path) -> Any:
    for step in path[:-1]:
        raw = raw[step]
    return raw
