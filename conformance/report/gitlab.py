"""GitLab Code Quality: findings beside the changed lines of a merge request.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. Every entry must name a path and a
line of the repository; where only the file is certain the line is 1, because the format has no other way to say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from conformance.report import json, wording
from conformance.report.record import ErrorRecord, FindingRecord, Report, ResultRecord

_SEVERITY = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}
_LIMIT = 300


def write(report: Report) -> bytes:
    """A JSON array, the worst first. Waived findings are left out; what could not be judged is in it."""
    results = wording.worst_first(report["results"])
    return json.dumps(_distinct([entry for each in results for entry in _entries(each, report)]))


def _entries(result: ResultRecord, report: Report) -> Iterator[dict[str, Any]]:
    for error in result["errors"]:
        text = f"could not be judged: {wording.error_sentence(error, _LIMIT)}"
        entry = _entry(result, text, error, report)
        parts = (wording.label(result), entry["location"]["path"], entry["description"])
        entry["fingerprint"] = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:20]
        yield entry
    for finding in wording.standing(result):
        entry = _entry(result, wording.sentence(finding, _LIMIT), finding, report)
        entry["fingerprint"] = finding["fingerprint"]
        yield entry


def _entry(result: ResultRecord, text: str, said: FindingRecord | ErrorRecord, report: Report) -> dict[str, Any]:
    name, location = wording.object_name(said["object"]), said["location"]
    path = wording.some_path(location, said["object"], report).removeprefix("./")
    return {
        "description": f"{name}: {text}" if name else text,
        "check_name": result["id"],
        "severity": _SEVERITY.get(result["severity"], "info"),
        "location": {"path": path, "lines": {"begin": max(location["line"] if location else 1, 1)}},
    }


def _distinct(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """GitLab drops entries whose fingerprint it has seen; a base rendered by two overlays has equal ones."""
    seen: dict[str, int] = {}
    for entry in entries:
        number = seen[entry["fingerprint"]] = seen.get(entry["fingerprint"], 0) + 1
        if number > 1:
            entry["fingerprint"] += f"-{number}"
    return entries
