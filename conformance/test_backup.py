"""Backup jobs: what the scripts do and when they run. Scripts are read, never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration, quantity
from conformance.kube.chart_values import settings
from conformance.kube.cron import Schedule
from conformance.kube.cron_fields import CronError
from conformance.kube.inventory import Inventory
from conformance.scripts.backup import outputs, prunes
from conformance.scripts.find import Script, Timer, scripts, timers
from conformance.scripts.shell import Command, dated

NO_SCRIPT = "no such script; its absence is reported by the requirement that it exists"


@check
def test_script_present(
    inventory: Inventory, *, script: str, assigns: dict[str, str] | None = None, defines: list[str] | None = None
) -> Iterator[Said]:
    """A script exists, as a file or in a ConfigMap, and sets its variables to the documented values.

    The last assignment counts; `${NAME:-value}` gives the value unless the environment says otherwise. `defines` are
    variables whose value another requirement judges.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        for name in defines or ():
            if each.shell.value(name) is None:
                yield Finding(each.subject, each.at(), f"{name} is not set")
        for name, wanted in (assigns or {}).items():
            value = each.shell.value(name)
            if value is None:
                yield Finding(each.subject, each.at(), f"{name} is not set", wanted, None)
            elif dated(value).rstrip("/") != dated(wanted):
                where = each.at(each.shell.assigned[name])
                yield Finding(each.subject, where, f"{name} has another value", wanted, value)


@check
def test_script_runs(
    inventory: Inventory, *, script: str, command: list[str], namespace: str, pod: str
) -> Iterator[Said]:
    """A script runs a command in a pod by `kubectl exec`, and stops when that fails.

    Without `set -e`, or behind `|| true`, a backup that failed is followed by everything that a good one would be.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable(NO_SCRIPT)
    for each in found:
        execs = [c for c in each.shell.commands if _executes(c, command, namespace, pod)]
        if not execs:
            message = f"does not run `{' '.join(command)}` in pod {namespace}/{pod}"
            yield Finding(each.subject, each.at(), message)
        yield from _unnoticed(each, execs)


def _executes(command: Command, words: list[str], namespace: str, pod: str) -> bool:
    return (
        command.name == "kubectl"
        and "exec" in command.words
        and " ".join(words) in command.text
        and command.option("-n", "--namespace") == namespace
        and any(fnmatchcase(word.removeprefix("pod/"), pod) for word in command.words)
    )


@check
def test_script_exports(
    inventory: Inventory, *, script: str, resources: list[str], namespace: str, target: str
) -> Iterator[Said]:
    """A script saves objects with `kubectl get … > target`, and stops when that fails.

    The shell makes the file before kubectl runs, so a failed export leaves an empty one. Behind a pipe only
    `set -o pipefail` notices. Dates in `target` are written `{%Y%m%d}`.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable(NO_SCRIPT)
    for each in found:
        gets = [c for c in each.shell.commands if _gets(c, resources, namespace)]
        written = [c for c in gets if _written(each, c, target)]
        if not written:
            message = f"does not save {resources[0]} of namespace {namespace} as {target}"
            line = gets[0].line if gets else 0
            yield Finding(each.subject, each.at(line), message, target, None)
        yield from _unnoticed(each, written)


def _gets(command: Command, resources: list[str], namespace: str) -> bool:
    everywhere = "-A" in command.words or "--all-namespaces" in command.words
    return (
        command.name == "kubectl"
        and "get" in command.words
        and any(part in resources for word in command.words for part in word.split(","))
        and (everywhere or command.option("-n", "--namespace") == namespace)
    )


def _written(script: Script, command: Command, target: str) -> bool:
    """Whether the pipeline that a command is part of writes a file of that name."""
    return any(
        output.target == target for output in outputs(script.shell) if output.command.pipeline == command.pipeline
    )


def _unnoticed(script: Script, commands: list[Command]) -> Iterator[Finding]:
    for command in commands:
        piped = any(c.pipeline == command.pipeline and c.stage > command.stage for c in script.shell.commands)
        if command.tolerated or not script.shell.stops_on_error:
            yield Finding(script.subject, script.at(command.line), "its failure goes unnoticed", "set -e", None)
        elif piped and not script.shell.stops_on_pipe_error:
            where = script.at(command.line)
            yield Finding(script.subject, where, "its failure goes unnoticed behind a pipe", "set -o pipefail", None)


@check
def test_script_writes(
    inventory: Inventory, *, script: str, target: str, instead: list[str] | None = None
) -> Iterator[Said]:
    """A script leaves its backup where the volume that it protects cannot take it along.

    `clickhouse-backup create` puts the backup on the very volume it backs up, and exits with 0. `instead` are words of
    a command that sends the backup away by itself, such as `clickhouse-backup upload`.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable(NO_SCRIPT)
    for each in found:
        written = any(fnmatchcase(output.target, target) for output in outputs(each.shell))
        sent = instead is not None and any(c.has(*instead) for c in each.shell.commands)
        if not written and not sent:
            yield Finding(each.subject, each.at(), "copies no backup out of the volume", target, None)


@check
def test_script_prunes(inventory: Inventory, *, script: str, directory: str, after: str = "") -> Iterator[Said]:
    """Old backups are deleted by age, safely, and only after a new one was made.

    `find DIR -mtime +7 -delete` without `-type f` or `-mindepth 1` deletes DIR itself once it is empty; with an unset
    variable it works on the current directory; without `set -e` it runs after a failed backup until none is left.
    `after` is what must have been written before, a glob.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable(NO_SCRIPT)
    for each in found:
        pruning = prunes(each.shell, directory)
        if not pruning:
            yield Finding(each.subject, each.at(), f"never deletes old backups below {directory}")
        for command in pruning:
            where = each.at(command.line)
            for message in _prune_problems(each, command, after):
                yield Finding(each.subject, where, message)


