"""When backups run, and whether somebody tries to restore them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.cron import Schedule
from conformance.kube.cron_gap import longest, told
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.scripts.backup_jobs import at_line, chosen, copies, unjudged
from conformance.scripts.jobs import When
from conformance.scripts.trial_restore import Restore, restoring


@check
def test_backup_schedule(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    at: str = "",
    time_zone: str = "UTC",
    controllers_clock: bool = False,
    within: Annotated[str, duration.parse] | None = None,
    zone_named: bool = False,
    concurrency: list[str] | None = None,
    starting_deadline_at_least: Annotated[str, duration.parse] | None = None,
    required: bool = True,
) -> Iterator[Said]:
    """A backup runs at the documented time of the documented zone, often enough, and is not suspended.

    `at` is a schedule in `time_zone`; schedules are compared by when they fire. `within` is the longest real time that
    may pass between two runs, days of summer time included. A CronJob without `timeZone`, a Velero Schedule without
    `CRON_TZ=` and a crontab are read in UTC; `zone_named` asks for an explicit one, and with `controllers_clock` one
    that names no zone may mean `at` by the clock of whoever starts it. A start missed by more than
    `startingDeadlineSeconds` is skipped, below ten seconds every one may be.
    https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
    """
    yield from unjudged(inventory)
    found = chosen(inventory, job, data)
    if not found:
        missing = Finding(None, "", f"no job {'that copies ' + ' or '.join(data) if data else job} is scheduled")
        yield missing if required else NotApplicable("no such job")
    for each in found:
        for when in each.when:
            for message, observed in _timing(when, (at, time_zone), within, zone_named, controllers_clock):
                yield Finding(each.subject, when.path, message, at or within, observed)
        if each.suspended:
            yield Finding(each.subject, each.suspended, "a suspended job never runs", False, True)
        if isinstance(each.subject, Object) and each.kind != "Velero Schedule":
            yield from _policy(each.subject, concurrency, starting_deadline_at_least)


def _timing(
    when: When, meant: tuple[str, str], within: str | None, zone_named: bool = False, controllers_clock: bool = False
) -> Iterator[tuple[str, object]]:
    if when.schedule is None:
        yield when.problem, when.text
        return
    if zone_named and when.schedule.time_zone is None:
        yield "says in no time zone when it runs: it is that of the controller, UTC as a rule", when.text
    at, zone = meant
    by_clock = controllers_clock and when.schedule.time_zone is None and when.schedule == Schedule.parse(at)
    if at and when.schedule != Schedule.parse(at, zone) and not by_clock:
        yield f"runs at other times than {at} in {zone}", _told(when)
    gap = longest(when.schedule)
    if gap is None:
        yield "never runs", when.text
    elif within is not None and gap > timedelta(seconds=float(duration.parse(within))):
        yield f"up to {told(gap)} pass between two runs", _told(when)


def _told(when: When) -> str:
    zone = when.schedule.time_zone if when.schedule is not None else None
    return when.text + (f" in {zone}" if zone and zone not in when.text else "")


def _policy(job: Object, concurrency: list[str] | None, deadline: str | None) -> Iterator[Finding]:
    policy = job.text("spec.concurrencyPolicy", "Allow")
    if concurrency is not None and policy not in concurrency:
        message = "a run that is late starts beside the one before"
        yield Finding(job, "spec.concurrencyPolicy", message, " or ".join(concurrency), policy)
    seconds = job.number("spec.startingDeadlineSeconds")
    if seconds is not None and (seconds < 10 or (deadline and seconds < duration.parse(deadline))):
        message = "a start that is a little late is skipped"
        yield Finding(job, "spec.startingDeadlineSeconds", message, deadline or "10s", seconds)


@check
def test_restore_tested(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    within: Annotated[str, duration.parse] = "8d",
    compares: bool = True,
    required: bool = True,
) -> Iterator[Said]:
    """Something restores a backup on a schedule, into another place than the one it came from, and compares.

    A restore that nobody looks at proves little: with `compares` the job has to count or compare afterwards,
    and to end with an error when it differs. `psql` without `ON_ERROR_STOP=1` ends with 0 whatever goes wrong.
    Unless it is `required`, nothing is asked where no job takes a copy.
    """
    yield from unjudged(inventory)
    found: list[Restore] = [
        each for each in restoring(inventory) if fnmatchcase(each.job.name, job) and (not data or each.data in data)
    ]
    if not found and (required or any(copies(each) for each in chosen(inventory, "*", data))):
        yield Finding(None, "", f"no job restores {' or '.join(data) if data else 'a backup'} to try it")
    elif not found:
        yield NotApplicable("no job takes a copy")
    for each in found:
        for when in each.job.when:
            for message, observed in _timing(when, ("", "UTC"), within):
                yield Finding(each.job.subject, when.path, message, within, observed)
        if each.job.suspended:
            yield Finding(each.job.subject, each.job.suspended, "a suspended job never runs", False, True)
        for message in each.problems(compares=compares):
            yield at_line(each.act.step, each.act.command.line, message)
