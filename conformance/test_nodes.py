"""Nodes of a live cluster, and what has to run on each of them."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.choosing import pods_of
from conformance.kube.demand import requested
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@check
def test_node_count(nodes: list[Object], *, control_plane: int, workers: int) -> Iterator[Said]:
    """So many nodes of each sort, all Ready, and workers that take pods.

    kubeadm labels the control plane and no worker. A cordoned node is Ready still; one whose kubelet fell silent has
    Ready `Unknown`, which is not `True`. https://kubernetes.io/docs/reference/node/node-status/
    """
    heads = [each for each in nodes if _CONTROL_PLANE in each.labels]
    rest = [each for each in nodes if _CONTROL_PLANE not in each.labels]
    for found, wanted, what in ((heads, control_plane, "control plane nodes"), (rest, workers, "workers")):
        if len(found) != wanted:
            names = sorted(each.name for each in found)
            at = (found or nodes)[-1]
            yield Finding(at, "metadata.name", f"{len(found)} {what}, not {wanted}", wanted, names)
    for each in nodes:
        ready = next((c for c in each.sequence("status.conditions") if c.text("type") == "Ready"), None)
        if ready is None or ready.text("status") != "True":
            path = (*ready.path, "status") if ready is not None else ("status", "conditions")
            yield Finding(each, path, "is not ready", "True", ready.text("status") if ready is not None else None)
    for each in rest:
        if each.flag("spec.unschedulable") is True:
            yield Finding(each, "spec.unschedulable", "takes no pods", False, True)


@check
def test_node_addresses(nodes: list[Object], *, addresses: dict[str, str], control_plane: list[str]) -> Iterator[Said]:
    """Each documented node exists with its internal address and its role; a node may have several addresses."""
    known = {each.name: each for each in nodes}
    for name, address in addresses.items():
        node = known.get(name)
        if node is None:
            yield Finding(None, "", f"no Node {name}")
            continue
        own = [each.text("address") for each in node.sequence("status.addresses") if each.text("type") == "InternalIP"]
        if address not in own:
            yield Finding(node, "status.addresses", "has another address", address, own)
        if (_CONTROL_PLANE in node.labels) != (name in control_plane):
            yield Finding(node, "metadata.labels", "has another role", sorted(control_plane))


@check
def test_on_every_node(thing: Object, inventory: Inventory) -> Iterator[Said]:
    """A DaemonSet is ready on every node there is, and a Deployment has a ready pod.

    `desiredNumberScheduled` counts only the nodes that selector and tolerations leave, so that ready and desired agree
    where a node goes without.
    """
    if thing.kind == "DaemonSet":
        nodes = len(list(inventory.of_kind("Node", "")))
        ready = thing.number("status.numberReady", 0)
        if not nodes:
            yield NotApplicable("no nodes are known")
        elif ready != nodes:
            yield Finding(thing, "status.numberReady", "is not ready on every node", nodes, ready)
    elif (thing.number("status.readyReplicas", 0) or 0) < 1:
        yield Finding(
            thing, "status.readyReplicas", "has no ready pod", "at least 1", thing.get("status.readyReplicas")
        )


@check
def test_service_datapath(
    config: Object, inventory: Inventory, *, key: str = "kube-proxy-replacement"
) -> Iterator[Said]:
    """Exactly one datapath serves Services: kube-proxy on every node, or Cilium's replacement of it.

    Cilium called it `strict` and `partial` before 1.14; `partial` left the rest to kube-proxy.
    https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/
    """
    replaced = str(config.get(("data", key), "false")).lower() in ("true", "strict")
    proxies = [each for each in inventory.of_kind("DaemonSet", "apps") if each.name == "kube-proxy"]
    if replaced and proxies:
        yield Finding(proxies[0], "metadata.name", "runs beside Cilium's replacement of it", "one of the two")
    elif not replaced and not proxies:
        yield Finding(config, ("data", key), "nothing serves Services: kube-proxy is not there either", "true")
    elif proxies:
        nodes, ready = len(list(inventory.of_kind("Node", ""))), proxies[0].number("status.numberReady", 0)
        if nodes and ready != nodes:
            yield Finding(proxies[0], "status.numberReady", "is not ready on every node", nodes, ready)


@check
def test_headroom(nodes: list[Object], inventory: Inventory, *, free_percent: int) -> Iterator[Said]:
    """Requests leave that share of what the nodes offer, and fit on the workers without one of them.

    Pods that have ended, and init containers, do not count. The control plane's capacity is in the share, as one reads
    it off a dashboard, but takes no pods when a worker is gone.
    """
    workers = [each for each in nodes if _CONTROL_PLANE not in each.labels]
    for resource in ("cpu", "memory"):
        used = sum(quantity.parse(each) for pod in _running(inventory) for each in _requests(pod, resource))
        sizes = {each.name: quantity.parse(each.get(f"status.allocatable.{resource}", 0)) for each in nodes}
        total, largest = sum(sizes.values()), max((sizes[each.name] for each in workers), default=0)
        remaining = sum(sizes[each.name] for each in workers) - largest
        if total and (total - used) * 100 < total * free_percent:
            message = f"{used} of {total} {resource} are requested"
            yield Finding(nodes[0], f"status.allocatable.{resource}", message, f"{free_percent} % free")
        if used > remaining:
            message = f"{used} {resource} do not fit on the workers without one, which have {remaining}"
            yield Finding(nodes[0], f"status.allocatable.{resource}", message)


def _running(inventory: Inventory) -> list[PodSpec]:
    pods = inventory.of_kind("Pod", "")
    live = [each for each in pods if each.text("status.phase") not in ("Succeeded", "Failed")]
    return [pod for each in live if (pod := pods_of(each, inventory)) is not None]


def _requests(pod: PodSpec, resource: str) -> list[object]:
    found = (requested(each, resource) for each in pod.containers if each.kind == "container" or each.sidecar)
    return [each for each in found if each is not None]
