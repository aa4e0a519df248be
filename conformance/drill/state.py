"""What this machine remembers of clusters that drills made, so that a killed run's leftovers can be proven ours.

One file for each cluster, written before the cluster is made and removed after it is gone, in a folder that only the
user may read: `$XDG_STATE_HOME/kube-plumbline/drills`.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

PREFIX = "plumbline-drill-"


@dataclass(frozen=True, slots=True)
class State:
    """One cluster of ours. `nonce` stands in the cluster too; `process` and `started` tell whether its run lives."""

    name: str
    nonce: str
    process: int
    started: str
    created: float
    #: SHA-256 of the kubeconfig as kind wrote it; empty until then
    kubeconfig_digest: str = ""
    keep: bool = False
    #: the folder of its files: one that a later change of the environment does not move
    place: str = ""

    @property
    def context(self) -> str:
        """The context that kind writes."""
        return f"kind-{self.name}"

    @property
    def kubeconfig(self) -> Path:
        """The private kubeconfig."""
        return Path(self.place) / f"{self.name}.kubeconfig"

    @property
    def file(self) -> Path:
        """Where this is kept."""
        return Path(self.place) / f"{self.name}.json"

    @property
    def alive(self) -> bool:
        """Whether the run that made the cluster is still running; a reused process number does not count."""
        return process_start(self.process) == self.started != ""

    def save(self) -> State:
        """Write it down, readable by the user alone, before anything relies on it."""
        partial = self.file.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.file)
        return self

    def with_kubeconfig(self, digest: str) -> State:
        """The same with the digest of its kubeconfig."""
        return replace(self, kubeconfig_digest=digest).save()

    def kept(self) -> State:
        """The same, to be left alone by sweeps."""
        return replace(self, keep=True).save()

    def forget(self) -> None:
        """The cluster is gone."""
        for each in (self.kubeconfig, self.file):
            each.unlink(missing_ok=True)


def folder() -> Path:
    """Made when asked for, readable by the user alone."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    place = Path(home) / "kube-plumbline" / "drills"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def new() -> State:
    """A cluster that is about to be made, with a name and a nonce that nobody can guess."""
    own = os.getpid()
    name = PREFIX + secrets.token_hex(5)
    nonce = secrets.token_hex(16)
    return State(name, nonce, own, process_start(own), time.time(), place=str(folder())).save()


def known() -> Iterator[State]:
    """Every cluster that is remembered; files that are not ours to read or not whole are passed over."""
    for file in sorted(folder().glob(f"{PREFIX}*.json")):
        try:
            found = State(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if found.file == file:
            yield found


def process_start(process: int) -> str:
    """When a process started, in clock ticks since boot; empty when there is none.

    Field 22 of /proc/PID/stat (proc_pid_stat(5)); where there is no /proc, only whether the process lives.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(process, 0)
    except OSError:
        return ""
    return "alive"
