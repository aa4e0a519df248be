"""What is wrong with an expression by itself: it never fires, always fires, or computes something else than it seems.

Only what is certain from the text and from what is known of the metrics: no guesses about the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from conformance.promql import exporters, ranges
from conformance.promql.meaning import normal
from conformance.promql.shapes import mismatch
from conformance.promql.syntax import (
    COMPARISONS,
    SETS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matcher,
    Number,
    Selector,
    Subquery,
    children,
    show,
    walk,
)


class Verdict(StrEnum):
    """What a fault does to a rule."""

    NEVER = "never"  # it, or a part of it, can never fire
    ALWAYS = "always"  # it fires as long as its series exist
    WRONG = "wrong"  # it computes something else than it seems to
    WEAK = "weak"  # it works, and misses what one would expect it to see


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, with the part of the expression that it is about."""

    verdict: Verdict
    code: str
    message: str
    part: str = ""


def faults(expr: Expr, *, alert: bool = True, scrape_interval: float | None = None) -> list[Fault]:
    """Everything that is certainly wrong with an expression; a recording rule has no condition to be wrong about."""
    found: list[Fault] = []
    for each in walk(expr):
        if isinstance(each, Binary):
            found += [*_matching(each), *_range(each), *_raw_counter(each)]
        elif isinstance(each, Call):
            found += [*_function(each, scrape_interval), *_absent(each), *_quantile(each)]
        elif isinstance(each, Selector):
            found += _contradiction(each)
    if alert:
        found += [*_always(expr), *_silent(expr)]
    return list(dict.fromkeys(found))


def _matching(expr: Binary) -> Iterator[Fault]:
    if expr.op == "/" and _divided_by_itself(expr):
        yield Fault(
            Verdict.ALWAYS,
            "self-division",
            "each series is divided by itself, which gives 1: sum both sides first",
            show(expr),
        )
        return
    why = mismatch(expr)
    if why:
        verdict = Verdict.WRONG if expr.op == "unless" else Verdict.NEVER
        effect = "takes nothing away" if expr.op == "unless" else "has no result"
        yield Fault(verdict, "never-matches", f"`{expr.op}` {effect}: {why}", show(expr))


def _divided_by_itself(expr: Binary) -> bool:
    left, right = expr.left, expr.right
    if isinstance(left, Aggregate) and isinstance(right, Aggregate):
        if (left.op, left.labels, left.without) != (right.op, right.labels, right.without) or expr.matching.group:
            return False
        extra = _extra(left.expr, right.expr)
        kept = {label for label in extra or () if (label in left.labels) is not left.without}
    else:
        extra = _extra(left, right)
        kept = extra or set()
    matching = expr.matching
    counted = {label for label in kept if (label in matching.labels) is matching.on}
    return extra is not None and counted == extra and not (matching.on and not extra and not matching.labels)


def _extra(left: Expr, right: Expr) -> set[str] | None:
    """The labels that only the left side asks for, where both are the same metric taken the same way; else None."""
    if isinstance(left, Call) and isinstance(right, Call) and left.name == right.name and len(left.args) == 1:
        return _extra(left.args[0], right.args[0]) if len(right.args) == 1 else None
    if isinstance(left, Selector) and isinstance(right, Selector):
        same = (left.name, left.range, left.offset, left.at) == (right.name, right.range, right.offset, right.at)
        if same and left.name and right.matchers <= left.matchers:
            return {each.label for each in left.matchers - right.matchers}
    return None


def _range(expr: Binary) -> Iterator[Fault]:
    plain = normal(expr)
    if not isinstance(plain, Binary):
        return
    if plain.op in COMPARISONS and isinstance(plain.right, Number) and not plain.bool:
        found = ranges.values(plain.left)
        if ranges.holds(plain.op, found, plain.right.value) is False:
            low, high = (f"{each:g}" for each in found)
            message = f"is never true: the value lies between {low} and {high}"
            yield Fault(Verdict.NEVER, "impossible", message, show(expr))
    if expr.op == "and" and isinstance(plain.left, Binary) and isinstance(plain.right, Binary):
        left, right = plain.left, plain.right
        pairs = ((left, right), (right, left)) if left.left == right.left else ()
        if any(_excluded(one.op, one.right, two.op, two.right) for one, two in pairs):
            yield Fault(Verdict.NEVER, "impossible", "asks for more and for less at once", show(expr))


