"""Files in a volume: known ones with a checksum over their content, and a heartbeat that tells how much was lost."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.fault import NotHeldError
from conformance.drill.kubectl import Kubectl

_FILL = "cd /data && for n in 1 2 3 4 5; do seq $((n * 1000)) > file$n; done && sync"
_CHECKSUM = 'cd /data && set -- file* && [ -f "$1" ] && sha256sum "$@" | sha256sum | cut -d\' \' -f1'


@dataclass
class Files:
    """The volume of whatever pod of the application runs just now, mounted at /data."""

    kubectl: Kubectl
    selector: str = "app=holder"

    def pod(self) -> str:
        """The name of the pod that runs; empty when there is none."""
        for each in self.kubectl.list("pods", self.selector):
            ready = any(one.get("ready") for one in each["status"].get("containerStatuses") or [])
            if ready and "deletionTimestamp" not in each["metadata"]:
                return str(each["metadata"]["name"])
        return ""

    def running(self, timeout: float = 0) -> None:
        """Wait until the application runs."""
        self.kubectl.until("the application runs", self.pod, timeout or self.kubectl.cluster.timeouts.ready)

    def fill(self) -> str:
        """Known files; returns the checksum over their content."""
        self.kubectl.exec(self.pod(), "sh", "-c", _FILL)
        return self.checksum()

    def checksum(self) -> str:
        """A digest over names and content; empty when there are no files at all, or nobody can be asked."""
        try:
            return self.kubectl.query(self.pod(), "sh", "-c", _CHECKSUM)
        except CommandError:
            return ""

    def newest_heartbeat(self, before: float = float("inf")) -> float:
        """When the newest line of the heartbeat was written, in whole seconds since 1970; 0 when there is none.

        `before` leaves out what the writer has added since it runs again: that tells nothing about what was lost.
        """
        found = self.kubectl.query(self.pod(), "sh", "-c", "cat /data/heartbeat 2> /dev/null || true")
        return max((float(line) for line in found.split() if float(line) <= before), default=0.0)

    def writes(self, timeout: float = 15.0) -> bool:
        """Whether new lines arrive: a volume that can only be read is not recovered."""
        before = self.newest_heartbeat()
        try:
            self.kubectl.until("a new heartbeat", lambda: self.newest_heartbeat() > before, timeout)
        except NotHeldError:
            return False
        return True


def storage_class(exercise: Exercise, kubectl: Kubectl, policy: str = "Retain") -> str:
    """The documents' class, with the reclaim policy asked for; returns its name, which is this exercise's own."""
    name = f"local-path-{kubectl.namespace}"
    exercise.deploy(kubectl, "storage-class.yaml", name=name, policy=policy)
    return name
