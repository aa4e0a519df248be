"""Backup jobs by what they do: when they run, what they copy, whether failures show, where copies go, how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration
from conformance.kube.cron import Schedule
from conformance.kube.cron_gap import longest, told
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.scripts.destination import data_claims, elsewhere, encrypted, kept, leaves, sends, whose
from conformance.scripts.dumps import Act, dumps, tries
from conformance.scripts.failing import dash_pipefail, swallowed
from conformance.scripts.jobs import Job, Step, When, jobs, unread
from conformance.scripts.retention import Keeping, keeping
from conformance.scripts.trial_restore import Restore, restoring

NO_JOB = "no such job"


def chosen(inventory: Inventory, job: str, data: list[str] | None) -> list[Job]:
    """The jobs of a name (glob), or those that copy such data; a Velero Schedule copies `velero`."""
    return [
        each
        for each in jobs(inventory)
        if fnmatchcase(each.name, job) and (not data or any(name in data for name in copies(each)))
    ]


def _unread(inventory: Inventory) -> Iterator[Unjudged]:
    return (Unjudged(each.subject, each.error.path, str(each.error)) for each in unread(inventory))


def copies(job: Job) -> list[str]:
    """What kinds of data a job backs up."""
    if job.kind == "Velero Schedule":
        return ["velero"]
    return [] if tries(job) else [act.data for act in dumps(job)]


def _said(step: Step, line: int, message: str, expected: object = None, observed: object = None) -> Finding:
    """A finding at a line of what a job runs."""
    return Finding(step.subject, step.at(line), message, expected, observed, location=step.locate(line))


@check
def test_backup_schedule(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    at: str = "",
    time_zone: str = "UTC",
    within: Annotated[str, duration.parse] | None = None,
    zone_named: bool = False,
    concurrency: list[str] | None = None,
    starting_deadline_at_least: Annotated[str, duration.parse] | None = None,
    required: bool = True,
) -> Iterator[Said]:
    """A backup runs at the documented time of the documented zone, often enough, and is not suspended.

    `at` is a schedule in `time_zone`; schedules are compared by when they fire. `within` is the longest real time that
    may pass between two runs, days of summer time included. A CronJob without `timeZone`, a Velero Schedule without
    `CRON_TZ=` and a crontab are read in UTC; `zone_named` asks for an explicit one. A start missed by more than
    `startingDeadlineSeconds` is skipped, below ten seconds every one may be.
    https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
    """
    yield from _unread(inventory)
    found = chosen(inventory, job, data)
    if not found:
        missing = Finding(None, "", f"no job {'that copies ' + ' or '.join(data) if data else job} is scheduled")
        yield missing if required else NotApplicable(NO_JOB)
    for each in found:
        for when in each.when:
            for message, observed in _timing(when, at, time_zone, within, zone_named):
                yield Finding(each.subject, when.path, message, at or within, observed)
        if each.suspended:
            yield Finding(each.subject, each.suspended, "a suspended job never runs", False, True)
        if isinstance(each.subject, Object) and each.kind != "Velero Schedule":
            yield from _policy(each.subject, concurrency, starting_deadline_at_least)


def _timing(when: When, at: str, zone: str, within: str | None, zone_named: bool) -> Iterator[tuple[str, object]]:
    if when.schedule is None:
        yield when.problem, when.text
        return
    if zone_named and when.schedule.time_zone is None:
        yield "says in no time zone when it runs: it is that of the controller, UTC as a rule", when.text
    if at and when.schedule != Schedule.parse(at, zone):
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
def test_backup_dumps(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    programs: list[str] | None = None,
    options: list[str] | None = None,
) -> Iterator[Said]:
    """A backup job really copies data: by a command that takes a dump, not one that prints a status.

    `data` are kinds (postgresql, mysql, redis, etcd, vault, velero …), `programs` the ones that may take it, `options`
    words that each dump needs. `pg_dump --schema-only` and `--help` copy nothing.
    """
    yield from _unread(inventory)
    found = chosen(inventory, job, None)
    if not found:
        yield NotApplicable(NO_JOB)
    for each in found:
        if each.kind == "Velero Schedule" and (not data or "velero" in data):
            continue
        taken = [a for a in dumps(each) if (not data or a.data in data) and (not programs or a.program in programs)]
        if not taken:
            wanted = " or ".join(programs or data or ["a dump"])
            subject, path = (each.steps[0].subject, each.steps[0].at()) if each.steps else (each.subject, ())
            yield Finding(subject, path, "copies no data: nothing in it takes a dump", wanted, _programs(each))
        for act in taken:
            for option in options or ():
                words = act.command.text.split() if act.inner is None else act.inner.text.split()
                if option not in words:
                    yield _said(act.step, act.command.line, f"{act.program} runs without {option}", option)


def _programs(job: Job) -> str:
    return ", ".join(dict.fromkeys(command.name for _, command in job.commands if command.name)) or None  # type: ignore[return-value]


@check
def test_backup_fails_loudly(inventory: Inventory, *, job: str = "*", data: list[str] | None = None) -> Iterator[Said]:
    """A dump or an upload that fails makes the job fail, so that somebody hears of it.

    `pg_dump | gzip > FILE` ends with gzip's status unless `pipefail` is set, and leaves a valid archive of nothing.
    `|| true`, a `;` without `set -e` and a condition that nobody acts on do the same. A dump whose end is looked for
    (`grep 'Dump completed'`) is sure without `pipefail`.
    """
    yield from _unread(inventory)
    judged = False
    for each in chosen(inventory, job, data):
        for act in dumps(each):
            judged = True
            for message in swallowed(act.step, act.command, act.inner):
                yield _said(act.step, act.command.line, f"{act.program}: {message}", "set -euo pipefail")
            if dash_pipefail(act.step):
                message = "this image's sh is dash, which stops at `set -o pipefail`: run it with bash"
                yield _said(act.step, act.command.line, message, "bash", act.step.reader)
        for send in sends(each):
            judged = True
            for message in swallowed(send.step, send.command):
                yield _said(send.step, send.command.line, f"{send.command.name}: {message}", "set -euo pipefail")
    if not judged:
        yield NotApplicable("no job takes a dump")


@check
def test_backup_leaves_volume(
    inventory: Inventory, *, job: str = "*", data: list[str] | None = None, outside: bool = True, target: str = ""
) -> Iterator[Said]:
    """A copy does not stay where the data is: it is sent away, or at least lies on another claim than the data.

    With `outside` it has to leave the cluster: an upload, or a dump that goes to a store by itself. `target` is a glob
    over where to. What is sent has to be the volume that the dump was written to: two containers may mount different
    ones at the same path. A copy in an emptyDir or in the container is gone with the pod.
    """
    yield from _unread(inventory)
    claims = data_claims(inventory)
    judged = False
    for each in chosen(inventory, job, data):
        if not copies(each) or each.kind == "Velero Schedule":
            continue
        judged = True
        for send, written in elsewhere(each):
            message = f"sends another volume than the one with {written.target}"
            yield _said(send.step, send.command.line, message, written.mount and written.mount.text("name"))
        named = [send.target for send in sends(each)]
        if leaves(each):
            if target and not any(fnmatchcase(name, target) for name in named):
                first = sends(each)[0] if named else None
                if first is not None:
                    yield _said(first.step, first.command.line, "sends the copy to another place", target, first.target)
                else:
                    yield Finding(each.subject, each.when[0].path, "sends the copy to no such place", target)
            continue
        yield from _staying(each, claims, outside)
    if not judged:
        yield NotApplicable("no job takes a dump")


def _staying(job: Job, claims: dict[tuple[str | None, str], str], outside: bool) -> Iterator[Finding]:
    written = list(kept(job))
    namespace = job.subject.namespace if isinstance(job.subject, Object) else None
    for each in written:
        claim = each.mount.volume.claim if each.mount and each.mount.volume else ""
        owner = whose(namespace, claim, claims) if claim else ""
        if owner:
            message = f"the copy lies on the very claim of the data, {claim} of {owner}"
            yield Finding(job.subject, each.path, message, "another place", claim)
        elif not claim:
            yield _said(
                each.act.step, each.act.command.line, f"the copy stays on {each.source}", "a place off the cluster"
            )
        elif outside:
            yield Finding(
                job.subject, each.path, "the copy never leaves the cluster", "an upload", claim or each.source
            )
    if not written:
        acts: list[Act] = dumps(job)
        for act in acts:
            yield _said(act.step, act.command.line, f"nothing keeps what {act.program} prints", "a file or an upload")


@check
def test_backup_encrypts(
    inventory: Inventory, *, job: str = "*", data: list[str] | None = None, server_side: bool = True
) -> Iterator[Said]:
    """A job that copies data encrypts it: gpg, age, openssl, restic, or with `server_side` the bucket's own encryption.

    Compression is no encryption. Whether a bucket encrypts by default only the bucket tells.
    """
    yield from _unread(inventory)
    found = [each for each in chosen(inventory, job, data) if dumps(each)]
    if not found:
        yield NotApplicable("no job takes a dump")
    for each in found:
        if not encrypted(each, server_side=server_side):
            act = dumps(each)[0]
            yield _said(act.step, act.command.line, "the copy is stored unencrypted", "gpg, age or --sse")


@check
def test_backup_retained(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    exactly: Annotated[str, duration.parse] | None = None,
    at_least: Annotated[str, duration.parse] | None = None,
    lifecycle: str = "",
) -> Iterator[Said]:
    """Copies are kept for the documented time, and then deleted: by `ttl`, by the script, or by the bucket's rules.

    `find -mtime +30` deletes what is older than 31 days, which counts as 30 here, as everybody means it. A Velero
    Schedule without `ttl` takes the server's, 30 days unless told otherwise. `lifecycle` is a glob over files with
    a bucket's lifecycle rules.
    """
    yield from _unread(inventory)
    found = chosen(inventory, job, data)
    said: list[Keeping] = [kept_for for each in found for kept_for in keeping(each, inventory, lifecycle)]
    if not found:
        yield NotApplicable(NO_JOB)
    elif not said:
        subject, path = found[0].subject, found[0].when[0].path
        yield Finding(subject, path, "nothing says how long copies are kept", exactly or at_least)
    for each in said:
        seconds = each.seconds
        if seconds is None:
            yield Finding(each.subject, each.path, each.problem, exactly or at_least, each.text, location=each.location)
        elif (exactly is not None and seconds != float(duration.parse(exactly))) or (
            at_least is not None and seconds < float(duration.parse(at_least))
        ):
            message = "keeps copies for another time" if exactly else "deletes copies too early"
            yield Finding(each.subject, each.path, message, exactly or at_least, each.text, location=each.location)


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
    yield from _unread(inventory)
    found: list[Restore] = [
        each for each in restoring(inventory) if fnmatchcase(each.job.name, job) and (not data or each.data in data)
    ]
    if not found and (required or any(copies(each) for each in chosen(inventory, "*", data))):
        yield Finding(None, "", f"no job restores {' or '.join(data) if data else 'a backup'} to try it")
    elif not found:
        yield NotApplicable("no job takes a copy")
    for each in found:
        for when in each.job.when:
            for message, observed in _timing(when, "", "UTC", within, False):
                yield Finding(each.job.subject, when.path, message, within, observed)
        if each.job.suspended:
            yield Finding(each.job.subject, each.job.suspended, "a suspended job never runs", False, True)
        for message in each.problems(compares=compares):
            yield _said(each.act.step, each.act.command.line, message)


__all__ = ["chosen", "copies"]
