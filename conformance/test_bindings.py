"""Role bindings held against the list of those that somebody approved."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Node, Object

#: made by the API server and by kubeadm; listing them would say nothing
_BOOTSTRAP = "kubernetes.io/bootstrapping"


@check
def test_bindings_approved(binding: Object, inventory: Inventory, *, approved: str) -> Iterator[Said]:
    """Every subject of every binding is approved for that role in that scope.

    `approved` is the path of a YAML file with `bindings: [{role: ClusterRole/view, namespace: shop, subject:
    Group/developers}]`, where an absent namespace means the whole cluster and a ServiceAccount is written
    `ServiceAccount/namespace/name`. Names that begin with `system:` are looked at like all others: the group
    `system:authenticated` is everybody.
    """
    if _BOOTSTRAP in binding.labels:
        return
    known = {_entry(each) for each in _approved(inventory, approved)}
    role = f"{binding.text('roleRef.kind')}/{binding.text('roleRef.name')}"
    namespace = binding.namespace or "" if binding.kind == "RoleBinding" else ""
    for subject in binding.sequence("subjects"):
        name = _subject(subject, binding)
        if (role, namespace, name) not in known:
            message = f"{name} has {role} {f'in {namespace}' if namespace else 'everywhere'}, which nobody approved"
            yield Finding(binding, (*subject.path, "name"), message, f"an entry of {approved}", name)


def _approved(inventory: Inventory, path: str) -> list[Node]:
    documents = inventory.select_documents(Match(paths=(path,)))
    return [entry for each in documents if isinstance(each.raw, dict) for entry in each.sequence("bindings")]


def _entry(node: Node) -> tuple[str, str, str]:
    return node.text("role"), node.text("namespace"), node.text("subject")


def _subject(subject: Node, binding: Object) -> str:
    kind, name = subject.text("kind"), subject.text("name")
    if kind == "ServiceAccount":
        return f"{kind}/{subject.text('namespace') or binding.namespace}/{name}"
    return f"{kind}/{name}"
