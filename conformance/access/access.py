"""Who can do what: bindings, roles and identities put together.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from weakref import WeakKeyDictionary

from conformance.access.grants import Grant, Grants
from conformance.access.resources import in_no_namespace
from conformance.access.rule import Action, Rule
from conformance.access.subject import MASTERS, Identity, Subject, identity, key
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object


class Answer(StrEnum):
    """Whether an action is allowed. RBAC has no denial: `no` means that nothing allows it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """A grant that allows something by a rule; without a rule, one of which nobody can say what it gives."""

    grant: Grant
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with what it comes from: every rule that allows, or every binding that leaves it open."""

    answer: Answer
    reasons: tuple[Reason, ...] = ()
    #: allowed without any rule: the group system:masters
    unconditional: bool = False

    @property
    def where(self) -> tuple[str, ...]:
        """Namespaces in which it is allowed, sorted; `("",)` for the whole cluster, `?` for one that is not known."""
        if self.answer is not Answer.YES:
            return ()
        if self.unconditional or any(each.grant.everywhere for each in self.reasons):
            return ("",)
        return tuple(sorted({each.grant.namespace or "?" for each in self.reasons}))


_KNOWN: WeakKeyDictionary[Inventory, Access] = WeakKeyDictionary()


def access(inventory: Inventory) -> Access:
    """The effective rights in an inventory; the same object every time."""
    found = _KNOWN.get(inventory)
    if found is None:
        found = _KNOWN[inventory] = Access(inventory)
    return found


class Access:
    """Effective RBAC of an inventory, with the roles and bindings that Kubernetes has of itself.

    Node authorization, webhooks and ABAC, which an API server may ask as well, are not looked at.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._grants = Grants(inventory)
        self.grants: Sequence[Grant] = self._grants.all
        self.bindings: Sequence[Object] = self._grants.bindings
        self._allowing: dict[Action, dict[int, Rule | None]] = {}

    @property
    def unreadable(self) -> list[tuple[Object, FieldTypeError]]:
        """Roles and bindings with fields of a wrong type."""
        return [*self._grants.unreadable, *self._grants.roles.unreadable.values()]

    def targets(self, binding: Object) -> list[Object]:
        """See `Grants.targets`."""
        return self._grants.targets(binding)

    def rules_named(self, name: str) -> tuple[Rule, ...] | None:
        """The rules of the ClusterRole of that name; None where there is none, or it cannot be read."""
        found = [self._grants.roles.rules_of(each) for each in self._grants.roles.named(name)]
        if not found or None in found:
            return None
        return tuple(rule for each in found for rule in each or ())

    @cached_property
    def subjects(self) -> Sequence[Subject]:
        """Everybody whom a binding of the tree names, sorted. Those of built-in bindings are left out."""
        found = {each.subject for each in self.grants if not each.built_in}
        return sorted(found, key=lambda each: (each.kind, each.namespace or "", each.name))

    @cached_property
    def _by_subject(self) -> Mapping[tuple[str, str], Sequence[Grant]]:
        index: dict[tuple[str, str], list[Grant]] = defaultdict(list)
        for each in self.grants:
            index[key(each.subject)].append(each)
        return dict(index)

    def given_by(self, binding: Object) -> Sequence[Grant]:
        """What one binding gives, subject by subject. Raises `FieldTypeError` for one that cannot be read."""
        for thing, error in self._grants.unreadable:
            if thing is binding:
                raise error
        return self._by_binding.get(id(binding), ())

    @cached_property
    def _by_binding(self) -> Mapping[int, Sequence[Grant]]:
        index: dict[int, list[Grant]] = defaultdict(list)
        for each in self.grants:
            index[id(each.binding)].append(each)
        return dict(index)

    def wide_verbs(self, grant: Grant) -> frozenset[str]:
        """The verbs that a grant's subject has on all resources there, by all bindings of its own that are not
        everything by themselves: rights that are cut into several rules or bindings are put together again.
        """
        return self._wide_verbs.get((grant.subject, grant.namespace), frozenset())

    @cached_property
    def _wide_verbs(self) -> Mapping[tuple[Subject, str | None], frozenset[str]]:
        found: dict[tuple[Subject, str | None], frozenset[str]] = {}
        of_rules: dict[int, frozenset[str]] = {}
        for each in self.grants:
            if id(each.rules) not in of_rules:
                wide = [rule for rule in each.rules if rule.is_wide]
                whole = any(rule.is_everything for rule in wide)
                verbs = frozenset(verb for rule in wide for verb in rule.verbs)
                of_rules[id(each.rules)] = frozenset() if whole else verbs
            if of_rules[id(each.rules)]:
                place = each.subject, each.namespace
                found[place] = found.get(place, frozenset()) | of_rules[id(each.rules)]
        return found

    def grants_of(self, who: Subject | Identity) -> Iterator[Grant]:
        """Every grant that applies to a request of a subject: its own and those of its groups."""
        for each in (identity(who) if isinstance(who, Subject) else who).keys:
            yield from self._by_subject.get(each, ())

    def can(self, who: Subject | Identity, action: Action, namespace: str | None = None) -> Verdict:
        """Whether somebody may do something.

        `namespace` "" asks for all namespaces at once, as for cluster-scoped objects; None asks whether it is allowed
        anywhere, and the verdict's `where` tells where. A request for one Namespace object is made in that namespace,
        so a RoleBinding there may allow it; what else belongs to no namespace only a ClusterRoleBinding can allow.
        """
        asking = identity(who) if isinstance(who, Subject) else who
        if MASTERS in asking.groups:
            return Verdict(Answer.YES, tuple(self._reasons(self.grants_of(asking), action, "")[0]), True)
        return self.verdict(self.grants_of(asking), action, namespace)

    def verdict(self, grants: Iterable[Grant], action: Action, namespace: str | None) -> Verdict:
        """The same for given grants."""
        yes, open_ = self._reasons(grants, action, namespace)
        if yes:
            return Verdict(Answer.YES, tuple(yes))
        return Verdict(Answer.UNKNOWN if open_ else Answer.NO, tuple(open_))

    def _reasons(
        self, grants: Iterable[Grant], action: Action, namespace: str | None
    ) -> tuple[list[Reason], list[Reason]]:
        if namespace is None and in_no_namespace(action.group, action.resource):
            namespace = ""
        yes: list[Reason] = []
        open_: list[Reason] = []
        for grant in grants:
            if not (grant.everywhere if action.url else grant.reaches(namespace)):
                continue
            rule = None if grant.fault else self._rule(grant, action)
            if rule is not None:
                (open_ if namespace and grant.namespace is None else yes).append(Reason(grant, rule))
            elif grant.fault:
                open_.append(Reason(grant, None))
        return yes, open_

    def _rule(self, grant: Grant, action: Action) -> Rule | None:
        """The first rule that allows an action; found once for all grants of one role."""
        known = self._allowing.setdefault(action, {})
        if id(grant.rules) not in known:
            known[id(grant.rules)] = next((each for each in grant.rules if each.allows(action)), None)
        return known[id(grant.rules)]

    def who_can(self, action: Action, namespace: str | None = None) -> Iterator[tuple[Subject, Verdict]]:
        """Every subject that a binding of its own allows an action, or may allow it; built-in bindings included.

        What a subject may do as a member of a group is told of the group.
        """
        own: dict[Subject, list[Grant]] = defaultdict(list)
        for each in self.grants:
            own[each.subject].append(each)
        for subject in sorted(own, key=lambda each: (each.kind, each.namespace or "", each.name)):
            found = self.verdict(own[subject], action, namespace)
            if found.answer is not Answer.NO:
                yield subject, found
