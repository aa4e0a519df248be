"""What changed since the last audit: new findings, those that were fixed, and since when the rest have been failing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from conformance.report.record import FindingRecord, ResultRecord
from conformance.report.writers import replace
from conformance.settings import UsageError

VERSION = 1
FILE = "history.json"
_NUMBER = re.compile(r"\d[\d.,:]*")


@dataclass(frozen=True, slots=True)
class Known:
    """Something that fails: the requirement, the object and field, and when an audit first saw it."""

    requirement: str
    about: str
    since: str


@dataclass(frozen=True, slots=True)
class Changes:
    """`previous` is when the last audit was taken, empty for the first one."""

    previous: str
    new: tuple[Known, ...]
    fixed: tuple[Known, ...]
    still: tuple[Known, ...]
    unknown: tuple[Known, ...]

    def describe(self) -> dict[str, Any]:
        """For the report's `target`."""
        parts = {"new": self.new, "fixed": self.fixed, "still": self.still, "unknown": self.unknown}
        return {"previous": self.previous} | {name: [_raw(each) for each in found] for name, found in parts.items()}

    def lines(self) -> Iterable[str]:
        """For people."""
        if not self.previous:
            yield f"History: the first audit here; {len(self.new)} findings from now on"
            return
        unknown = f", {len(self.unknown)} not judged today" if self.unknown else ""
        counts = f"{len(self.new)} new, {len(self.fixed)} fixed, {len(self.still)} still failing{unknown}"
        yield f"Since {self.previous}: {counts}"
        for word, found in (("new", self.new), ("fixed", self.fixed), ("since", self.still)):
            for each in found:
                text = f"{word} {each.since}" if word == "since" else word
                yield f"  {text}  {each.requirement}  {each.about}"


def compare(folder: Path, results: Sequence[ResultRecord], taken: str, cluster: str) -> Changes:
    """What changed since the audit of the same cluster that the folder remembers.

    A finding is known by its requirement, object and field: messages tell ages and numbers, which change every day; of
    something that is missing altogether the message without its numbers has to do. One whose requirement could not be
    judged today (an error), or was not asked for, is neither fixed nor still there: it is kept as it was. Raises
    UsageError for a folder that remembers another cluster or nothing that can be read.
    """
    before = _read(folder, cluster)
    known = {(each.requirement, each.about): each for each in before[1]}
    now: dict[tuple[str, str], Known] = {}
    for each in results:
        for finding in each["findings"]:
            if not finding["waived"]:
                name = each["id"], _about(finding)
                now[name] = Known(*name, known[name].since if name in known else taken)
    judged = {each["id"] for each in results if not each["errors"] and each["outcome"] != "error"}
    gone = [each for name, each in known.items() if name not in now]
    return Changes(
        before[0],
        tuple(each for name, each in now.items() if name not in known),
        tuple(each for each in gone if each.requirement in judged),
        tuple(each for name, each in now.items() if name in known),
        tuple(each for each in gone if each.requirement not in judged),
    )


def remember(folder: Path, changes: Changes, taken: str, cluster: str) -> None:
    """Keep what fails now for the next audit. Raises OSError."""
    kept = [_raw(each) for each in (*changes.new, *changes.still, *changes.unknown)]
    content = {"version": VERSION, "cluster": cluster, "taken": taken, "findings": kept}
    replace(folder / FILE, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _read(folder: Path, cluster: str) -> tuple[str, list[Known]]:
    if not folder.is_dir():
        raise UsageError(f"--history {folder}: there is no such folder")
    file = folder / FILE
    if not file.exists():
        return "", []
    try:
        raw = orjson.loads(file.read_bytes())
        if raw["version"] != VERSION:
            raise UsageError(f"--history {file}: of version {raw['version']}; this plumbline reads version {VERSION}")
        found = [Known(e["requirement"], e["about"], e["since"]) for e in raw["findings"]]
        before, taken = str(raw["cluster"]), str(raw["taken"])
    except (orjson.JSONDecodeError, KeyError, TypeError, OSError):
        raise UsageError(f"--history {file}: this is no history of audits; move it away to begin anew") from None
    if before != cluster:
        raise UsageError(f"--history {folder}: it remembers {before}, not {cluster}; use a folder for each cluster")
    return taken, found


def _about(finding: FindingRecord) -> str:
    thing = finding["object"]
    if thing is None:
        return _NUMBER.sub("…", finding["message"])
    name = "/".join(each for each in (thing["kind"], thing["namespace"], thing["name"]) if each)
    return f"{name} {finding['field']}".rstrip()


def _raw(known: Known) -> dict[str, str]:
    return {"requirement": known.requirement, "about": known.about, "since": known.since}
