"""The backup jobs of a tree, and how findings name the line of what such a job runs."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.scripts.dumps import dumps, tries
from conformance.scripts.jobs import Job, Step, jobs, unread


def chosen(inventory: Inventory, job: str, data: list[str] | None) -> list[Job]:
    """The jobs of a name (glob), or those that copy such data; a Velero Schedule copies `velero`."""
    return [
        each
        for each in jobs(inventory)
        if fnmatchcase(each.name, job) and (not data or any(name in data for name in copies(each)))
    ]


def copies(job: Job) -> list[str]:
    """What kinds of data a job backs up; what it copies only to try a restore is no backup."""
    if job.kind == "Velero Schedule":
        return ["velero"]
    return [] if tries(job) else [act.data for act in dumps(job)]


def unjudged(inventory: Inventory) -> Iterator[Unjudged]:
    """What should run at certain times and cannot be read."""
    return (Unjudged(each.subject, each.error.path, str(each.error)) for each in unread(inventory))


def at_line(step: Step, line: int, message: str, expected: object = None, observed: object = None) -> Finding:
    """A finding at a line of what a job runs."""
    return Finding(step.subject, step.at(line), message, expected, observed, location=step.locate(line))
