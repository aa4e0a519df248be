"""Label selectors: which labels an object asks for.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.kube.object import FieldTypeError, Node
from conformance.kube.path import Path, render

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")
Requirement = tuple[str, str, frozenset[str]]


class SelectorError(FieldTypeError):
    """A selector that the API server refuses, at the field that is wrong."""

    def __init__(self, path: Path, problem: str) -> None:
        TypeError.__init__(self, f"{render(path)} {problem}")
        self.path = path


class Selector:
    """What labels must be like to be selected; make one with `label_selector` or `map_selector`.

    All requirements must hold (AND). A selector without any selects everything or nothing, depending on the field:
    see the two functions. Which labels it is held against depends on the field too: those of the pod template for
    Services, PodDisruptionBudgets, NetworkPolicies and workloads, never those of the workload itself.
    """

    __slots__ = ("exact", "expressions", "selects_nothing")

    def __init__(
        self, exact: Mapping[str, str], expressions: tuple[Requirement, ...] = (), nothing: bool = False
    ) -> None:
        #: Labels that must be there with exactly this value.
        self.exact = exact
        #: Key, operator and values of each expression.
        self.expressions = expressions
        self.selects_nothing = nothing

    @property
    def selects_everything(self) -> bool:
        """Whether any labels match, none at all included."""
        return not (self.selects_nothing or self.exact or self.expressions)

    def matches(self, labels: Mapping[str, Any]) -> bool:
        """Whether labels are selected. A label written as null has the value "", as the API server stores it."""
        if self.selects_nothing:
            return False
        for key, value in self.exact.items():
            if labels.get(key) != value and not (value == "" and key in labels and labels[key] is None):
                return False
        return all(_holds(labels, *expression) for expression in self.expressions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def __str__(self) -> str:
        """The selector as kubectl writes it: `app=web,tier in (a,b),!legacy`."""
        if self.selects_nothing:
            return "<none>"
        words = [f"{key}={value}" for key, value in self.exact.items()]
        for key, operator, values in self.expressions:
            listed = f"({','.join(sorted(values))})"
            words.append(
                {"In": f"{key} in {listed}", "NotIn": f"{key} notin {listed}", "Exists": key}.get(operator, f"!{key}")
            )
        return ",".join(words) or "<all>"

    __repr__ = __str__

    def _parts(self) -> tuple[bool, frozenset[tuple[str, str]], frozenset[Requirement]]:
        return self.selects_nothing, frozenset(self.exact.items()), frozenset(self.expressions)


NOTHING = Selector({}, nothing=True)


def label_selector(node: Node) -> Selector:
    """The selector of a LabelSelector field: `matchLabels` AND `matchExpressions`.

    An empty one (`{}`) selects everything, an absent or null one nothing; the API field may say otherwise (an absent
    `namespaceSelector` of a NetworkPolicy means the policy's own namespace), so ask before. `NotIn` and `DoesNotExist`
    select labels that lack the key. Operators are case-sensitive.

    Raises `FieldTypeError` for wrong types, and `SelectorError`, which is one, for what the API server refuses: an
    unknown operator, `In` and `NotIn` without values, `Exists` and `DoesNotExist` with values, an expression without a
    key. The spelling of labels is not looked at. Source of the rule: metav1.LabelSelector.
    """
    if node.raw is None:
        return NOTHING
    exact = _strings(node, "matchLabels")
    return Selector(exact, tuple(_requirement(each) for each in node.sequence("matchExpressions")))


def map_selector(node: Node) -> Selector:
    """The selector of a plain map field, such as that of a Service: every label must be there.

    Unlike a LabelSelector an empty map selects nothing: such a Service gets its endpoints from somebody else.
    Raises `FieldTypeError`. Source of the rule: v1.ServiceSpec.selector.
    """
    exact = _strings(node, ())
    return Selector(exact) if exact else NOTHING


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector as it stands in a manifest selects labels; None selects nothing.

    Paths in errors start at the selector. Where a selector is held against many labels, keep `label_selector`.
    """
    return label_selector(Node(selector)).matches(labels)


def _strings(node: Node, field: str | Path) -> Mapping[str, str]:
    found = node.mapping(field) if node.raw is not None else {}
    if all(type(value) is str for value in found.values()):
        return found
    for key, value in found.items():
        if value is not None and not isinstance(value, str):
            raise FieldTypeError((*node.path, *((field,) if isinstance(field, str) else field), key), "a string", value)
    return {key: value or "" for key, value in found.items()}


def _requirement(node: Node) -> Requirement:
    # A null in the list is an empty expression to the API server.
    if node.raw is not None and not isinstance(node.raw, dict):
        raise FieldTypeError(node.path, "a mapping", node.raw)
    operator, key = node.text("operator"), node.text("key")
    values = []
    for each in node.sequence("values"):
        if each.raw is not None and not isinstance(each.raw, str):
            raise FieldTypeError(each.path, "a string", each.raw)
        values.append(each.raw or "")
    if operator not in _WITH_VALUES + _WITHOUT_VALUES:
        raise SelectorError((*node.path, "operator"), f"is {operator!r}, not In, NotIn, Exists or DoesNotExist")
    if not key:
        raise SelectorError((*node.path, "key"), "is empty")
    if operator in _WITH_VALUES and not values:
        raise SelectorError((*node.path, "values"), f"is empty, but {operator} needs values")
    if operator in _WITHOUT_VALUES and values:
        raise SelectorError((*node.path, "values"), f"is not empty, but {operator} takes no values")
    return key, operator, frozenset(values)


def _holds(labels: Mapping[str, Any], key: str, operator: str, values: frozenset[str]) -> bool:
    has = key in labels
    if operator == "Exists":
        return has
    if operator == "DoesNotExist":
        return not has
    value = labels[key] if has else None
    # A value that is no string, which the API server refuses, is never listed.
    listed = has and (value is None or isinstance(value, str)) and (value or "") in values
    return listed if operator == "In" else not listed