def _prune_problems(script: Script, command: Command, after: str) -> Iterator[str]:
    commands = script.shell.commands
    position = commands.index(command)
    made = [o for o in outputs(script.shell) if fnmatchcase(o.target, after)] if after else []
    if made and commands.index(made[-1].command) > position:
        yield "old backups are deleted before the new one is made"
    elif not script.shell.stops_on_error:
        yield "old backups are deleted even when the new one failed"
    if "-type" not in command.words and "-mindepth" not in command.words:
        yield "deletes the directory itself once it is empty: neither -type f nor -mindepth 1"
    if command.words[1].startswith("$"):
        yield f"{command.words[1]} is never set, and find would work on the current directory"


@check
def test_backup_retention(
    inventory: Inventory,
    *,
    days: int,
    script: str,
    variable: str,
    directory: str,
    values: str = "",
    key: str = "",
) -> Iterator[Said]:
    """The same number of days in the values file and in the script that deletes; a count of backups is not a period."""
    chart = settings(inventory, values, key) if values else []
    for setting in chart:
        if isinstance(setting.value, bool) or setting.value is None or not _is_number(setting.value, days):
            yield Finding(setting.subject, setting.path, "keeps backups for another time", days, setting.value)
    found = scripts(inventory, script)
    for each in found:
        value = each.shell.value(variable)
        literal = [c for c in prunes(each.shell, directory) if c.option("-mtime") not in (f"+{days}", f"+{value}")]
        if value is not None and not _is_number(value, days):
            where = each.at(each.shell.assigned[variable])
            yield Finding(each.subject, where, "keeps backups for another time", days, value)
        for command in literal:
            where = each.at(command.line)
            yield Finding(
                each.subject, where, f"deletes by another age than {variable}", days, command.option("-mtime")
            )
    if not chart and not found:
        yield NotApplicable("neither a values file nor a script")


def _is_number(value: object, wanted: int) -> bool:
    try:
        return quantity.parse(value) == wanted
    except quantity.QuantityError:
        return False


@check
def test_scheduled(
    inventory: Inventory,
    *,
    program: str,
    at: str = "",
    within: str = "24h",
    values: str = "",
    key: str = "",
    required: bool = True,
) -> Iterator[Said]:
    """Something starts a program often enough: a CronJob, a line of a crontab, or a chart's own schedule.

    Schedules are compared by when they fire, in their own time zone; `@daily` is midnight. A suspended CronJob never
    fires. A commented line is no schedule.
    """
    found = timers(inventory, program)
    chart = settings(inventory, values, key) if values else []
    for setting in chart:
        schedule, problem = _schedule(setting.value)
        for message in _timing_problems(schedule, problem, at, within):
            yield Finding(setting.subject, setting.path, message, at or f"every {within}", setting.value)
    for timer in found:
        for message in _timing_problems(timer.schedule, timer.problem, at, within):
            yield Finding(timer.subject, timer.path, message, at or f"every {within}", timer.text)
        if timer.suspended:
            yield Finding(timer.subject, "spec.suspend", "a suspended CronJob never runs", False, True)
    if not found and required:
        yield Finding(None, "", f"nothing starts {program}: no CronJob, no line of a crontab")
    elif not found and not chart:
        yield NotApplicable("neither a values file nor a schedule")


def _schedule(value: object) -> tuple[Schedule | None, str]:
    try:
        return (Schedule.parse(value), "") if isinstance(value, str) else (None, "is not set")
    except CronError as error:
        return None, str(error)


def _timing_problems(schedule: Schedule | None, problem: str, at: str, within: str) -> Iterator[str]:
    if schedule is None:
        yield problem
        return
    gap = schedule.largest_gap()
    if gap is None or gap > timedelta(seconds=float(duration.parse(within))):
        yield f"up to {gap} pass between two runs" if gap else "never runs"
    elif at and schedule != Schedule.parse(at, schedule.time_zone):
        yield "runs at other times"


@check
def test_backup_enabled(inventory: Inventory, *, values: str, key: str, program: str) -> Iterator[Said]:
    """A backup is switched on in the values, and something that is not suspended really runs it.

    The key alone means nothing: a chart ignores what it does not know.
    """
    chart = settings(inventory, values, key)
    for setting in chart:
        if setting.value is not True:
            yield Finding(setting.subject, setting.path, "backups are not enabled", True, setting.value)
    found: list[Timer] = timers(inventory, program)
    if not found:
        subject, path = (chart[0].subject, chart[0].path) if chart else (None, ())
        yield Finding(subject, path, f"nothing runs {program}: no CronJob, no line of a crontab")
    elif all(timer.suspended for timer in found):
        for timer in found:
            yield Finding(timer.subject, "spec.suspend", "the only job that makes the backup is suspended", False, True)
