"""kind clusters of our own: made, proven, loaded with images, deleted, swept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from conformance.drill import state as states
from conformance.drill.command import CommandError, group_ends, run
from conformance.drill.fault import DrillError, NotOursError
from conformance.drill.guard import LABEL, NONCE, Guard, kubectl
from conformance.drill.state import State
from conformance.drill.timeouts import Timeouts

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
#: what kind recommends
ENOUGH = 512


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a drill asks for. `image` is the node image; empty means the one that this kind was released with."""

    workers: int = 0
    image: str = ""
    #: patches for kubeadm, containerd and the like, as kind's configuration takes them
    more: tuple[tuple[str, str], ...] = ()


@dataclass
class Cluster:
    """A cluster that this run made."""

    state: State
    guard: Guard
    timeouts: Timeouts = field(default_factory=Timeouts)
    loaded: set[str] = field(default_factory=set)
    #: what it was made from
    wanted: Wanted = Wanted()

    def load(self, images: Sequence[str], *, everywhere: bool = False) -> None:
        """Put local images into every node that takes pods, or into all nodes; each once."""
        for image in (each for each in images if each not in self.loaded):
            self.guard.prove(f"load {image}")
            nodes = self.nodes() if everywhere else self.workers()
            command = ["kind", "load", "docker-image", image, "--name", self.state.name, "--nodes", ",".join(nodes)]
            run(command, timeout=self.timeouts.image)
            self.loaded.add(image)

    def nodes(self) -> list[str]:
        """Names of the nodes, which are those of their containers; the control plane first."""
        items = self.guard.ask("get", "nodes").get("items") or []
        role = "node-role.kubernetes.io/control-plane"
        order = sorted(items, key=lambda each: (role not in each["metadata"]["labels"], each["metadata"]["name"]))
        return [each["metadata"]["name"] for each in order]

    def workers(self) -> list[str]:
        """The nodes that take pods: not a control plane, unless it is alone or a drill has taken its taint away."""
        taint = "node-role.kubernetes.io/control-plane"
        items = self.guard.ask("get", "nodes").get("items") or []
        kept = {
            each["metadata"]["name"]
            for each in items
            if not any(found["key"] == taint for found in each["spec"].get("taints") or [])
        }
        return [each for each in self.nodes() if each in kept]

    def delete(self) -> None:
        """Delete it, proven ours once more; what is remembered of it goes last."""
        delete(self.state, self.timeouts)

    def make_again(self) -> None:
        """After `delete`, another cluster of the same kind, with a name, a nonce and a guard of its own."""
        made = create(self.wanted, destructive=self.guard.destructive, timeouts=self.timeouts)
        self.state, self.guard, self.loaded = made.state, made.guard, made.loaded


def available() -> str:
    """Why no cluster can be made here; empty when one can."""
    for program in ("docker", "kind", "kubectl"):
        if shutil.which(program) is None:
            return f"the program {program} is not on PATH"
    try:
        run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=Timeouts().tool)
    except CommandError as error:
        return f"Docker does not answer: {error}"
    return ""


def create(wanted: Wanted, *, destructive: bool, timeouts: Timeouts) -> Cluster:
    """Make a cluster with a private kubeconfig and a nonce of its own. Raises DrillError; half a cluster is deleted."""
    state = states.new()
    try:
        return _create(state, wanted, destructive, timeouts)
    except BaseException as error:
        try:
            delete(state, timeouts)
        except DrillError as left:
            error.add_note(str(left))  # Ctrl-C stays Ctrl-C
        raise


