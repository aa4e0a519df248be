"""What the status of live objects says: conditions by their type, pods that really run, certificates that last."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import parse
from conformance.kube.storage import claims_of

#: of cert-manager: a certificate is renewed when a third of its life is left, and lives 90 days unless said otherwise
_LIFE = timedelta(days=90)


@check
def test_conditions(thing: Object, *, expect: dict[str, str]) -> Iterator[Said]:
    """Conditions have the expected status, each found by its type and about the object as it is now.

    The order of `status.conditions` means nothing, so the first of them may be another one. `Unknown` is neither True
    nor False. A condition of an older generation speaks of a specification that has changed since. A manifest has no
    status. https://kubernetes.io/docs/reference/using-api/api-concepts/
    """
    if thing.get("status") is None:
        yield NotApplicable("it has no status: only a live object has one")
        return
    yield from _unmet(thing, expect)


def _unmet(thing: Object, expect: dict[str, str]) -> Iterator[Finding]:
    found = {each.text("type"): each for each in thing.sequence("status.conditions")}
    generation = thing.number("metadata.generation")
    for kind, wanted in expect.items():
        condition = found.get(kind)
        if condition is None:
            yield Finding(thing, "status.conditions", f"has no condition {kind}", wanted)
            continue
        if condition.text("status") != wanted:
            said = f"{kind} is {condition.text('status')}: {condition.text('reason') or 'no reason given'}"
            yield Finding(thing, (*condition.path, "status"), said, wanted, condition.text("status"))
        seen = condition.number("observedGeneration")
        if generation is not None and seen is not None and seen < generation:
            place = (*condition.path, "observedGeneration")
            yield Finding(thing, place, f"{kind} is about an older specification", generation, seen)


@check
def test_node_ready(node: Object) -> Iterator[Said]:
    """A node is Ready, under no pressure, and open for pods.

    A cordoned node still prints Ready. https://kubernetes.io/docs/reference/node/node-status/
    """
    if node.get("status.conditions") is None:
        yield NotApplicable("no status: only a live node has one")
        return
    for condition in node.sequence("status.conditions"):
        kind, status = condition.text("type"), condition.text("status")
        wanted = "True" if kind == "Ready" else "False"
        if kind != "Ready" and not kind.endswith("Pressure") and kind != "NetworkUnavailable":
            continue
        if status != wanted:
            yield Finding(node, (*condition.path, "status"), f"{kind} is {status}", wanted, status)
    if all(each.text("type") != "Ready" for each in node.sequence("status.conditions")):
        yield Finding(node, "status.conditions", "has no condition Ready", "Ready")
    if node.flag("spec.unschedulable", False):
        yield Finding(node, "spec.unschedulable", "takes no pods", False, True)


@check
def test_pod_healthy(pod: Object) -> Iterator[Said]:
    """A pod runs with every container ready, or has succeeded.

    `Running` alone is said of pods whose containers crash: the containers decide. A pod that is being deleted is left
    alone. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
    """
    if pod.get("status") is None or pod.get("metadata.deletionTimestamp") is not None:
        yield NotApplicable("no status, or on its way out")
        return
    phase = pod.text("status.phase")
    if phase == "Succeeded":
        return
    if phase != "Running":
        reason = pod.text("status.reason")
        yield Finding(pod, "status.phase", f"is {phase}{f': {reason}' if reason else ''}", "Running", phase)
        return
    for container in pod.sequence("status.containerStatuses"):
        if not container.flag("ready", False):
            waiting = container.text("state.waiting.reason") or "running"
            message = f"container {container.text('name')} is not ready: {waiting}"
            yield Finding(pod, (*container.path, "ready"), message, True, False)


@check
def test_claims_bound(thing: Object, inventory: Inventory) -> Iterator[Said]:
    """A claim can be bound, and a live one is: its class exists, and nothing of it is still to be done.

    The class is the named one, or the default class. `storageClassName: ""` asks for a volume that somebody made. A
    live claim may wait for its first pod only where its class says WaitForFirstConsumer.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
    """
    found = list(claims_of(thing))
    if not found:
        yield NotApplicable("it makes no claims")
        return
    classes = {each.name: each for each in inventory.of_kind("StorageClass")}
    for claim in found:
        name = claim.storage_class(inventory)
        if name != "" and (name is None or name not in classes):
            message = f"StorageClass {name} is not declared" if name else "names no class, and there is no default"
            yield Finding(thing, claim.class_path, message, sorted(classes), name)
    phase = thing.get("status.phase") if thing.kind == "PersistentVolumeClaim" else None
    mode = classes[name].text("volumeBindingMode") if found and name and name in classes else ""
    if phase is not None and phase != "Bound" and not (phase == "Pending" and mode == "WaitForFirstConsumer"):
        yield Finding(thing, "status.phase", "is not bound", "Bound", phase)
    for condition in thing.sequence("status.conditions"):
        if condition.text("type") == "FileSystemResizePending" and condition.text("status") == "True":
            yield Finding(thing, condition.path, "waits for its file system to grow", "a restart of its pod")


@check
def test_certificate_lasts(
    certificate: Object, inventory: Inventory, *, margin: Annotated[str, duration.parse]
) -> Iterator[Said]:
    """A cert-manager Certificate is renewed earlier than the margin before its end, and a live one has so much left.

    `renewBefore` is a third of the duration unless said, `renewBeforePercentage` a share of it. A live Certificate may
    be Ready and yet expire tomorrow: only `status.notAfter` tells.
    https://cert-manager.io/docs/usage/certificate/#reissuance-triggered-by-expiry-renewal
    """
    needed = timedelta(seconds=float(duration.parse(margin)))
    life = _span(certificate, "spec.duration") or _LIFE
    before = _span(certificate, "spec.renewBefore")
    share = certificate.number("spec.renewBeforePercentage")
    if before is None:
        before = life * share / 100 if share is not None else life / 3
    if before < needed:
        yield Finding(certificate, "spec.renewBefore", f"is renewed {before} before its end", f"at least {margin}")
    end, today = _day(certificate, "status.notAfter"), inventory.as_of
    if end is not None and today is not None and end - today < needed:
        message = f"ends within {margin} of {today}"
        yield Finding(certificate, "status.notAfter", message, f"after {today + needed}", str(end))


def _span(certificate: Object, field: str) -> timedelta | None:
    text = certificate.text(field)
    try:
        return timedelta(seconds=float(duration.parse(text))) if text else None
    except DurationError:
        raise FieldTypeError(parse(field), "a duration", text) from None


def _day(certificate: Object, field: str) -> date | None:
    text = certificate.text(field)
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).date() if text else None
    except ValueError:
        raise FieldTypeError(parse(field), "a time", text) from None


@check
def test_certificates_ready(inventory: Inventory, *, hosts: list[str]) -> Iterator[Said]:
    """Each host has a cert-manager Certificate, and every live Certificate is ready, as it is now.

    Without any Certificate nothing would be not ready. Conditions are found by type: the first one may be Issuing. A
    wildcard stands for exactly one label. https://cert-manager.io/docs/usage/certificate/
    """
    certificates = list(inventory.of_kind("Certificate", "cert-manager.io"))
    names = {str(name.raw) for each in certificates for name in each.sequence("spec.dnsNames")}
    names |= {each.text("spec.commonName") for each in certificates}
    for host in hosts:
        if host not in names and f"*.{host.partition('.')[2]}" not in names:
            yield Finding(None, "", f"no Certificate for {host}", host)
    for each in certificates:
        if each.get("status") is not None:
            yield from _unmet(each, {"Ready": "True"})
