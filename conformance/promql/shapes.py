"""Which labels the elements of an expression have, as far as its text and what is known of its metrics tell.

From this follows when two vectors can never match.
https://prometheus.io/docs/prometheus/latest/querying/operators/#vector-matching
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance.promql import exporters
from conformance.promql.syntax import SETS, Aggregate, Binary, Call, Expr, Matching, Number, Selector, Subquery

#: what every scraped series has
_TARGET = frozenset({"instance", "job"})
_NO_VECTOR = frozenset({"time", "scalar", "pi"})


@dataclass(frozen=True)
class Shape:
    """The labels of a vector's elements."""

    #: exactly these, None where they are not known
    known: frozenset[str] | None = None
    #: values that an equality matcher fixes
    fixed: frozenset[tuple[str, str]] = frozenset()
    #: a plain series of a target: it has `job` and `instance`, whatever else
    scraped: bool = False
    #: whose target, empty where nobody is known
    exporter: str = ""


def shape(expr: Expr) -> Shape | None:
    """The labels of an expression's elements; None for a scalar or a text."""
    match expr:
        case Selector():
            return _series(expr)
        case Subquery():
            return shape(expr.expr)
        case Aggregate():
            return _aggregated(expr)
        case Binary():
            return _operated(expr)
        case Call():
            return _called(expr)
        case _:
            return None


def _series(expr: Selector) -> Shape:
    fixed = frozenset((each.label, each.value) for each in expr.matchers if each.op == "=" and each.value)
    if not expr.name or ":" in expr.name or expr.name.startswith("ALERTS"):
        return Shape(fixed=fixed)
    owner = exporters.owner(expr.name)
    named = owner.name if owner is not None and not exporters.is_everywhere(expr.name) else ""
    return Shape(None, fixed, True, named)


def _aggregated(expr: Aggregate) -> Shape | None:
    inner = shape(expr.expr) or Shape()
    if expr.op in ("topk", "bottomk", "limitk", "limit_ratio"):
        return inner
    if expr.without:
        known = None if inner.known is None else inner.known - expr.labels
        gone = bool(_TARGET & expr.labels)
        return Shape(
            known,
            frozenset(each for each in inner.fixed if each[0] not in expr.labels),
            inner.scraped and not gone,
            "" if gone else inner.exporter,
        )
    if expr.op == "count_values":
        return Shape()
    known = expr.labels if inner.known is None else expr.labels & inner.known
    return Shape(known, frozenset(each for each in inner.fixed if each[0] in expr.labels))


def _called(expr: Call) -> Shape | None:
    if expr.name in _NO_VECTOR:
        return None
    if expr.name == "vector" or not expr.args:
        return Shape(frozenset())
    if expr.name in ("absent", "absent_over_time"):
        argument = expr.args[0]
        fixed = _series(argument).fixed if isinstance(argument, Selector) else frozenset()
        return Shape(frozenset(name for name, _ in fixed), fixed)
    inner = next((found for each in expr.args if (found := shape(each)) is not None), None)
    if inner is None:
        return None
    if expr.name == "histogram_quantile":
        return replace(inner, known=None if inner.known is None else inner.known - {"le"})
    if expr.name in ("label_replace", "label_join"):
        target = getattr(expr.args[1], "value", "")
        known = None if inner.known is None else inner.known | {target}
        fixed = frozenset(each for each in inner.fixed if each[0] != target)
        # A label that may or may not be set leaves the exact set unknown.
        return Shape(None if known is not None and target not in (inner.known or ()) else known, fixed)
    return inner


