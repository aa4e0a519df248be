"""What counts for a container in the end, setting by setting, with the field that says so.

https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.kube import image
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.pod_security import runs_windows
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.service_account import account_name, automount, projected_tokens

YES, NO, UNKNOWN = "yes", "no", "unknown"
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_ADMINISTRATORS = {"containeradministrator", "nt authority\\system", "system", "administrator"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value in words, and where it comes from; for a default the place where the field would stand.

    `written` is false for a default. `note` says what the field alone does not.
    """

    words: str
    subject: Object
    path: Path
    written: bool = True
    note: str = ""


def settings(container: Container, inventory: Inventory) -> dict[str, Setting]:
    """Every setting of the table, by the name of its column. Raises `FieldTypeError`."""
    pod = container.pod
    found = {
        "user": _user(container),
        "non-root": _non_root(container),
        "privileged": _flag(container, "privileged", default=False),
        "escalation": _escalation(container),
        "capabilities": _capabilities(container),
        "seccomp": _profile(container, "seccompProfile"),
        "apparmor": _profile(container, "appArmorProfile"),
        "read-only": _flag(container, "readOnlyRootFilesystem", default=False),
        "host": _host(container),
        "token": _token(pod, inventory),
        "image": _image(container),
    }
    return {name: each for name, each in found.items() if each is not None}


def kind(container: Container) -> str:
    """`container`, `init`, `sidecar` (an init container that keeps running) or `ephemeral`."""
    if container.sidecar:
        return "sidecar"
    return {"initContainer": "init", "ephemeralContainer": "ephemeral"}.get(container.kind, "container")


def _setting(container: Container, node: Node, words: str, note: str = "") -> Setting:
    return Setting(words, container.pod.owner, node.path, node.raw is not None, note)


def _flag(container: Container, field: str, *, default: bool) -> Setting:
    node = container.pod.effective(container, field)
    value = node.flag(())
    return _setting(container, node, YES if (default if value is None else value) else NO)


def _is_privileged(container: Container) -> bool:
    return container.pod.effective(container, "privileged").flag(()) is True


def _user(container: Container) -> Setting:
    """The user that the first process runs as. In Windows pods `runAsUserName`; numbers count for nothing there."""
    pod = container.pod
    if runs_windows(pod):
        node = pod.effective(container, "windowsOptions.runAsUserName")
        return _setting(container, node, node.text(()) or "of the image")
    node = pod.effective(container, "runAsUser")
    number = node.number(())
    return _setting(container, node, "of the image" if number is None else str(number))


def _non_root(container: Container) -> Setting:
    """Whether the first process is surely not root: a user above 0, or `runAsNonRoot`, which the kubelet enforces.

    Both may contradict each other, and then the container is refused. Without either the image decides. In a Windows
    pod only names tell, and a HostProcess container is a process of the node.
    """
    pod = container.pod
    if runs_windows(pod):
        return _non_administrator(container)
    user, asked = pod.effective(container, "runAsUser"), pod.effective(container, "runAsNonRoot")
    number, wanted = user.number(()), asked.flag(())
    if number == 0:
        note = "the kubelet refuses it: runAsNonRoot is true" if wanted else ""
        return _setting(container, user, NO, note)
    if number is not None:
        return _setting(container, user, YES)
    if wanted:
        return _setting(container, asked, YES, "the kubelet refuses an image whose user is root, or is a name")
    return _setting(container, asked, UNKNOWN, "the image decides")


def _non_administrator(container: Container) -> Setting:
    pod = container.pod
    host = pod.effective(container, "windowsOptions.hostProcess")
    if host.flag(()) is True:
        return _setting(container, host, NO, "a process of the node")
    user = pod.effective(container, "windowsOptions.runAsUserName")
    name = user.text(()).lower()
    if name in _ADMINISTRATORS:
        return _setting(container, user, NO)
    return _setting(container, user, UNKNOWN if not name else YES, "" if name else "the image decides")


