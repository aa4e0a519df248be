"""A kind cluster of our own, with pods that listen, pods that try, and two containers outside of it that do both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.network.generated import LISTENING, NAMESPACES, PODS, Raw, namespaces, pod

#: an end: `red/web`, or `outside/0` for a container that is no pod
End = str
#: from, to, protocol, port
Probe = tuple[End, End, str, int]
OUTSIDE = ("outside/0", "outside/1")

_TRY = """\
p() {
  case $2 in
    TCP) timeout $((T + 3)) nc -w $T $3 $4 </dev/null >/dev/null 2>&1 && echo $1 open || echo $1 closed;;
    UDP) timeout $T nslookup -type=a a.test. $3 >/dev/null 2>&1 && echo $1 open || echo $1 closed;;
  esac
}
"""


def unavailable() -> str:
    """Why there can be no cluster here; empty when there can."""
    images = [os.environ.get(name, "") for name in ("PLUMBLINE_KIND_IMAGE", "PLUMBLINE_TOOLS_IMAGE")]
    if not all(images):
        return "PLUMBLINE_KIND_IMAGE and PLUMBLINE_TOOLS_IMAGE name no images"
    for program in ("docker", "kind", "kubectl"):
        if not shutil.which(program):
            return f"there is no {program}"
    for image in images:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode:
            return f"Docker does not run, or has no image {image}"
    return ""


def run(*command: str, given: str = "", timeout: float = 120) -> str:
    """What a command answers; its own words when it fails."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} …: {done.stderr.strip()[-2000:]}")
    return done.stdout


class Shell:
    """A shell at one end that stays, so that one more probe costs one line."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.run(_TRY)

    def run(self, script: str) -> list[str]:
        """The lines that a script answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{script}\nwait\necho end-of-answer\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.strip() == "end-of-answer":
                return lines
            lines.append(line.strip())
        raise RuntimeError(f"a shell ended: {lines[-3:]}")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@dataclass
