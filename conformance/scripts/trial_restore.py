"""Restores that are tried on a schedule: into another place than the data's, compared, and loud when they differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.scripts.dumps import Act, dumps, restores
from conformance.scripts.failing import swallowed
from conformance.scripts.jobs import Job, jobs

_CLUSTER = "the cluster"
_HOST = ("-h", "--host", "--hostname", "--uri")
_COMPARING = re.compile(
    r"(?:^|\s)(?:\[\[?|test|diff|cmp|comm|grep|sha256sum|md5sum)(?:\s|$)|count\(\*\)|checksum|md5\(", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{?(\w+)")


@dataclass(frozen=True, slots=True)
class Restore:
    """A job that puts a copy back."""

    job: Job
    act: Act
    data: str
    #: hosts that the tree's dumps are taken from
    sources: frozenset[str]

    def problems(self, *, compares: bool) -> Iterator[str]:
        """Why this proves less than it seems to."""
        target = self.target
        if target == _CLUSTER:
            yield "restores over the data itself: no --namespace-mappings"
        elif target and target in self.sources:
            yield f"restores over the data itself: the backup is taken from {target} as well"
        commands = self.act.step.shell.commands
        text = self.act.command.text if self.act.inner is None else self.act.inner.text
        if self.act.program == "psql" and "ON_ERROR_STOP" not in text + self._environment():
            yield "psql ends with 0 after errors: -v ON_ERROR_STOP=1 is missing"
        yield from (
            f"{self.act.program}: {each}" for each in swallowed(self.act.step, self.act.command, self.act.inner)
        )
        after = [each for each in commands[commands.index(self.act.command) :] if each is not self.act.command]
        later = [c for step in self.job.steps[self.job.steps.index(self.act.step) + 1 :] for c in step.shell.commands]
        if compares and not any(_COMPARING.search(each.line_text) for each in (*after, *later)):
            yield "compares nothing after the restore"

    @property
    def target(self) -> str:
        """The server that is restored into, as it is written; empty for one in the same container or unknown."""
        return _host(self.act)

    def _environment(self) -> str:
        container = self.act.step.container
        return str(container.raw.get("env", "")) if container is not None else ""


def restoring(inventory: Inventory) -> list[Restore]:
    """Every job of a tree that puts a copy back, one entry for each command that does."""
    found = jobs(inventory)
    sources = frozenset(host for job in found for act in dumps(job) if (host := _host(act)))
    return [Restore(job, act, act.data, sources) for job in found for act in restores(job)]


def _host(act: Act) -> str:
    command = next((c for c in act.inner.commands if c.name == act.program), act.command) if act.inner else act.command
    written = command.option(*_HOST)
    if act.data == "velero":
        mapping = command.option("--namespace-mappings", "--namespace-mapping")
        return "" if mapping else _CLUSTER
    container = act.step.container
    name = _VARIABLE.match(written)
    if container is None or not (name or not written):
        return written
    wanted = name.group(1) if name else {"postgresql": "PGHOST", "mysql": "MYSQL_HOST"}.get(act.data, "")
    for entry in container.sequence("env"):
        if entry.get("name") == wanted and isinstance(entry.get("value"), str):
            return entry.text("value")
    return written


__all__ = ["Restore", "restoring"]
