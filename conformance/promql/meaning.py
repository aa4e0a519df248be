"""Two expressions are the same when they say the same, however they are written.

Brought to one form: the order of labels and operands, `a < b` for `b > a`, factors and summands beside a threshold,
`increase(x[5m])` for `rate(x[5m]) * 300`, regular expressions without anything special in them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

from conformance.promql.syntax import (
    COMPARISONS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matcher,
    Matching,
    Number,
    Selector,
    Subquery,
    Text,
    children,
    read,
    show,
    walk,
)

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_PLAIN = re.compile(r"[\w /:@%&=<>,;!'\"~-]*\Z")
_ALTERNATIVES = re.compile(r"\(?(?:\?:)?([\w/:|-]*)\)?\Z")


def same(left: str, right: str) -> bool:
    """Whether two expressions say the same. Raises UnsupportedError for what is no PromQL."""
    return normal(read(left)) == normal(read(right))


def within(expr: str, pattern: str, least: float | None, most: float | None) -> bool:
    """Whether an expression is `pattern` with some number for `{threshold}` between two bounds, both included.

    A bound that is None leaves that side open. Raises UnsupportedError for what is no PromQL.
    """
    ends = [bound for bound in (least, most) if bound is not None] or [0.0]
    examples = [normal(read(pattern.replace("{threshold}", repr(end)))) for end in ends]
    written = normal(read(expr))
    if len({_blank(each) for each in (*examples, written)}) > 1:
        return False
    asked = [list(_limits(each)) for each in examples]
    for place, value in enumerate(_limits(written)):
        at = [each[place] for each in asked]
        # A third threshold tells which way a number beside `{threshold}` runs after it was moved over.
        moved = list(_limits(normal(read(pattern.replace("{threshold}", repr(ends[0] + 1.0))))))[place] - at[0]
        if not moved:
            if not _close(value, at[0]):
                return False
            continue
        for bound, limit in zip(ends, at, strict=True):
            beyond = (value - limit) * math.copysign(1.0, moved)
            lower = bound == least
            if not _close(value, limit) and ((beyond < 0) if lower else (beyond > 0)):
                return False
            if least == most and not _close(value, limit):
                return False
    return True


def bounds(given: dict[str, float]) -> dict[str, float]:
    """The limits of a threshold, `at_least` and `at_most`, one of them at least. Raises ValueError."""
    if not given or set(given) - {"at_least", "at_most"}:
        raise ValueError("a threshold has at_least, at_most or both")
    return given


def limits(text: str) -> list[float]:
    """The numbers that an expression compares with, as they are written. Raises UnsupportedError."""
    found = (each for each in walk(read(text)) if isinstance(each, Binary) and each.op in COMPARISONS)
    return [side.value for each in found for side in (each.left, each.right) if isinstance(side, Number)]


def normal(expr: Expr) -> Expr:
    """The one form of all expressions that say the same as this one."""
    match expr:
        case Number(value):
            return Number(_rounded(value))
        case Text():
            return expr
        case Selector():
            return replace(expr, matchers=frozenset(_matchers(expr.matchers)))
        case Subquery():
            return replace(expr, expr=normal(expr.expr))
        case Call(name, args):
            return _call(name, tuple(map(normal, args)))
        case Aggregate():
            return _aggregate(expr)
        case Binary():
            return _binary(replace(expr, left=normal(expr.left), right=normal(expr.right)))


def _aggregate(expr: Aggregate) -> Expr:
    """`sum(x * 100)` as `sum(x) * 100`."""
    inner, factor = _factor(normal(expr.expr))
    param = normal(expr.param) if expr.param is not None else None
    if factor != 1.0 and expr.op in ("sum", "avg"):
        return Binary("*", replace(expr, expr=inner, param=param), Number(factor))
    return replace(expr, expr=normal(expr.expr), param=param)


def _factor(expr: Expr) -> tuple[Expr, float]:
    """An expression without the number that it is multiplied with, and that number."""
    if isinstance(expr, Binary) and expr.op == "*" and isinstance(expr.right, Number) and expr.right.value:
        return expr.left, expr.right.value
    return expr, 1.0


def _call(name: str, args: tuple[Expr, ...]) -> Expr:
    ranged = args[0] if args else None
    if name == "increase" and isinstance(ranged, Selector | Subquery) and ranged.range:
        return _binary(Binary("*", Call("rate", args), Number(ranged.range)))
    if name == "sort" or name == "sort_desc":  # an alert has no order
        return args[0]
    return Call(name, args)


def _matchers(found: frozenset[Matcher]) -> Iterator[Matcher]:
    for each in found:
        if each.op not in ("=~", "!~"):
            yield each
            continue
        sign = "=" if each.op == "=~" else "!="
        alternatives = _ALTERNATIVES.match(each.value)
        if each.value == ".+":
            yield Matcher(each.label, "!=" if each.op == "=~" else "=", "")
        elif each.value == ".*" and each.op == "=~" and len(found) > 1:
            continue
        elif _PLAIN.match(each.value):
            yield Matcher(each.label, sign, each.value)
        elif alternatives is not None:
            yield Matcher(each.label, each.op, "|".join(sorted(set(alternatives.group(1).split("|")))))
        else:
            yield each


def _binary(expr: Binary) -> Expr:
    left, right = expr.left, expr.right
    if isinstance(left, Number) and isinstance(right, Number):
        return _folded(expr.op, left.value, right.value) or expr
    if expr.op in COMPARISONS:
        return _comparison(expr)
    if expr.op == "/" and isinstance(right, Number) and right.value:
        return _binary(Binary("*", left, Number(_rounded(1 / right.value))))
    if expr.op == "-" and isinstance(right, Number):
        return _binary(Binary("+", left, Number(-right.value)))
    if expr.op in ("*", "/") and not isinstance(left, Number) and not isinstance(right, Number):
        return _product(expr)
    if expr.op in ("*", "+"):
        return _commuted(_constants_last(expr))
    if expr.op in ("or", "and") and expr.matching == Matching():
        return _set(expr)
    return expr


def _product(expr: Binary) -> Expr:
    """`100 * a / b` as `a / b * 100`."""
    (left, above), (right, below) = _factor(expr.left), _factor(expr.right)
    factor = _rounded(above * below if expr.op == "*" else above / below)
    plain = replace(expr, left=left, right=right)
    plain = _commuted(plain) if expr.op == "*" else plain
    return plain if factor == 1.0 else Binary("*", plain, Number(factor))


def _folded(op: str, left: float, right: float) -> Number | None:
    try:
        value = {"+": left + right, "-": left - right, "*": left * right}.get(op)
        value = left / right if op == "/" else left**right if op == "^" else value
    except (ArithmeticError, ValueError):
        return None
    return Number(_rounded(value)) if isinstance(value, float) else None


def _constants_last(expr: Binary) -> Binary:
    """`100 * x` as `x * 100`, and `x * 2 * 50` as `x * 100`."""
    if isinstance(expr.left, Number):
        expr = replace(expr, left=expr.right, right=expr.left)
    inner, number = expr.left, expr.right
    if isinstance(number, Number) and isinstance(inner, Binary) and inner.op == expr.op:
        folded = _folded(expr.op, inner.right.value, number.value) if isinstance(inner.right, Number) else None
        return Binary(expr.op, inner.left, folded) if folded else expr
    return expr


def _commuted(expr: Binary) -> Binary:
    if isinstance(expr.right, Number) or show(expr.left) <= show(expr.right):
        return expr
    return replace(expr, left=expr.right, right=expr.left, matching=_turned(expr.matching))


def _turned(matching: Matching) -> Matching:
    other = {"left": "right", "right": "left"}.get(matching.group, "")
    return replace(matching, group=other)


def _set(expr: Binary) -> Expr:
    """`or` and `and` over all labels in any order: the same label sets fire, only the value is another side's."""
    parts = sorted({*_parts(expr.left, expr), *_parts(expr.right, expr)}, key=show)
    result = parts[0]
    for each in parts[1:]:
        result = replace(expr, left=result, right=each)
    return result


