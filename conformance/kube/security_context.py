"""Which security setting counts for a container: its own, or the pod's.

https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.kube.object import Node

if TYPE_CHECKING:
    from conformance.kube.podspec import Container, PodSpec

INHERITED = frozenset(
    {
        "appArmorProfile",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "seLinuxOptions",
        "seccompProfile",
        "windowsOptions",
    }
)
CONTAINER_ONLY = frozenset(
    {"allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"}
)
POD_ONLY = frozenset(
    {
        "fsGroup",
        "fsGroupChangePolicy",
        "seLinuxChangePolicy",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "sysctls",
    }
)
#: Set per container until 1.30; the API server still turns it into the container's field.
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_GMSA = ("gmsaCredentialSpec", "gmsaCredentialSpecName")


def written(holder: Node) -> Node:
    """The security context as written in a container or a pod spec; empty when absent."""
    return Node(holder.mapping("securityContext"), (*holder.path, "securityContext"))


def effective(pod: PodSpec, container: Container, field: str) -> Node:
    """See `PodSpec.effective`."""
    name, dot, below = field.partition(".")
    if name == "windowsOptions":
        return _windows_option(pod, container, below) if dot else _windows_options(pod, container)
    if name in INHERITED:
        found = _inherited(pod, container, name)
    elif name in CONTAINER_ONLY:
        found = _field(container.security_context, name)
    elif name in POD_ONLY:
        found = _field(pod.security_context, name)
    else:
        raise ValueError(f"{name} is no field of a security context")
    return found.at(below) if dot else found


def _field(context: Node, name: str) -> Node:
    return Node(context.raw.get(name), (*context.path, name))


def _inherited(pod: PodSpec, container: Container, name: str) -> Node:
    own = container.security_context
    if own.raw.get(name) is None:
        annotated = _annotated_apparmor(pod, container) if name == "appArmorProfile" else None
        if annotated is not None:
            return annotated
        if pod.security_context.raw.get(name) is not None:
            return _field(pod.security_context, name)
    return _field(own, name)


def _annotated_apparmor(pod: PodSpec, container: Container) -> Node | None:
    """The profile that an annotation means; None for a value that means none, which leaves the pod's field in force."""
    key = APPARMOR_ANNOTATION + container.name
    value = pod.annotations.get(key)
    if value is None or pod.os == "windows":
        return None
    kind, _, profile = value.partition("/")
    if value == "runtime/default":
        meaning = {"type": "RuntimeDefault"}
    elif value == "unconfined":
        meaning = {"type": "Unconfined"}
    elif kind == "localhost" and profile:
        meaning = {"type": "Localhost", "localhostProfile": profile}
    else:
        return None
    return Node(meaning, (*pod.metadata_path, "annotations", key))


def _windows_options(pod: PodSpec, container: Container) -> Node:
    own, pods = _written_windows_options(pod, container)
    merged = {name: _windows_option(pod, container, name).raw for name in {*own.raw, *pods.raw}}
    values = {name: value for name, value in merged.items() if value is not None}
    return Node(values or None, own.path if own.raw or not pods.raw else pods.path)


def _windows_option(pod: PodSpec, container: Container, name: str) -> Node:
    own, pods = _written_windows_options(pod, container)
    # The two GMSA fields go hand in hand.
    together = _GMSA if name in _GMSA else (name,)
    here = any(own.raw.get(each) is not None for each in together)
    return _field(own if here or pods.raw.get(name) is None else pods, name)


def _written_windows_options(pod: PodSpec, container: Container) -> tuple[Node, Node]:
    own, pods = container.security_context, pod.security_context
    return (
        Node(own.mapping("windowsOptions"), (*own.path, "windowsOptions")),
        Node(pods.mapping("windowsOptions"), (*pods.path, "windowsOptions")),
    )
