"""Documents of rendered text, as values and with the lines of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.kube.path import Path, render
from conformance.sources import decode, yaml_block
from conformance.sources.decode import Part
from conformance.sources.fault import Fault
from conformance.sources.marks import Marks, repeats
from conformance.sources.yaml_events import Builder


def parts(text: str) -> Iterator[Part]:
    """The documents of a text that hold more than comments."""
    return (part for part in decode.parts(text) if part.filled)


def value_of(text: str, *, ordinary: bool = False) -> tuple[Any, list[str]]:
    """The value of one document, and the paths of keys that stand twice in it. Raises Fault.

    `ordinary` says that the text has no odd characters, which lets most documents be read the fast way.
    """
    found = yaml_block.build(text) if ordinary else None
    if found is not None:
        return found[0], []
    wrong = None if ordinary else decode.forbidden(text)
    if wrong is not None:
        raise wrong
    builder = Builder(text)
    value = builder.build()
    return value, [render(repeat.path) for repeat in repeats(text)] if builder.repeated else []


class FieldLines:
    """The lines of one document's fields."""

    def __init__(self, text: str) -> None:
        self._root = Marks(text).root

    def line_of(self, path: Path) -> int | None:
        """Line, from 1, on which a present field stands: that of its key, or of its list element."""
        place = self._root
        for step in path:
            node = place.node if place is not None else None
            if isinstance(node, dict):
                place = node.get(step)
            else:
                place = node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None
        return place.line + 1 if place is not None else None


__all__ = ["Fault", "FieldLines", "Part", "parts", "value_of"]
