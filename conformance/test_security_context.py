"""The security context that counts for one container, as a document gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube.choosing import containers_of, place_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container
from conformance.kube.workload import is_controlled


@check
def test_container_security(
    workload: Object,
    inventory: Inventory,
    *,
    expect: dict[str, Any],
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """Security settings that count for a container have the documented values: its own, or else the pod's.

    runAsNonRoot, runAsUser and seccompProfile are inherited from the pod, field by field; allowPrivilegeEscalation,
    readOnlyRootFilesystem and capabilities never are; fsGroup is the pod's alone. Absent is never a value, and
    `"false"` is no boolean. runAsNonRoot with runAsUser 0 contradicts itself: the kubelet refuses the container.
    https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        for field, wanted in expect.items():
            counts = each.pod.effective(each, field)
            if counts.raw is None or not same(counts.raw, wanted) or type(counts.raw) is not type(wanted):
                message = f"{field} of container {each.name} " + ("is not set" if counts.raw is None else "differs")
                yield Finding(each.pod.owner, counts.path, message, wanted, counts.raw)
        if expect.get("runAsNonRoot") is True:
            user = each.pod.effective(each, "runAsUser")
            if user.raw == 0:
                yield Finding(each.pod.owner, user.path, "is root, whom runAsNonRoot refuses", "another user", 0)


@check
def test_container_capabilities(
    workload: Object,
    inventory: Inventory,
    *,
    add: list[str],
    drop: list[str],
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """A container drops what is documented and adds exactly what is documented, in any order.

    Runtimes take `all` and `CAP_CHOWN` for `ALL` and `CHOWN`. Capabilities are never inherited from the pod. Dropping
    others is no fault; adding one is, `ALL` first of all.
    https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        context = each.at("securityContext.capabilities")
        kept = {_capability(one.raw) for one in context.sequence("drop")}
        for name in drop:
            if _capability(name) not in kept:
                message = f"container {each.name} does not drop {name}"
                yield Finding(each.pod.owner, (*context.path, "drop"), message, drop, sorted(kept))
        added = {_capability(one.raw) for one in context.sequence("add")}
        if added != {_capability(name) for name in add}:
            message = f"container {each.name} adds other capabilities"
            yield Finding(each.pod.owner, (*context.path, "add"), message, sorted(add), sorted(added))


def _capability(name: object) -> str:
    return str(name).upper().removeprefix("CAP_")


@check
def test_security_context_covered(container: Container) -> Iterator[Said]:
    """A container has a security context, of its own or from its pod; without one every default is the lax one.

    https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    """
    if container.kind == "ephemeralContainer" or is_controlled(container.pod.owner):
        yield NotApplicable("part of another object")
    elif not container.security_context.raw and not container.pod.security_context.raw:
        message = f"{container.kind} {container.name} has no security context"
        yield Finding(container.pod.owner, (*container.path, "securityContext"), message)
