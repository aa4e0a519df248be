"""A PromQL expression as plain values that compare by what they say: order of labels, spaces and brackets are gone.

https://prometheus.io/docs/prometheus/latest/querying/basics/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import promql_parser as promql

from conformance.promql.trial import UnsupportedError, parse


@dataclass(frozen=True, order=True)
class Matcher:
    """One label matcher; `op` is `=`, `!=`, `=~` or `!~`."""

    label: str
    op: str
    value: str


@dataclass(frozen=True)
class Number:
    """A literal; a duration where a number is meant is its seconds."""

    value: float


@dataclass(frozen=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True)
class Selector:
    """Series by name and labels; with `range` (seconds) a range vector. `at` is seconds, `start` or `end`."""

    name: str
    matchers: frozenset[Matcher] = frozenset()
    range: float | None = None
    offset: float = 0.0
    at: float | str | None = None


@dataclass(frozen=True)
class Subquery:
    """An expression looked at again and again over `range` seconds; `step` None is the evaluation interval."""

    expr: Expr
    range: float
    step: float | None = None
    offset: float = 0.0
    at: float | str | None = None


@dataclass(frozen=True)
class Call:
    """A function call."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True)
class Aggregate:
    """`sum by (labels) (expr)`; `without` says what the labels mean."""

    op: str
    expr: Expr
    labels: frozenset[str] = frozenset()
    without: bool = False
    param: Expr | None = None


@dataclass(frozen=True)
class Matching:
    """How two vectors are matched: `on`/`ignoring` labels, `group` "left" or "right" with the labels it copies."""

    on: bool = False
    labels: frozenset[str] = frozenset()
    group: str = ""
    include: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Binary:
    """An operation of two expressions."""

    op: str
    left: Expr
    right: Expr
    matching: Matching = field(default_factory=Matching)
    bool: bool = False


Expr = Number | Text | Selector | Subquery | Call | Aggregate | Binary

COMPARISONS = frozenset({">", "<", ">=", "<=", "==", "!="})
SETS = frozenset({"and", "or", "unless"})

_OPS = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)


@lru_cache(maxsize=4096)
def read(text: str) -> Expr:
    """The expression of a text, as a rule may have it.

    Raises UnsupportedError for what is no PromQL, such as an unrendered template, and for a range or a text, which
    Prometheus refuses in a rule.
    """
    found = _read(parse(text))
    if isinstance(found, Text | Subquery) or (isinstance(found, Selector) and found.range is not None):
        raise UnsupportedError("not an expression of a rule: a range or a text has no value at a moment")
    return found