def _escalation(container: Container) -> Setting:
    """Whether a process may gain privileges. Absent is yes, and so is any value in a privileged container or one with
    CAP_SYS_ADMIN.
    """
    node = container.pod.effective(container, "allowPrivilegeEscalation")
    value = node.flag(())
    if _is_privileged(container):
        return _setting(container, container.pod.effective(container, "privileged"), YES, "privileged")
    if value is False and {"SYS_ADMIN", "CAP_SYS_ADMIN"} & set(_names(container, "add")):
        return _setting(container, container.pod.effective(container, "capabilities.add"), YES, "CAP_SYS_ADMIN")
    return _setting(container, node, NO if value is False else YES)


def _capabilities(container: Container) -> Setting:
    """What is added to and dropped from the runtime's default set; a privileged container has all."""
    pod = container.pod
    if _is_privileged(container):
        return _setting(container, pod.effective(container, "privileged"), "all", "privileged")
    added, dropped = _names(container, "add"), _names(container, "drop")
    words = [f"-{name}" for name in dropped] + [f"+{name}" for name in added]
    return _setting(container, pod.effective(container, "capabilities"), " ".join(words) or "default")


def _names(container: Container, field: str) -> list[str]:
    node = container.pod.effective(container, "capabilities")
    return sorted({each.text(()).upper().removeprefix("CAP_") for each in node.sequence(field)})


def _profile(container: Container, field: str) -> Setting:
    """The type of a profile, with its name where it is one of the node. AppArmor may stand in an annotation.

    A privileged container has no seccomp profile, whatever is written.
    """
    if field == "seccompProfile" and _is_privileged(container):
        node = container.pod.effective(container, "privileged")
        return _setting(container, node, "Unconfined", "privileged")
    node = container.pod.effective(container, field)
    if node.raw is None:
        note = (
            "unconfined, unless the kubelet has seccompDefault"
            if field == "seccompProfile"
            else "the runtime's, where the node has AppArmor"
        )
        return _setting(container, node, "unset", note)
    local = node.text("localhostProfile")
    return _setting(container, node, node.text("type") + (f":{local}" if local else ""))


def _host(container: Container) -> Setting:
    """What of the node the container shares: namespaces, ports, directories, devices of HostProcess."""
    pod = container.pod
    shared = list(_shared(container))
    if not shared:
        return Setting(NO, pod.owner, (*pod.path, "hostNetwork"), written=False)
    words, paths = zip(*shared, strict=True)
    return Setting(", ".join(words), pod.owner, paths[0])


def _shared(container: Container) -> Iterator[tuple[str, Path]]:
    pod = container.pod
    for field in _HOST:
        if pod.flag(field) is True:
            yield field.removeprefix("host").lower(), (*pod.path, field)
    process = pod.effective(container, "windowsOptions.hostProcess")
    if process.flag(()) is True:
        yield "process", process.path
    for port in container.sequence("ports"):
        if port.number("hostPort"):
            yield f"port {port.number('hostPort')}", (*port.path, "hostPort")
    for mount in container.mounts:
        if mount.volume is not None and mount.volume.source == "hostPath":
            path = mount.volume.text("hostPath.path")
            yield f"path {path}", (*mount.volume.path, "hostPath", "path")


def _token(pod: PodSpec, inventory: Inventory) -> Setting:
    """Whose token is mounted, by itself or by a volume that projects it."""
    mounted, thing, field = automount(pod, inventory)
    name = account_name(pod)
    for token in projected_tokens(pod):
        if not mounted and not token.text("audience"):
            return Setting(name, pod.owner, token.path, note="projected")
    return Setting(name if mounted else NO, thing, field.path, field.raw is not None)


def _image(container: Container) -> Setting:
    path = (*container.path, "image")
    return Setting(container.text("image"), container.pod.owner, path, container.get("image") is not None)


def image_parts(container: Container) -> dict[str, Any]:
    """Registry, repository, tag and digest as the kubelet reads them; `error` for what is no reference."""
    try:
        found = image.parse(container.text("image"))
    except image.ImageError as error:
        return {"registry": "", "repository": "", "tag": None, "digest": None, "error": str(error)}
    return {
        "registry": found.registry,
        "repository": found.repository,
        "tag": found.effective_tag or found.tag,
        "digest": found.digest,
        "error": "",
    }
