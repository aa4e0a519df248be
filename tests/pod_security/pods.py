"""Pods for every control: each of its values, in the pod and in containers of every kind, alone and mixed.

Alone, all of them pass the validation of the API server, which comes before the admission.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.pod_security.changes import (
    IMAGE,
    SLOTS,
    Change,
    Pod,
    adding,
    annotation,
    bare,
    both,
    changed,
    conforming,
    context,
    dropping,
    profile,
    setting,
    spec,
    within,
)

SEED = 134
VALUES = json.loads((Path(__file__).parent / "values.json").read_text(encoding="utf-8"))
PROBED = SLOTS[1:]  # a plain init container takes no probes


def host_namespaces() -> Iterator[Change]:
    for network, pid, ipc in itertools.product((True, False), repeat=3):
        yield spec(hostNetwork=network, hostPID=pid, hostIPC=ipc)


def privileged() -> Iterator[Change]:
    for place, value in itertools.product(SLOTS, (True, False)):
        yield setting((place,), privileged=value, **({"allowPrivilegeEscalation": None} if value else {}))


def capabilities() -> Iterator[Change]:
    yield from (adding(place, name) for place in SLOTS for name in VALUES["capabilities"])
    yield from (
        dropping(place, names) for place in SLOTS for names in (None, [], ["all"], ["NET_RAW"], ["KILL", "ALL"])
    )
    yield both(adding("web"), adding("extra", "CHOWN", "NET_BIND_SERVICE"))


def volumes() -> Iterator[Change]:
    for kind, source in VALUES["volumes"].items():
        yield spec(volumes=[{"name": "v", kind: source}])
    yield spec(volumes=[{"name": "defaulted"}, {"name": "v", "hostPath": {"path": "/"}, "nfs": None}])


def host_ports() -> Iterator[Change]:
    for name, port in itertools.product(SLOTS, (0, 8080)):
        yield within(name, "ports", value=[{"containerPort": 8080, "hostPort": port}])
    yield within("web", "ports", value=[{"containerPort": 8080}])
    for name in SLOTS:
        yield both(spec(hostNetwork=True), within(name, "ports", value=[{"containerPort": 8080}]))
        yield both(spec(hostNetwork=True), within(name, "ports", value=[{"containerPort": 8080, "hostPort": 8080}]))


def hosts() -> Iterator[Change]:
    for name, action, host in itertools.product(PROBED, ("httpGet", "tcpSocket"), ("", "127.0.0.1", "db.example")):
        for handler in ("livenessProbe", "readinessProbe", "startupProbe"):
            yield within(name, handler, action, value={"port": 80, "host": host})
        for handler in ("postStart", "preStop"):
            yield within(name, "lifecycle", handler, action, value={"port": 80, "host": host})
    yield within("web", "livenessProbe", "grpc", value={"port": 80})
    header = {"port": 80, "httpHeaders": [{"name": "Host", "value": "db.example"}]}
    yield within("web", "livenessProbe", "httpGet", value=header)


def app_armor() -> Iterator[Change]:
    kinds = ("RuntimeDefault", "Localhost", "Unconfined")
    for place, kind in itertools.product(("pod", *SLOTS), kinds):
        yield setting((place,), appArmorProfile=profile(kind))
    for outer, inner in itertools.product(kinds, repeat=2):
        yield both(setting(("pod",), appArmorProfile=profile(outer)), setting(("web",), appArmorProfile=profile(inner)))
    for name, value in itertools.product(SLOTS, ("runtime/default", "localhost/custom", "unconfined", "")):
        yield annotation(f"container.apparmor.security.beta.kubernetes.io/{name}", value)


def se_linux() -> Iterator[Change]:
    types = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t", "container_x_t")
    options = [{"type": kind} for kind in types]
    options += [{"user": "system_u"}, {"role": "system_r"}, {"level": "s0:c1,c2"}, {"user": "", "role": ""}, {}]
    for place, each in itertools.product(("pod", *SLOTS), options):
        yield setting((place,), seLinuxOptions=each)


def proc_mount() -> Iterator[Change]:
    for place in SLOTS:
        yield setting((place,), procMount="Default")
        yield both(spec(hostUsers=False), setting((place,), procMount="Unmasked"))


def seccomp() -> Iterator[Change]:
    kinds = (None, "RuntimeDefault", "Localhost", "Unconfined")
    for outer, inner, places in itertools.product(kinds, kinds, (*((each,) for each in SLOTS), SLOTS)):
        yield both(
            setting(("pod",), seccompProfile=outer and profile(outer)),
            setting(places, seccompProfile=inner and profile(inner)),
        )
    old = annotation("seccomp.security.alpha.kubernetes.io/pod", "unconfined")
    yield both(setting(("pod",), seccompProfile=None), old)


def sysctls() -> Iterator[Change]:
    for name in VALUES["sysctls"]:
        yield setting(("pod",), sysctls=[{"name": name, "value": "0"}])


def privilege_escalation() -> Iterator[Change]:
    for place, value in itertools.product(SLOTS, (True, False, None)):
        yield setting((place,), allowPrivilegeEscalation=value)


def non_root() -> Iterator[Change]:
    for outer, inner, places in itertools.product(
        (None, True, False), (None, True, False), (("prepare",), ("web",), SLOTS)
    ):
        yield both(setting(("pod",), runAsNonRoot=outer), setting(places, runAsNonRoot=inner))


def users() -> Iterator[Change]:
    for outer, inner, place in itertools.product((None, 0, 1000), (None, 0, 1000), SLOTS):
        yield both(setting(("pod",), runAsUser=outer), setting((place,), runAsUser=inner))
    yield both(spec(hostUsers=False), setting(("pod",), runAsUser=0, runAsNonRoot=None))


FAMILIES: tuple[Callable[[], Iterator[Change]], ...] = (
    host_namespaces,
    privileged,
    capabilities,
    volumes,
    host_ports,
    hosts,
    app_armor,
    se_linux,
    proc_mount,
    seccomp,
    sysctls,
    privilege_escalation,
    non_root,
    users,
)


def windows() -> Iterator[Pod]:
    """Windows pods: the API server refuses the Linux fields on them, and HostProcess only goes with hostNetwork."""
    for os, host_process, places in itertools.product(
        ("windows", None), (None, False, True), (("pod",), ("web", "extra"), ("pod", "web", "extra"))
    ):
        pod = changed(bare(), spec(initContainers=[], hostNetwork=bool(host_process)))
        if os is not None:
            pod["spec"]["os"] = {"name": os}
        for place in places:
            context(pod, place)["windowsOptions"] = {"hostProcess": host_process}
        yield pod
        yield changed(pod, setting(("pod",), runAsNonRoot=True))
    yield changed(bare(), spec(os={"name": "linux"}))
    yield changed(conforming(), spec(os={"name": "linux"}))


def alone() -> Iterator[Pod]:
    """Every change by itself, on a conforming pod; and the two bases."""
    yield conforming()
    yield bare()
    for family in FAMILIES:
        for change in family():
            yield changed(conforming(), change)


def mixed(count: int) -> Iterator[Pod]:
    """Several changes at once, at random but the same in each run. The API server refuses some of the mixtures."""
    dice = random.Random(SEED)
    families = [list(family()) for family in FAMILIES]
    for _ in range(count):
        chosen = [dice.choice(family) for family in dice.sample(families, dice.randint(1, 5))]
        yield changed(dice.choice((conforming(), bare())), *chosen)


def ephemeral() -> Iterator[dict[str, Any]]:
    """Ephemeral containers, which can only be added to a pod that exists."""
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    changes: list[dict[str, Any]] = [
        {},
        {"privileged": True, "allowPrivilegeEscalation": None},
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"drop": ["ALL"], "add": ["SYS_PTRACE"]}},
        {"capabilities": {"add": ["CHOWN"]}},
        {"seccompProfile": {"type": "Unconfined"}},
        {"appArmorProfile": {"type": "Unconfined"}},
        {"seLinuxOptions": {"type": "spc_t", "user": "system_u"}},
        {"runAsNonRoot": False},
        {"runAsUser": 0},
        {"windowsOptions": {"hostProcess": False}},
    ]
    yield {"name": "debugger", "image": IMAGE}
    for change in changes:
        own = {name: value for name, value in {**safe, **change}.items() if value is not None}
        yield {"name": "debugger", "image": IMAGE, "securityContext": own}
