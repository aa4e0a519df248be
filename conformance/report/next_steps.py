"""What to do after a run: a few commands and hints, the most urgent first. The same on terminals and in pages."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.report import wording
from conformance.report.record import Report

#: skip reasons shown when nothing was judged
REASONS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A command and what it is for, or advice without a command."""

    text: str
    command: str = ""


def steps(report: Report) -> Iterator[Step]:
    """The steps that this report calls for; when everything held, how to keep that."""
    if wording.nothing_judged(report):
        yield from _to_judge(report)
        return
    errors, failed = wording.of_outcome(report, "error"), wording.of_outcome(report, "failed")
    places = (wording.place(error["location"]) for each in errors for error in each["errors"])
    unread = next(filter(None, places), "")
    if unread:
        yield Step(f"Fix {unread} first: what cannot be read hides whatever stands in it.")
    # What no check judged, as the state of the waivers, can neither be explained nor run alone.
    worst = [each for each in (*failed, *errors, *wording.of_outcome(report, "warned")) if each["check"]]
    if worst:
        yield Step("what it asks, why, how to fix it, how to waive it", f"plumbline explain {worst[0]['id']}")
    if worst and (failed or errors):
        yield Step("judges only this one again", f"{_command(report)} -k {worst[0]['id']}")
    yield Step("all of it on one page; also sarif, junit, markdown", f"{_command(report)} --report html=plumbline.html")


def _to_judge(report: Report) -> Iterator[Step]:
    if not report["results"]:
        yield Step("No requirement was selected, so nothing was judged (exit code 5): does -k match the id of any?")
        yield Step("the ids of all requirements", "plumbline list")
        return
    paths = ", ".join(wording.plain(path) for path in wording.target_paths(report)) or "the target"
    yield Step(f"Nothing is known about {paths}: no requirement found anything to look at (exit code 5).")
    reasons = Counter(each["reason"] for each in report["results"] if each["reason"] and not wording.not_checked(each))
    for reason, number in reasons.most_common(REASONS):
        yield Step(f"- {wording.shortened(wording.prose(reason), 160)} ({wording.count(number, 'requirement')})")
    if not report["summary"]["objects"]:
        yield Step("No object was loaded at all: is this the right path?")
    yield Step("the requirements of every profile, to choose one with --profile", "plumbline list")


def _again(report: Report) -> list[str]:
    """The options that choose the same cluster and profiles."""
    target = {key: wording.plain(str(value)) for key, value in report["target"].items()}
    chosen = next((["--" + name, target[name]] for name in ("snapshot", "context") if target.get(name)), [])
    options = report["target"].get("options", [])
    said = [wording.plain(each) for each in options] if isinstance(options, list) else []
    return [shlex.quote(each) for each in [*chosen, *said]]


def _command(report: Report) -> str:
    """The command that judges the same target again."""
    if report["target"].get("kind") != "manifests":
        return " ".join(["plumbline audit", *_again(report)])
    paths = [shlex.quote(wording.plain(path)) for path in wording.target_paths(report)]
    options = report["target"].get("options", [])
    said = [shlex.quote(wording.plain(each)) for each in options] if isinstance(options, list) else []
    return " ".join(["plumbline check", *(paths if len(paths) <= 2 else ["PATH…"]), *said])
