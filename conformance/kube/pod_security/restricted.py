"""The restricted level: six controls of hardening practice."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.kube.pod_security.violation import PROFILES, Violation, bad_seccomp, called, places, runs, strings
from conformance.kube.podspec import PodSpec

_VOLUME_TYPES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)


def runs_windows(pod: PodSpec) -> bool:
    """Whether `spec.os.name` says so; node selectors do not count. Three restricted controls are for Linux only."""
    return pod.os == "windows"


def volume_types(pod: PodSpec) -> Iterator[Violation]:
    """A volume that names no source becomes an emptyDir; one that names a permitted source beside another passes."""
    for volume in pod.sequence("volumes"):
        sources = [key for key, value in volume.mapping().items() if key != "name" and value is not None]
        if sources and not any(source in _VOLUME_TYPES for source in sources):
            message = f"volume {volume.text('name')} is of type {sources[0]}"
            yield Violation((*volume.path, sources[0]), message, expected=_VOLUME_TYPES, observed=sources[0])


def privilege_escalation(pod: PodSpec) -> Iterator[Violation]:
    """Absent means true, and there is no field on the pod to inherit from."""
    if runs_windows(pod):
        return
    for container in pod.containers:
        context = container.security_context
        allowed = context.flag("allowPrivilegeEscalation")
        if allowed is not False:
            message = f"{called(container)} may gain privileges through set-user-ID programs"
            yield Violation((*context.path, "allowPrivilegeEscalation"), message, expected=False, observed=allowed)


def running_as_non_root(pod: PodSpec) -> Iterator[Violation]:
    """`true` on the pod, or on every container; `false` on the pod is refused even if every container says true.

    `runAsUser: 1000` alone is not enough. Containers that inherit `false` are not named: the pod's field has to change.
    """
    inherited = pod.security_context.flag("runAsNonRoot")
    if inherited is False:
        path = (*pod.security_context.path, "runAsNonRoot")
        yield Violation(path, "lets its containers run as root", expected=True, observed=False)
    for container in pod.containers:
        context = container.security_context
        own = context.flag("runAsNonRoot")
        if own is False or (own is None and inherited is None):
            because = "" if own is False else ": neither it nor the pod sets runAsNonRoot"
            message = f"{called(container)} may run as root{because}"
            yield Violation((*context.path, "runAsNonRoot"), message, expected=True, observed=own)


def running_as_non_root_user(pod: PodSpec) -> Iterator[Violation]:
    """0 on the pod is refused even if every container sets another user; absent is allowed."""
    for place in places(pod):
        context = place.security_context
        if context.number("runAsUser") == 0:
            yield Violation((*context.path, "runAsUser"), f"{runs(place)} as root", observed=0)


def seccomp(pod: PodSpec) -> Iterator[Violation]:
    """A profile must be set, on the pod or on every container, and a bad one on the pod is not cured by containers.

    Containers that inherit a bad profile are not named: the pod's field is what has to change.
    """
    if runs_windows(pod):
        return
    inherited = pod.security_context.get("seccompProfile") is not None
    yield from bad_seccomp(pod)
    for container in pod.containers:
        context = container.security_context
        if context.get("seccompProfile") is not None:
            yield from bad_seccomp(container)
        elif not inherited:
            message = f"{called(container)} may make any system call: neither it nor the pod sets a seccomp profile"
            yield Violation((*context.path, "seccompProfile", "type"), message, PROFILES)


def capabilities(pod: PodSpec) -> Iterator[Violation]:
    """Every container drops `ALL` itself, as capabilities never inherit, and adds nothing but NET_BIND_SERVICE.

    `drop: [all]` does not count: the admission compares exactly.
    """
    if runs_windows(pod):
        return
    for container in pod.containers:
        context = container.security_context
        dropped = [each.raw for each in strings(context, "capabilities.drop")]
        if "ALL" not in dropped:
            message = f"{called(container)} keeps the runtime's default capabilities: it does not drop ALL"
            path = (*context.path, "capabilities", "drop")
            yield Violation(path, message, expected=["ALL"], observed=dropped or None)
        for added in strings(context, "capabilities.add"):
            if added.raw != "NET_BIND_SERVICE":
                message = f"{called(container)} is given the capability {added.raw}"
                yield Violation(added.path, message, expected=["NET_BIND_SERVICE"], observed=added.raw)