def _create(state: State, wanted: Wanted, destructive: bool, timeouts: Timeouts) -> Cluster:
    os.close(os.open(state.kubeconfig, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    command = ["kind", "create", "cluster", "--name", state.name, "--kubeconfig", str(state.kubeconfig)]
    command += ["--wait", f"{int(timeouts.cluster)}s", "--config", "-"]
    command += ["--image", wanted.image] if wanted.image else []
    try:
        given = yaml.safe_dump(_config(wanted)).encode()
        run(command, timeout=timeouts.cluster, stdin=given, patience=timeouts.orphans)
    except CommandError as error:
        raise DrillError(f"{error}{_too_few_inotify_instances()}") from None
    state.kubeconfig.chmod(stat.S_IRUSR | stat.S_IWUSR)
    state = state.with_kubeconfig(hashlib.sha256(state.kubeconfig.read_bytes()).hexdigest())
    nonce = ["create", "configmap", NONCE, "--namespace=kube-system", f"--from-literal=nonce={state.nonce}"]
    run([*kubectl(state), *nonce], timeout=timeouts.command)
    cluster = Cluster(state, Guard(state, destructive, timeouts), timeouts, wanted=wanted)
    _await_nodes(cluster, 1 + wanted.workers)
    return cluster


def _await_nodes(cluster: Cluster, count: int) -> None:
    """kind waits for the control plane alone, and succeeds although the kubelet of a worker never starts."""
    end = time.monotonic() + cluster.timeouts.node
    while True:
        items = cluster.guard.ask("get", "nodes").get("items") or []
        conditions = [each for item in items for each in item["status"].get("conditions") or []]
        ready = sum(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if ready >= count:
            return
        if time.monotonic() > end:
            raise DrillError(f"only {ready} of {count} nodes are Ready{_too_few_inotify_instances()}")
        time.sleep(cluster.timeouts.interval)


def _too_few_inotify_instances() -> str:
    """A reason why a kubelet does not start, which kind cannot see; a node takes about twenty of them."""
    try:
        limit = int(INOTIFY.read_text())
    except (OSError, ValueError):
        return ""
    if limit >= ENOUGH:
        return ""
    page = "https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files"
    return f"; fs.inotify.max_user_instances is {limit}, which is enough for few nodes at a time ({page})"


def _config(wanted: Wanted) -> dict[str, object]:
    nodes = [{"role": "control-plane"}, *({"role": "worker"} for _ in range(wanted.workers))]
    networking = {"apiServerAddress": "127.0.0.1"}
    config: dict[str, object] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes}
    return config | {"networking": networking} | {key: yaml.safe_load(text) for key, text in wanted.more}


def delete(state: State, timeouts: Timeouts) -> None:
    """Delete a cluster of ours. Raises NotOursError for containers that carry its name and are older than it.

    The name is random and stands in a file that only this user can write, so a container with it was made for it;
    one that is older than that file was not.
    """
    end, said = time.monotonic() + timeouts.deletion, ""
    while containers := _containers(state.name, timeouts):
        older = [name for name, created in containers if created < state.created - 1]
        if older:
            raise NotOursError(f"{', '.join(older)} is older than the cluster {state.name}: it is left alone")
        if time.monotonic() > end:
            names = ", ".join(name for name, _ in containers)
            raise DrillError(f"cluster {state.name} was not deleted: {names} is still there{said}")
        command = ["kind", "delete", "cluster", "--name", state.name, "--kubeconfig", str(state.kubeconfig)]
        done = run(command, timeout=timeouts.deletion, may_fail=True)
        said = f" ({done.stderr.splitlines()[-1]})" if done.code and done.stderr else ""
        if done.code:
            time.sleep(timeouts.interval)  # Docker is still busy with one of them
    state.forget()


def sweep(timeouts: Timeouts) -> Iterator[str]:
    """Delete what killed runs left behind: clusters of state files whose run is gone and that nobody keeps."""
    for state in states.known():
        if not state.alive and not state.keep:
            try:
                _end_orphans(state, timeouts)
                delete(state, timeouts)
            except DrillError as error:
                yield f"left alone: {error}"
            else:
                yield f"deleted {state.name}, left behind by a run that was killed"


def _end_orphans(state: State, timeouts: Timeouts) -> None:
    """End a `kind create` that outlived its killed run: what it makes after the sweep nobody would know of.

    It leads a process group of its own, and the cluster's name, which nobody else can know, is one of its arguments.
    """
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            program, *arguments = file.read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended, or is another user's
        if Path(program.decode(errors="replace")).name == "kind" and state.name.encode() in arguments:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(file.parent.name), signal.SIGKILL)
                group_ends(int(file.parent.name), timeouts.orphans)


def _containers(name: str, timeouts: Timeouts) -> list[tuple[str, float]]:
    """Containers labelled with a cluster's name, each with the second it was made."""
    listed = run(
        ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={name}"],
        timeout=timeouts.command,
    ).text.split()
    if not listed:
        return []
    # one that has gone meanwhile is missing in the answer, and makes the exit code 1
    inspected = json.loads(run(["docker", "inspect", *listed], timeout=timeouts.command, may_fail=True).stdout or "[]")
    return [(each["Name"].lstrip("/"), _seconds(each["Created"])) for each in inspected]


def _seconds(text: str) -> float:
    """Docker's time stamps have nanoseconds, which `fromisoformat` does not take."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp()