def _excluded(over: str, low: Expr, under: str, high: Expr) -> bool:
    """Whether no number is over the one and under the other."""
    if not (isinstance(low, Number) and isinstance(high, Number) and over[0] == ">" and under[0] == "<"):
        return False
    return low.value > high.value or (low.value == high.value and (over, under) != (">=", "<="))


def _raw_counter(expr: Binary) -> Iterator[Fault]:
    """A counter over a threshold stays there until it is reset. More than 0 is how one asks for "ever"."""
    plain = normal(expr)
    if not (isinstance(plain, Binary) and plain.op in (">", ">=") and isinstance(plain.right, Number)):
        return
    inner = plain.left
    if isinstance(inner, Aggregate) and inner.op in ("sum", "max", "avg", "min"):
        inner = inner.expr
    counter = isinstance(inner, Selector) and inner.range is None and exporters.is_counter(inner.name)
    if counter and plain.right.value > 0:
        message = f"{show(inner)} is a counter: once it is there it stays, until a restart; use increase() or rate()"
        yield Fault(Verdict.ALWAYS, "raw-counter", message, show(expr))


def _function(expr: Call, scrape_interval: float | None) -> Iterator[Fault]:
    argument = expr.args[0] if expr.args else None
    if expr.name not in ("rate", "irate", "increase", "delta", "deriv", "resets"):
        return
    if isinstance(argument, Selector):
        name = argument.name
        if expr.name in ("rate", "irate", "increase") and exporters.is_gauge(name):
            yield Fault(Verdict.WRONG, "rate-of-gauge", f"{name} is no counter: use delta() or deriv()", show(expr))
        elif expr.name in ("rate", "irate", "increase") and ":" in name and _summed(name):
            message = f"{name} is recorded: resets inside it are not seen; sum the rates instead"
            yield Fault(Verdict.WRONG, "rate-of-recorded", message, show(expr))
        elif expr.name in ("delta", "deriv") and exporters.is_counter(name):
            yield Fault(
                Verdict.WRONG, "delta-of-counter", f"{name} is a counter: a restart looks like a fall", show(expr)
            )
        if scrape_interval and argument.range is not None and argument.range < 2 * scrape_interval:
            message = f"a window of {argument.range:g}s holds no two samples {scrape_interval:g}s apart"
            yield Fault(Verdict.NEVER, "short-window", message, show(expr))
    summed = isinstance(argument, Subquery) and isinstance(argument.expr, Aggregate) and argument.expr.op == "sum"
    if summed and expr.name in ("rate", "increase"):
        message = "the rate of a sum takes each restart of one series for a reset of all: sum the rates instead"
        yield Fault(Verdict.WRONG, "rate-of-sum", message, show(expr))


def _summed(name: str) -> bool:
    """Whether a recorded name says that a plain sum of counters was recorded, and no rate."""
    last = name.rpartition(":")[2]
    return not any(word in last for word in ("rate", "ratio", "increase", "irate", "delta")) and last.startswith("sum")


def _absent(expr: Call) -> Iterator[Fault]:
    if expr.name != "absent" or not expr.args:
        return
    argument = expr.args[0]
    if _never_empty(argument):
        yield Fault(Verdict.NEVER, "absent-never-empty", "absent() of what is never empty", show(expr))
    elif isinstance(argument, Aggregate) and (argument.labels or argument.without) and argument.op != "count_values":
        message = "absent() notices only that all groups are gone, and does not say which: ask for each by its labels"
        yield Fault(Verdict.WEAK, "absent-of-groups", message, show(expr))


def _never_empty(expr: Expr) -> bool:
    if isinstance(expr, Call):
        return expr.name == "vector"
    if isinstance(expr, Binary) and expr.op == "or":
        return _never_empty(expr.left) or _never_empty(expr.right)
    return isinstance(expr, Aggregate) and not expr.labels and not expr.without and _never_empty(expr.expr)


