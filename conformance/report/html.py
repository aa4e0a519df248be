"""One page to read, filter, print and pass on: no request leaves it, and it reads without JavaScript.

Everything foreign is escaped, and a content security policy lets only our own style and script run, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

from conformance.report import wording
from conformance.report.next_steps import steps
from conformance.report.record import ErrorRecord, FindingRecord, Report, ResultRecord

#: rows of one requirement; a browser becomes slow far above that
ROWS = 1000
_LIMIT = 400
_KEYWORD = re.compile(r"\b(MUST|SHOULD|MAY)( NOT)?\b")
_TITLES = {
    "error": ("Not all judged", "Something cannot be read or evaluated, so nobody knows whether these hold."),
    "failed": ("Failed", "These do not hold, and they are binding."),
    "warned": ("Warned", "These do not hold, but they are advice, or less severe than this run asks for."),
    "waived": ("Waived", "These do not hold; somebody has accepted that until a day."),
    "skipped": ("Skipped", "Nothing was judged here, for the reason given."),
    "passed": ("Held", "Judged, and found to hold."),
}


def write(report: Report) -> bytes:
    """A complete HTML document in UTF-8."""
    return "\n".join(_document(report)).encode("utf-8", "backslashreplace")


def _document(report: Report) -> Iterator[str]:
    style, script = _asset("page.css"), _asset("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'"
    verdict, kind = _verdict(report)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{escape(verdict)} · plumbline</title>\n<style>{style}</style>\n</head>\n<body>"
    yield from _header(report, verdict, kind)
    yield "<main>"
    yield from _next(report)
    yield _FILTER
    for outcome in wording.OUTCOMES:
        yield from _section(outcome, wording.of_outcome(report, outcome))
    yield '<p id="nothing" hidden>Nothing matches this filter.</p>\n</main>'
    yield f"<footer>{escape(report['tool']['name'])} {escape(report['tool']['version'])}</footer>"
    yield f"<script>{script}</script>\n</body>\n</html>\n"


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _verdict(report: Report) -> tuple[str, str]:
    summary = report["summary"]
    if wording.nothing_judged(report):
        return "Nothing was judged", "error"
    parts = [f"{wording.count(summary['failed'], 'requirement')} failed"] if summary["failed"] else []
    parts += [f"{summary['error']:,} could not be judged"] if summary["error"] else []
    if parts:
        return ", ".join(parts), "failed" if summary["failed"] else "error"
    if summary["warned"]:
        return f"Everything binding held, {wording.count(summary['warned'], 'warning')}", "warned"
    return "Everything judged held", "passed"


def _header(report: Report, verdict: str, kind: str) -> Iterator[str]:
    summary = report["summary"]
    paths = ", ".join(f"<code>{_text(path)}</code>" for path in wording.target_paths(report))
    paths = paths or _text(wording.cluster(report))
    facts = [
        wording.count(summary["objects"], "object") + (f" in {paths}" if paths else ""),
        wording.count(len(report["results"]), "requirement"),
        f"{summary['seconds']:.1f} s",
    ]
    yield f'<header class="{kind}">\n<h1>{escape(verdict)}</h1>\n<p>{" · ".join(facts)}</p>'
    yield _bar(report)
    yield '<ul class="counts">'
    for outcome, number in wording.counts(report):
        title = _TITLES[outcome][0].lower()
        yield f'<li class="{outcome}"><a href="#{outcome}"><b>{number:,}</b> {title}</a></li>'
    yield "</ul>\n</header>"


def _bar(report: Report) -> str:
    """Outcomes in proportion; the numbers stand beside it in words, so it is decoration to a screen reader."""
    total, at, parts = len(report["results"]) or 1, 0.0, []
    for outcome, number in wording.counts(report):
        width = 1000 * number / total
        parts.append(f'<rect class="{outcome}" x="{at:.1f}" width="{width:.1f}" height="8"/>')
        at += width
    shapes = "".join(parts)
    return f'<svg viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">{shapes}</svg>'


def _next(report: Report) -> Iterator[str]:
    todo = [each for each in steps(report) if "--report" not in each.command]
    if todo:
        yield '<section class="next" aria-labelledby="next">\n<h2 id="next">What to do next</h2>\n<ul>'
        for each in todo:
            command = f"<code>{_text(each.command)}</code> " if each.command else ""
            yield f"<li>{command}{_text(each.text.removeprefix('- '))}</li>"
        yield "</ul>\n</section>"


_FILTER = """<form id="filter" role="search" aria-label="Filter requirements" hidden>
<label>Find <input type="search" name="text" placeholder="id, object, file, message" autocomplete="off"></label>
<label>Severity <select name="severity"><option value="">all</option>
<option value="critical">critical</option><option value="critical high">high and worse</option>
<option value="critical high medium">medium and worse</option></select></label>
<button type="button" name="open">Open all</button> <button type="button" name="close">Close all</button>
<output name="matches" aria-live="polite"></output>
</form>"""


def _section(outcome: str, results: list[ResultRecord]) -> Iterator[str]:
    if not results:
        return
    title, meaning = _TITLES[outcome]
    yield f'<section class="{outcome}" aria-labelledby="{outcome}">'
    yield f'<h2 id="{outcome}">{title} <span class="number">{len(results):,}</span></h2>'
    yield f'<p class="meaning">{meaning}</p>'
    for result in results:
        yield from _card(result)
    yield "</section>"


_COLUMNS = ("Where", "Object", "What", "Expected", "Observed")


def _card(result: ResultRecord) -> Iterator[str]:
    is_open = " open" if result["outcome"] in ("error", "failed") else ""
    severity, name = _text(result["severity"]), _text(wording.label(result))
    yield f'<details class="card" id="{name}" data-severity="{severity}"{is_open}>'
    yield (
        f'<summary><span class="severity {severity}">{severity}</span>'
        f' <span class="title">{_text(result["title"])}</span>'
        f' <code class="id">{name}</code> <span class="number">{_text(_amount(result))}</span></summary>'
    )
    statement = _KEYWORD.sub(r"<b>\g<0></b>", _text(result["statement"]))
    yield f'<p class="statement">{statement}</p>'
    if result["reason"]:
        yield f"<p>{_text(result['reason'])}</p>"
    yield from _table(result)
    yield "<dl>"
    if result["outcome"] != "passed":
        yield f"<dt>Fix</dt><dd>{_text(result['remediation'])}</dd>"
    quoted = f"<blockquote>{_text(result['source']['quote'])}</blockquote>" if result["source"]["quote"] else ""
    yield f"<dt>Source</dt><dd>{escape(wording.source_text(result['source']))}{quoted}</dd>\n</dl>\n</details>"


def _amount(result: ResultRecord) -> str:
    parts = [wording.count(len(result["errors"]), "error")] if result["errors"] else []
    findings = wording.standing(result) or result["findings"]
    parts += [wording.count(len(findings), "finding")] if findings else []
    if not parts and result["outcome"] == "skipped":
        return "not checked by anything yet" if wording.not_checked(result) else "nothing to judge"
    return ", ".join(parts) or f"{result['evaluated']:,} looked at"


def _table(result: ResultRecord) -> Iterator[str]:
    number = len(result["errors"]) + len(result["findings"])
    if not number:
        return
    rows = [_row(each, each["reason"]) for each in result["errors"][:ROWS]]
    rows += [_row(each, each["message"], each) for each in result["findings"][: ROWS - len(rows)]]
    columns = [name for name in _COLUMNS if any(row[name] for row in rows)]
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Findings"><table>\n<thead><tr>'
    yield "".join(f'<th scope="col">{name}</th>' for name in columns) + "</tr></thead>\n<tbody>"
    for row in rows:
        yield "<tr>" + "".join(f'<td class="{name.lower()}">{row[name]}</td>' for name in columns) + "</tr>"
    yield "</tbody></table></div>"
    if number > len(rows):
        yield f"<p>… and {number - len(rows):,} more; the json report has all of them.</p>"


def _row(said: FindingRecord | ErrorRecord, text: str, finding: FindingRecord | None = None) -> dict[str, str]:
    """Cells by column; a column that is empty in every row is not shown."""
    origin = wording.via(said["location"])
    field = f"{_code(wording.plain(said['field']), '.')}<br>" if said["field"] else ""
    row = dict.fromkeys(_COLUMNS, "")
    row["Where"] = _code(wording.place(said["location"])) + (f"<br>{escape(origin)}" if origin else "")
    row["Object"] = escape(wording.object_name(said["object"]))
    row["What"] = field + _text(wording.shortened(wording.prose(text), _LIMIT * 4))
    if finding is not None:
        row["What"] += f"<br><i>waived: {_text(finding['waived'])}</i>" if finding["waived"] else ""
        row["Expected"] = _value(finding["expected"])
        row["Observed"] = _value(finding["observed"])
    return row


def _value(value: str) -> str:
    return _code(wording.shortened(wording.plain(value), _LIMIT))


def _text(text: str) -> str:
    return escape(wording.prose(text))


def _code(shown: str, after: str = "/") -> str:
    """A name that is already plain; `<wbr>` lets long ones break where a reader expects it."""
    return f"<code>{escape(shown).replace(after, after + '<wbr>')}</code>" if shown else ""
