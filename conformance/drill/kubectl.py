"""What a drill says to its cluster: questions freely, everything else only after the guard's proof."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from conformance.drill.command import CommandError, Output, run
from conformance.drill.fault import NotHeldError
from conformance.drill.guard import kubectl
from conformance.drill.kind import Cluster

Object = dict[str, Any]


@dataclass
class Kubectl:
    """kubectl in one namespace of a drill's cluster. `watch` is told what is waited for, for the progress shown."""

    cluster: Cluster
    namespace: str
    watch: Callable[[str], None] = lambda _: None

    # questions

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object. Raises CommandError when it is not there."""
        found: Object = self.cluster.guard.ask("get", kind, name, f"--namespace={self._in(namespace)}")
        return found

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None when it is not there."""
        found = self._run(["get", kind, name, "--ignore-not-found", "--output=json"], namespace)
        loaded: Object | None = json.loads(found.stdout) if found.stdout.strip() else None
        return loaded

    def list(self, kind: str, selector: str = "", namespace: str | None = None) -> list[Object]:
        """Objects of a kind in the namespace, by label selector."""
        wanted = [f"--selector={selector}"] if selector else []
        found = self.cluster.guard.ask("get", kind, *wanted, f"--namespace={self._in(namespace)}")
        items: list[Object] = found.get("items") or []
        return items

    def logs(self, pod: str, container: str = "") -> str:
        """What a pod has written so far: one container of it, or all of them, those that prepare it first."""
        chosen = [f"--container={container}"] if container else ["--all-containers"]
        return self._run(["logs", pod, *chosen, "--tail=-1"], may_fail=True).text

    def query(self, pod: str, *command: str, container: str = "", timeout: float = 0) -> str:
        """A command in a pod that only reads; use `exec` for anything else. Raises CommandError."""
        return self._exec(pod, command, container, None, timeout).text

    # acts

    def apply(self, manifests: str | Sequence[Object]) -> None:
        """Create or change objects, given as YAML text or as values."""
        text = manifests if isinstance(manifests, str) else yaml.safe_dump_all(manifests, sort_keys=False)
        self.cluster.guard.prove("apply manifests")
        self._run(["apply", "--filename=-"], stdin=text.encode())

    def act(self, *arguments: str, stdin: bytes | None = None, timeout: float = 0) -> Output:
        """Any kubectl command that changes something: delete, scale, patch, cordon, drain …"""
        self.cluster.guard.prove("kubectl " + " ".join(arguments[:3]))
        return self._run(list(arguments), stdin=stdin, timeout=timeout)

    def delete(self, kind: str, name: str, *, wait: bool = True, now: bool = False) -> None:
        """Delete one object; with `now` without any grace, as a crash would. It may be gone already."""
        hard = ["--grace-period=0", "--force"] if now else []
        self.act(
            "delete", kind, name, "--ignore-not-found", f"--wait={str(wait).lower()}", *hard,
            timeout=self.cluster.timeouts.gone,
        )  # fmt: skip

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """A merge patch: null removes a field. https://datatracker.ietf.org/doc/html/rfc7386"""
        self.act("patch", kind, name, "--type=merge", f"--patch={json.dumps(change)}")

    def scale(self, workload: str, replicas: int) -> None:
        """`kubectl scale`; `workload` is KIND/NAME."""
        self.act("scale", workload, f"--replicas={replicas}")

    def exec(
        self, pod: str, *command: str, container: str = "", stdin: bytes | None = None, timeout: float = 0
    ) -> Output:
        """A command in a pod. Raises CommandError."""
        self.cluster.guard.prove(f"exec in {pod}")
        return self._exec(pod, command, container, stdin, timeout)

    # waiting

    def until(self, what: str, holds: Callable[[], Any], timeout: float) -> Any:
        """Wait until `holds` gives something true, and give that. Raises NotHeldError after `timeout` seconds.

        A question that fails is asked again: pods come and go while one waits.
        """
        started, last = time.monotonic(), ""
        while True:
            try:
                found = holds()
                if found:
                    return found
            except CommandError as error:
                last = f" ({error})"
            elapsed = time.monotonic() - started
            if elapsed > timeout:
                raise NotHeldError(what, f"not within {timeout:g} s: {what}{last}")
            self.watch(f"{what} ({elapsed:.0f} of {timeout:.0f} s)")
            time.sleep(self.cluster.timeouts.interval)

    def ready(self, workload: str, timeout: float | None = None) -> None:
        """Wait until a workload's wanted pods are all there, updated and ready; KIND/NAME."""
        kind, _, name = workload.partition("/")
        bound = self.cluster.timeouts.ready if timeout is None else timeout
        self.until(f"{workload} is ready", lambda: is_ready(self.get(kind, name)), bound)

    def runs(self, pod: str) -> None:
        """Wait until a pod's containers run; whether they answer is another question."""
        bound = self.cluster.timeouts.ready
        self.until(f"{pod} runs", lambda: self.get("pod", pod)["status"].get("phase") == "Running", bound)

    def finished(self, job: str) -> None:
        """Wait until a Job is complete. Raises NotHeldError as soon as it has failed, with what its pods said last."""
        if self.until(f"{job} ends", lambda: conclusion(self.get("job", job)), self.cluster.timeouts.job) == "Failed":
            said = [self.logs(each["metadata"]["name"]) for each in self.list("pods", f"job-name={job}")]
            raise NotHeldError(f"{job} is complete", f"the job failed: {' '.join(said)[-400:]}")

    def gone(self, kind: str, selector: str = "", name: str = "") -> None:
        """Wait until nothing of a kind is left, by label selector or by name."""

        def nothing() -> bool:
            return self.find(kind, name) is None if name else not self.list(kind, selector)

        self.until(f"{kind} {name or selector} is gone", nothing, self.cluster.timeouts.gone)

    def _in(self, namespace: str | None) -> str:
        return self.namespace if namespace is None else namespace

    def _exec(self, pod: str, command: Sequence[str], container: str, stdin: bytes | None, timeout: float) -> Output:
        chosen = [f"--container={container}"] if container else []
        given = ["--stdin"] if stdin is not None else []
        return self._run(["exec", pod, *chosen, *given, "--", *command], stdin=stdin, timeout=timeout)

    def _run(
        self,
        arguments: Sequence[str],
        namespace: str | None = None,
        *,
        stdin: bytes | None = None,
        timeout: float = 0,
        may_fail: bool = False,
    ) -> Output:
        command = [*kubectl(self.cluster.state), f"--namespace={self._in(namespace)}", *arguments]
        return run(command, timeout=timeout or self.cluster.timeouts.command, stdin=stdin, may_fail=may_fail)


def conclusion(job: Object) -> str:
    """Complete or Failed; empty while a Job still runs."""
    conditions = (job.get("status") or {}).get("conditions") or []
    true = [each["type"] for each in conditions if each.get("status") == "True"]
    return next((each for each in true if each in ("Complete", "Failed")), "")


def is_ready(workload: Object) -> bool:
    """Whether a Deployment, StatefulSet or DaemonSet has rolled out, as `kubectl rollout status` decides it."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if (status.get("observedGeneration") or 0) < workload["metadata"].get("generation", 0):
        return False
    if workload["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(wanted) and status.get("numberReady") == wanted == status.get("updatedNumberScheduled")
    wanted = spec.get("replicas", 1)
    updated = status.get("updatedReplicas", 0) if wanted else wanted
    return bool(status.get("readyReplicas", 0) == wanted == updated and status.get("replicas", 0) == wanted)
