"""Equal parts of documents as one value, so that very large trees fit into memory.

Manifests repeat each other: labels, ports, resources, probes. Nothing ever changes a loaded document, so equal mappings
and lists can be the same one. That halves the memory of a tree and costs about as much time as parsing it, which is why
only large trees are treated so.
"""

from __future__ import annotations

from typing import Any

#: larger documents are left as they are: aliases could make them far larger to walk than to hold
_MOST_VALUES = 5_000
# The table itself must stay small beside what it saves; what repeats, repeats soon.
_MOST_KNOWN = 30_000


class Shared:
    """The mappings and lists seen so far."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._left = 0

    def document(self, value: Any) -> Any:
        """An equal document that shares its parts with those before it; the given one must not be used any more."""
        self._left = _MOST_VALUES
        return self._part(value) if value.__class__ is dict or value.__class__ is list else value

    def _part(self, value: Any) -> Any:
        pairs = value.items() if value.__class__ is dict else enumerate(value)
        self._left -= len(value) + 1
        if self._left < 0:
            return value
        key: list[Any] = [value.__class__, *value] if value.__class__ is dict else [value.__class__]
        for name, child in pairs:
            kind = child.__class__
            if kind is str:
                key.append(child)
            elif kind is dict or kind is list:
                value[name] = part = self._part(child)
                key.append((kind, id(part)))
            else:
                # 1, 1.0 and True are equal to Python, and not to Kubernetes
                key.append((kind, child))
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        return self._known.setdefault(tuple(key), value)
