"""A list of approved bindings, and what in it speaks of a given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from conformance.access.grants import Grant
from conformance.access.subject import SubjectError, matches, subject
from conformance.kube.object import FieldTypeError, Node

_FIELDS = {"subject", "role", "namespace", "until", "reason"}


@dataclass(frozen=True, slots=True)
class Approval:
    """One entry: a subject (globs) may have a role, cluster-wide or in a namespace (glob), until a day or for ever."""

    subject: str
    role: str
    namespace: str
    until: date | None

    def covers(self, grant: Grant) -> bool:
        """Whether a grant is the one that is approved, the day not asked. Only cluster-wide covers cluster-wide."""
        if not (fnmatchcase(grant.role, self.role) and matches(grant.subject, self.subject)):
            return False
        if grant.everywhere:
            return self.namespace == ""
        return fnmatchcase("?" if grant.namespace is None else grant.namespace, self.namespace)


def approvals(entries: Sequence[Node]) -> list[Approval]:
    """Entries `{subject, role, namespace, until, reason}`.

    `subject` is written as in `plumbline access --who`, `role` as `ClusterRole/view`; no `namespace` means the whole
    cluster. `until` is a date, the last day. Raises `FieldTypeError` for whatever is no such entry: a list with a slip
    of the pen must not approve less, or more, than its author thinks.
    """
    return [_approval(each) for each in entries]


def entry(value: dict[str, Any]) -> Approval:
    """One entry that stands in a requirement. Raises `ValueError` for whatever is none."""
    try:
        return _approval(Node(value))
    except FieldTypeError as error:
        raise ValueError(str(error)) from None


def _approval(node: Node) -> Approval:
    unknown = sorted(set(map(str, node.mapping())) - _FIELDS)
    if unknown:
        raise FieldTypeError((*node.path, unknown[0]), f"one of {', '.join(sorted(_FIELDS))}", unknown[0])
    who, role = node.text("subject"), node.text("role")
    try:
        subject(who)
    except SubjectError:
        raise FieldTypeError((*node.path, "subject"), "a subject such as ServiceAccount:shop/web", who) from None
    if role.partition("/")[0] not in ("Role", "ClusterRole") or not role.partition("/")[2]:
        raise FieldTypeError((*node.path, "role"), "a role such as ClusterRole/view", role)
    return Approval(who, role, node.text("namespace"), _day(node.at("until")))


def _day(node: Node) -> date | None:
    """YAML reads an unquoted date as a date, or leaves it a string."""
    value = node.raw
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FieldTypeError(node.path, "a date such as 2026-12-31", value) from None