def _parts(expr: Expr, like: Binary) -> Iterator[Expr]:
    if isinstance(expr, Binary) and (expr.op, expr.matching) == (like.op, like.matching):
        yield from _parts(expr.left, like)
        yield from _parts(expr.right, like)
    else:
        yield expr


def _comparison(expr: Binary) -> Binary:
    left, right, op, matching = expr.left, expr.right, expr.op, expr.matching
    if isinstance(left, Number):
        left, right, op = right, left, _TURNED.get(op, op)
    if isinstance(right, Number):
        left, right, op = _moved(left, right, op)
    elif op in ("<", "<="):
        left, right, op, matching = right, left, _TURNED[op], _turned(matching)
    elif op in ("==", "!=") and show(left) > show(right):
        left, right, matching = right, left, _turned(matching)
    return Binary(op, left, right, matching, expr.bool)


def _moved(left: Expr, right: Number, op: str) -> tuple[Expr, Number, str]:
    """Factors and summands on the vector's side go over to the number's."""
    limit = right.value
    while isinstance(left, Binary) and not left.bool:
        inner, outer = left.left, left.right
        if left.op == "*" and isinstance(outer, Number) and outer.value:
            limit /= outer.value
            op = _TURNED.get(op, op) if outer.value < 0 else op
            left = inner
        elif left.op == "+" and isinstance(outer, Number):
            limit -= outer.value
            left = inner
        elif left.op == "-" and isinstance(inner, Number):
            limit, left, op = inner.value - limit, outer, _TURNED.get(op, op)
        else:
            break
    return left, Number(_rounded(limit)), op


def _rounded(value: float) -> float:
    return float(f"{value:.10g}") if math.isfinite(value) else value


def _close(left: float, right: float) -> bool:
    return left == right or math.isclose(left, right, rel_tol=1e-9)


def _blank(expr: Expr) -> Expr:
    """The expression with every threshold as 0, to compare what is around them."""
    if isinstance(expr, Binary):
        limit = expr.op in COMPARISONS and isinstance(expr.right, Number)
        return replace(expr, left=_blank(expr.left), right=Number(0.0) if limit else _blank(expr.right))
    if isinstance(expr, Aggregate):
        return replace(expr, expr=_blank(expr.expr))
    if isinstance(expr, Subquery):
        return replace(expr, expr=_blank(expr.expr))
    return replace(expr, args=tuple(map(_blank, expr.args))) if isinstance(expr, Call) else expr


def _limits(expr: Expr) -> Iterator[float]:
    if isinstance(expr, Binary) and expr.op in COMPARISONS and isinstance(expr.right, Number):
        yield expr.right.value
    for each in children(expr):
        yield from _limits(each)
