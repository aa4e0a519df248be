"""`expect:` held against an object: fields by meaning and a handful of operators; what needs more is Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from conformance.kube import cron, duration, quantity
from conformance.kube.object import Node, describe
from conformance.kube.path import Path, render

OPERATORS = ("absent", "present", "in", "at_least", "at_most", "matches", "contains")


class ExpectError(ValueError):
    """An `expect:` that cannot mean anything, such as an operator with a value of the wrong type."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One field that differs from what is expected."""

    path: Path
    message: str
    expected: Any
    observed: Any


def is_operator(expected: Any) -> bool:
    """Whether a mapping is written in operators: every key of it is one."""
    return isinstance(expected, dict) and bool(expected) and all(key in OPERATORS for key in expected)


def validate(expected: Any, path: Path = ()) -> Any:
    """Refuse an `expect:` that no object could be held against; returns it, so that it serves as an annotation.

    Raises ExpectError naming the field.
    """
    where = render(path) or "expect"
    if is_operator(expected):
        for name, operand in expected.items():
            problem = _OPERANDS[name](operand)
            if problem:
                raise ExpectError(f"{where}: {name} {problem}")
    elif isinstance(expected, dict):
        if not expected:
            raise ExpectError(f"{where}: an empty mapping expects nothing")
        for key, value in expected.items():
            validate(value, (*path, key))
    return expected


def _pattern_problem(operand: Any) -> str:
    try:
        re.compile(operand)
    except (re.error, TypeError) as error:
        return f"is no regular expression: {error}"
    return ""


_OPERANDS: Mapping[str, Callable[[Any], str]] = {
    "absent": lambda operand: "" if operand is True else "is written `absent: true`",
    "present": lambda operand: "" if operand is True else "is written `present: true`",
    "in": lambda operand: "" if isinstance(operand, list) and operand else "takes a list of values",
    "at_least": lambda operand: "" if magnitudes(operand) else f"takes a number, quantity or duration, not {operand!r}",
    "at_most": lambda operand: "" if magnitudes(operand) else f"takes a number, quantity or duration, not {operand!r}",
    "matches": _pattern_problem,
    "contains": lambda operand: "" if operand is not None else "takes a value or a partial element",
}


def compare(node: Node, expected: Any, root: str = "") -> Iterator[Mismatch]:
    """Every field below `node` that differs from `expected`, a partial value in the shape of the manifest.

    A field that is absent or null differs from every expected value: write API defaults out with `in: [..]` only where
    absence is really all right. Lists are compared whole and in order; `contains` asks for one element.
    """
    if is_operator(expected):
        yield from _operators(node, expected)
    elif isinstance(expected, dict):
        if not isinstance(node.raw, dict):
            yield _mismatch(node, expected)
            return
        for key, value in expected.items():
            yield from compare(Node(node.raw.get(key), (*node.path, key)), value)
    elif not same(node.raw, expected):
        yield _mismatch(node, expected)


def _mismatch(node: Node, expected: Any) -> Mismatch:
    if node.raw is None:
        return Mismatch(node.path, "is not set", expected, None)
    return Mismatch(node.path, "has another value", expected, node.raw)


def same(observed: Any, expected: Any) -> bool:
    """Equality by meaning: `0.1` is `100m`, `30d` is `720h`, `00 02 * * *` is `0 2 * * *`.

    A boolean equals only a boolean and an integer only an integer, because the API server refuses `"true"` and `"2"`
    there; but a quantity written as a string may be observed as a bare number.
    """
    if isinstance(expected, bool) or isinstance(observed, bool):
        return observed is expected
    if isinstance(expected, list):
        return (
            isinstance(observed, list)
            and len(observed) == len(expected)
            and all(same(left, right) for left, right in zip(observed, expected, strict=True))
        )
    if observed == expected:
        return True
    if not isinstance(expected, str) or not isinstance(observed, str | int | float):
        return False
    return any(_equal(parse, observed, expected) for parse in (quantity.parse, duration.parse, cron.Schedule.parse))


def _equal(parse: Callable[[Any], Any], observed: Any, expected: str) -> bool:
    try:
        return bool(parse(observed) == parse(expected))
    except (ValueError, TypeError):
        return False


def magnitudes(value: Any) -> dict[str, Decimal]:
    """The amounts a value can stand for: `5m` is 0.005 of something, or 300 seconds."""
    found: dict[str, Decimal] = {}
    if isinstance(value, bool) or value is None:
        return found
    for name, parse in (("quantity", quantity.parse), ("duration", duration.parse)):
        try:
            found[name] = parse(value)
        except (ValueError, TypeError):
            continue
    return found


def _ordered(observed: Any, bound: Any, least: bool) -> bool | None:
    """Whether the bound holds; None when the two cannot be compared. A duration is preferred where both read as one."""
    left, right = magnitudes(observed), magnitudes(bound)
    for meaning in ("duration", "quantity"):
        if meaning in left and meaning in right:
            return left[meaning] >= right[meaning] if least else left[meaning] <= right[meaning]
    return None


def _operators(node: Node, operators: Mapping[str, Any]) -> Iterator[Mismatch]:
    if "absent" in operators:
        if node.raw is not None:
            yield Mismatch(node.path, "must not be set", "absent", node.raw)
        return
    if node.raw is None:
        yield Mismatch(node.path, "is not set", _wording(operators), None)
        return
    for name, operand in operators.items():
        if name == "contains":
            yield from _contains(node, operand)
        elif name != "present":
            yield from _bounded(node, name, operand)


def _bounded(node: Node, name: str, operand: Any) -> Iterator[Mismatch]:
    observed = node.raw
    if name == "in":
        if not any(same(observed, each) for each in operand):
            yield Mismatch(node.path, "is none of the allowed values", operand, observed)
    elif name == "matches":
        if not isinstance(observed, str) or not re.search(operand, observed):
            yield Mismatch(node.path, "does not match", operand, observed)
    else:
        held = _ordered(observed, operand, name == "at_least")
        words = "less than" if name == "at_least" else "more than"
        if held is None:
            yield Mismatch(node.path, f"is {describe(observed)} that cannot be compared", operand, observed)
        elif not held:
            yield Mismatch(node.path, f"is {words} {operand}", f"{name.replace('_', ' ')} {operand}", observed)


def _contains(node: Node, operand: Any) -> Iterator[Mismatch]:
    if not isinstance(node.raw, list):
        yield Mismatch(node.path, f"is {describe(node.raw)}, not a list", operand, node.raw)
        return
    elements = [Node(each, (*node.path, index)) for index, each in enumerate(node.raw)]
    if isinstance(operand, dict) and isinstance(operand.get("name"), str) and not is_operator(operand):
        named = next((e for e in elements if isinstance(e.raw, dict) and e.raw.get("name") == operand["name"]), None)
        if named is not None:
            yield from compare(named, operand)
            return
    elif any(not list(compare(element, operand)) for element in elements):
        return
    yield Mismatch(node.path, "has no such element", operand, None)


def _wording(operators: Mapping[str, Any]) -> str:
    return " and ".join(name if name == "present" else f"{name} {value}" for name, value in operators.items())
