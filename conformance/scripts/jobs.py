"""What runs at certain times, and what it runs: CronJobs, Argo CronWorkflows, Velero Schedules, lines of crontabs.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/,
https://argo-workflows.readthedocs.io/en/latest/cron-workflows/ and https://velero.io/docs/main/api-types/schedule/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from conformance.kube import literal
from conformance.kube.cron import Schedule
from conformance.kube.cron_fields import CronError
from conformance.kube.inventory import Inventory
from conformance.kube.mounted import mounted_file, source_of
from conformance.kube.object import FieldTypeError, Location, Node, Object, TextFile
from conformance.kube.path import Path
from conformance.kube.podspec import Container, PodSpec
from conformance.scripts.find import crontab_lines, scripts
from conformance.scripts.shell import Command, Shell

SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh", "busybox")
_FILE = re.compile(r"[\w./-]+\.(?:sh|bash)\Z|/[\w./-]+\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of shell that a job runs, and where its text stands. `container` is None for what a host runs."""

    shell: Shell
    subject: TextFile | Object
    path: Path
    container: Container | None = None
    #: `sh -e` and `bash -o pipefail` outside of the text
    errexit: bool = False
    pipefail: bool = False
    #: the program that reads the text, empty for a command that is started without a shell
    reader: str = ""

    @property
    def stops_on_error(self) -> bool:
        """Whether a failing command ends the step; one that is started without a shell is the step."""
        return self.errexit or not self.reader or self.shell.stops_on_error

    @property
    def stops_on_pipe_error(self) -> bool:
        """Whether a failure inside a pipe counts."""
        return self.pipefail or self.shell.stops_on_pipe_error

    def at(self, line: int = 0) -> Path:
        """The field of a finding at a line of the text."""
        return ((line,) if line else ()) if isinstance(self.subject, TextFile) else self.path

    def locate(self, line: int) -> Location | None:
        """The line in the file, where it is certain; else None, and the field tells."""
        if isinstance(self.subject, TextFile) or not line:
            return None
        return literal.locate(self.subject, self.path, line)


@dataclass(frozen=True, slots=True)
class When:
    """One schedule of a job; `schedule` is None, with the problem, when the text is none."""

    path: Path
    text: str
    schedule: Schedule | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Something that runs at certain times. `steps` is empty for a Velero Schedule, which backs up by itself."""

    subject: TextFile | Object
    kind: str
    name: str
    when: tuple[When, ...]
    steps: tuple[Step, ...] = ()
    #: the field that keeps it from running
    suspended: Path = ()
    pod: PodSpec | None = field(default=None, compare=False)

    @property
    def commands(self) -> Iterator[tuple[Step, Command]]:
        """Every command of every step, in the order in which they run."""
        return ((step, command) for step in self.steps for command in step.shell.commands)


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that should say when something runs and has a field of a wrong type."""

    subject: Object
    error: FieldTypeError


_FOUND: WeakKeyDictionary[Inventory, tuple[list[Job], list[Unread]]] = WeakKeyDictionary()


def jobs(inventory: Inventory) -> list[Job]:
    """Everything in a tree that runs at certain times, in loading order of each kind; see `unread` for the rest."""
    return _found(inventory)[0]


def unread(inventory: Inventory) -> list[Unread]:
    """What should run at certain times and cannot be read."""
    return _found(inventory)[1]


def _found(inventory: Inventory) -> tuple[list[Job], list[Unread]]:
    if inventory not in _FOUND:
        known: list[Job] = []
        wrong: list[Unread] = []
        for kind, group, reader in _READERS:
            for each in inventory.of_kind(kind, group):
                try:
                    known.append(reader(each, inventory))
                except FieldTypeError as error:
                    wrong.append(Unread(each, error))
        known += _crontabs(inventory)
        _FOUND[inventory] = known, wrong
    return _FOUND[inventory]


def parse(text: object, zone: str | None, path: Path) -> When:
    """A schedule as it stands in a field."""
    if not isinstance(text, str) or not text:
        return When(path, "", None, "has no schedule")
    try:
        return When(path, text, Schedule.parse(text, zone))
    except CronError as error:
        return When(path, text, None, str(error))


def _cron_job(job: Object, inventory: Inventory) -> Job:
    when = parse(job.get("spec.schedule"), job.text("spec.timeZone") or None, ("spec", "schedule"))
    pod = inventory.pod_spec(job)
    suspended: Path = ("spec", "suspend") if job.flag("spec.suspend", False) else ()
    steps = tuple(pod_steps(pod, inventory)) if pod is not None else ()
    return Job(job, job.kind, job.name, (when,), steps, suspended, pod)


def pod_steps(pod: PodSpec, inventory: Inventory) -> Iterator[Step]:
    """What the containers of a pod run: init containers one after the other, then the others."""
    for container in pod.containers:
        if container.kind != "ephemeralContainer":
            yield from _steps(container, pod.owner, container, inventory)


def _cron_workflow(job: Object, inventory: Inventory) -> Job:
    zone = job.text("spec.timezone") or None
    several = job.sequence("spec.schedules")
    when = [parse(each.raw, zone, each.path) for each in several]
    if not several:
        when = [parse(job.get("spec.schedule"), zone, ("spec", "schedule"))]
    steps: list[Step] = []
    for template in job.sequence("spec.workflowSpec.templates"):
        for part in ("container", "script"):
            node = template.at(part)
            if isinstance(node.raw, dict):
                steps += _steps(node, job, None, inventory)
        for part in ("initContainers", "containerSet.containers"):
            for each in template.sequence(part):
                steps += _steps(each, job, None, inventory)
    suspended: Path = ("spec", "suspend") if job.flag("spec.suspend", False) else ()
    return Job(job, job.kind, job.name, tuple(when), tuple(steps), suspended)


