"""Where scripts and crontab lines stand in a tree: files, and the data of ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.kube.cron import Schedule
from conformance.kube.cron_fields import CronError
from conformance.kube.inventory import Inventory, path_matches
from conformance.kube.object import Object, TextFile
from conformance.kube.path import Path
from conformance.scripts.shell import Shell

_CRON_LINE = re.compile(r"\s*(@\w+|(?:\S+\s+){4}\S+)\s+(?:([a-z_][a-z0-9_-]*)\s+)?(.+)\Z")
_ZONE_LINE = re.compile(r"\s*CRON_TZ\s*=\s*[\"']?([\w/+-]+)")
_CRON_DAYS = re.compile(r"(?<![\w/])7(?!\w)")


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the file or ConfigMap that holds it."""

    subject: TextFile | Object
    shell: Shell
    key: str = ""

    def at(self, line: int = 0) -> Path:
        """The field of a finding: a line of the file, or the key of the ConfigMap, where lines are not counted."""
        if self.key:
            return ("data", self.key)
        return (line,) if line else ()


def scripts(inventory: Inventory, *names: str) -> list[Script]:
    """Shell scripts by path or base name (globs), in files and in the data of ConfigMaps."""
    found = [
        Script(each, Shell(each.text))
        for each in inventory.texts
        if any(path_matches(each.path, name) for name in names) and is_shell(each)
    ]
    for config in inventory.of_kind("ConfigMap", ""):
        for key, value in config.mapping("data").items():
            base_names = [name.rpartition("/")[2] for name in names]
            if isinstance(value, str) and any(fnmatchcase(str(key), name) for name in base_names):
                found.append(Script(config, Shell(value), str(key)))
    return found


def is_shell(file: TextFile) -> bool:
    """A shell script by its suffix or its first line."""
    return file.path.endswith((".sh", ".bash")) or bool(re.match(r"#!\S*\b(?:env\s+)?(?:ba|da|k|z)?sh\b", file.text))


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that runs a program at certain times: a line of a crontab, or a CronJob."""

    subject: TextFile | Object
    path: Path
    text: str
    #: None when `text` is no schedule
    schedule: Schedule | None
    problem: str = ""
    suspended: bool = False


def timers(inventory: Inventory, program: str) -> list[Timer]:
    """What runs a program (glob over its base name): CronJobs whose command or name says so, and crontab lines."""
    return [*_cron_jobs(inventory, program), *_crontab_timers(inventory, program)]


def runs(job: Object, program: str) -> bool:
    """Whether a CronJob starts a program, by the words of its containers' commands."""
    words: list[str] = []
    for container in job.sequence("spec.jobTemplate.spec.template.spec.containers"):
        for part in ("command", "args"):
            words += [word for each in container.sequence(part) for word in str(each.raw).split()]
    return any(fnmatchcase(word.rpartition("/")[2], program) for word in words)


def _cron_jobs(inventory: Inventory, program: str) -> Iterator[Timer]:
    for job in inventory.of_kind("CronJob", "batch"):
        if not runs(job, program):
            continue
        text, zone = job.text("spec.schedule"), job.text("spec.timeZone") or None
        schedule, problem = _parse(text, zone)
        yield Timer(job, ("spec", "schedule"), text, schedule, problem, job.flag("spec.suspend", False) is True)


def _crontab_timers(inventory: Inventory, program: str) -> Iterator[Timer]:
    for line in crontab_lines(inventory):
        words = line.command.split("#")[0].split()
        if any(fnmatchcase(word.rpartition("/")[2], program) for word in words):
            yield Timer(line.file, (line.number,), line.text, line.schedule, line.problem)


@dataclass(frozen=True, slots=True)
class CrontabLine:
    """A line of a crontab that starts something."""

    file: TextFile
    number: int
    text: str
    schedule: Schedule | None
    problem: str
    command: str


def crontab_lines(inventory: Inventory) -> Iterator[CrontabLine]:
    """The lines of crontabs that start something; `CRON_TZ=` above them is their time zone.

    https://man7.org/linux/man-pages/man5/crontab.5.html
    """
    for file in inventory.texts:
        name = file.path.rpartition("/")[2]
        if not ("crontab" in name or name.endswith(".cron") or "/cron.d/" in f"/{file.path}"):
            continue
        zone: str | None = None
        for number, line in enumerate(file.lines, start=1):
            named = _ZONE_LINE.match(line)
            zone = named.group(1) if named else zone
            found = None if line.lstrip().startswith("#") or named else _CRON_LINE.match(line)
            if found is not None:
                schedule, problem = _parse(_host_schedule(found.group(1)), zone)
                yield CrontabLine(file, number, found.group(1), schedule, problem, found.group(3))


def _host_schedule(text: str) -> str:
    """Host cron calls Sunday 7 as well as 0; Kubernetes knows only 0."""
    fields = text.split()
    if len(fields) == 5:
        fields[4] = _CRON_DAYS.sub("0", fields[4])
    return " ".join(fields)


def _parse(text: str, zone: str | None) -> tuple[Schedule | None, str]:
    try:
        return Schedule.parse(text, zone), ""
    except CronError as error:
        return None, str(error)


def environment(job: Object) -> dict[str, str]:
    """Plain environment variables of a CronJob's containers."""
    found: dict[str, str] = {}
    for container in job.sequence("spec.jobTemplate.spec.template.spec.containers"):
        for entry in container.sequence("env"):
            if isinstance(entry.get("value"), str):
                found[str(entry.get("name"))] = entry.text("value")
    return found


__all__ = ["Script", "Timer", "environment", "is_shell", "runs", "scripts", "timers"]
