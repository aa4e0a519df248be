"""The baseline level: twelve controls against known ways out of a container."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.kube.object import Node
from conformance.kube.pod_security.violation import PROFILES, Violation, bad_seccomp, called, places, runs, strings
from conformance.kube.podspec import PodSpec
from conformance.kube.security_context import APPARMOR_ANNOTATION

_APP_ARMOR_VALUES = re.compile(r"(runtime/default)?\Z|localhost/")
_CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
_HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")
_HOST_NAMESPACES = {
    "hostNetwork": "shares the node's network and reaches what listens on its loopback addresses",
    "hostPID": "sees every process of the node and may signal or trace it",
    "hostIPC": "shares semaphores and shared memory with the processes of the node",
}
_SE_LINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",  # since 1.27
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",  # since 1.29, like the keepalive ones
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",  # since 1.32
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",  # since 1.32
)


def windows_host_process(pod: PodSpec) -> Iterator[Violation]:
    """A HostProcess container runs directly on the Windows node; absent means false."""
    for place in places(pod):
        context = place.security_context
        if context.flag("windowsOptions.hostProcess"):
            message = f"{runs(place)} as processes of the Windows node itself"
            yield Violation((*context.path, "windowsOptions", "hostProcess"), message, expected=False, observed=True)


def host_namespaces(pod: PodSpec) -> Iterator[Violation]:
    """Absent means false for all three fields."""
    for name, danger in _HOST_NAMESPACES.items():
        if pod.flag(name):
            yield Violation((*pod.path, name), danger, expected=False, observed=True)


def privileged_containers(pod: PodSpec) -> Iterator[Violation]:
    """Privileged is a field of containers only; init and ephemeral containers count like the others."""
    for container in pod.containers:
        context = container.security_context
        if context.flag("privileged"):
            message = f"{called(container)} is privileged: it has all of the node's devices and capabilities"
            yield Violation((*context.path, "privileged"), message, expected=False, observed=True)


def capabilities(pod: PodSpec) -> Iterator[Violation]:
    """Only capabilities of the runtime's default set may be added; NET_RAW is not on the list, nor is `ALL`.

    Names are compared exactly: `CAP_CHOWN` and `chown` are refused, as the admission does.
    """
    for container in pod.containers:
        for added in strings(container.security_context, "capabilities.add"):
            if added.raw not in _CAPABILITIES:
                message = f"{called(container)} is given the capability {added.raw}"
                yield Violation(added.path, message, expected=_CAPABILITIES, observed=added.raw)


def host_path_volumes(pod: PodSpec) -> Iterator[Violation]:
    """Declaring the volume is enough, whether or not a container mounts it, and however."""
    for volume in pod.sequence("volumes"):
        if volume.get("hostPath") is not None:
            path = volume.text("hostPath.path")
            message = f"volume {volume.text('name')} opens {path} of the node to the pod"
            yield Violation((*volume.path, "hostPath"), message, observed=path)


def host_ports(pod: PodSpec) -> Iterator[Violation]:
    """0 is the same as absent. With `hostNetwork: true` an absent hostPort is set to containerPort in the pod.

    The API server fills it in when the pod is created and not in the template (`SetDefaults_Pod`), so the template of a
    DaemonSet draws no warning for ports that its pods are refused for; it is judged as its pods will be.
    """
    shared = pod.flag("hostNetwork")
    for container in pod.containers:
        for port in container.sequence("ports"):
            number = port.number("hostPort")
            because = ""
            if not number and shared:
                number = port.number("containerPort")
                because = ": hostNetwork makes it the hostPort"
            if number:
                message = f"{called(container)} takes port {number} of the node{because}"
                yield Violation((*port.path, "hostPort"), message, observed=number)


def host_probes_lifecycle(pod: PodSpec) -> Iterator[Violation]:
    """Since 1.34: `host` in a probe or hook sends requests of the kubelet anywhere. `""` is the same as absent.

    The header `Host` in `httpHeaders`, which is what most users want, is allowed; so is `grpc`, which has no host.
    """
    for container in pod.containers:
        for handler in _HANDLERS:
            if container.get(handler) is None:
                continue
            for action in ("httpGet", "tcpSocket"):
                host = container.text(f"{handler}.{action}.host")
                if host:
                    path = (*container.path, *handler.split("."), action, "host")
                    message = f"{called(container)} makes the kubelet send requests to {host}"
                    yield Violation(path, message, observed=host)


def app_armor(pod: PodSpec) -> Iterator[Violation]:
    """Absent means the runtime's profile. The old annotations of the pod count too, whatever container they name."""
    for place in places(pod):
        context = place.security_context
        if context.get("appArmorProfile") is not None:
            kind = context.text("appArmorProfile.type")
            if kind not in PROFILES:
                message = f"{runs(place)} with AppArmor profile {kind or 'of no type'}"
                yield Violation((*context.path, "appArmorProfile", "type"), message, PROFILES, kind)
    for key, profile in pod.annotations.items():
        if key.startswith(APPARMOR_ANNOTATION) and not _APP_ARMOR_VALUES.match(profile):
            message = f"container {key.removeprefix(APPARMOR_ANNOTATION)} runs with AppArmor profile {profile}"
            path = (*pod.metadata_path, "annotations", key)
            yield Violation(path, message, expected=("runtime/default", "localhost/*"), observed=profile)


def se_linux(pod: PodSpec) -> Iterator[Violation]:
    """`container_engine_t` is allowed since 1.31; any user or role is refused; `level` (MCS labels) is free."""
    for place in places(pod):
        options = place.security_context.mapping("seLinuxOptions")
        if not options:
            continue
        node = Node(options, (*place.security_context.path, "seLinuxOptions"))
        kind = node.text("type")
        if kind not in _SE_LINUX_TYPES:
            message = f"{runs(place)} with SELinux type {kind}"
            yield Violation((*node.path, "type"), message, _SE_LINUX_TYPES[1:], kind)
        for name in ("user", "role"):
            value = node.text(name)
            if value:
                message = f"{runs(place)} with SELinux {name} {value}"
                yield Violation((*node.path, name), message, observed=value)


def proc_mount(pod: PodSpec) -> Iterator[Violation]:
    """The API server wants `hostUsers: false` beside `Unmasked`; the control refuses the pair all the same."""
    for container in pod.containers:
        context = container.security_context
        kind = context.text("procMount", "Default")
        if kind != "Default":
            message = f"{called(container)} sees and may write parts of /proc that are masked otherwise ({kind})"
            yield Violation((*context.path, "procMount"), message, expected="Default", observed=kind)


def seccomp(pod: PodSpec) -> Iterator[Violation]:
    """Absent is allowed and means Unconfined, unless the kubelet runs with `seccompDefault`."""
    for place in places(pod):
        yield from bad_seccomp(place)


def sysctls(pod: PodSpec) -> Iterator[Violation]:
    """Names are compared with the list of 1.34 exactly, in the dotted form."""
    for sysctl in pod.security_context.sequence("sysctls"):
        name = sysctl.text("name")
        if name not in _SYSCTLS:
            message = f"sets the kernel parameter {name}, which is not known to be safe"
            yield Violation((*sysctl.path, "name"), message, expected=_SYSCTLS, observed=name)
