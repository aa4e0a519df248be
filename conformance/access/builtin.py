"""The roles and bindings that every API server makes for itself, as Kubernetes 1.34 does.

A manifest repository binds `view` and `cluster-admin` without containing them, so they must be known.
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files

from conformance.kube.object import FieldTypeError, Location, Node, Object
from conformance.kube.path import Path

LABEL = "kubernetes.io/bootstrapping"
DEFAULTS = "rbac-defaults"
_KUBEADM = "kubeadm:cluster-admins"
_RECONCILED = "rbac.authorization.kubernetes.io/autoupdate"


class _NoFile:
    """Built-in objects stand in no file."""

    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


@lru_cache(maxsize=1)
def builtin() -> tuple[Object, ...]:
    """ClusterRoles, ClusterRoleBindings, Roles and RoleBindings, as an API server of Kubernetes 1.34 lists them."""
    text = files("conformance.access").joinpath("builtin.json").read_text(encoding="utf-8")
    origin = _NoFile()
    return tuple(Object(each, origin, "") for each in json.loads(text))


def is_builtin(thing: Object) -> bool:
    """Whether an object is one of `builtin()` itself, rather than a manifest of the same name."""
    return isinstance(thing.origin, _NoFile)


def is_reconciled(thing: Object) -> bool:
    """Whether the API server puts back, when it starts, what a manifest leaves out of a built-in role or binding.

    It adds missing rules and subjects, and takes none away, unless the annotation `autoupdate` is "false".
    """
    try:
        return thing.annotations.get(_RECONCILED) != "false"
    except FieldTypeError:
        return True


def is_default(binding: Object, subject: Node) -> bool:
    """Whether a binding gives a subject what Kubernetes itself gives it: one of the built-in bindings, listed from a
    live cluster, with the label that the API server sets, the built-in role and this subject among the built-in ones.

    A subject that somebody added to a built-in binding is not. kubeadm's group of administrators, to which the
    certificate of /etc/kubernetes/admin.conf belongs, counts as built in; kubeadm's binding has no label.
    https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#generate-kubeconfig-files-for-control-plane-components
    """
    if binding.name == _KUBEADM and binding.kind == "ClusterRoleBinding":
        told = (binding.text("roleRef.name"), subject.text("kind"), subject.text("name"))
        return told == ("cluster-admin", "Group", _KUBEADM)
    if binding.labels.get(LABEL) != DEFAULTS:
        return False
    for each in builtin():
        if (each.kind, each.namespace, each.name) == (binding.kind, binding.namespace or "", binding.name):
            same_role = each.text("roleRef.name") == binding.text("roleRef.name")
            own = ("kind", "name", "namespace")
            return same_role and any(
                all(known.text(field) == subject.text(field) for field in own) for known in each.sequence("subjects")
            )
    return False
