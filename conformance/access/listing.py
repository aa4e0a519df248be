"""Effective access as lines for people and records for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.access.access import Access, Reason, Verdict
from conformance.access.grants import Grant
from conformance.access.powers import EVERYTHING, NAMES, Escalation, escalations
from conformance.access.rule import Rule
from conformance.access.subject import Subject
from conformance.access.workloads import workloads_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Location

_HEAD = ("SUBJECT", "WHERE", "WHAT MATTERS", "ROLES")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """One subject in one namespace, or in the whole cluster."""

    subject: Subject
    namespace: str | None
    grants: Sequence[Grant]
    escalations: Sequence[Escalation]

    @property
    def matters(self) -> list[str]:
        """Names of the powers, the gravest first; `unknown` where a role is not here."""
        found = {each.name for each in self.escalations}
        names = [EVERYTHING] if EVERYTHING in found else [each for each in NAMES if each in found]
        return names + ([UNKNOWN] if any(each.fault for each in self.grants) else [])

    @property
    def roles(self) -> list[str]:
        """The roles, as bindings name them."""
        return sorted({each.role for each in self.grants})


def rows(world: Access, namespace: str | None = None) -> list[Row]:
    """Everybody whom bindings of the tree name; those of more weight first. `namespace` leaves out all others."""
    found: dict[tuple[Subject, str | None], list[Grant]] = defaultdict(list)
    for each in world.grants:
        if not each.built_in and each.reaches(namespace or None):
            found[each.subject, each.namespace].append(each)
    listed = [
        Row(who, where, grants, [power for each in grants for power in escalations(each, world)])
        for (who, where), grants in found.items()
    ]
    return sorted(listed, key=_weight)


def _weight(row: Row) -> tuple[Any, ...]:
    whole = EVERYTHING in row.matters
    return (row.namespace != "", not whole, -len(row.matters), row.namespace or "", str(row.subject))


def table(listed: Sequence[Row], explain: bool, inventory: Inventory) -> Iterator[str]:
    """A line for each; with `explain` also by which binding and rule, and which workloads run as it."""
    cells = [
        _HEAD,
        *((str(each.subject), where(each), ", ".join(each.matters) or "-", ", ".join(each.roles)) for each in listed),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    yield _line(cells[0], widths)
    for row, shown in zip(listed, cells[1:], strict=True):
        yield _line(shown, widths)
        if explain:
            yield from (f"    {each}" for each in _explained(row, inventory))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, cells[-1]]).rstrip()


def _explained(row: Row, inventory: Inventory) -> Iterator[str]:
    for each in row.escalations:
        yield f"{each.name}: {each.what}"
        yield f"  by {by(each.grant, each.rule)}"
    for grant in row.grants:
        if grant.fault:
            yield f"{UNKNOWN}: {by(grant, None)}"
    names = workload_names(row.subject, inventory)
    if names:
        yield f"runs: {', '.join(names)}"


def workload_names(who: Subject, inventory: Inventory) -> list[str]:
    """The workloads that run as a ServiceAccount, as `shop/Deployment/web`."""
    return sorted(
        f"{pod.owner.namespace or '?'}/{pod.owner.kind}/{pod.owner.name}" for pod in workloads_of(who, inventory)
    )


def where(row: Row) -> str:
    """For what part of the cluster a row is."""
    return row.grants[0].where


def by(grant: Grant, rule: Rule | None) -> str:
    """`RoleBinding shop/web (a.yaml:3:1) to Role/web: get secrets (a.yaml:12:1)`."""
    said = f"{grant.binding}{_at(grant.locate())} to {grant.role}"
    if rule is None:
        return f"{said}: {grant.fault.value}"
    if grant.built_in:
        said += ", built into Kubernetes"
    return f"{said}: {rule}{_at(rule.locate())}"


def _at(location: Location | None) -> str:
    return f" ({location})" if location else ""


def answer(said: str, verdict: Verdict, namespace: str | None, explain: bool) -> Iterator[str]:
    """One question: yes, no or unknown, where, and by what; only the first reason unless `explain`."""
    places = "" if namespace is not None else _places(verdict.where)
    yield f"{verdict.answer.value}: {said}{places}"
    if verdict.unconditional:
        yield "  the group system:masters may do everything, whatever the bindings say"
    reasons = list(dict.fromkeys(by(each.grant, each.rule) for each in verdict.reasons))
    yield from (f"  {each}" for each in (reasons if explain else reasons[:1]))
    if not explain and len(reasons) > 1:
        yield f"  and {len(reasons) - 1} more (--explain)"


def _places(names: Sequence[str]) -> str:
    if not names:
        return ""
    return " in every namespace" if names == ("",) else f" in {', '.join(names)} only"


def rights(grants: Iterable[Grant]) -> Iterator[str]:
    """All that somebody may do, rule by rule."""
    for grant in grants:
        if grant.fault:
            yield f"{grant.where}: {UNKNOWN}: {by(grant, None)}"
        for rule in grant.rules:
            yield f"{grant.where}: {rule}  by {grant.binding}{_at(grant.locate())} to {grant.role}{_at(rule.locate())}"


def row_record(row: Row, inventory: Inventory) -> dict[str, Any]:
    """A row of the table for programs."""
    return {
        "subject": str(row.subject),
        "namespace": row.namespace,
        "matters": row.matters,
        "because": [
            {"name": each.name, "what": each.what, **reason_record(Reason(each.grant, each.rule))}
            for each in row.escalations
        ],
        "roles": row.roles,
        "workloads": workload_names(row.subject, inventory),
    }


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """An answer for programs."""
    return {
        "answer": verdict.answer.value,
        "where": list(verdict.where),
        "reasons": [reason_record(each) for each in verdict.reasons],
    }


def reason_record(reason: Reason) -> dict[str, Any]:
    """A grant and its rule for programs; `namespace` "" is the whole cluster."""
    grant, rule = reason.grant, reason.rule
    bound, ruled = grant.locate(), rule.locate() if rule is not None else None
    return {
        "binding": str(grant.binding),
        "binding_location": bound.record if bound else None,
        "subject": str(grant.subject),
        "namespace": grant.namespace,
        "role": grant.role,
        "rule": str(rule) if rule is not None else "",
        "rule_location": ruled.record if ruled else None,
        "fault": grant.fault.value,
    }


def unreadable(world: Access) -> list[str]:
    """Roles and bindings that could not be read, once each, with their place."""
    wrong: dict[int, tuple[Any, FieldTypeError]] = {id(thing): (thing, error) for thing, error in world.unreadable}
    return [f"{thing.locate(error.path)}: {thing} cannot be read: {error}" for thing, error in wrong.values()]
