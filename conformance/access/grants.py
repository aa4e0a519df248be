"""What bindings give: subjects, rules, and for which namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conformance.access.builtin import builtin, is_builtin, is_default, is_reconciled
from conformance.access.resources import RBAC
from conformance.access.roles import Roles
from conformance.access.rule import ESCALATING, Rule, rules
from conformance.access.subject import Subject, of_binding
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Location, Node, Object

CLUSTER_ROLE = "ClusterRole"


class Fault(StrEnum):
    """Why nobody can say what a binding gives."""

    NONE = ""
    MISSING = "its role is not here"
    UNREADABLE = "its role cannot be read"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one binding gives one subject.

    `namespace` is "" for the whole cluster, None for a RoleBinding whose namespace nothing tells. With a `fault` there
    are no rules, and what is given is unknown, not nothing: the role may well exist in the cluster.
    """

    subject: Subject
    binding: Object = field(repr=False)
    #: place of the subject in the binding
    node: Node = field(repr=False, compare=False)
    namespace: str | None = ""
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    fault: Fault = Fault.NONE

    @property
    def everywhere(self) -> bool:
        """Whether the rules hold in the whole cluster, cluster-scoped objects and paths included."""
        return self.namespace == ""

    def reaches(self, namespace: str | None) -> bool:
        """Whether the grant may hold in a namespace; "" asks for all namespaces at once, None for any of them."""
        return self.everywhere or namespace is None or (namespace != "" and self.namespace in (namespace, None))

    @property
    def role(self) -> str:
        """`ClusterRole/view`, as the binding names it."""
        return role_of(self.binding)

    @property
    def built_in(self) -> bool:
        """Whether Kubernetes makes this binding itself."""
        return is_builtin(self.binding)

    @property
    def where(self) -> str:
        """In words: for what part of the cluster."""
        if self.everywhere:
            return "cluster-wide"
        return "in a namespace that is not known" if self.namespace is None else f"in {self.namespace}"

    def locate(self) -> Location | None:
        """Where the binding names the subject."""
        found = self.binding.locate(self.node.path)
        return found if found.path else None


def role_of(binding: Object) -> str:
    """`ClusterRole/view`: the role that a binding names. The API server takes no other kinds than the two."""
    return f"{binding.text('roleRef.kind')}/{binding.text('roleRef.name')}"


class Grants:
    """Reads bindings; what cannot be read is kept in `unreadable` and gives nothing."""

    def __init__(self, inventory: Inventory) -> None:
        self.roles = Roles(inventory)
        self.unreadable: list[tuple[Object, FieldTypeError]] = []
        self.bindings = [
            each for kind in ("ClusterRoleBinding", "RoleBinding") for each in inventory.of_kind(kind, RBAC)
        ]
        kept = {_key(each) for each in self.bindings if not is_reconciled(each)}
        self.all = [grant for each in self.bindings for grant in self._of(each)]
        for each in builtin():
            if each.kind.endswith("Binding") and _key(each) not in kept:
                self.all += self._of(each)

    def _of(self, binding: Object) -> Iterator[Grant]:
        try:
            subjects = [(of_binding(node, binding), node) for node in binding.sequence("subjects")]
            if not subjects:
                return
            namespace = "" if binding.kind == "ClusterRoleBinding" else binding.namespace
            found, fault = self._rules(binding)
        except FieldTypeError as error:
            self.unreadable.append((binding, error))
            return
        for subject, node in subjects:
            yield Grant(subject, binding, node, namespace, found, fault)

    def _rules(self, binding: Object) -> tuple[tuple[Rule, ...], Fault]:
        found = self.targets(binding)
        if not found:
            return (), Fault.MISSING
        union: dict[Rule, None] = {}
        for role in found:
            own = self.roles.rules_of(role)
            if own is None:
                return (), Fault.UNREADABLE
            if len(found) == 1:
                return own, Fault.NONE
            union.update(dict.fromkeys(own))
        return tuple(union), Fault.NONE

    def targets(self, binding: Object) -> list[Object]:
        """The role that a binding refers to, of the tree or built in; several where the tree has it in several forms.

        A ClusterRoleBinding cannot refer to a Role. Raises `FieldTypeError`.
        """
        kind, name = binding.text("roleRef.kind"), binding.text("roleRef.name")
        if kind != CLUSTER_ROLE and binding.kind == "ClusterRoleBinding":
            return []
        return self.roles.find(kind, binding.namespace, name, binding)


def _key(binding: Object) -> tuple[str, str, str]:
    return binding.kind, binding.namespace or "", binding.name


def beyond_defaults(grant: Grant) -> Grant | None:
    """A grant without what Kubernetes itself gives by it; None where that is all.

    A built-in binding may have a subject more than it is made with, and its role rules more. Of such rules only those
    count that give everybody something, or that give more rights: between versions of Kubernetes the rest differs.
    """
    if not is_default(grant.binding, grant.node):
        return grant
    shipped = {
        rule
        for each in builtin()
        if f"{each.kind}/{each.name}" == grant.role and each.namespace in ("", grant.binding.namespace)
        for rule in rules(each)
    }
    added = [each for each in grant.rules if each not in shipped and _counts(each, grant.subject)]
    return replace(grant, rules=tuple(added), fault=Fault.NONE) if added else None


def _counts(rule: Rule, who: Subject) -> bool:
    return who.is_everybody or rule.is_everything or bool(rule.verbs & ESCALATING)
