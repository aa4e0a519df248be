"""How long copies are kept: Velero's `ttl`, the `find -mtime` of a script, the lifecycle rules of a bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.duration import DurationError, parse_go
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, Location, Node, Object, TextFile
from conformance.kube.path import Path
from conformance.scripts.jobs import Job

DAY = 86400.0
_AGE = re.compile(r"\+(\d+)\Z")
#: options by which programs delete what is old
_OPTIONS = {"--keep-within": "restic", "--min-age": "rclone", "--older-than": "mc"}


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long copies are kept, in seconds; None with the problem where the text says no time."""

    subject: Document | TextFile
    path: Path
    seconds: float | None
    text: str
    problem: str = ""
    location: Location | None = None


def keeping(job: Job, inventory: Inventory, lifecycle: str = "") -> Iterator[Keeping]:
    """Every statement in a job, and in the lifecycle files of a glob, about how long copies are kept."""
    if job.kind == "Velero Schedule" and isinstance(job.subject, Object):
        yield _ttl(job.subject)
    for step, command in job.commands:
        where = (step.subject, step.at(command.line))
        if command.name == "find" and ("-delete" in command.words or "rm" in command.words):
            for option, unit in (("-mtime", DAY), ("-mmin", 60.0)):
                age = command.option(option)
                if age:
                    found = _AGE.match(age)
                    seconds = int(found.group(1)) * unit if found else None
                    problem = "" if found else f"{option} {age} names no age that is known here"
                    yield Keeping(*where, seconds, f"{option} {age}", problem, step.locate(command.line))
        for option, program in _OPTIONS.items():
            value = command.option(option) if command.name == program else ""
            if value:
                seconds = _days(value)
                problem = "" if seconds is not None else f"{option} {value} names no age that is known here"
                yield Keeping(*where, seconds, f"{option} {value}", problem, step.locate(command.line))
    if lifecycle:
        for document in inventory.select_documents(Match(paths=(lifecycle,))):
            yield from _lifecycle(document)


def _ttl(schedule: Object) -> Keeping:
    """An absent `ttl` is the server's default, 720h0m0s."""
    text = schedule.get("spec.template.ttl")
    path: Path = ("spec", "template", "ttl")
    if text is None:
        return Keeping(schedule, path, 30 * DAY, "the server's default")
    try:
        return Keeping(schedule, path, float(parse_go(text)), str(text))
    except DurationError as error:
        return Keeping(schedule, path, None, str(text), str(error))


def _days(text: str) -> float | None:
    found = re.fullmatch(r"(\d+)(s|m|h|d|w|M|y)?", text)
    if found is None:
        return None
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0, "w": 7 * DAY, "M": 30 * DAY, "y": 365 * DAY}.get(
        found.group(2) or "d", DAY
    )
    return int(found.group(1)) * unit


def _lifecycle(document: Document) -> Iterator[Keeping]:
    """Rules of https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html that are enabled."""
    for rule in Node(document.raw).sequence("Rules") if isinstance(document.raw, dict) else ():
        days = rule.get("Expiration.Days")
        if rule.get("Status") == "Enabled" and isinstance(days, int) and not isinstance(days, bool):
            yield Keeping(document, (*rule.path, "Expiration", "Days"), days * DAY, f"{days} days")
