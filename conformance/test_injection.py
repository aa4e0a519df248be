"""Whether the pods of one workload get Istio's sidecar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.choosing import pods_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.mesh.membership import INJECT, PROXY, Dataplane, membership


@check
def test_sidecar(workload: Object, inventory: Inventory, *, injected: bool) -> Iterator[Said]:
    """The pods get a sidecar, or none, because the manifest says so.

    Without one: `sidecar.istio.io/inject: "false"` on the pods themselves, as a label or else an annotation (the label
    wins). On the workload's own metadata it means nothing, and a bare `false` is a boolean, which the API server
    refuses. With one: the namespace is labelled, or the pods are, and no annotation stands against it.
    https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
    """
    pod = pods_of(workload, inventory)
    if pod is None:
        yield NotApplicable("it has no pods in these manifests")
        return
    written = [each for each in pod.containers if each.name == PROXY]
    if injected:
        yield from _inside(pod, inventory)
        return
    for each in written:
        yield Finding(pod.owner, each.path, "the proxy stands in the manifest itself", "no sidecar")
    for place in ("labels", "annotations"):
        value = _raw(pod, place).get(INJECT)
        if value is None:
            continue
        if value != "false" or not isinstance(value, str):
            path = (*pod.metadata_path, place, INJECT)
            yield Finding(pod.owner, path, 'is not the string "false"', '"false"', value)
        return
    yield Finding(pod.owner, (*pod.metadata_path, "labels", INJECT), "the pods do not refuse the sidecar", '"false"')


def _inside(pod: PodSpec, inventory: Inventory) -> Iterator[Said]:
    for place in ("labels", "annotations"):
        value = _raw(pod, place).get(INJECT)
        if value is not None and not isinstance(value, str):
            yield Finding(pod.owner, (*pod.metadata_path, place, INJECT), "is no string", '"true"', value)
            return
    member = membership(pod, relations(inventory).namespace(pod.owner.namespace), ambient_in_use=False)
    if member.dataplane is Dataplane.UNKNOWN:
        yield Unjudged(pod.owner, pod.metadata_path, f"Namespace {pod.owner.namespace} is not in these manifests")
    elif member.dataplane is not Dataplane.SIDECAR:
        reason = member.reasons[0]
        at = (reason.subject, reason.field) if reason.subject is pod.owner else (pod.owner, pod.metadata_path)
        yield Finding(at[0], at[1], f"the pods get no sidecar: {reason.text}", "a sidecar")


def _raw(pod: PodSpec, place: str) -> Mapping[str, Any]:
    found = pod.owner.get((*pod.metadata_path, place))
    return found if isinstance(found, dict) else {}
