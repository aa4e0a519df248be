"""What every writer says in the same words: order, places, names, sentences. Outcomes are read here, never decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from conformance.finding import SEVERITIES
from conformance.report.record import (
    ErrorRecord,
    FindingRecord,
    LocationRecord,
    ObjectRecord,
    Report,
    ResultRecord,
    SourceRecord,
)
from conformance.settings import OWN_PROFILE

#: worst news first; the words of `Outcome`
OUTCOMES = ("error", "failed", "warned", "waived", "skipped", "passed")

#: Characters that no text file, terminal or XML document may be trusted with: C0 and C1 controls (a manifest could
#: recolour or clear the terminal), line and paragraph separators, bidirectional overrides (they show a line in another
#: order than it is read), lone surrogates (file names that are no UTF-8) and non-characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")


def plain(text: str) -> str:
    """A foreign value on one line, with unsafe characters spelled as YAML would: `\\n`, `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def prose(text: str) -> str:
    """A sentence on one line: line breaks become spaces, other unsafe characters are spelled out."""
    return plain(_LINE_BREAK.sub(" ", text.strip()))


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, the cut visible; 0 means no limit."""
    return text if not limit or len(text) <= limit else text[: limit - 1].rstrip() + "…"


def count(number: int, noun: str) -> str:
    """`1 finding`, `1,200 findings`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def place(location: LocationRecord | None) -> str:
    """`path:line:column`, as editors and CI logs link it; the path alone where the line is not certain."""
    if location is None:
        return ""
    path = plain(location["path"])
    if not location["line"]:
        return path
    return f"{path}:{location['line']}:{location['column']}" if location["column"] else f"{path}:{location['line']}"


def via(location: LocationRecord | None) -> str:
    """What rendered the object, when that is not the file itself: `rendered by overlays/prod`."""
    return plain(location.get("via", "")) if location else ""


def object_name(who: ObjectRecord | None) -> str:
    """`Kind namespace/name`; nothing for files and missing things."""
    if who is None:
        return ""
    namespace = f"{who['namespace']}/" if who["namespace"] else ""
    return plain(f"{who['kind']} {namespace}{who['name']}")


def sentence(finding: FindingRecord, limit: int = 0) -> str:
    """`field: message (expected …, observed …)`, the values cut to `limit` characters each.

    A value that the message names already is not said twice.
    """
    said = prose(finding["message"])
    values = [
        f"{name} {shortened(plain(value), limit)}"
        for name, value in (("expected", finding["expected"]), ("observed", finding["observed"]))
        if value and not _says(finding["message"], value)
    ]
    field = f"{plain(finding['field'])}: " if finding["field"] else ""
    return shortened(field + said, limit * 4) + (f" ({', '.join(values)})" if values else "")


def _says(message: str, value: str) -> bool:
    """Whether a message holds a value as words of its own; `[a, b]` counts when it names every part."""
    if value == "absent":
        return "is missing" in message
    parts = value[1:-1].split(", ") if value.startswith("[") and value.endswith("]") else [value]
    return all(part and re.search(rf"(?<![\w.-]){re.escape(part)}(?![\w-])", message) for part in parts)


def error_sentence(error: ErrorRecord, limit: int = 0) -> str:
    """`field: reason`; a reason that begins with the field stands alone."""
    field, reason = plain(error["field"]), prose(error["reason"])
    lead = f"{field}: " if field and not reason.startswith(f"{field} ") else ""
    return shortened(lead + reason, limit * 4)


def source_text(source: SourceRecord) -> str:
    """`document, section, lines 11-20`."""
    several = "-" in source["lines"] or "," in source["lines"]
    lines = f"{'lines' if several else 'line'} {source['lines']}"
    parts = (source["document"], source["section"], lines if source["lines"] else "")
    return plain(", ".join(part for part in parts if part))


def label(result: ResultRecord) -> str:
    """The requirement's id, with the target when the run judged several."""
    target = result.get("target", "")
    return f"{result['id']}@{plain(target)}" if target else result["id"]


def severity_rank(severity: str) -> int:
    """0 is the worst; an unknown word comes last."""
    return len(SEVERITIES) - 1 - SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def worst_first(results: Iterable[ResultRecord]) -> list[ResultRecord]:
    """By severity, then id, then target."""
    return sorted(results, key=lambda each: (severity_rank(each["severity"]), each["id"], each.get("target", "")))


def of_outcome(report: Report, outcome: str) -> list[ResultRecord]:
    """The results with one outcome, worst first."""
    return worst_first(each for each in report["results"] if each["outcome"] == outcome)


def standing(result: ResultRecord) -> list[FindingRecord]:
    """The findings that no waiver covers."""
    return [each for each in result["findings"] if not each["waived"]]


def not_checked(result: ResultRecord) -> bool:
    """Whether nothing judges this requirement yet, as opposed to a check that found nothing to look at."""
    return result["outcome"] == "skipped" and not result["check"]


def nothing_judged(report: Report) -> bool:
    """Whether the run says nothing at all about the selected profiles (exit code 5).

    That files could be read is no evidence that anything was judged, so the profile `sources` alone does not count.
    """
    if report["summary"]["failed"] or report["summary"]["error"]:
        return False
    return not any(each["evaluated"] for each in report["results"] if each["profile"] != OWN_PROFILE)


def target_paths(report: Report) -> list[str]:
    """The paths that were judged; empty for a cluster."""
    paths = report["target"].get("paths", [])
    return [str(each) for each in paths] if isinstance(paths, list) else []


def cluster(report: Report) -> str:
    """Which cluster was judged, as whom and when; empty for manifests."""
    target = {key: plain(str(value)) for key, value in report["target"].items()}
    if target.get("kind") != "cluster":
        return ""
    words = [f"cluster {target.get('context', '?')}", target.get("server", "")]
    words += [f"as {target['user']}"] if target.get("user") else []
    words += [f"Kubernetes {target['version']}"] if target.get("version") else []
    words += [f"at {target['taken']}"] if target.get("taken") else []
    words += [f"from the snapshot {target['snapshot']}"] if target.get("snapshot") else []
    return ", ".join(each for each in words if each)


def some_path(location: LocationRecord | None, who: ObjectRecord | None, report: Report) -> str:
    """A path for formats that demand one: the file, else what was judged, else `cluster/Kind/namespace/name`.

    Not escaped: it must be the file's real name.
    """
    if location is not None:
        return location["path"]
    home = next(iter(target_paths(report)), "")
    if home or who is None:
        return home or "."
    return "/".join(part for part in ("cluster", who["kind"], who["namespace"], who["name"]) if part)


def counts(report: Report) -> Iterator[tuple[str, int]]:
    """(word, number) of every outcome that occurred, worst first."""
    numbers = {key: value for key, value in report["summary"].items() if isinstance(value, int)}
    for outcome in OUTCOMES:
        if numbers[outcome]:
            yield outcome, numbers[outcome]
