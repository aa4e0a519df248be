"""What rules a role has in the end: written, aggregated, or built into Kubernetes.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from conformance.access.builtin import builtin, is_builtin, is_reconciled
from conformance.access.resources import RBAC
from conformance.access.rule import Rule, rules
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.place import rendering
from conformance.kube.selector import label_selector

_Key = tuple[str, str | None, str]


class Roles:
    """The Roles and ClusterRoles of an inventory, and those that are built in."""

    def __init__(self, inventory: Inventory) -> None:
        #: roles that cannot be read, and why; what they allow is unknown
        self.unreadable: dict[int, tuple[Object, FieldTypeError]] = {}
        self._written = [each for kind in ("ClusterRole", "Role") for each in inventory.of_kind(kind, RBAC)]
        self._rules: dict[int, tuple[Rule, ...] | None] = {}
        self._read: dict[int, tuple[Rule, ...]] = {}
        self._reach: dict[int, Sequence[Object]] = {}

    def find(self, kind: str, namespace: str | None, name: str, near: Object) -> list[Object]:
        """The roles of that name; several where a tree holds one object in several forms that cannot be told apart.

        What the same chart or kustomization rendered as `near` is preferred, and of plain files those beside it. Empty
        where there is none.
        """
        found = self._by_key.get((kind, "" if kind == "ClusterRole" else namespace, name), [])
        same = [each for each in found if is_builtin(each) or rendering(each) == rendering(near)]
        if all(map(is_builtin, same)):
            return found
        beside = [each for each in same if posixpath.dirname(each.origin.path) == posixpath.dirname(near.origin.path)]
        return beside or same

    def named(self, name: str) -> list[Object]:
        """The ClusterRoles of that name, whatever rendered them."""
        return self._by_key.get(("ClusterRole", "", name), [])

    def rules_of(self, role: Object) -> tuple[Rule, ...] | None:
        """The rules that count; None where a role takes part that cannot be read.

        With an `aggregationRule` the controller puts the rules of the ClusterRoles that any of its selectors selects,
        which may be aggregated themselves, in place of a role's own. An empty selector `{}` selects every ClusterRole.
        Where that comes to no rule at all the role's own stay, since the controller then applies an object without
        rules, and so takes none away.
        """
        if id(role) not in self._rules:
            parts = [role, *self._reached(role)]
            found = [rule for each in parts if self._counts(each) for rule in self._own(each)]
            broken = any(id(each) in self.unreadable for each in parts)
            self._rules[id(role)] = None if broken else tuple(dict.fromkeys(found))
        return self._rules[id(role)]

    def _counts(self, role: Object) -> bool:
        """Whether rules written in a role stay. Where roles collect each other without any others, what remains depends
        on history; then those of all are taken.
        """
        return not any(
            self._own(each) and (not _is_aggregated(each) or role not in self._reached(each))
            for each in self._reached(role)
        )

    def _own(self, role: Object) -> tuple[Rule, ...]:
        """Rules as written in one role."""
        if id(role) not in self._read:
            try:
                self._read[id(role)] = tuple(rules(role))
            except FieldTypeError as error:
                self.unreadable[id(role)] = (role, error)
                self._read[id(role)] = ()
        return self._read[id(role)]

    def _reached(self, role: Object) -> Sequence[Object]:
        """All that a role aggregates, directly or not, without itself."""
        if not _is_aggregated(role):
            return ()
        if id(role) not in self._reach:
            seen, found = {id(role)}, [role]
            for each in found:
                for part in self._selected(each) if _is_aggregated(each) else ():
                    if id(part) not in seen:
                        seen.add(id(part))
                        found.append(part)
            self._reach[id(role)] = found[1:]
        return self._reach[id(role)]

    def _selected(self, role: Object) -> Iterator[Object]:
        try:
            selectors = [label_selector(each) for each in role.sequence("aggregationRule.clusterRoleSelectors")]
        except FieldTypeError as error:
            self.unreadable[id(role)] = (role, error)
            return
        for each, labels in self._labelled:
            if any(selector.matches(labels) for selector in selectors):
                yield each

    @cached_property
    def _labelled(self) -> Sequence[tuple[Object, Mapping[str, str]]]:
        found = []
        for each in self._all:
            if each.kind == "ClusterRole":
                try:
                    found.append((each, each.labels))
                except FieldTypeError as error:
                    self.unreadable[id(each)] = (each, error)
        return found

    @cached_property
    def _all(self) -> Sequence[Object]:
        """Every role. A built-in one counts beside a manifest of its name, because the API server adds to that what
        it leaves out.
        """
        kept = {(each.kind, each.namespace or "", each.name) for each in self._written if not is_reconciled(each)}
        shipped = [
            each
            for each in builtin()
            if each.kind in ("ClusterRole", "Role") and (each.kind, each.namespace or "", each.name) not in kept
        ]
        return [*self._written, *shipped]

    @cached_property
    def _by_key(self) -> Mapping[_Key, list[Object]]:
        index: dict[_Key, list[Object]] = defaultdict(list)
        for each in self._all:
            index[each.kind, "" if each.kind == "ClusterRole" else each.namespace, each.name].append(each)
        return dict(index)


def _is_aggregated(role: Object) -> bool:
    return role.kind == "ClusterRole" and role.raw.get("aggregationRule") is not None
