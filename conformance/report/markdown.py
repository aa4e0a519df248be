"""A summary for a job or a merge request: what failed is open to see, the details fold away.

GitHub shows a step summary of at most 1 MiB and drops larger ones with an error, so the rest is cut with a notice.
Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.report import wording
from conformance.report.markdown_text import code, in_html, inline
from conformance.report.next_steps import steps
from conformance.report.record import ErrorRecord, FindingRecord, Report, ResultRecord

#: bytes that GitHub accepts, and what is kept back for the notice
MAXIMUM = 1024 * 1024
_NOTICE = 1024
#: rows of one requirement
ROWS = 100
_LIMIT = 160
_WORDS = {
    "error": "could not be judged",
    "failed": "failed",
    "warned": "only warned",
    "waived": "waived",
    "skipped": "skipped",
    "passed": "passed",
}
_SIGNS = {"error": "⛔", "failed": "❌", "warned": "⚠️", "waived": "🟦", "skipped": "⚪", "passed": "✅"}


def write(report: Report) -> bytes:
    """GitHub-flavoured Markdown of at most MAXIMUM bytes, the worst first, the cut announced."""
    size, kept, left = _NOTICE, [], 0
    for part in _parts(report):
        content = part.encode("utf-8", "backslashreplace")
        if left or size + len(content) > MAXIMUM:
            left += 1
            continue
        size += len(content)
        kept.append(content)
    if left:
        kept.append(
            f"\n> **Cut:** a summary holds at most 1 MiB; the {wording.count(left, 'least urgent requirement')} with "
            "findings are left out. The json, html and sarif reports have all of them.\n".encode()
        )
    return b"".join(kept)


def _parts(report: Report) -> Iterator[str]:
    """The head, then one part for each requirement: what the limit may cut off."""
    yield _head(report)
    for outcome in ("error", "failed", "warned", "waived"):
        heading = f"\n### {_SIGNS[outcome]} {_WORDS[outcome].capitalize()}\n"
        for result in wording.of_outcome(report, outcome):
            yield heading + _details(result)
            heading = ""


def _head(report: Report) -> str:
    summary = report["summary"]
    lines = [f"## {_verdict(report)}", ""]
    paths = ", ".join(code(path) for path in wording.target_paths(report)) or inline(wording.cluster(report))
    lines += [
        f"{wording.count(summary['objects'], 'object')}{' in ' + paths if paths else ''}, "
        f"{wording.count(len(report['results']), 'requirement')}, {summary['seconds']:.1f} s, "
        f"{inline(report['tool']['name'])} {inline(report['tool']['version'])}",
        "",
        "| Outcome | Requirements |",
        "|---|---:|",
    ]
    lines += [f"| {_SIGNS[outcome]} {_WORDS[outcome]} | {number:,} |" for outcome, number in wording.counts(report)]
    unchecked = sum(wording.not_checked(each) for each in report["results"])
    if unchecked:
        lines += ["", f"Not checked by anything yet: {unchecked:,} of the skipped."]
    todo = [f"- {code(each.command) + ': ' if each.command else ''}{inline(each.text)}" for each in steps(report)]
    return "\n".join([*lines, *(["", "**Next**", "", *todo] if todo else [])]) + "\n"


def _verdict(report: Report) -> str:
    summary = report["summary"]
    if wording.nothing_judged(report):
        return f"{_SIGNS['error']} plumbline: nothing was judged"
    parts = [f"{summary['failed']:,} failed"] if summary["failed"] else []
    parts += [f"{summary['error']:,} could not be judged"] if summary["error"] else []
    if parts:
        return f"{_SIGNS['failed']} plumbline: {', '.join(parts)}"
    if summary["warned"]:
        return f"{_SIGNS['warned']} plumbline: everything binding held, {summary['warned']:,} warned"
    return f"{_SIGNS['passed']} plumbline: everything judged held"


def _details(result: ResultRecord) -> str:
    findings, errors = wording.standing(result), result["errors"]
    number = wording.count(len(findings), "finding") if findings else ""
    unread = wording.count(len(errors), "error") if errors else ""
    parts = (in_html(result["title"]), ", ".join(part for part in (unread, number) if part))
    name = f"<b>{in_html(result['severity'])}</b> <code>{in_html(wording.label(result))}</code>"
    summary = f"{name} {' — '.join(filter(None, parts))}"
    lines = ["", f"<details><summary>{summary}</summary>", "", inline(result["statement"]), ""]
    lines += _table(result)
    quoted = f": “{inline(result['source']['quote'])}”" if result["source"]["quote"] else ""
    lines += [f"**Fix:** {inline(result['remediation'])}", ""]
    lines += [f"**Source:** {inline(wording.source_text(result['source']))}{quoted}", "", "</details>", ""]
    return "\n".join(lines)


def _table(result: ResultRecord) -> Iterator[str]:
    number = len(result["errors"]) + len(result["findings"])
    if not number:
        return
    rows = [_row(each, each["field"], each["reason"], ("", ""), "") for each in result["errors"][:ROWS]]
    rows += [
        _row(each, each["field"], each["message"], (each["expected"], each["observed"]), each["waived"])
        for each in result["findings"][: ROWS - len(rows)]
    ]
    yield "| Where | Object | Field | What | Expected | Observed |"
    yield "|---|---|---|---|---|---|"
    yield from rows
    yield ""
    if number > len(rows):
        yield f"… and {number - len(rows):,} more; the json, html and sarif reports have all of them."
        yield ""


def _row(said: FindingRecord | ErrorRecord, field: str, text: str, values: tuple[str, str], waived: str) -> str:
    origin = wording.via(said["location"])
    cells = [
        code(wording.place(said["location"])) + (f" {inline(origin)}" if origin else ""),
        code(wording.object_name(said["object"])),
        code(field),
        inline(wording.shortened(wording.prose(text), _LIMIT * 2)) + (f" (waived: {inline(waived)})" if waived else ""),
        *(code(wording.shortened(wording.plain(value), _LIMIT)) for value in values),
    ]
    return "| " + " | ".join(cells) + " |"
