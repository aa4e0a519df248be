"""Where the fields of a YAML document stand, and which keys stand twice.

Nothing here runs while loading: a document is parsed once more, with marks, when the first of its places is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from conformance.kube.path import Path
from conformance.sources.scalars import ScalarError, key_of

_MERGE = "<<", "tag:yaml.org,2002:merge"


class Place(NamedTuple):
    """A value and where it stands; lines, columns and characters count from 0."""

    #: of the key, for the value of a mapping
    line: int
    column: int
    #: dict of key -> Place, list of Place, or None for a scalar
    node: Any
    #: the characters of the value itself
    start: int
    end: int


class Repeat(NamedTuple):
    """A key that stands twice in one mapping; lines and columns from 1."""

    path: Path
    first: int
    line: int
    column: int


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been seen."""

    node: Any
    start: Any
    #: the mapping's key whose value comes next
    key: Any = None
    is_merge: bool = False
    name: str = ""
    #: lines of the keys written out here, unlike those that a merge brought
    lines: dict[str, int] = field(default_factory=dict)


class Marks:
    """The places of one document, which has loaded before.

    A field that is reached through an alias or a merge key stands where the anchored content stands, since that is the
    line to change; a list element that is an alias stands where the alias is. `depth` limits how many levels are
    remembered, for texts so large that all their places would fill the memory.
    """

    def __init__(self, text: str, depth: int = 1_000) -> None:
        self.root: Place | None = None
        self.repeats: list[Repeat] = []
        #: whether there are aliases: then a part of the text cannot be read alone
        self.aliased = False
        self._depth = depth
        self._anchors: dict[str, Any] = {}
        self._stack: list[_Open] = []
        try:
            self._build(CParser(text).get_event)
        except yaml.YAMLError:
            self.root = None

    def find(self, path: Path) -> Place | None:
        """The place of a field, or of its nearest parent that is present."""
        place = self.root
        for step in path:
            node: Any = place.node if place is not None else None
            known = step in node if isinstance(node, dict) else isinstance(node, list) and _within(node, step)
            if not known:
                break
            place = node[step]
        return place

    def _build(self, take: Any) -> None:
        stack = self._stack
        while True:
            event = take()
            kind = event.__class__
            start, node = event, None
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                opened = _Open({} if kind is MappingStartEvent else [], event)
                if event.anchor is not None:
                    self._anchors[event.anchor] = opened.node
                stack.append(opened)
                continue
            if kind is MappingEndEvent or kind is SequenceEndEvent:
                closed = stack.pop()
                start, node = closed.start, closed.node
            elif kind is ScalarEvent or kind is AliasEvent:
                if kind is AliasEvent:
                    self.aliased = True
                    node = self._anchors.get(event.anchor)
                elif event.anchor is not None:
                    self._anchors[event.anchor] = event
                if stack and stack[-1].key is None and stack[-1].node.__class__ is dict:
                    self._key(stack[-1], event, node)
                    continue
            elif kind is DocumentEndEvent or kind is StreamEndEvent:
                return
            else:
                continue
            self._value(start, event, None if isinstance(node, ScalarEvent) else node, kind is AliasEvent)

    def _key(self, parent: _Open, event: Any, aliased: Any) -> None:
        parent.key = event
        scalar = aliased if event.__class__ is AliasEvent else event
        plain = scalar.tag is None and scalar.implicit[0]
        parent.is_merge = scalar is event and scalar.value == _MERGE[0] and (plain or scalar.tag == _MERGE[1])
        parent.name = _name(scalar, plain)
        if parent.is_merge:
            return
        line = event.start_mark.line + 1
        if parent.name in parent.lines:
            first = parent.lines[parent.name]
            self.repeats.append(Repeat(self._path(), first, line, event.start_mark.column + 1))
        else:
            parent.lines[parent.name] = line

    def _path(self) -> Path:
        return tuple(opened.name if opened.node.__class__ is dict else len(opened.node) for opened in self._stack)

    def _value(self, start: Any, end: Any, node: Any, is_alias: bool) -> None:
        place = Place(start.start_mark.line, start.start_mark.column, node, start.start_mark.index, end.end_mark.index)
        if not self._stack:
            self.root = place
            return
        parent = self._stack[-1]
        if parent.node.__class__ is list:
            if len(self._stack) <= self._depth:
                parent.node.append(place)
            return
        key, parent.key = parent.key, None
        if parent.is_merge:
            _merge(parent.node, place, is_alias)
        elif len(self._stack) <= self._depth:
            parent.node[parent.name] = place._replace(line=key.start_mark.line, column=key.start_mark.column)


def _within(node: list[Place], step: str | int) -> bool:
    return isinstance(step, int) and 0 <= step < len(node)


def _name(scalar: Any, plain: bool) -> str:
    if not plain and scalar.tag is None:
        return str(scalar.value)
    try:
        return key_of(scalar.value, scalar.tag)
    except ScalarError:
        return ""


def repeats(text: str) -> list[Repeat]:
    """The keys that stand twice in one mapping of a document, in the order of their second places."""
    return Marks(text).repeats


def _merge(node: dict[str, Place], place: Place, is_alias: bool) -> None:
    sources = place.node if place.node.__class__ is list and not is_alias else [place]
    for source in reversed(sources):
        if isinstance(source.node, dict):
            node.update(source.node)
