"""What a single role or binding gives too much of, whoever has it.

https://kubernetes.io/docs/concepts/security/rbac-good-practices/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.access.resources import RBAC
from conformance.access.rule import ESCALATING
from conformance.access.subject import ACCOUNT, of_binding
from conformance.kube.object import Node, Object

#: Resources whose full control is as good as full control of the namespace or the cluster.
_SENSITIVE = {
    "*", "secrets", "pods", "pods/exec", "serviceaccounts", "serviceaccounts/token", "nodes", "nodes/proxy", "roles",
    "clusterroles", "rolebindings", "clusterrolebindings",
}  # fmt: skip
_CORE_GROUPS = {"*", "", RBAC}
#: Accounts that apply whatever Git says, so that limiting them is a matter of projects and impersonation.
_DELIVERING = {"kustomize-controller", "helm-controller", "argocd-application-controller", "argocd-server"}


def dangers(role: Object) -> Iterator[tuple[Node, str, str]]:
    """Rules of a Role or ClusterRole that give too much: the rule, the field in it, and what it allows.

    Wildcards in an operator's own API group are its business. In a Role only everything at once is reported, in a
    ClusterRole also every verb on sensitive resources. `resourceNames` bound escalation to known names.
    """
    for rule in role.sequence("rules"):
        verbs, resources, groups = (_words(rule, field) for field in ("verbs", "resources", "apiGroups"))
        everything = "*" in verbs and resources & {"*", "*/*"} and groups & {"*", ""}
        if everything:
            yield rule, "verbs", "every verb on every resource"
        elif role.kind == "ClusterRole" and "*" in verbs and groups & _CORE_GROUPS and resources & _SENSITIVE:
            yield rule, "verbs", f"every verb on {', '.join(sorted(resources & _SENSITIVE))}"
        elif verbs & ESCALATING and not rule.sequence("resourceNames"):
            yield rule, "verbs", f"{', '.join(sorted(verbs & ESCALATING))}, by which it can get every other right"


def _words(rule: Node, field: str) -> set[str]:
    return {str(each.raw) for each in rule.sequence(field)}


def administrators(binding: Object) -> Iterator[tuple[Node, str]]:
    """Subjects that a binding makes cluster-admin: ServiceAccounts and the groups of everybody.

    People and their groups are left out, because somebody has to be the administrator, and so are the controllers of
    Flux and Argo CD. A RoleBinding to cluster-admin gives
    everything in its namespace.
    """
    if binding.text("roleRef.name") != "cluster-admin":
        return
    for node in binding.sequence("subjects"):
        who = of_binding(node, binding)
        if who.is_everybody or (who.kind == ACCOUNT and who.name not in _DELIVERING):
            yield node, f"{node.text('kind')} {node.text('name')}"
