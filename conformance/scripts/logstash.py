"""Logstash pipelines: their text as a tree, and what their filters make of an event.

https://www.elastic.co/guide/en/logstash/current/configuration-file-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    |(?P<sign>=>|==|!=|<=|>=|=~|!~|[{}\[\](),<>!])|(?P<regex>/(?:[^/\\\n]|\\.)+/)|(?P<word>[\w.@$+-]+)""",
    re.VERBOSE,
)


class LogstashError(ValueError):
    """A text that is no pipeline."""


@dataclass(frozen=True)
class Field:
    """A reference to a field: `[kubernetes][labels][app]`."""

    path: tuple[str, ...]


@dataclass
class Plugin:
    """`grok { match => { … } }`: a name with its settings; `line` is where it starts, counted from 1."""

    name: str
    line: int
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Branch:
    """`if … else if … else`: bodies by condition; the condition of `else` is None."""

    cases: list[tuple[Any, list[Plugin | Branch]]] = field(default_factory=list)


@dataclass(frozen=True)
class Condition:
    """An operation of a condition: `and`, `or`, `not`, a comparison, `in`."""

    op: str
    parts: tuple[Any, ...]


Body = list[Plugin | Branch]


def parse(text: str) -> dict[str, Body]:
    """The sections `input`, `filter` and `output` of a pipeline, each with the bodies of all sections of its name.

    Raises LogstashError.
    """
    reader = _Reader(text)
    found: dict[str, Body] = {}
    while reader.kind:
        name = reader.take("word")
        if name not in ("input", "filter", "output"):
            raise LogstashError(f"line {reader.line}: {name} is no section")
        found.setdefault(name, []).extend(reader.body())
    return found


def plugins(body: Body) -> Iterator[Plugin]:
    """Every plugin of a body, those inside of branches too."""
    for each in body:
        if isinstance(each, Plugin):
            yield each
        else:
            for _, inner in each.cases:
                yield from plugins(inner)


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        at, line = 0, 1
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise LogstashError(f"line {line}: {text[at : at + 20]!r} is not understood")
            if found.lastgroup != "space":
                self._tokens.append((str(found.lastgroup), found.group(), line))
            line += found.group().count("\n")
            at = found.end()
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def text(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    @property
    def line(self) -> int:
        return self._tokens[min(self._at, len(self._tokens) - 1)][2] if self._tokens else 1

    def take(self, wanted: str) -> str:
        """The next token, which must be of that kind, or that text."""
        if wanted not in (self.kind, self.text):
            raise LogstashError(f"line {self.line}: {self.text or 'the end'} stands where {wanted} is expected")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def accept(self, *texts: str) -> str:
        if self.text in texts and self.kind in ("sign", "word"):
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def body(self) -> Body:
        self.take("{")
        found: Body = []
        while not self.accept("}"):
            if self.accept("if"):
                found.append(self._branch())
            else:
                found.append(self._plugin())
        return found

    def _branch(self) -> Branch:
        branch = Branch([(self._any(), self.body())])
        while self.accept("else"):
            condition = self._any() if self.accept("if") else None
            branch.cases.append((condition, self.body()))
            if condition is None:
                break
        return branch

    def _plugin(self) -> Plugin:
        line = self.line
        plugin = Plugin(self.take("word"), line)
        self.take("{")
        while not self.accept("}"):
            name = unquoted(self.take(self.kind if self.kind in ("word", "text") else "word"))
            self.take("=>")
            plugin.settings[name] = self._value()
        return plugin

    def _value(self) -> Any:
        if self.accept("["):
            values: list[Any] = []
            while not self.accept("]"):
                values.append(self._value())
                self.accept(",")
            return values
        if self.accept("{"):
            pairs: dict[str, Any] = {}
            while not self.accept("}"):
                name = unquoted(self.take(self.kind if self.kind in ("word", "text", "number") else "word"))
                self.take("=>")
                pairs[name] = self._value()
                self.accept(",")
            return pairs
        return self._scalar()

    def _scalar(self) -> Any:
        kind = self.kind
        if kind not in ("text", "number", "word", "regex"):
            raise LogstashError(f"line {self.line}: {self.text or 'the end'} is no value")
        text = self.take(kind)
        return float(text) if kind == "number" else unquoted(text)

    def _any(self) -> Any:
        left = self._all()
        while op := self.accept("or", "xor"):
            left = Condition(op, (left, self._all()))
        return left

    def _all(self) -> Any:
        left = self._one()
        while op := self.accept("and", "nand"):
            left = Condition(op, (left, self._one()))
        return left

    def _one(self) -> Any:
        if self.accept("!"):
            return Condition("not", (self._one(),))
        if self.accept("("):
            inner = self._any()
            self.take(")")
            return inner
        left = self._operand()
        negated = bool(self.accept("not"))
        op = self.accept("==", "!=", "<=", ">=", "<", ">", "=~", "!~", "in")
        if not op:
            return left
        found = Condition(op, (left, self._operand()))
        return Condition("not", (found,)) if negated else found

    def _operand(self) -> Any:
        if self.text != "[":
            return self._scalar()
        if self._tokens[self._at + 1][0] != "word":
            return self._value()
        path: list[str] = []
        while self.accept("["):
            path.append(self.take("word"))
            self.take("]")
        return Field(tuple(path))


def unquoted(text: str) -> str:
    """A string without its quotes, a regular expression without its slashes."""
    return text[1:-1] if text[:1] in ("'", '"') or (text[:1] == "/" and len(text) > 1) else text


def value(event: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value of a field, None when it is not there."""
    found: Any = event
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
