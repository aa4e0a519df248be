"""Pods held to what their namespace demands of them, and throw-away instances to what production demands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import credential, image, isolation, pod_security
from conformance.kube.demand import limited, requested
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.relations import relations


@check
def test_pod_security_level(pod: PodSpec, *, level: Literal["baseline", "restricted"]) -> Iterator[Said]:
    """A pod template meets a Pod Security level, every control of it, in each kind of container.

    Admission refuses pods, not their owners: a violating Deployment or StatefulSet is accepted with a warning and has
    no pods then. https://kubernetes.io/docs/concepts/security/pod-security-admission/
    """
    for name, violation in pod_security.violations(pod, level):
        yield Finding(pod.owner, violation.path, f"{violation.message} ({name})", level)


@check
def test_throwaway_hardened(pod: PodSpec, inventory: Inventory) -> Iterator[Said]:
    """An instance that holds a copy of production data for a while keeps the rules that production keeps.

    Restricted, no password in its manifest, isolated by NetworkPolicies in both directions, with requests and limits.
    """
    owner = pod.owner
    for name, violation in pod_security.violations(pod, "restricted"):
        yield Finding(owner, violation.path, f"{violation.message} ({name})", "restricted")
    for container in pod.containers:
        yield from _passwords(container, owner)
        for resource in ("cpu", "memory"):
            if requested(container, resource) is None:
                path = (*container.path, "resources", "requests", resource)
                yield Finding(owner, path, f"requests no {resource}", "a request")
        if limited(container, "memory") is None:
            yield Finding(owner, (*container.path, "resources", "limits", "memory"), "has no limit", "a limit")
    policies = [each for each in relations(inventory).policies_of(owner) if isolation.is_native(each)]
    isolated = {direction for each in policies for direction in isolation.directions(each)}
    for direction in ("Ingress", "Egress"):
        if direction not in isolated:
            yield Finding(owner, "metadata.name", f"no NetworkPolicy isolates its {direction.lower()}", direction)


def _passwords(container: Container, owner: Object) -> Iterator[Finding]:
    for entry in container.sequence("env"):
        if entry.get("value") and credential.named(entry.text("name"), entry.get("value")):
            message = f"{entry.text('name')} stands in the manifest"
            yield Finding(owner, (*entry.path, "value"), message, "valueFrom.secretKeyRef", "a literal")


@check
def test_version_not_older(container: Container, inventory: Inventory, *, than: str, name: str) -> Iterator[Said]:
    """A container's image has at least the major version of another one: `than` is `namespace/kind/name`, `name` its
    container.

    A dump of a newer server may use what an older one does not know. A tag without a leading number says no version.
    """
    namespace, kind, workload = than.split("/")
    other = next(
        (each for each in inventory.of_kind(kind) if (each.namespace, each.name) == (namespace, workload)), None
    )
    pod = inventory.pod_spec(other) if other is not None else None
    images = [each.text("image") for each in pod.containers if each.name == name] if pod else []
    if not images:
        yield NotApplicable(f"{than} has no container {name} here")
        return
    owner, path = container.pod.owner, (*container.path, "image")
    wanted, found = _major(images[0]), _major(container.text("image"))
    if wanted is None or found is None:
        text = images[0] if wanted is None else container.text("image")
        yield Unjudged(owner, path, f"{text} says no version")
    elif found < wanted:
        yield Finding(owner, path, f"is older than {than}", images[0], container.text("image"))


def _major(text: str) -> int | None:
    try:
        tag = image.parse(text).tag or ""
    except image.ImageError:
        return None
    digits = tag.lstrip("v").split(".")[0].split("-")[0]
    return int(digits) if digits.isdigit() else None
