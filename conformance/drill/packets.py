"""Who reaches whom, found out by connecting: stand-in pods that listen, and every pod trying every other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from conformance.drill.kubectl import Kubectl

#: from, to, protocol, port; ends are names of stand-ins, or of addresses that are no pods
Probe = tuple[str, str, str, int]

#: a connection that is refused or dropped is closed; UDP is tried on the cluster's DNS alone, by a name that it knows
_TRY = """\
NAME=kubernetes.default.svc.cluster.local.
p() {
  case $2 in
    TCP) timeout $((T + 3)) nc -w $T $3 $4 </dev/null >/dev/null 2>&1 && echo $1 open || echo $1 closed;;
    UDP) timeout $((T + 1)) nslookup -type=a $NAME $3 >/dev/null 2>&1 && echo $1 open || echo $1 closed;;
  esac
}
"""
#: probes of one pod at the same time, and pods that probe at the same time: more would time out on a small machine
_AT_ONCE, _SOURCES_AT_ONCE = 40, 4


@dataclass(frozen=True, slots=True)
class StandIn:
    """A pod in the role of another one: its namespace, its labels, and the TCP ports where it listens."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: tuple[int, ...]

    def manifest(self, image: str) -> dict[str, Any]:
        """The pod; busybox's httpd listens on every port of it."""
        started = "; ".join(f"httpd -p {port} -h /etc" for port in self.ports)
        container = {
            "name": "stand-in",
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", f"{started}; while :; do sleep 3600; done"],
            "ports": [{"containerPort": port} for port in self.ports],
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels)},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
        }


@dataclass
class Network:
    """Stand-ins that run, and addresses by name of all ends."""

    kubectl: Kubectl
    pods: Sequence[StandIn]
    addresses: dict[str, str] = field(default_factory=dict)

    def await_pods(self) -> None:
        """Wait until every stand-in runs, and learn the addresses."""
        bound = self.kubectl.cluster.timeouts.ready
        spaces = sorted({each.namespace for each in self.pods})

        def running() -> dict[str, str]:
            listed = [pod for space in spaces for pod in self.kubectl.list("pods", namespace=space)]
            found = {
                pod["metadata"]["name"]: str(pod["status"].get("podIP", ""))
                for pod in listed
                if pod["status"].get("phase") == "Running"
            }
            return found if all(found.get(each.name) for each in self.pods) else {}

        self.addresses |= self.kubectl.until("all stand-ins run", running, bound)

    def probe(self, probes: Iterable[Probe], seconds: int = 1) -> dict[Probe, bool]:
        """Try each by a new connection; whether it came through."""
        by_source: dict[str, list[Probe]] = {}
        for each in probes:
            by_source.setdefault(each[0], []).append(each)
        with ThreadPoolExecutor(_SOURCES_AT_ONCE) as pool:
            jobs = [pool.submit(self._from, source, own, seconds) for source, own in by_source.items()]
            return {probe: answer for job in jobs for probe, answer in job.result().items()}

    def settled(self, expected: Mapping[Probe, bool], bound: float) -> dict[Probe, bool]:
        """What is observed, once it is as expected or `bound` seconds have passed.

        A policy takes effect some time after it was created, and a busy machine drops a packet now and then, so
        whatever disagrees is tried again; what goes on disagreeing stands in the answer.
        """
        observed = self.probe(expected)
        end = time.monotonic() + bound
        while wrong := [each for each, answer in observed.items() if answer != expected[each]]:
            if time.monotonic() > end:
                break
            self.kubectl.watch(f"{len(wrong)} of {len(expected)} connections are not yet as computed")
            observed |= self.probe(wrong, seconds=2)
        return observed

    def _from(self, source: str, probes: Sequence[Probe], seconds: int) -> dict[Probe, bool]:
        lines = [_TRY, f"T={seconds}"]
        for number, (_, target, protocol, port) in enumerate(probes):
            lines.append(f"p {number} {protocol} {self.addresses[target]} {port} &")
            lines += ["wait"] if number % _AT_ONCE == _AT_ONCE - 1 else []
        pod = next(each for each in self.pods if each.name == source)
        said = Kubectl(self.kubectl.cluster, pod.namespace).query(source, "sh", "-c", "\n".join([*lines, "wait"]))
        answers = dict(line.split() for line in said.splitlines())
        return {probe: answers[str(number)] == "open" for number, probe in enumerate(probes)}


def shown(probes: Iterable[Probe], limit: int = 5) -> str:
    """Connections for people, the first few of them."""
    told = [f"{source} -> {target} {protocol}/{port}" for source, target, protocol, port in probes]
    return ", ".join(told[:limit]) + (f" and {len(told) - limit} more" if len(told) > limit else "")
