"""What RBAC rules allow, as far as it is dangerous.

https://kubernetes.io/docs/concepts/security/rbac-good-practices/
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.object import Node, Object

#: Verbs by which somebody gets more rights than he has.
_ESCALATING = {"escalate", "bind", "impersonate"}
#: Resources whose full control is as good as full control of the namespace or the cluster.
_SENSITIVE = {
    "*", "secrets", "pods", "pods/exec", "serviceaccounts", "serviceaccounts/token", "nodes", "nodes/proxy", "roles",
    "clusterroles", "rolebindings", "clusterrolebindings",
}  # fmt: skip
_CORE_GROUPS = {"*", "", "rbac.authorization.k8s.io"}
#: Accounts that apply whatever Git says, so that limiting them is a matter of projects and impersonation.
_DELIVERING = {"kustomize-controller", "helm-controller", "argocd-application-controller", "argocd-server"}
#: Groups to which everybody belongs who can reach the API server, or every pod.
_EVERYBODY = {"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:anonymous"}


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
        elif verbs & _ESCALATING and not rule.sequence("resourceNames"):
            yield rule, "verbs", f"{', '.join(sorted(verbs & _ESCALATING))}, by which it can get every other right"


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
    for subject in binding.sequence("subjects"):
        name = subject.text("name")
        if subject.text("kind") == "ServiceAccount" and name in _DELIVERING:
            continue
        if subject.text("kind") == "ServiceAccount" or name in _EVERYBODY or name.startswith("system:serviceaccounts:"):
            yield subject, f"{subject.text('kind')} {name}"