def _operated(expr: Binary) -> Shape | None:
    left, right = shape(expr.left), shape(expr.right)
    if left is None or right is None:
        return left or right
    if expr.op == "or":
        return left if left == right else Shape()
    if expr.op in SETS:
        return left
    matching = expr.matching
    many = right if matching.group == "right" else left
    if matching.group:
        known = None if many.known is None else many.known | matching.include
        return Shape(known, frozenset(each for each in many.fixed if each[0] not in matching.include), many.scraped)
    narrowed = _narrowed(left, matching)
    fixed = narrowed.fixed | _narrowed(right, matching).fixed
    if matching.on:
        return Shape(matching.labels if narrowed.known is None else narrowed.known, fixed)
    return replace(narrowed, fixed=fixed, known=narrowed.known or _narrowed(right, matching).known)


def _narrowed(found: Shape, matching: Matching) -> Shape:
    """The labels that count for matching."""
    if matching.on:
        fixed = frozenset(each for each in found.fixed if each[0] in matching.labels)
        return Shape(None if found.known is None else found.known & matching.labels, fixed)
    fixed = frozenset(each for each in found.fixed if each[0] not in matching.labels)
    known = None if found.known is None else found.known - matching.labels
    scraped = found.scraped and not _TARGET & matching.labels
    return Shape(known, fixed, scraped, found.exporter if scraped else "")


def mismatch(expr: Binary) -> str:
    """Why the two sides of an operation never match, in words; empty where they may."""
    left, right = shape(expr.left), shape(expr.right)
    if left is None or right is None or expr.op == "or":
        return ""
    matching = expr.matching
    for name, value in sorted(_narrowed(left, matching).fixed):
        other = dict(_narrowed(right, matching).fixed).get(name, value)
        if other != value:
            return f'{name}="{value}" never matches {name}="{other}"'
    if matching.on:
        return _on(left, right, matching)
    if _alone(expr.left) or _alone(expr.right):
        return _own(expr)
    one, two = _narrowed(left, matching), _narrowed(right, matching)
    if one.known is not None and two.known is not None:
        return f"{_set(one.known)} never match {_set(two.known)}" if one.known != two.known else ""
    for found, plain in ((one, two), (two, one)):
        if found.known is not None and plain.scraped and not found.known >= _TARGET:
            return f"{_set(found.known)} never match series that have {_set(_TARGET)} and more"
    if one.exporter and two.exporter and one.exporter != two.exporter:
        return f"series of {one.exporter} never have the same labels as series of {two.exporter}: on (…) is missing"
    return _own(expr)


def _alone(expr: Expr) -> bool:
    return isinstance(expr, Number)


def _on(left: Shape, right: Shape, matching: Matching) -> str:
    for one, two in ((left, right), (right, left)):
        for label in sorted(matching.labels):
            has = two.known is not None and label in two.known
            if has and one.known is not None and label not in one.known:
                return f"one side has the label {label}, the other has only {_set(one.known)}"
    return ""


def _own(expr: Binary) -> str:
    """Two plain metrics of one exporter whose own labels are known and differ."""
    one, two = _metric(expr.left), _metric(expr.right)
    if one is None or two is None or expr.matching.on:
        return ""
    own, other = exporters.labels(one.name), exporters.labels(two.name)
    if own is None or other is None:
        return ""
    own, other = own - expr.matching.labels, other - expr.matching.labels
    if own == other or exporters.is_share(one.name, two.name) or exporters.is_share(two.name, one.name):
        return ""
    return f"{one.name} has the labels {_set(own)}, {two.name} has {_set(other)}: on (…) is missing"


def _metric(expr: Expr) -> Selector | None:
    """The series behind functions that keep all labels, and behind a comparison with a number."""
    if isinstance(expr, Selector):
        return expr
    if isinstance(expr, Call) and expr.name not in ("label_replace", "label_join", "histogram_quantile", "absent"):
        found = [each for each in map(_metric, expr.args) if each is not None]
        return found[0] if len(found) == 1 else None
    if isinstance(expr, Binary) and isinstance(expr.right, Number):
        return _metric(expr.left)
    return None


def _set(labels: frozenset[str]) -> str:
    return f"{{{', '.join(sorted(labels))}}}"