def _quantile(expr: Call) -> Iterator[Fault]:
    if expr.name != "histogram_quantile" or len(expr.args) < 2:
        return
    inner = expr.args[1]
    classic = any(isinstance(each, Selector) and each.name.endswith("_bucket") for each in walk(inner))
    if isinstance(inner, Aggregate):
        has = ("le" in inner.labels) is not inner.without
        if classic and not has:
            yield Fault(
                Verdict.NEVER, "no-le", "histogram_quantile() finds no buckets: le is aggregated away", show(expr)
            )
    elif classic and isinstance(inner, Call) and inner.name in ("rate", "irate", "increase"):
        message = "a quantile for each series by itself, not of the service: sum by (le) first"
        yield Fault(Verdict.WEAK, "quantile-per-series", message, show(expr))


def _contradiction(expr: Selector) -> Iterator[Fault]:
    for one in expr.matchers:
        for two in expr.matchers:
            equal = one.op == "=" and one.label == two.label
            if equal and one != two and two.op in ("=", "!=") and not _agree(one, two):
                message = f"asks for {one.label} in two ways that exclude each other"
                yield Fault(Verdict.NEVER, "contradiction", message, show(expr))
                return


def _agree(one: Matcher, two: Matcher) -> bool:
    return (one.value == two.value) is (two.op == "=")


def _always(expr: Expr) -> Iterator[Fault]:
    """A condition that is none: true for all values, `bool`, or no condition at all."""
    for branch in _branches(expr):
        plain = normal(branch)
        if isinstance(plain, Binary) and plain.op in COMPARISONS:
            if plain.bool:
                message = "`bool` gives 0 or 1, and both fire: an alert needs no bool"
                yield Fault(Verdict.ALWAYS, "bool", message, show(branch))
            elif _holds_always(plain):
                yield Fault(Verdict.ALWAYS, "always-true", "is true for every value", show(branch))
        elif not _filtered(branch) and _bare(branch):
            yield Fault(Verdict.ALWAYS, "no-condition", "has no condition: it fires for every series", show(branch))


def _holds_always(expr: Binary) -> bool:
    if not isinstance(expr.right, Number) or _filtered(expr.left) or _counts(expr.left):
        return False
    return ranges.holds(expr.op, ranges.values(expr.left), expr.right.value) is True


def _branches(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Binary) and expr.op == "or":
        yield from _branches(expr.left)
        yield from _branches(expr.right)
    else:
        yield expr


def _counts(expr: Expr) -> bool:
    return any(isinstance(each, Aggregate) and each.op in ("count", "group", "count_values") for each in walk(expr))


def _filtered(expr: Expr) -> bool:
    return any(
        (isinstance(each, Binary) and (each.op in COMPARISONS or each.op in SETS))
        or (isinstance(each, Call) and each.name.startswith("absent"))
        for each in walk(expr)
    )


def _bare(expr: Expr) -> bool:
    """Only a selector with matchers, or a constant such as a watchdog's, is meant to fire as it is."""
    found = list(walk(expr))
    series = [each for each in found if isinstance(each, Selector)]
    return bool(series) and not any(each.matchers or ":" in each.name for each in series)


def _silent(expr: Expr) -> Iterator[Fault]:
    """Less than so much of something: silent when there is nothing at all."""
    if any(isinstance(each, Call) and each.name.startswith("absent") for each in walk(expr)):
        return
    for branch in _branches(expr):
        plain = normal(branch)
        if not (isinstance(plain, Binary) and plain.op in ("<", "<=") and isinstance(plain.right, Number)):
            continue
        if _simple(plain.left):
            message = "stays silent when the series are gone: or absent(…)"
            yield Fault(Verdict.WEAK, "silent-without-data", message, show(branch))
            if not isinstance(plain.left, Aggregate):
                message = "compares each series by itself, not their sum"
                yield Fault(Verdict.WEAK, "per-series", message, show(branch))


def _simple(expr: Expr) -> bool:
    inner = expr.expr if isinstance(expr, Aggregate) and not expr.labels and not expr.without else expr
    return isinstance(inner, Call) and inner.name == "rate" and not any(isinstance(e, Binary) for e in children(inner))
