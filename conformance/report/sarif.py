"""SARIF 2.1.0, as GitHub code scanning and editors read it.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.report import json, wording
from conformance.report.record import ErrorRecord, FindingRecord, LocationRecord, ObjectRecord, Report, ResultRecord
from conformance.report.sarif_rules import DOCUMENTS, document_location, percent, rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: GitHub refuses a run with more results, and shows this many of them
MAXIMUM, SHOWN = 25_000, 5_000
_ROOT = "%SRCROOT%"
_LIMIT = 300


def write(report: Report) -> bytes:
    """One run. Relative paths are relative to the directory the command was started in (`%SRCROOT%`)."""
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]})


def _run(report: Report) -> dict[str, Any]:
    rules = {each["id"]: each for each in wording.worst_first(report["results"])}
    index = {name: number for number, name in enumerate(rules)}
    found = [(each, finding) for each in _by_weight(report) for finding in each["findings"]]
    driver = {
        "name": report["tool"]["name"],
        "semanticVersion": report["tool"]["version"],
        "rules": [rule(each) for each in rules.values()],
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"plumbline/{report['target'].get('kind', 'manifests')}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The directory the command was started in."}},
            DOCUMENTS: {"description": {"text": "Titles of the documents that requirements are taken from."}},
        },
        "invocations": [_invocation(report, index, len(found))],
        "results": [_result(each, finding, index, report) for each, finding in found[:MAXIMUM]],
        "properties": {"summary": report["summary"]},
    }


def _by_weight(report: Report) -> list[ResultRecord]:
    """Worst severity first, within it what fails before what only warns: the end is what a limit cuts off."""
    order = {name: number for number, name in enumerate(wording.OUTCOMES)}
    return sorted(
        wording.worst_first(report["results"]),
        key=lambda each: (wording.severity_rank(each["severity"]), order[each["outcome"]]),
    )


def _result(result: ResultRecord, finding: FindingRecord, index: Mapping[str, int], report: Report) -> dict[str, Any]:
    name = wording.object_name(finding["object"])
    said = wording.sentence(finding, _LIMIT)
    out: dict[str, Any] = {
        "ruleId": result["id"],
        "ruleIndex": index[result["id"]],
        "level": level(result, finding),
        "message": _message(f"{name}: {said}" if name else said),
        "locations": [_location(finding["location"], finding["object"], report)],
        "partialFingerprints": {"plumbline/v1": finding["fingerprint"]},
        "relatedLocations": [document_location(result["source"])],
        "properties": {"field": finding["field"], "target": result.get("target", "")},
    }
    if finding["waived"]:
        reason = wording.prose(finding["waived"])
        out["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return out


def level(result: ResultRecord, finding: FindingRecord) -> str:
    """What fails the run is an error, whatever its severity, so that a code-scanning gate agrees with the exit code.

    Severity travels beside it, as `security-severity` of the rule. GitHub does not read suppressions, so what is waived
    is a note.
    """
    if finding["waived"]:
        return "note"
    if result["outcome"] == "warned":
        return "warning" if result["severity"] in ("critical", "high", "medium") else "note"
    return "error"


def _message(text: str) -> dict[str, str]:
    """Plain text; `](` would be read as an embedded link (section 3.11.6 of the standard)."""
    return {"text": text.replace("](", "] (")}


def _location(where: LocationRecord | None, who: ObjectRecord | None, report: Report) -> dict[str, Any]:
    """File and place; a region only where the line is certain: SARIF refuses line 0, and a made-up line misleads."""
    physical: dict[str, Any] = {"artifactLocation": artifact(wording.some_path(where, who, report))}
    if where and where["line"] > 0:
        region = {"startLine": where["line"]}
        if where["column"] > 0:
            region["startColumn"] = where["column"]
        physical["region"] = region
    location: dict[str, Any] = {"physicalLocation": physical}
    if who is not None:
        parts = (who["apiVersion"], who["kind"], who["namespace"], who["name"])
        full = wording.plain("/".join(part for part in parts if part))
        location["logicalLocations"] = [
            {"name": wording.plain(who["name"]), "fullyQualifiedName": full, "kind": "resource"}
        ]
    return location


def artifact(path: str) -> dict[str, str]:
    """A path as a percent-encoded URI: relative to the root of the sources, or absolute with `file://`."""
    encoded = percent(path, "/")
    return {"uri": f"file://{encoded}"} if path.startswith("/") else {"uri": encoded, "uriBaseId": _ROOT}


def _invocation(report: Report, index: Mapping[str, int], found: int) -> dict[str, Any]:
    notes = list(_notifications(report, index, found))
    complete = not wording.nothing_judged(report) and not report["summary"]["error"]
    return {"executionSuccessful": complete, "toolExecutionNotifications": notes}


def _notifications(report: Report, index: Mapping[str, int], found: int) -> Iterator[dict[str, Any]]:
    """What could not be judged, and what this file leaves out."""
    for result in wording.of_outcome(report, "error"):
        for error in result["errors"]:
            yield _failure(result, error, index, report)
    if wording.nothing_judged(report):
        yield _note("warning", "Nothing was judged: no requirement found anything to look at.")
    if found > MAXIMUM:
        left = f"{found - MAXIMUM:,} of {found:,} findings, the least severe, are left out: a run holds {MAXIMUM:,}."
        yield _note("warning", left + " The json report has all of them.")
    elif found > SHOWN:
        yield _note("note", f"{found:,} findings, the most severe first; GitHub shows {SHOWN:,} of a run.")


def _failure(result: ResultRecord, error: ErrorRecord, index: Mapping[str, int], report: Report) -> dict[str, Any]:
    name, said = wording.object_name(error["object"]), wording.error_sentence(error)
    note = _note("error", f"{result['id']} could not be judged: " + (f"{name}: {said}" if name else said))
    note["associatedRule"] = {"id": result["id"], "index": index[result["id"]]}
    note["locations"] = [_location(error["location"], error["object"], report)]
    return note


def _note(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": _message(text)}
