"""Pod Security Standards, one check a control; the rules themselves are `conformance.kube.pod_security`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import pod_security
from conformance.kube.pod_security import Control, baseline, restricted
from conformance.kube.podspec import PodSpec


@check
def test_windows_host_process(pod: PodSpec) -> Iterator[Said]:
    """A HostProcess container is no container: it runs on the Windows node with the rights of its user there."""
    yield from _findings(pod, baseline.windows_host_process)


@check
def test_host_namespaces(pod: PodSpec) -> Iterator[Said]:
    """NetworkPolicy does not apply to pods in the node's network, so hostNetwork undoes isolation as well."""
    yield from _findings(pod, baseline.host_namespaces)


@check
def test_privileged_containers(pod: PodSpec) -> Iterator[Said]:
    """Capabilities, seccomp and AppArmor settings mean nothing in a privileged container."""
    yield from _findings(pod, baseline.privileged_containers)


@check
def test_capabilities(pod: PodSpec, *, level: Literal["baseline", "restricted"]) -> Iterator[Said]:
    """What is added is judged by name, exactly; restricted also wants `drop: [ALL]`, in capitals, in each container."""
    if level == "restricted":
        yield from _findings_on_linux(pod, restricted.capabilities)
    else:
        yield from _findings(pod, baseline.capabilities)


@check
def test_host_path_volumes(pod: PodSpec) -> Iterator[Said]:
    """Mounting it read-only does not help: /var/run/docker.sock or the kubelet's pod folder are enough to read."""
    yield from _findings(pod, baseline.host_path_volumes)


@check
def test_host_ports(pod: PodSpec) -> Iterator[Said]:
    """hostNetwork turns every containerPort into a hostPort, written or not."""
    yield from _findings(pod, baseline.host_ports)


@check
def test_host_probes_lifecycle(pod: PodSpec) -> Iterator[Said]:
    """A probe runs in the kubelet, outside every NetworkPolicy; its `host` decides whom the node talks to."""
    yield from _findings(pod, baseline.host_probes_lifecycle)


@check
def test_app_armor(pod: PodSpec) -> Iterator[Said]:
    """The field is of 1.30; the annotations before it still take effect and are judged too."""
    yield from _findings(pod, baseline.app_armor)


@check
def test_se_linux(pod: PodSpec) -> Iterator[Said]:
    """`spc_t` and friends are unconfined domains; a custom user or role can reach them as well."""
    yield from _findings(pod, baseline.se_linux)


@check
def test_proc_mount(pod: PodSpec) -> Iterator[Said]:
    """Absent means Default, which masks what /proc tells and changes about the node."""
    yield from _findings(pod, baseline.proc_mount)


@check
def test_seccomp(pod: PodSpec, *, level: Literal["baseline", "restricted"]) -> Iterator[Said]:
    """Absent means Unconfined: baseline lets that pass and refuses only what is said; restricted wants a profile."""
    if level == "restricted":
        yield from _findings_on_linux(pod, restricted.seccomp)
    else:
        yield from _findings(pod, baseline.seccomp)


@check
def test_sysctls(pod: PodSpec) -> Iterator[Said]:
    """The list of safe sysctls grows with Kubernetes; this is the one of 1.34."""
    yield from _findings(pod, baseline.sysctls)


@check
def test_volume_types(pod: PodSpec) -> Iterator[Said]:
    """Storage of another kind goes through a PersistentVolumeClaim, whose volume an administrator made."""
    yield from _findings(pod, restricted.volume_types)


@check
def test_privilege_escalation(pod: PodSpec) -> Iterator[Said]:
    """Absent means true, even for a container that does not run as root; the pod has no such field."""
    yield from _findings_on_linux(pod, restricted.privilege_escalation)


@check
def test_running_as_non_root(pod: PodSpec) -> Iterator[Said]:
    """Absent lets the image decide. runAsUser alone does not count: the kubelet refuses root for runAsNonRoot only."""
    yield from _findings(pod, restricted.running_as_non_root)


@check
def test_running_as_non_root_user(pod: PodSpec) -> Iterator[Said]:
    """Absent is allowed, as runAsNonRoot keeps root out; a 0 on the pod counts even where nobody inherits it."""
    yield from _findings(pod, restricted.running_as_non_root_user)


def _findings(pod: PodSpec, control: Control) -> Iterator[Said]:
    for path, message, expected, observed in control(pod):
        yield Finding(pod.owner, path, message, expected, observed)


def _findings_on_linux(pod: PodSpec, control: Control) -> Iterator[Said]:
    if pod_security.runs_windows(pod):
        yield NotApplicable("Windows pods (spec.os.name: windows) are exempt from this control")
    else:
        yield from _findings(pod, control)
