"""What the controls say: the field, the message that names the container, what is expected and what was found."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube import pod_security
from conformance.kube.path import render
from tests.pod_security.changes import IMAGE, annotation, both, changed, conforming, setting, spec, within
from tests.pod_security.verdicts import spec_of


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("initContainers", "init container x"),
        ("containers", "container x"),
        ("ephemeralContainers", "ephemeral container x"),
    ],
)
def test_a_message_names_the_container_and_its_kind(kind: str, words: str) -> None:
    pod = changed(conforming(), spec(**{kind: [{"name": "x", "image": IMAGE}]}))
    said = [(render(each.path), each.message) for _, each in pod_security.violations(spec_of(pod), "restricted")]
    assert said == [
        (
            f"spec.{kind}[0].securityContext.allowPrivilegeEscalation",
            f"{words} may gain privileges through set-user-ID programs",
        ),
        (
            f"spec.{kind}[0].securityContext.capabilities.drop",
            f"{words} keeps the runtime's default capabilities: it does not drop ALL",
        ),
    ]


VOLUME_TYPES = (
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
CONTEXT = "spec.containers[0].securityContext"
ANNOTATION = "container.apparmor.security.beta.kubernetes.io/web"
PROFILES = ("RuntimeDefault", "Localhost")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "baseline-windows-host-process",
            setting(("pod", "web"), windowsOptions={"hostProcess": True}),
            [
                (
                    "spec.securityContext.windowsOptions.hostProcess",
                    "runs its containers as processes of the Windows node itself",
                    False,
                    True,
                ),
                (
                    f"{CONTEXT}.windowsOptions.hostProcess",
                    "container web runs as processes of the Windows node itself",
                    False,
                    True,
                ),
            ],
        ),
        (
            "baseline-host-namespaces",
            spec(hostNetwork=True, hostPID=True, hostIPC=True),
            [
                (
                    "spec.hostNetwork",
                    "shares the node's network and reaches what listens on its loopback addresses",
                    False,
                    True,
                ),
                ("spec.hostPID", "sees every process of the node and may signal or trace it", False, True),
                ("spec.hostIPC", "shares semaphores and shared memory with the processes of the node", False, True),
            ],
        ),
        (
            "baseline-privileged-containers",
            setting(("web",), privileged=True),
            [
                (
                    f"{CONTEXT}.privileged",
                    "container web is privileged: it has all of the node's devices and capabilities",
                    False,
                    True,
                )
            ],
        ),
        (
            "baseline-host-path-volumes",
            spec(volumes=[{"name": "logs", "hostPath": {"path": "/var/log"}}]),
            [("spec.volumes[0].hostPath", "volume logs opens /var/log of the node to the pod", None, "/var/log")],
        ),
        (
            "baseline-host-ports",
            within("web", "ports", value=[{"containerPort": 8080, "hostPort": 80}]),
            [("spec.containers[0].ports[0].hostPort", "container web takes port 80 of the node", None, 80)],
        ),
        (
            "baseline-host-ports",
            both(spec(hostNetwork=True), within("web", "ports", value=[{"containerPort": 80}])),
            [
                (
                    "spec.containers[0].ports[0].hostPort",
                    "container web takes port 80 of the node: hostNetwork makes it the hostPort",
                    None,
                    80,
                )
            ],
        ),
        (
            "baseline-host-probes-lifecycle",
            within("web", "lifecycle", "preStop", "httpGet", "host", value="db"),
            [
                (
                    "spec.containers[0].lifecycle.preStop.httpGet.host",
                    "container web makes the kubelet send requests to db",
                    None,
                    "db",
                )
            ],
        ),
        (
            "baseline-app-armor",
            both(
                setting(("pod",), appArmorProfile={}),
                setting(("web",), appArmorProfile={"type": "Unconfined"}),
                annotation(ANNOTATION, "unconfined"),
            ),
            [
                (
                    "spec.securityContext.appArmorProfile.type",
                    "runs its containers with AppArmor profile of no type",
                    PROFILES,
                    "",
                ),
                (
                    f"{CONTEXT}.appArmorProfile.type",
                    "container web runs with AppArmor profile Unconfined",
                    PROFILES,
                    "Unconfined",
                ),
                (
                    f"metadata.annotations[{ANNOTATION}]",
                    "container web runs with AppArmor profile unconfined",
                    ("runtime/default", "localhost/*"),
                    "unconfined",
                ),
            ],
        ),
        (
            "baseline-se-linux",
            setting(("web",), seLinuxOptions={"type": "spc_t", "user": "u", "role": "r"}),
            [
                (
                    f"{CONTEXT}.seLinuxOptions.type",
                    "container web runs with SELinux type spc_t",
                    ("container_t", "container_init_t", "container_kvm_t", "container_engine_t"),
                    "spc_t",
                ),
                (f"{CONTEXT}.seLinuxOptions.user", "container web runs with SELinux user u", None, "u"),
                (f"{CONTEXT}.seLinuxOptions.role", "container web runs with SELinux role r", None, "r"),
            ],
        ),
        (
            "baseline-proc-mount",
            setting(("web",), procMount="Unmasked"),
            [
                (
                    f"{CONTEXT}.procMount",
                    "container web sees and may write parts of /proc that are masked otherwise (Unmasked)",
                    "Default",
                    "Unmasked",
                )
            ],
        ),
        (
            "baseline-seccomp",
            both(setting(("pod",), seccompProfile={}), setting(("web",), seccompProfile={"type": "Unconfined"})),
            [
                (
                    "spec.securityContext.seccompProfile.type",
                    "runs its containers with seccomp profile of no type",
                    PROFILES,
                    "",
                ),
                (
                    f"{CONTEXT}.seccompProfile.type",
                    "container web runs with seccomp profile Unconfined",
                    PROFILES,
                    "Unconfined",
                ),
            ],
        ),
        (
            "restricted-volume-types",
            spec(volumes=[{"name": "share", "nfs": {"server": "nas", "path": "/"}}]),
            [("spec.volumes[0].nfs", "volume share is of type nfs", VOLUME_TYPES, "nfs")],
        ),
        (
            "restricted-privilege-escalation",
            setting(("web",), allowPrivilegeEscalation=True),
            [
                (
                    f"{CONTEXT}.allowPrivilegeEscalation",
                    "container web may gain privileges through set-user-ID programs",
                    False,
                    True,
                )
            ],
        ),
        (
            "restricted-running-as-non-root",
            setting(("pod", "web"), runAsNonRoot=False),
            [
                ("spec.securityContext.runAsNonRoot", "lets its containers run as root", True, False),
                (f"{CONTEXT}.runAsNonRoot", "container web may run as root", True, False),
            ],
        ),
        (
            "restricted-running-as-non-root",
            both(setting(("pod",), runAsNonRoot=None), setting(("prepare", "proxy", "extra"), runAsNonRoot=True)),
            [
                (
                    f"{CONTEXT}.runAsNonRoot",
                    "container web may run as root: neither it nor the pod sets runAsNonRoot",
                    True,
                    None,
                )
            ],
        ),
        (
            "restricted-running-as-non-root-user",
            setting(("pod", "web"), runAsUser=0),
            [
                ("spec.securityContext.runAsUser", "runs its containers as root", None, 0),
                (f"{CONTEXT}.runAsUser", "container web runs as root", None, 0),
            ],
        ),
        (
            "restricted-seccomp",
            both(
                setting(("pod",), seccompProfile=None),
                setting(("prepare", "proxy", "extra"), seccompProfile={"type": "RuntimeDefault"}),
            ),
            [
                (
                    f"{CONTEXT}.seccompProfile.type",
                    "container web may make any system call: neither it nor the pod sets a seccomp profile",
                    PROFILES,
                    None,
                )
            ],
        ),
        (
            "restricted-capabilities",
            setting(("web",), capabilities={"add": ["NET_BIND_SERVICE", "CHOWN"], "drop": ["all"]}),
            [
                (
                    f"{CONTEXT}.capabilities.drop",
                    "container web keeps the runtime's default capabilities: it does not drop ALL",
                    ["ALL"],
                    ["all"],
                ),
                (
                    f"{CONTEXT}.capabilities.add[1]",
                    "container web is given the capability CHOWN",
                    ["NET_BIND_SERVICE"],
                    "CHOWN",
                ),
            ],
        ),
    ],
)
def test_what_a_control_says(name: str, change: Any, said: list[Any]) -> None:
    pod = spec_of(changed(conforming(), change))
    assert [(render(each.path), *each[1:]) for each in pod_security.CONTROLS[name](pod)] == said


def test_what_the_controls_with_long_lists_say() -> None:
    add = setting(("web",), capabilities={"add": ["CHOWN", "NET_RAW"]})
    pod = spec_of(changed(conforming(), add, setting(("pod",), sysctls=[{"name": "vm.swappiness"}])))
    (added,) = pod_security.CONTROLS["baseline-capabilities"](pod)
    (sysctl,) = pod_security.CONTROLS["baseline-sysctls"](pod)
    assert (render(added.path), added.message, added.observed) == (
        f"{CONTEXT}.capabilities.add[1]",
        "container web is given the capability NET_RAW",
        "NET_RAW",
    )
    assert (render(sysctl.path), sysctl.message, sysctl.observed) == (
        "spec.securityContext.sysctls[0].name",
        "sets the kernel parameter vm.swappiness, which is not known to be safe",
        "vm.swappiness",
    )
    assert len(added.expected) == 13
    assert len(sysctl.expected) == 12
