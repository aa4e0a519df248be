"""Requirements as SARIF rules, and the document they come from as a location."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from conformance.report import wording
from conformance.report.markdown_text import code, inline
from conformance.report.record import ResultRecord, SourceRecord

#: GitHub's bands: above 9.0 critical, 7.0-8.9 high, 4.0-6.9 medium, 0.1-3.9 low. `info` is no security alert.
_SECURITY = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}
_LEVEL = {"MUST": "error", "SHOULD": "warning", "MAY": "note"}
_PROBLEM = {"MUST": "error", "SHOULD": "warning", "MAY": "recommendation"}
#: base of documents that are known by their title
DOCUMENTS = "DOCUMENTS"
_IN_ADDRESS = "/:?#=&%+@~;,"
_FIRST_LINES = re.compile(r"\s*L?(\d+)(?:\s*[-–]\s*L?(\d+))?")


def rule(result: ResultRecord) -> dict[str, Any]:
    """One requirement; `help` is what GitHub shows beside an alert."""
    properties: dict[str, Any] = {
        "tags": [result["profile"], result["keyword"], f"severity/{result['severity']}"],
        "problem.severity": _PROBLEM.get(result["keyword"], "warning"),
        "precision": "very-high",
    }
    if result["severity"] in _SECURITY:
        properties["security-severity"] = _SECURITY[result["severity"]]
        properties["tags"].insert(0, "security")
    return {
        "id": result["id"],
        "shortDescription": {"text": wording.prose(result["title"])},
        "fullDescription": {"text": wording.prose(result["statement"])},
        "help": {"text": _help(result), "markdown": _help_markdown(result)},
        "defaultConfiguration": {"level": _LEVEL.get(result["keyword"], "warning")},
        "properties": properties,
    }


def _help(result: ResultRecord) -> str:
    source, quoted = result["source"], wording.prose(result["source"]["quote"])
    lines = [wording.prose(result["statement"]), f"Fix: {wording.prose(result['remediation'])}"]
    lines.append(f"Source: {wording.source_text(source)}" + (f": “{quoted}”" if quoted else ""))
    return "\n".join([*lines, f"More: plumbline explain {result['id']}"])


def _help_markdown(result: ResultRecord) -> str:
    quoted = wording.prose(result["source"]["quote"])
    parts = [
        f"**{inline(result['statement'])}**",
        f"**Fix:** {inline(result['remediation'])}",
        f"**Source:** {inline(wording.source_text(result['source']))}",
        f"> {inline(quoted)}" if quoted else "",
        f"More: {code('plumbline explain ' + result['id'])}",
    ]
    return "\n\n".join(part for part in parts if part)


def percent(text: str, safe: str = "") -> str:
    """Percent-encoded, file names that are no UTF-8 by their own bytes."""
    try:
        return quote(text.encode("utf-8", "surrogateescape"), safe)
    except UnicodeEncodeError:
        return quote(text.encode("utf-8", "backslashreplace"), safe)


def document_location(source: SourceRecord) -> dict[str, Any]:
    """The sentence of the document as a related location.

    A document is known by its title or its address. GitHub refuses a whole file over one location without an artifact,
    so a title is an artifact too, relative to `DOCUMENTS`, which is no directory.
    """
    quoted, document = wording.prose(source["quote"]), source["document"]
    address = document.startswith(("https://", "http://"))
    title = {"uri": percent(document), "uriBaseId": DOCUMENTS}
    physical: dict[str, Any] = {"artifactLocation": {"uri": percent(document, _IN_ADDRESS)} if address else title}
    lines = _FIRST_LINES.match(source["lines"])
    if lines and int(lines[1]) > 0:
        first, last = int(lines[1]), int(lines[2] or lines[1])
        physical["region"] = {"startLine": first, "endLine": max(first, last)}
    return {
        "id": 1,
        "message": {"text": wording.source_text(source) + (f": “{quoted}”" if quoted else "")},
        "physicalLocation": physical,
    }
