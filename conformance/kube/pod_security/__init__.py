"""Pod Security Standards of Kubernetes 1.34: every control of the levels baseline and restricted.

The page https://kubernetes.io/docs/concepts/security/pod-security-standards/ says what is meant; where it is silent or
behind, the rules are those of the admission that enforces them (`k8s.io/pod-security-admission`, `policy/check_*.go`),
with `UserNamespacesPodSecurityStandards` off, as it is by default: `hostUsers: false` relaxes nothing.

A control looks at a pod spec alone and yields one violation for each offending field. A field that must be set and is
not is named by the path where it belongs. Wrong types raise `FieldTypeError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from conformance.kube.pod_security import baseline, restricted
from conformance.kube.pod_security.restricted import runs_windows
from conformance.kube.pod_security.violation import Violation
from conformance.kube.podspec import PodSpec

Level = Literal["privileged", "baseline", "restricted"]
Control = Callable[[PodSpec], Iterator[Violation]]

#: requirement ids without `pod-security-`, in the order of the page
CONTROLS: Mapping[str, Control] = {
    "baseline-windows-host-process": baseline.windows_host_process,
    "baseline-host-namespaces": baseline.host_namespaces,
    "baseline-privileged-containers": baseline.privileged_containers,
    "baseline-capabilities": baseline.capabilities,
    "baseline-host-path-volumes": baseline.host_path_volumes,
    "baseline-host-ports": baseline.host_ports,
    "baseline-host-probes-lifecycle": baseline.host_probes_lifecycle,
    "baseline-app-armor": baseline.app_armor,
    "baseline-se-linux": baseline.se_linux,
    "baseline-proc-mount": baseline.proc_mount,
    "baseline-seccomp": baseline.seccomp,
    "baseline-sysctls": baseline.sysctls,
    "restricted-volume-types": restricted.volume_types,
    "restricted-privilege-escalation": restricted.privilege_escalation,
    "restricted-running-as-non-root": restricted.running_as_non_root,
    "restricted-running-as-non-root-user": restricted.running_as_non_root_user,
    "restricted-seccomp": restricted.seccomp,
    "restricted-capabilities": restricted.capabilities,
}
#: controls of baseline that the level restricted replaces by stricter ones of its own (`OverrideCheckIDs`)
REPLACED = frozenset(("baseline-capabilities", "baseline-host-path-volumes", "baseline-seccomp"))


def controls(level: Level) -> dict[str, Control]:
    """What a level asks for: nothing for privileged; restricted includes baseline but for the controls it replaces."""
    if level == "privileged":
        return {}
    if level == "baseline":
        return {name: control for name, control in CONTROLS.items() if name.startswith("baseline-")}
    return {name: control for name, control in CONTROLS.items() if name not in REPLACED}


def violations(pod: PodSpec, level: Level) -> Iterator[tuple[str, Violation]]:
    """Everything that keeps a pod from a level, with the name of the control."""
    for name, control in controls(level).items():
        for violation in control(pod):
            yield name, violation


def meets(pod: PodSpec, level: Level) -> bool:
    """Whether a namespace that enforces the level would admit the pod."""
    return next(violations(pod, level), None) is None


__all__ = [
    "CONTROLS",
    "REPLACED",
    "Control",
    "Level",
    "Violation",
    "baseline",
    "controls",
    "meets",
    "restricted",
    "runs_windows",
    "violations",
]
