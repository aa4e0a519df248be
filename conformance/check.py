"""The check decorator: a plain generator function becomes one pytest item per requirement that names it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Object, TextFile
from conformance.kube.podspec import Container, PodSpec


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """Yielded by a check for a subject it has nothing to say about, which is then not counted as evaluated."""

    reason: str


Said = Finding | Unjudged | NotApplicable
#: what a check may take as its first parameter; a list of one of them takes all that match at once
SUBJECTS = (Object, PodSpec, Container, Document, TextFile)


class OptionError(ValueError):
    """A `with:` that does not fit the check's signature; `name` is the option, empty for the whole."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


@dataclass(frozen=True)
class Check:
    """A check function with what its signature says: the kind of subject, and the options that `with:` may give."""

    name: str
    function: Callable[..., Iterator[Said]]
    signature: inspect.Signature = field(repr=False)

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """Resolved annotations, `Annotated` metadata kept; resolving is put off until the check is used."""
        return get_type_hints(self.function, include_extras=True)

    @cached_property
    def subject(self) -> type | None:
        """What one call looks at; None for a check that only asks the inventory."""
        name = next(iter(self.signature.parameters), "")
        hint = self.hints.get(name)
        if get_origin(hint) is list:
            hint = get_args(hint)[0]
        return hint if hint in SUBJECTS else None

    @cached_property
    def takes_all(self) -> bool:
        """Whether one call takes the list of all matching subjects."""
        name = next(iter(self.signature.parameters), "")
        return get_origin(self.hints.get(name)) is list

    @cached_property
    def wants_inventory(self) -> bool:
        """Whether the function names `inventory`."""
        return "inventory" in self.signature.parameters

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """`with:` held against the keyword-only parameters; raises OptionError for unknown, missing or wrong ones."""
        known = {n: p for n, p in self.signature.parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
        for name, value in given.items():
            if name not in known:
                raise OptionError(name, f"check {self.name} has no option {name}; it has {', '.join(known) or 'none'}")
            problem = _misfit(value, self.hints[name])
            if problem:
                raise OptionError(name, problem)
        for name, parameter in known.items():
            if parameter.default is inspect.Parameter.empty and name not in given:
                raise OptionError("", f"check {self.name} needs the option {name}")
        return dict(given)


def check(function: Callable[..., Iterator[Said]]) -> Callable[[Any], None]:
    """Make a generator of findings a pytest test that takes the fixture `result`.

    The first parameter's annotation says what is looked at: Object, PodSpec, Container, Document, TextFile, or a list
    of one of them; `inventory: Inventory` gives the rest of the world; keyword-only parameters are what a
    requirement's `with:` may set. The function yields, mutates nothing and does no I/O.
    """

    def test(result: Any) -> None:
        __tracebackhide__ = True
        result.verify()

    test.__name__, test.__doc__, test.__module__ = function.__name__, function.__doc__, function.__module__
    test.__qualname__ = function.__qualname__
    declared = Check(function.__name__.removeprefix("test_"), function, inspect.signature(function))
    test.plumbline_check = declared  # type: ignore[attr-defined]
    return test


def _misfit(value: Any, hint: Any) -> str:
    """Why a value does not fit an annotation, or nothing. Covers the types that options use, no more."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return ""
    if hasattr(hint, "__metadata__"):
        return _misfit(value, hint.__origin__) or _refused(value, hint.__metadata__)
    if origin is Literal:
        return "" if value in arguments else f"{value!r} is none of {', '.join(map(repr, arguments))}"
    if origin in (Union, UnionType):
        problems = [_misfit(value, each) for each in arguments]
        return "" if "" in problems else problems[0]
    if origin in (list, tuple):
        if not isinstance(value, list):
            return f"{value!r} is not a list"
        return next((p for p in (_misfit(each, arguments[0]) for each in value) if p), "")
    if origin in (dict, Mapping) or hint is dict:
        if not isinstance(value, dict):
            return f"{value!r} is not a mapping"
        return next((p for p in (_misfit(each, arguments[1]) for each in value.values()) if p), "") if arguments else ""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return ""
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        return f"{value!r} is not {'a ' + hint.__name__ if hint is not type(None) else 'null'}"
    return ""


def _refused(value: Any, parsers: tuple[Any, ...]) -> str:
    """`Annotated[str, quantity.parse]`: the annotation's parser must accept the value."""
    for parse in parsers:
        try:
            parse(value)
        except ValueError as error:
            return str(error)
    return ""


__all__ = ["Check", "Finding", "Inventory", "NotApplicable", "OptionError", "Said", "Unjudged", "check"]