class Cluster:
    """The cluster with its ends."""

    kubeconfig: Path
    addresses: dict[End, str]
    shells: dict[End, Shell]
    pod_subnet: str

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl against it."""
        return run("kubectl", "--kubeconfig", str(self.kubeconfig), *arguments, given=given)

    def apply(self, objects: Iterable[Raw]) -> None:
        """Create or change objects, in their order."""
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def delete(self, objects: Iterable[Raw]) -> None:
        """Delete objects, in their order."""
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("delete", "--wait=false", "-f", "-", given=listed)

    def probe(self, probes: Iterable[Probe], seconds: int = 1, at_once: int = 60) -> dict[Probe, bool]:
        """Try each by a new connection, from all ends side by side; whether it came through."""
        by_source: dict[End, list[Probe]] = {}
        for each in probes:
            by_source.setdefault(each[0], []).append(each)
        with ThreadPoolExecutor(len(self.shells)) as pool:
            jobs = [pool.submit(self._from, source, own, seconds, at_once) for source, own in by_source.items()]
            return {probe: answer for job in jobs for probe, answer in job.result().items()}

    def _from(self, source: End, probes: list[Probe], seconds: int, at_once: int) -> dict[Probe, bool]:
        lines = [f"T={seconds}"]
        for number, (_, target, protocol, port) in enumerate(probes):
            lines.append(f"p {number} {protocol} {self.addresses[target]} {port} &")
            lines += ["wait"] if number % at_once == at_once - 1 else []
        answers = dict(line.split() for line in self.shells[source].run("\n".join(lines)))
        return {probe: answers[str(number)] == "open" for number, probe in enumerate(probes)}


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster with the pods of every namespace ready, deleted in the end, whatever happens."""
    name = f"plumbline-packets-{os.getpid()}"
    made = Cluster(folder / "kubeconfig", {}, {}, "")
    outside = [f"{name}-outside-{number}" for number in range(len(OUTSIDE))]
    kind, tools = os.environ["PLUMBLINE_KIND_IMAGE"], os.environ["PLUMBLINE_TOOLS_IMAGE"]
    try:
        run("kind", "create", "cluster", "--name", name, "--image", kind, "--kubeconfig", str(made.kubeconfig), "-q",
            timeout=300)  # fmt: skip
        run("kind", "load", "docker-image", tools, "--name", name, "-q")
        _start_pods(made, tools)
        _start_outside(made, f"{name}-control-plane", outside, tools)
        yield made
    finally:
        for shell in made.shells.values():
            shell.close()
        subprocess.run(["docker", "rm", "-f", *outside], capture_output=True, timeout=120)
        subprocess.run(["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(made.kubeconfig), "-q"],
                       capture_output=True, timeout=120)  # fmt: skip


def _listen(ports: Iterable[int]) -> list[str]:
    started = "; ".join(f"httpd -p {port} -h /etc" for port in ports)
    return ["sh", "-c", f"{started}; while :; do sleep 3600; done"]


def _start_pods(made: Cluster, tools: str) -> None:
    """Every pod listens: TCP by httpd, and TCP and UDP 53 by the DNS server that the cluster has anyway."""
    _wait_for_accounts(made)
    path = "{.spec.template.spec.containers[0].image}"
    dns = made.kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", f"jsonpath={path}")
    containers = [
        {"name": "tools", "image": tools, "imagePullPolicy": "Never", "command": _listen(LISTENING)},
        {"name": "dns", "image": dns, "imagePullPolicy": "IfNotPresent", "args": ["-dns.port=53"]},
    ]
    pods = [pod(space, each, containers) for space in NAMESPACES for each in PODS]
    gate = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gate"}}
    keeper = {**pod("red", "web", containers[:1]), "metadata": {"name": "keeper", "namespace": "gate", "labels": {}}}
    watcher = {**keeper, "metadata": {**keeper["metadata"], "name": "watcher"}}
    keeper["metadata"] = {**keeper["metadata"], "labels": {"app": "keeper"}}
    made.apply([*namespaces(), gate])
    _retry(lambda: made.apply([*pods, keeper, watcher]))
    for space in (*NAMESPACES, "gate"):
        made.kubectl("-n", space, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=100s")
    listed = json.loads(made.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    for each in listed:
        space, own = each["metadata"]["namespace"], each["metadata"]["name"]
        if space in (*NAMESPACES, "gate"):
            made.addresses[f"{space}/{own}"] = each["status"]["podIP"]
            where = "-n", space, own, "-c", "tools"
            made.shells[f"{space}/{own}"] = Shell(
                "kubectl", "--kubeconfig", str(made.kubeconfig), "exec", "-i", *where, "--", "sh"
            )


def _wait_for_accounts(made: Cluster) -> None:
    """Nothing can be created before the controllers have made the default service account."""
    _retry(lambda: made.kubectl("get", "serviceaccount", "default"))
    made.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")


def _retry(action: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            action()
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
        else:
            return


def _start_outside(made: Cluster, node: str, names: list[str], tools: str) -> None:
    """Containers beside the node, who know the way to the pods: their addresses are those that policies see."""
    (found,) = json.loads(made.kubectl("get", "node", node, "-o", "json"))["status"]["addresses"][:1]
    made.pod_subnet = made.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}")
    for end, name in zip(OUTSIDE, names, strict=True):
        run("docker", "run", "-d", "--name", name, "--network", "kind", "--cap-add", "NET_ADMIN", tools,
            *_listen([53, *LISTENING]))  # fmt: skip
        networks = json.loads(run("docker", "inspect", name))[0]["NetworkSettings"]["Networks"]
        made.addresses[end] = networks["kind"]["IPAddress"]
        run("docker", "exec", name, "ip", "route", "add", made.pod_subnet, "via", found["address"])
        made.shells[end] = Shell("docker", "exec", "-i", name, "sh")
