"""As whom pods speak to the API server, and whether they hold the token for it.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
"""

from __future__ import annotations

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations

DEFAULT = "default"
_AUTOMOUNT = "automountServiceAccountToken"


def account_name(pod: PodSpec) -> str:
    """Name of the pods' ServiceAccount. `serviceAccount` is the deprecated alias of `serviceAccountName`; with neither
    it is `default`.
    """
    return pod.text("serviceAccountName") or pod.text("serviceAccount") or DEFAULT


def account_of(pod: PodSpec, inventory: Inventory) -> Object | None:
    """The ServiceAccount object of the pods; None where the tree does not hold it."""
    return relations(inventory).named("ServiceAccount", account_name(pod), pod.owner, "")


def automount(pod: PodSpec, inventory: Inventory) -> tuple[bool, Object, Node]:
    """Whether the token of the ServiceAccount is mounted by itself, and the object and field that say so.

    The pod's field counts before the account's; with neither the token is mounted, and the field is the pod's absent
    one. What a projected volume mounts (`serviceAccountToken`) is no matter of these fields; see `projected_tokens`.
    """
    own = pod.flag(_AUTOMOUNT)
    field = Node(own, (*pod.path, _AUTOMOUNT))
    if own is not None:
        return own, pod.owner, field
    account = account_of(pod, inventory)
    accounts = account.flag(_AUTOMOUNT) if account is not None else None
    if account is not None and accounts is not None:
        return accounts, account, Node(accounts, (_AUTOMOUNT,))
    return True, pod.owner, field


def projected_tokens(pod: PodSpec) -> list[Node]:
    """Tokens that volumes of the pod project, as `serviceAccountToken` sources. One with an audience of its own is no
    key to the API server.
    """
    return [
        source.at("serviceAccountToken")
        for volume in pod.sequence("volumes")
        for source in volume.sequence("projected.sources")
        if source.get("serviceAccountToken") is not None
    ]
