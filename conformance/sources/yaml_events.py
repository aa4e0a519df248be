"""One YAML document to plain values, from libyaml's events.

PyYAML's own loaders resolve other types than Kubernetes does, recurse, and expand merge keys without a bound; libyaml's
scanner and parser are sound. So the events are libyaml's and the building is done here, with a stack of our own.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from conformance.sources.fault import Fault, from_libyaml
from conformance.sources.scalars import ScalarError, key_of, resolve, resolve_tagged

assert yaml.__with_libyaml__, "PyYAML was built without libyaml"

#: deeper documents are refused; the deepest CRD schema in the wild has about 60 levels
MAX_DEPTH = 200
#: values that aliases and merge keys may add to one document; Kubernetes' loader draws the line in the same region
MAX_ALIASED = 400_000

_NO_KEY: Any = object()
_MERGE: Any = object()
_keys: dict[str, Any] = {"<<": _MERGE}
_KEYS_LIMIT = 50_000


class Builder:
    """Builds the one document of a text. `repeated` says afterwards that some key may stand twice in one mapping."""

    def __init__(self, text: str) -> None:
        self.repeated = False
        #: line of the first content, from 1; 0 when there is none
        self.line = 0
        self._text = text
        self._anchors: dict[str, tuple[Any, Any]] = {}
        # by identity; the value itself is kept too, so that its identity is not given to another one
        self._weights: dict[int, tuple[int, int, Any]] = {}
        self._aliased = 0

    @property
    def anchored(self) -> bool:
        """Whether the document defines an anchor."""
        return bool(self._anchors)

    def build(self) -> Any:
        """The value; None for an empty document. Raises `Fault`."""
        take = CParser(self._text).get_event
        try:
            while True:
                kind = take().__class__
                if kind is DocumentStartEvent:
                    value = self._document(take)
                    take()  # what follows the document has to be parsed for its errors to be seen
                    return value
                if kind is StreamEndEvent:
                    return None
        except yaml.YAMLError as error:
            raise from_libyaml(error, self._text) from None

    def _document(self, take: Any) -> Any:
        stack: list[Any] = []
        container: Any = None
        key: Any = _NO_KEY
        root: Any = None
        scalar, sequence, mapping, alias, end = (
            ScalarEvent,
            SequenceStartEvent,
            MappingStartEvent,
            AliasEvent,
            DocumentEndEvent,
        )
        while True:
            event = take()
            kind = event.__class__
            if kind is scalar:
                if key is _NO_KEY and container.__class__ is dict:
                    key = self._key(event)
                    if key in container:
                        self.repeated = True
                    continue
                value = self._scalar(event)
            elif kind is mapping or kind is sequence:
                if key is _NO_KEY and container.__class__ is dict:
                    raise _fault("a mapping or list is used as a key", event)
                if len(stack) >= MAX_DEPTH:
                    raise _fault(f"nested deeper than {MAX_DEPTH} levels", event)
                stack.append((container, key))
                container, key = ({}, _NO_KEY) if kind is mapping else ([], None)
                if event.anchor is not None:
                    self._anchors[event.anchor] = (container, None)
                if not self.line:
                    self.line = event.start_mark.line + 1
                continue
            elif kind is alias:
                if key is _NO_KEY and container.__class__ is dict:
                    key = self._alias_key(event)
                    if key in container:
                        self.repeated = True
                    continue
                value = self._alias(event, stack, container)
            elif kind is end:
                return root
            else:
                value = container
                container, key = stack.pop()
            if container.__class__ is list:
                container.append(value)
            elif container is None:
                root = value
                if not self.line and kind is scalar and (value is not None):
                    self.line = event.start_mark.line + 1
            else:
                if key is _MERGE:
                    self._merge(container, value, event)
                else:
                    container[key] = value
                key = _NO_KEY

    def _scalar(self, event: Any) -> Any:
        tag = event.tag
        try:
            if tag is None:
                value = resolve(event.value) if event.implicit[0] else event.value
            else:
                value = resolve_tagged(tag, event.value)
        except ScalarError as error:
            raise _fault(str(error), event) from None
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, event)
        return value

    def _key(self, event: Any) -> Any:
        if event.anchor is not None:
            self._anchors[event.anchor] = (self._scalar(event), event)
        if event.tag is None and event.implicit[0]:
            try:
                return _keys[event.value]
            except KeyError:
                pass
            if len(_keys) >= _KEYS_LIMIT:
                _keys.clear()
                _keys["<<"] = _MERGE
            key = _keys[event.value] = _key_text(event, event)
            return key
        if event.tag == "tag:yaml.org,2002:merge" and event.value == "<<":
            return _MERGE
        return _key_text(event, event)

    def _alias_key(self, event: Any) -> Any:
        value, scalar = self._anchored(event)
        if scalar is None:
            raise _fault("a mapping or list is used as a key", event)
        return value if isinstance(value, str) else _key_text(scalar, event)

    def _anchored(self, event: Any) -> tuple[Any, Any]:
        try:
            return self._anchors[event.anchor]
        except KeyError:
            raise _fault(f"*{event.anchor} names an anchor that is not defined before it", event) from None

    def _alias(self, event: Any, stack: list[Any], container: Any) -> Any:
        value, scalar = self._anchored(event)
        if scalar is not None:
            self._spend(1, event)
            return value
        if value is container or any(parent is value for parent, _ in stack):
            raise _fault(f"*{event.anchor} stands inside the value that it names", event)
        size, height, _ = self._weigh(value)
        self._spend(size, event)
        if len(stack) + height > MAX_DEPTH:
            raise _fault(f"nested deeper than {MAX_DEPTH} levels", event)
        return value

    def _spend(self, size: int, event: Any) -> None:
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _fault(f"aliases expand to more than {MAX_ALIASED} values", event)

    def _weigh(self, value: Any) -> tuple[int, int, Any]:
        """Values in a finished container as if every alias were written out, and its levels."""
        weights = self._weights
        pending = [value]
        while pending:
            node = pending[-1]
            values = node.values() if node.__class__ is dict else node
            children = [child for child in values if child.__class__ in (dict, list)]
            missing = [child for child in children if id(child) not in weights]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            sizes = [weights[id(child)] for child in children]
            weights[id(node)] = (
                1 + len(node) - len(children) + sum(size for size, _, _ in sizes),
                1 + max((height for _, height, _ in sizes), default=0),
                node,
            )
        return weights[id(value)]

    def _merge(self, container: dict[str, Any], value: Any, event: Any) -> None:
        # As in Kubernetes' loader: the later key wins, be it merged or written out, and in a list the earlier mapping.
        sources = value if value.__class__ is list and event.__class__ is not AliasEvent else [value]
        for source in reversed(sources):
            if source.__class__ is not dict:
                raise _fault("<< can only merge a mapping or a list of mappings", event)
            container.update(source)


def _key_text(scalar: Any, event: Any) -> str:
    if scalar.tag is None and not scalar.implicit[0]:
        return str(scalar.value)
    try:
        return key_of(scalar.value, scalar.tag)
    except ScalarError as error:
        raise _fault(str(error), event) from None


def _fault(reason: str, event: Any) -> Fault:
    return Fault(reason, event.start_mark.line + 1, event.start_mark.column + 1)
