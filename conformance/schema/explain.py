"""What the schema engine says, in the words of a person who reads manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from math import isfinite
from typing import Any

from conformance.kube.object import describe
from conformance.kube.path import Path, render
from conformance.schema import formats
from conformance.schema.openapi import POINTER, Schema
from conformance.schema.verdict import SchemaProblem

_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
}
# A field of all three kinds of containers may belong to one thing more.
_FEW = 4
_BITS = {-(2**31): 32, 2**31 - 1: 32, -(2**63): 64, 2**63 - 1: 64}


# What Flux, envsubst and their like replace before anything is applied: `${NAME}`, `${NAME:=default}`.
_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_]")


@dataclass(slots=True)
class Explainer:
    """Turns the errors that one schema finds in one document into problems.

    A text with a placeholder in place of a number is no problem, since nobody knows what will stand there;
    `placeholders` tells that there were some.
    """

    schema: Schema
    raw: Any
    placeholders: bool = False

    def problems(self, errors: Iterable[Any]) -> list[SchemaProblem]:
        """All problems, in the order of their paths. Where a type is wrong, alternatives say nothing more."""
        found = [problem for error in errors for problem in self._problems(error)]
        wrong = {problem.path for problem in found if problem.expected}
        kept = {problem: None for problem in found if problem.expected or problem.path not in wrong}
        return sorted(kept, key=lambda problem: [(isinstance(step, str), step) for step in problem.path])

    def _problems(self, error: Any) -> Iterator[SchemaProblem]:
        path = tuple(error.instance_path)
        detail = error.kind.as_dict()
        # The engine's own copy of a value is null for what JSON cannot say, such as infinity.
        value = reduce(lambda node, step: node[step], path, self.raw)
        if error.kind.name == "additionalProperties":
            for name in detail["unexpected"]:
                yield SchemaProblem((*path, name), f'unknown field "{name}"{self._hint(path, name)}', "", "")
            return
        if isinstance(value, str) and _PLACEHOLDER.search(value):
            self.placeholders = True
        elif error.kind.name == "required":
            yield _missing(path, detail["property"])
        elif error.kind.name == "type":
            yield _wrong_type(path, detail["types"], value)
        else:
            words = _SENTENCES.get(error.kind.name)
            node = self._node(error.schema_path[:-1])
            yield words(path, detail, value, node) if words else SchemaProblem(path, "does not fit its schema")

    def _node(self, steps: list[str | int]) -> Any:
        node: Any = self.schema
        for step in steps:
            node = node[step]
        return node

    def _hint(self, path: Path, name: str) -> str:
        """What was probably meant by a field that is not known where it stands."""
        trail = list(self._trail(path))
        here = _fields(trail[-1]) if len(trail) == len(path) + 1 else {}
        if close := _close(name, here, 0.75):
            return f'; did you mean "{close}"?'
        below = [field for field, child in here.items() if name in _fields(self._inner(child))]
        # Fields such as `name` are everywhere, which helps nobody.
        if below and len(below) <= _FEW:
            return f"; it is a field of {render((*path, min(below, key=len)))}"
        for depth in range(len(trail) - 2, -1, -1):
            if name in _fields(trail[depth]):
                return f"; it is a field of {render(path[:depth]) or 'the object itself'}"
        return ""

    def _trail(self, path: Path) -> Iterator[Schema]:
        """The schemas along a path, from the root on, as far as they can be told."""
        node = self._resolve(self.schema)
        yield node
        for step in path:
            if isinstance(step, int):
                inner = node.get("items")
            else:
                inner = _fields(node).get(step, node.get("additionalProperties"))
            if not isinstance(inner, dict):
                return
            node = self._resolve(inner)
            yield node

    def _inner(self, schema: Any) -> Schema:
        node = self._resolve(schema)
        return self._resolve(node["items"]) if isinstance(node.get("items"), dict) else node

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self.schema["$defs"][schema["$ref"].removeprefix(POINTER)]
        return schema


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("properties", {})
    return found


def _close(word: str, words: Iterable[str], likeness: float) -> str:
    """The word that was probably meant; case counts least."""
    words = list(words)
    same = [each for each in words if each.lower() == word.lower()]
    return next(iter(same or get_close_matches(word, words, 1, likeness)), "")


def _missing(path: Path, name: str) -> SchemaProblem:
    return SchemaProblem(path, f'required field "{name}" is missing', name, "absent")


def _wrong_type(path: Path, types: list[str], value: Any) -> SchemaProblem:
    """Null is allowed wherever a field may be absent, so a null of the wrong type is a missing field."""
    if value is None and path and isinstance(path[-1], str):
        return _missing(path[:-1], path[-1])
    expected = " or ".join(_NAMES[each] for each in types if each != "null")
    observed = describe(value)
    if isinstance(value, str) and "string" not in types:
        observed = f'the string "{_short(value)}"'
    elif isinstance(value, bool):
        observed = f"the boolean {str(value).lower()}"
    elif isinstance(value, float) and (expected == "an integer" or not isfinite(value)):
        observed = f"the number {value}"
    advice = "; quote it" if "string" in types and isinstance(value, bool | int | float) else ""
    return SchemaProblem(path, f"must be {expected}, not {observed}{advice}", expected, observed)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _digits(value: Any) -> str:
    """A number as text; the largest have more digits than Python is willing to print."""
    return "a number beyond all bounds" if isinstance(value, int) and value.bit_length() > 200 else str(value)


def _choice(path: Path, detail: Any, value: Any, node: Any) -> SchemaProblem:
    choices = [str(each) for each in detail["options"] if each not in (None, "")]
    observed = f'"{_short(value)}"' if isinstance(value, str) else describe(value)
    close = _close(str(value), choices, 0.7)
    advice = f'; did you mean "{close}"?' if close else ""
    expected = ", ".join(choices)
    return SchemaProblem(path, f"{observed} is not one of {expected}{advice}", expected, observed)


def _format(path: Path, detail: Any, value: Any, node: Any) -> SchemaProblem:
    expected = formats.words(detail["format"])
    # What should be base64 may be a secret that was not encoded.
    observed = "other text" if detail["format"].endswith("byte") else f'"{_short(str(value))}"'
    return SchemaProblem(path, f"must be {expected}, not {observed}", expected, observed)


def _limit(sign: str) -> Callable[[Path, Any, Any, Any], SchemaProblem]:
    def sentence(path: Path, detail: Any, value: Any, node: Any) -> SchemaProblem:
        limit = detail["limit"]
        expected = f"an integer of {_BITS[limit]} bits" if limit in _BITS else f"{sign} {limit}"
        return SchemaProblem(path, f"must be {expected}, not {_digits(value)}", expected, _digits(value))

    return sentence


def _rule(words: str, key: str = "") -> Callable[[Path, Any, Any, Any], SchemaProblem]:
    def sentence(path: Path, detail: Any, value: Any, node: Any) -> SchemaProblem:
        expected = f"{words} {detail[key]}" if key else words
        return SchemaProblem(path, f"must {expected}", "" if key == "" else expected)

    return sentence


def _alternatives(quantity: str) -> Callable[[Path, Any, Any, Any], SchemaProblem]:
    def sentence(path: Path, detail: Any, value: Any, node: Any) -> SchemaProblem:
        branches = node.get("anyOf") or node.get("oneOf") or ()
        named = [" and ".join(each["required"]) for each in branches if each.get("required")]
        of = f" of {', '.join(named)}" if len(named) == len(branches) and named else " of the schema's alternatives"
        return SchemaProblem(path, f"must have {quantity}{of}")

    return sentence


_SENTENCES: dict[str, Callable[[Path, Any, Any, Any], SchemaProblem]] = {
    "enum": _choice,
    "format": _format,
    "minimum": _limit("at least"),
    "maximum": _limit("at most"),
    "exclusiveMinimum": _limit("more than"),
    "exclusiveMaximum": _limit("less than"),
    "pattern": _rule("match the pattern", "pattern"),
    "minLength": _rule("be at least this many characters long:", "limit"),
    "maxLength": _rule("be at most this many characters long:", "limit"),
    "minItems": _rule("have at least this many elements:", "limit"),
    "maxItems": _rule("have at most this many elements:", "limit"),
    "minProperties": _rule("have at least this many fields:", "limit"),
    "maxProperties": _rule("have at most this many fields:", "limit"),
    "multipleOf": _rule("be a multiple of", "multiple_of"),
    "uniqueItems": _rule("name nothing twice"),
    "anyOf": _alternatives("at least one"),
    "oneOf": _alternatives("exactly one"),
    "not": _rule("not fit what the schema forbids"),
}