def walk(expr: Expr) -> Iterator[Expr]:
    """An expression and everything inside it, from the outside to the inside."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def children(expr: Expr) -> Iterator[Expr]:
    """The expressions directly inside one."""
    for each in fields(expr):
        value = getattr(expr, each.name)
        yield from (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Expr))


def selectors(expr: Expr) -> Iterator[Selector]:
    """Every selector of an expression."""
    return (each for each in walk(expr) if isinstance(each, Selector))


def show(expr: Expr) -> str:
    """The expression as PromQL again, in one fixed spelling."""
    text = _show(expr)
    return text[1:-1] if isinstance(expr, Binary) else text


def _show(expr: Expr) -> str:
    match expr:
        case Number(value):
            return f"{value:g}"
        case Text(value):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Selector():
            inside = ",".join(f'{m.label}{m.op}"{m.value}"' for m in sorted(expr.matchers))
            window = f"[{expr.range:g}s]" if expr.range is not None else ""
            return expr.name + (f"{{{inside}}}" if inside else "") + window + _shifted(expr)
        case Subquery():
            step = f"{expr.step:g}s" if expr.step is not None else ""
            return f"({show(expr.expr)})[{expr.range:g}s:{step}]{_shifted(expr)}"
        case Call(name, args):
            return f"{name}({', '.join(map(show, args))})"
        case Aggregate():
            param = f"{_show(expr.param)}, " if expr.param is not None else ""
            word = "without" if expr.without else "by"
            grouping = f" {word} ({', '.join(sorted(expr.labels))}) " if expr.labels or expr.without else ""
            return f"{expr.op}{grouping}({param}{show(expr.expr)})"
        case Binary():
            return f"({_show(expr.left)} {_operator(expr)} {_show(expr.right)})"


def _shifted(expr: Selector | Subquery) -> str:
    at = "" if expr.at is None else f" @ {expr.at}" + ("()" if isinstance(expr.at, str) else "")
    return at + (f" offset {expr.offset:g}s" if expr.offset else "")


def _operator(expr: Binary) -> str:
    matching = expr.matching
    words = [expr.op] + (["bool"] if expr.bool else [])
    if matching.on or matching.labels:
        words.append(f"{'on' if matching.on else 'ignoring'} ({', '.join(sorted(matching.labels))})")
    if matching.group:
        words.append(f"group_{matching.group} ({', '.join(sorted(matching.include))})")
    return " ".join(words)


def _read(node: Any) -> Expr:
    if isinstance(node, promql.NumberLiteral):
        return Number(float(node.val))
    if isinstance(node, promql.StringLiteral):
        return Text(node.val)
    if isinstance(node, promql.ParenExpr):
        return _read(node.expr)
    if isinstance(node, promql.UnaryExpr):
        inner = _read(node.expr)
        return Number(-inner.value) if isinstance(inner, Number) else Binary("*", inner, Number(-1.0))
    if isinstance(node, promql.VectorSelector):
        return _selector(node)
    if isinstance(node, promql.MatrixSelector):
        return _selector(node.vector_selector, _seconds(node.range))
    if isinstance(node, promql.SubqueryExpr):
        step = _seconds(node.step) if node.step is not None else None
        return Subquery(_read(node.expr), _seconds(node.range), step, _offset(node), _at(node))
    if isinstance(node, promql.AggregateExpr):
        return _aggregate(node)
    if isinstance(node, promql.BinaryExpr):
        return _binary(node)
    if isinstance(node, promql.Call):
        return Call(node.func.name, tuple(_read(each) for each in node.args))
    raise UnsupportedError(f"{type(node).__name__} is not understood")


def _selector(node: Any, window: float | None = None) -> Selector:
    if node.matchers.or_matchers:
        raise UnsupportedError("`or` between label matchers is not understood")
    matchers = {Matcher(each.name, _operator_of(each), each.value) for each in node.matchers.matchers}
    named = next((each for each in matchers if each.label == "__name__" and each.op == "="), None)
    if not node.name and named is not None:
        matchers.discard(named)
    name = node.name or (named.value if named else "")
    return Selector(name, frozenset(matchers), window, _offset(node), _at(node))


def _operator_of(matcher: Any) -> str:
    return next(sign for op, sign in _OPS if op == matcher.op)


def _seconds(span: Any) -> float:
    return float(span.total_seconds())


def _offset(node: Any) -> float:
    return _seconds(node.offset) if node.offset is not None else 0.0


def _at(node: Any) -> float | str | None:
    if node.at is None:
        return None
    text = str(node.at).removeprefix("@ ")
    return text.removesuffix("()") if text.endswith("()") else float(text)


def _aggregate(node: Any) -> Aggregate:
    modifier = node.modifier
    labels = frozenset(modifier.labels) if modifier is not None else frozenset()
    without = modifier is not None and modifier.type == promql.AggModifierType.Without
    param = _read(node.param) if node.param is not None else None
    return Aggregate(str(node.op), _read(node.expr), labels, without, param)


def _binary(node: Any) -> Binary:
    modifier = node.modifier
    matching = Matching()
    if modifier is not None:
        on = modifier.matching is not None and modifier.matching.type == promql.LabelModifierType.Include
        labels = frozenset(modifier.matching.labels) if modifier.matching is not None else frozenset()
        many_left = modifier.card == promql.VectorMatchCardinality.ManyToOne
        many_right = modifier.card == promql.VectorMatchCardinality.OneToMany
        group = "left" if many_left else "right" if many_right else ""
        matching = Matching(on, labels, group, frozenset(modifier.group_labels or ()) if group else frozenset())
    kept = modifier is not None and modifier.return_bool
    return Binary(str(node.op), _read(node.lhs), _read(node.rhs), matching, kept)
