"""`plumbline schedules`: everything that runs at certain times, when, and what becomes of the copies that it takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from conformance import tree

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Location
    from conformance.scripts.jobs import Job, Step, When

Problem = tuple[str, "Location | None"]
_SHOWN_RUNS = 3


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "everything that runs at certain times: when, what it copies, where to, for how long"
    command = commands.add_parser("schedules", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    command.add_argument("--from", dest="moment", default="", metavar="TIME", help="of the next runs (default: now)")
    command.add_argument("--backups", action="store_true", help="only what takes or restores copies")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the jobs. 0; 1 where one has a problem or something cannot be read; 4 for wrong usage; 5 for no job."""
    from conformance.scripts.jobs import jobs, unread

    try:
        moment = _moment(options.moment)
        inventory = tree.read(options)
    except (ValueError, FileNotFoundError) as error:
        tree.say(str(error))
        return 4
    records = [_record(each, inventory, moment) for each in jobs(inventory)]
    for wrong in unread(inventory):
        tree.say(f"{wrong.subject.locate(wrong.error.path)}: {wrong.subject} is left out: {wrong.error}")
    if options.backups:
        records = [each for each in records if each["copies"] or each["restores"]]
    if options.format == "json":
        tree.write(tree.as_json({"jobs": records}))
    else:
        tree.write(_text(records))
    if inventory.rejected or unread(inventory) or any(each["problems"] for each in records):
        return 1
    return 0 if records else 5


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if text else datetime.now(UTC)
    except ValueError:
        raise ValueError(f"--from {text}: not a time such as 2026-11-21T18:00:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _record(job: Job, inventory: Inventory, moment: datetime) -> dict[str, Any]:
    from conformance.scripts.destination import kept, sends
    from conformance.scripts.dumps import dumps, restores
    from conformance.scripts.retention import keeping

    velero = job.kind == "Velero Schedule"
    problems = list(_problems(job))
    return {
        "kind": job.kind,
        "name": job.name,
        "namespace": getattr(job.subject, "namespace", None) or "",
        "schedules": [_when(each, moment) for each in job.when],
        "suspended": bool(job.suspended),
        "copies": ["velero"] if velero else list(dict.fromkeys(str(each) for each in dumps(job))),
        "restores": list(dict.fromkeys(str(each) for each in restores(job))),
        "sent_to": list(dict.fromkeys(each.target for each in sends(job))),
        "kept_on": list(dict.fromkeys(f"{each.target} ({each.source})" for each in kept(job))),
        "kept_for": [each.text for each in keeping(job, inventory)],
        "problems": [{"message": message, "location": where.record if where else None} for message, where in problems],
        "location": job.subject.locate(job.when[0].path if job.when else ()).record,
    }


def _when(when: When, moment: datetime) -> dict[str, Any]:
    from conformance.kube.cron_gap import longest, told

    if when.schedule is None:
        return {"schedule": when.text, "time_zone": "", "next": [], "longest_gap": "", "unreadable": when.problem}
    following, runs = moment, []
    for _ in range(_SHOWN_RUNS):
        found = when.schedule.next_after(following)
        if found is None:
            break
        following = found
        runs.append(found.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    gap = longest(when.schedule)
    return {
        "schedule": when.text,
        "time_zone": when.schedule.time_zone or "",
        "next": runs,
        "longest_gap": told(gap) if gap is not None else "never",
        "unreadable": "",
    }


def _problems(job: Job) -> Iterator[Problem]:
    from conformance.scripts.destination import elsewhere, kept, leaves, sends
    from conformance.scripts.dumps import dumps, restores, tries
    from conformance.scripts.failing import swallowed

    for when in job.when:
        where = job.subject.locate(when.path)
        if when.schedule is None:
            yield f"is no schedule: {when.problem}", where
        elif when.schedule.never_fires:
            yield "never runs", where
    if job.suspended:
        yield "is suspended", job.subject.locate(job.suspended)
    for act in (*dumps(job), *restores(job)):
        for message in swallowed(act.step, act.command, act.inner):
            yield f"{act.program}: {message}", _line(act.step, act.command.line)
    for send in sends(job):
        for message in swallowed(send.step, send.command):
            yield f"{send.command.name}: {message}", _line(send.step, send.command.line)
    for send, written in elsewhere(job):
        yield f"sends another volume than the one with {written.target}", _line(send.step, send.command.line)
    if any(kept(job)) and not leaves(job) and not tries(job):
        act = dumps(job)[0]
        yield "the copy never leaves the cluster or the host", _line(act.step, act.command.line)


def _line(step: Step, line: int) -> Location:
    return step.locate(line) or step.subject.locate(step.at(line))


def _text(records: Sequence[dict[str, Any]]) -> str:
    lines = []
    for each in records:
        where = each["location"]
        name = "/".join(part for part in (each["namespace"], each["name"]) if part)
        lines.append(f"{where['path']}:{where['line']}: {each['kind']} {name}")
        for when in each["schedules"]:
            zone = f" in {when['time_zone']}" if when["time_zone"] else " in the controller's zone, taken as UTC"
            lines.append(f"    runs: {when['schedule']}{zone}; next {', '.join(when['next'][:1]) or 'never'}")
            lines += [f"    longest gap: {when['longest_gap']}"] if when["longest_gap"] else []
        for key, word in (
            ("copies", "copies"),
            ("restores", "restores"),
            ("sent_to", "sent to"),
            ("kept_on", "kept on"),
        ):
            lines += [f"    {word}: {', '.join(each[key])}"] if each[key] else []
        lines += [f"    kept for: {text}" for text in each["kept_for"]]
        lines += [f"    problem: {_told(problem)}" for problem in each["problems"]]
    lines += ["", f"{len(records)} schedules, {sum(bool(each['problems']) for each in records)} with problems"]
    return "\n".join(lines) + "\n" if records else "nothing runs at certain times\n"


def _told(problem: dict[str, Any]) -> str:
    where = problem["location"]
    message = str(problem["message"])
    return f"{message} ({where['path']}:{where['line']})" if where and where["line"] else message
