"""Quotas of namespaces, and the defaults that come with them."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.place import together
from conformance.kube.relations import relations
from conformance.kube.workload import SYSTEM_NAMESPACES, is_long_running

_COMPUTE = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


@check
def test_quota_everywhere(quotas: list[Object], inventory: Inventory) -> Iterator[Finding]:
    """Where quotas are used at all, every namespace with a long-running workload has one.

    Only namespaces that are known count. System namespaces are left alone.
    https://kubernetes.io/docs/concepts/policy/resource-quotas/
    """
    covered = {each.namespace for each in quotas}
    reported: set[str] = set()
    for pod in inventory.pods():
        namespace = pod.owner.namespace
        if namespace is None or namespace in covered | reported | SYSTEM_NAMESPACES or not is_long_running(pod):
            continue
        reported.add(namespace)
        declared = relations(inventory).namespace(namespace)
        message = f"namespace {namespace} has workloads and no ResourceQuota"
        yield Finding(declared or pod.owner, "metadata.name" if declared else "metadata.namespace", message, "a quota")


@check
def test_quota_has_defaults(quota: Object, inventory: Inventory) -> Iterator[Said]:
    """A quota for cpu or memory comes with a LimitRange that fills in what a container does not say.

    Under such a quota the API server refuses a pod that declares none. A LimitRange helps with `default` (limits) or
    `defaultRequest`. https://kubernetes.io/docs/concepts/policy/limit-range/
    """
    if not set(quota.mapping("spec.hard")) & set(_COMPUTE):
        yield NotApplicable("no quota for cpu or memory")
        return
    for each in inventory.of_kind("LimitRange", ""):
        if together(each, quota) and any(
            limit.get("default") or limit.get("defaultRequest") for limit in each.sequence("spec.limits")
        ):
            return
    yield Finding(quota, "spec.hard", "no LimitRange fills in what containers do not say", "a LimitRange with defaults")