def _velero(schedule: Object, inventory: Inventory) -> Job:
    """Velero reads the schedule in the time zone of its own pod, which is UTC unless `TZ` says otherwise."""
    zone = next(
        (
            entry.text("value")
            for pod in inventory.pods()
            if pod.owner.kind == "Deployment" and pod.owner.name == "velero"
            for container in pod.containers
            for entry in container.sequence("env")
            if entry.get("name") == "TZ" and isinstance(entry.get("value"), str)
        ),
        None,
    )
    when = parse(schedule.get("spec.schedule"), zone, ("spec", "schedule"))
    suspended: Path = ("spec", "paused") if schedule.flag("spec.paused", False) else ()
    return Job(schedule, "Velero Schedule", schedule.name, (when,), (), suspended)


_READERS: tuple[tuple[str, str, Callable[[Object, Inventory], Job]], ...] = (
    ("CronJob", "batch", _cron_job),
    ("CronWorkflow", "argoproj.io", _cron_workflow),
    ("Schedule", "velero.io", _velero),
)


def _crontabs(inventory: Inventory) -> Iterator[Job]:
    for line in crontab_lines(inventory):
        when = When((line.number,), line.text, line.schedule, line.problem)
        step = Step(Shell(line.command), line.file, (line.number,), None, reader="sh")
        found = [step, *_files(line.command.split(), None, inventory)]
        name = next((word.rpartition("/")[2] for word in line.command.split() if _FILE.match(word)), line.command[:40])
        yield Job(line.file, "crontab", name, (when,), tuple(found))


def _steps(node: Node, owner: Object, container: Container | None, inventory: Inventory) -> Iterator[Step]:
    words: list[Node] = [*node.sequence("command"), *node.sequence("args")]
    texts = [str(each.raw) for each in words]
    source = node.raw.get("source") if isinstance(node.raw, dict) else None
    if isinstance(source, str):
        yield Step(Shell(source), owner, (*node.path, "source"), container, reader=(texts or ["sh"])[0])
        return
    program = texts[0].rpartition("/")[2] if texts else ""
    at = _script_at(texts) if program in SHELLS else None
    if at is None:
        if texts:
            text = shlex.join(texts)
            yield Step(Shell(text), owner, words[0].path[:-1], container)
        yield from _files(texts, container, inventory)
        return
    flags = texts[1:at]
    errexit = any(re.match(r"-[a-z]*e", each) for each in flags) or "errexit" in flags
    shell = Shell(texts[at])
    yield Step(shell, owner, words[at].path, container, errexit, "pipefail" in flags, program)
    # Only what a script starts by its path; the rest of its words are its own business.
    for command in shell.commands:
        yield from _files([*command.words[:2]], container, inventory)


def _script_at(texts: list[str]) -> int | None:
    """Where in `bash -o pipefail -ec TEXT` the text stands."""
    for index, word in enumerate(texts[1:], start=1):
        if re.match(r"-[a-z]*c[a-z]*\Z", word):
            return index + 1 if index + 1 < len(texts) else None
    return None


def _files(words: list[str], container: Container | None, inventory: Inventory) -> Iterator[Step]:
    """The scripts that words name and the tree holds: in the ConfigMap that is mounted there, or as a file."""
    reader = words[0].rpartition("/")[2] if words and words[0].rpartition("/")[2] in SHELLS else ""
    errexit = bool(reader) and any(re.match(r"-[a-z]*e", each) for each in words[1:])
    for word in words[:4]:
        if not _FILE.match(word) or word.rpartition("/")[2] in SHELLS:
            continue
        mounted = _mounted(word, container, inventory) if container is not None else None
        if mounted is not None:
            config, key = mounted
            yield Step(
                Shell(str(config.mapping("data")[key])),
                config,
                ("data", key),
                container,
                errexit,
                reader=reader or "sh",
            )
            return
        base = word.rpartition("/")[2]
        if base not in _script_names(inventory):
            continue
        for script in scripts(inventory, base):
            if isinstance(script.subject, TextFile) or container is None:
                yield Step(script.shell, script.subject, script.at(), container, errexit, reader=reader or "sh")
                return


_NAMES: WeakKeyDictionary[Inventory, set[str]] = WeakKeyDictionary()


def _script_names(inventory: Inventory) -> set[str]:
    """Base names of text files and keys of ConfigMaps: most words of a script name neither."""
    if inventory not in _NAMES:
        found = {each.path.rpartition("/")[2] for each in inventory.texts}
        for config in inventory.of_kind("ConfigMap", ""):
            found |= {str(key) for key in config.mapping("data")}
        _NAMES[inventory] = found
    return _NAMES[inventory]


def _mounted(word: str, container: Container, inventory: Inventory) -> tuple[Object, str] | None:
    """The ConfigMap and the key of a script that a container runs by its path."""
    file = mounted_file(container, word)
    config = source_of(container, file, inventory) if file is not None and file.kind == "ConfigMap" else None
    if file is None or config is None or not isinstance(config.mapping("data").get(file.key), str):
        return None
    return config, file.key


__all__ = ["SHELLS", "Job", "Step", "Unread", "When", "jobs", "parse", "pod_steps", "unread"]
