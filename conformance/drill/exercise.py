"""One carrying out of a drill, as the procedure sees it: cluster, steps, assertions, measurements, evidence."""

from __future__ import annotations

import hashlib
import string
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from conformance.drill.command import CommandError, run
from conformance.drill.evidence import Evidence
from conformance.drill.fault import DrillError, NotHeldError
from conformance.drill.guard import LABEL, ROLE
from conformance.drill.kind import Cluster
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Drill, Image
from conformance.drill.timeline import Step, Timeline
from conformance.drill.timeouts import Timeouts

MANIFESTS = "drills"


@dataclass
class Exercise:
    """One run of one drill, or of one of its twins (`twin` is then its name, else empty)."""

    drill: Drill
    cluster: Cluster
    evidence: Evidence
    images: Mapping[str, str]
    manifests: Path
    say: Callable[[str], None]
    twin: str = ""
    timeline: Timeline = field(default_factory=Timeline)
    _namespaces: list[Kubectl] = field(default_factory=list)
    _beside: list[str] = field(default_factory=list)
    _step: Step | None = None

    # where

    def namespace(self, name: str, labels: Mapping[str, str] | None = None) -> Kubectl:
        """A new namespace of this exercise, and kubectl in it."""
        full = f"{name}-{self._suffix}"
        found = Kubectl(self.cluster, full, self._watch)
        metadata = {"name": full, "labels": dict(labels or {})}
        found.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
        self._namespaces.append(found)
        return found

    @property
    def _suffix(self) -> str:
        return hashlib.sha256(f"{self.drill.name}{self.twin}".encode()).hexdigest()[:5]

    @property
    def everywhere(self) -> Kubectl:
        """kubectl for objects of the whole cluster."""
        return Kubectl(self.cluster, "default", self._watch)

    def destroy_cluster(self) -> None:
        """Delete the whole cluster; only for drills that are alone in it. Nobody answers until another is made."""
        if not self.drill.alone:
            raise DrillError(f"{self.drill.name} shares its cluster")
        self.cluster.guard.prove("delete the cluster")
        self._namespaces.clear()
        self.cluster.delete()

    def make_cluster(self) -> None:
        """Make another cluster of the same kind. What knew the old one, as kubectl in a namespace, knows this one."""
        self._watch("making another cluster")
        self.cluster.make_again()

    def image(self, name: str, *, everywhere: bool = False) -> str:
        """The image to run for one that the drill declares, put into the nodes when this machine has it.

        `everywhere` is for pods that a drill places on a control plane, which takes none by itself.
        """
        declared = next(each for each in self.drill.images if each.name == name)
        chosen = self.images.get(name, declared.documented)
        if chosen not in self.cluster.loaded and _is_here(chosen):
            self._watch(f"loading {chosen} into the nodes")
            self.cluster.load([chosen], everywhere=everywhere)
        self.evidence.image(declared, chosen)
        return chosen

    def stand_in(self, text: str) -> None:
        """Say what did not run as documented: `PostgreSQL in the role of ClickHouse`."""
        if text not in self.evidence.stand_ins:
            self.evidence.stand_ins.append(text)

    def note(self, text: str) -> None:
        """Say what an auditor has to know about how this was measured."""
        if text not in self.evidence.notes:
            self.evidence.notes.append(text)

    def deploy(self, kubectl: Kubectl, manifest: str, **values: object) -> None:
        """Apply a file of `manifests/drills`, with `$name` replaced by the given values."""
        text = (self.manifests / manifest).read_text(encoding="utf-8")
        kubectl.apply(string.Template(text).substitute({key: str(value) for key, value in values.items()}))

    def node(self, name: str, *command: str, stdin: bytes | None = None, api_lost: bool = False) -> str:
        """A command on a node, as an administrator would type it there.

        `api_lost` is for drills that have taken the API server away: the guard then proves the container alone.
        """
        container = self._container(name, f"a command on node {name}", api_lost)
        given = ["--interactive"] if stdin is not None else []
        bound = self.cluster.timeouts.command
        return run(["docker", "exec", *given, container, *command], timeout=bound, stdin=stdin).text

    def power_off(self, name: str) -> None:
        """Stop a node without any warning to what runs there."""
        run(
            ["docker", "kill", self._container(name, f"power off {name}", False)], timeout=self.cluster.timeouts.command
        )

    def power_on(self, name: str) -> None:
        """Start a node again."""
        run(["docker", "start", self._container(name, f"power on {name}", True)], timeout=self.cluster.timeouts.command)

    def beside(self, name: str, image: str, *command: str) -> str:
        """Start a container outside of the cluster, on the network of its nodes; returns its address.

        It knows the way to the pods, so that these come with their own addresses, and carries the cluster's label in
        the role of what is no node, so that it is deleted with the cluster, whoever deletes it.
        """
        self.cluster.guard.prove(f"start {name} beside the cluster")
        full, bound = f"{self.cluster.state.name}-{name}-{self._suffix}", self.cluster.timeouts.command
        labels = [f"--label={LABEL}={self.cluster.state.name}", f"--label={ROLE}=external-load-balancer"]
        options = ["--detach", "--name", full, "--network=kind", "--cap-add=NET_ADMIN", *labels]
        self._beside.append(full)
        run(["docker", "run", *options, image, *command], timeout=bound)
        for node in self.everywhere.list("nodes"):
            (address,) = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"][:1]
            route = ["ip", "route", "replace", node["spec"]["podCIDR"], "via", address]
            run(["docker", "exec", full, *route], timeout=bound)
        found = run(
            ["docker", "inspect", full, "--format", "{{.NetworkSettings.Networks.kind.IPAddress}}"], timeout=bound
        )
        return found.text

    def _container(self, name: str, act: str, api_lost: bool) -> str:
        if not api_lost:
            self.cluster.guard.prove(act)
            if name not in self.cluster.nodes():
                raise DrillError(f"{name} is no node of {self.cluster.state.name}")
        return self.cluster.guard.container(name, act)

    # when

    @contextmanager
    def step(self, phase: str, title: str) -> Iterator[Step]:
        """One step of the procedure; shown while it runs, timed, and kept in the evidence."""
        self._in_time()
        self.say(f"{phase}: {title}")
        outer = self._step
        with self.timeline.step(phase, title) as found:
            self._step = found
            try:
                yield found
            finally:
                self._step = outer

    @contextmanager
    def fault(self, title: str) -> Iterator[Step]:
        """The step that breaks something. From its beginning on everything counts as lost time and lost data."""
        with self.step("fault", title) as found:
            self.timeline.mark("fault")
            yield found

    def recovered(self, what: str, correct: Callable[[], bool], timeout: float | None = None) -> float:
        """Ask the application itself until it answers correctly for the first time: the end of the outage.

        Returns the seconds since the fault. Pods that are Ready prove nothing: an empty database is ready, too.
        """
        bound = timeout or self.cluster.timeouts.recovery
        Kubectl(self.cluster, "default", self._watch).until(what, correct, bound)
        return self._figure("rto", self.timeline.mark("recovered") - self.timeline.moments["fault"])

    def lost(self, newest_survivor: float, harmed: float | None = None) -> float:
        """How much was lost: the seconds between the newest heartbeat that survived and the fault.

        `harmed` is when the fault had its effect, where that is known: until then writing went on.
        """
        return self._figure("rpo", max(0.0, (harmed or self.timeline.moments["fault"]) - newest_survivor))

    def _figure(self, name: str, seconds: float) -> float:
        self.evidence.figures[name] = round(seconds, 3)
        return seconds

    # what holds

    def holds(self, name: str, condition: object, message: str, **observed: object) -> None:
        """Assert something; kept in the evidence whether it holds or not. Raises NotHeldError."""
        told = {key: str(value) for key, value in observed.items()}
        entry: dict[str, Any] = {"name": name, "held": bool(condition), "observed": told}
        if self._step is not None:
            self._step.assertions.append(entry if condition else entry | {"message": message})
        if not condition:
            seen = "; ".join(f"{key}: {value}" for key, value in told.items())
            raise NotHeldError(name, f"{message} ({seen})" if seen else message)

    def same(self, name: str, before: object, after: object, what: str) -> None:
        """Assert that something is as it was before the fault."""
        self.holds(name, before == after, f"{what} is not what it was", before=before, after=after)

    def within_objectives(self) -> None:
        """Assert the measured times against what the documents promise; where they promise nothing, that is said."""
        for objective in self.drill.objectives:
            for name, bound in (("rto", objective.rto), ("rpo", objective.rpo)):
                measured = self.evidence.figures.get(name)
                if bound is not None and measured is not None:
                    message = f"{name.upper()} {measured:.1f} s exceeds {bound:g} s of {objective.source}"
                    self.holds(f"{name} {objective.source}", measured <= bound, message, measured=measured, bound=bound)

    # evidence

    def keep_objects(self, when: str, kubectl: Kubectl, kinds: Sequence[str]) -> None:
        """Objects as they are now, without Secrets' values, into the evidence."""
        found = [each for kind in kinds for each in kubectl.list(kind)]
        self.evidence.write(f"{when}/{kubectl.namespace}.yaml", yaml.safe_dump_all(map(_without_noise, found)))

    def collect(self) -> None:
        """Logs and objects of every namespace of the exercise, whatever became of it; never fails."""
        for each in self._namespaces:
            try:
                self.keep_objects("end", each, ["pods", "persistentvolumeclaims", "events"])
                for pod in each.list("pods"):
                    name = pod["metadata"]["name"]
                    self.evidence.write(f"logs/{each.namespace}-{name}.log", each.logs(name))
            except (CommandError, DrillError) as error:
                self.evidence.notes.append(f"not everything could be collected: {error}")

    def leave(self) -> None:
        """Delete the namespaces of the exercise and what it started beside; the cluster may serve another."""
        for name in self._beside:
            self.cluster.guard.prove(f"remove {name}")
            run(["docker", "rm", "--force", name], timeout=self.cluster.timeouts.command)
        for each in self._namespaces:
            each.delete("namespace", each.namespace, wait=False)

    def _watch(self, what: str) -> None:
        self._in_time()
        self.say(what)

    def _in_time(self) -> None:
        bound = self.cluster.timeouts.drill
        if time.time() - self.timeline.started > bound:
            raise DrillError(f"the drill took longer than {bound:g} s")


def _is_here(image: str) -> bool:
    return run(["docker", "image", "inspect", image], timeout=Timeouts().tool, may_fail=True).code == 0


def _without_noise(raw: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in raw.get("metadata", {}).items() if key != "managedFields"}
    kept = raw | {"metadata": metadata}
    if raw.get("kind") == "Secret":
        kept["data"] = sorted(raw.get("data") or {})
    return kept


__all__ = ["Exercise", "Image"]
