"""RBAC objects in few words."""

from __future__ import annotations

from typing import Any

from conformance.access import Access
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests.kube.no_file import NoFile

GROUP = "rbac.authorization.k8s.io"


def thing(
    kind: str, name: str, namespace: str = "", labels: Any = None, annotations: Any = None, **more: Any
) -> Object:
    metadata = {
        "name": name,
        "labels": labels,
        "annotations": annotations,
        **({"namespace": namespace} if namespace else {}),
    }
    return Object({"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, **more}, NoFile(), namespace)


def rule(verbs: str, resources: str = "", groups: str = "core", names: str = "", urls: str = "") -> dict[str, Any]:
    """`core` is the core group."""
    found: dict[str, Any] = {"verbs": verbs.split()}
    if urls:
        return {**found, "nonResourceURLs": urls.split()}
    found |= {"apiGroups": ["" if each == "core" else each for each in groups.split()], "resources": resources.split()}
    return {**found, "resourceNames": names.split()} if names else found


def role(name: str, *rules: Any, namespace: str = "", **more: Any) -> Object:
    return thing("Role" if namespace else "ClusterRole", name, namespace, rules=list(rules), **more)


def binding(name: str, to: str, *subjects: str, namespace: str = "", **more: Any) -> Object:
    """`to` is `ClusterRole/view`; subjects are `ServiceAccount shop/web`, `ServiceAccount web`, `Group devs`."""
    kind, _, target = to.partition("/")
    reference = {"apiGroup": GROUP, "kind": kind, "name": target}
    listed = [_subject(each) for each in subjects]
    whole = "RoleBinding" if namespace else "ClusterRoleBinding"
    return thing(whole, name, namespace, roleRef=reference, subjects=listed, **more)


def _subject(text: str) -> dict[str, str]:
    kind, _, name = text.partition(" ")
    if kind != "ServiceAccount":
        return {"kind": kind, "name": name, "apiGroup": GROUP}
    namespace, slash, own = name.partition("/")
    return {"kind": kind, "name": own, "namespace": namespace} if slash else {"kind": kind, "name": name}


def world(*objects: Object) -> Access:
    return Access(Inventory(list(objects)))
