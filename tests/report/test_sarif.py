"""SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from conformance.report import sarif, write
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result, where, who

SCHEMA = orjson.loads((Path(__file__).parents[1] / "schemas" / "sarif-2.1.0-rtm.5.json").read_bytes())
for part in (
    "run",
    "toolComponent",
):  # that pattern is no regular expression, which errata 01 mended; we write no language
    del SCHEMA["definitions"][part]["properties"]["language"]["pattern"]
VALIDATOR = jsonschema_rs.Draft4Validator(SCHEMA, validate_formats=True)


def run_of(report: Report) -> dict[str, Any]:
    document = orjson.loads(write(report, "sarif"))
    assert document["version"] == "2.1.0"
    found: dict[str, Any] = document["runs"][0]
    return found


def one(*findings: Any, **given: Any) -> dict[str, Any]:
    made = records.run(result(**{"outcome": "failed", "findings": list(findings) or [finding()], **given}))
    found: dict[str, Any] = run_of(made)["results"][0]
    return found


def regions(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        here = [value["region"]] if "region" in value else []
        return here + [each for inner in value.values() for each in regions(inner)]
    return [each for inner in value for each in regions(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "make", [records.mixed, records.clean, records.empty, records.nasty, records.run, records.huge]
)
def test_fits_the_official_schema(make: Callable[[], Report]) -> None:
    document = orjson.loads(write(make(), "sarif"))
    assert [f"{list(each.instance_path)}: {each.message}" for each in VALIDATOR.iter_errors(document)] == []
    assert all(each["startLine"] > 0 and each.get("startColumn", 1) > 0 for each in regions(document))


def test_a_line_that_is_not_certain_is_no_region() -> None:
    physical = one(finding(location=where("charts/a", 0, 0)))["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": "charts/a", "uriBaseId": "%SRCROOT%"}}


def test_line_and_column() -> None:
    assert one()["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 1}
    physical = one(finding(location=where(line=4, column=0)))["locations"][0]["physicalLocation"]
    assert physical["region"] == {"startLine": 4}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("apps/web.yaml", {"uri": "apps/web.yaml", "uriBaseId": "%SRCROOT%"}),
        ("my files/ü#?.yaml", {"uri": "my%20files/%C3%BC%23%3F.yaml", "uriBaseId": "%SRCROOT%"}),
        ("a:b.yaml", {"uri": "a%3Ab.yaml", "uriBaseId": "%SRCROOT%"}),
        ("100%.yaml", {"uri": "100%25.yaml", "uriBaseId": "%SRCROOT%"}),
        ("../up.yaml", {"uri": "../up.yaml", "uriBaseId": "%SRCROOT%"}),
        ("\udcff.yaml", {"uri": "%FF.yaml", "uriBaseId": "%SRCROOT%"}),
        ("/srv/a b.yaml", {"uri": "file:///srv/a%20b.yaml"}),
    ],
)
def test_paths_are_percent_encoded(path: str, expected: dict[str, str]) -> None:
    assert sarif.artifact(path) == expected


def test_missing_things_and_live_objects_still_have_an_artifact() -> None:
    missing = one(finding(object=None, location=None))
    assert missing["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "manifests"
    gone = result(outcome="failed", findings=[finding(object=who("Deployment", "web", "shop"), location=None)])
    live = run_of(records.run(gone, kind="cluster", paths=[]))
    assert live["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "cluster/Deployment/shop/web"
    )
    assert live["automationDetails"]["id"] == "plumbline/cluster/"


def test_object_is_a_logical_location() -> None:
    (logical,) = one(finding(object=who("Deployment", "web", "shop")))["locations"][0]["logicalLocations"]
    assert logical["fullyQualifiedName"] == "storage.k8s.io/v1/Deployment/shop/web"
    assert logical["name"] == "web"


def test_document_is_the_related_location() -> None:
    (related,) = one()["relatedLocations"]
    assert related["message"]["text"] == "Persistence guide, 1. StorageClass, lines 11-20: “reclaimPolicy: Retain”"
    assert related["physicalLocation"] == {
        "artifactLocation": {"uri": "Persistence%20guide", "uriBaseId": "DOCUMENTS"},
        "region": {"startLine": 11, "endLine": 20},
    }


@pytest.mark.parametrize(
    ("lines", "region"),
    [
        ("606", {"startLine": 606, "endLine": 606}),
        ("606, 380", {"startLine": 606, "endLine": 606}),
        ("20-11", {"startLine": 20, "endLine": 20}),
        ("", None),
        ("0", None),
        ("section 4", None),
    ],
)
def test_lines_of_the_document(lines: str, region: dict[str, int] | None) -> None:
    source = {**result()["source"], "lines": lines}
    (related,) = one(source=source)["relatedLocations"]
    assert related["physicalLocation"].get("region") == region


def test_document_with_an_address_is_linked() -> None:
    source = {**result()["source"], "document": "https://kubernetes.io/docs/concepts/#pss", "lines": ""}
    (related,) = one(source=source)["relatedLocations"]
    assert related["physicalLocation"] == {"artifactLocation": {"uri": "https://kubernetes.io/docs/concepts/#pss"}}


@pytest.mark.parametrize(
    ("outcome", "severity", "waived", "expected"),
    [
        ("failed", "critical", "", "error"),
        ("failed", "low", "", "error"),
        ("warned", "high", "", "warning"),
        ("warned", "low", "", "note"),
        ("error", "low", "", "error"),
        ("waived", "critical", "until May", "note"),
        ("failed", "critical", "until May", "note"),
    ],
)
def test_level_agrees_with_the_exit_code(outcome: str, severity: str, waived: str, expected: str) -> None:
    found = one(finding(waived=waived), outcome=outcome, severity=severity, errors=[])
    assert found["level"] == expected


def test_waived_findings_are_suppressed_with_their_reason() -> None:
    assert one(finding(waived="until May"), outcome="waived")["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "until May"}
    ]
    assert "suppressions" not in one()


def test_rules_carry_help_source_and_severity() -> None:
    run = run_of(records.mixed())
    rules = {each["id"]: each for each in run["tool"]["driver"]["rules"]}
    assert set(rules) == {each["id"] for each in records.mixed()["results"]}
    rule = rules["persistence-storageclass-retain"]
    assert rule["shortDescription"]["text"] == "Deleting a claim does not delete its data"
    assert rule["fullDescription"]["text"] == "StorageClass local-path MUST have reclaimPolicy Retain."
    assert "Fix: Re-create the StorageClass" in rule["help"]["text"]
    assert "> reclaimPolicy: Retain" in rule["help"]["markdown"]
    assert "`plumbline explain persistence-storageclass-retain`" in rule["help"]["markdown"]
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["properties"]["tags"] == ["security", "persistence", "MUST", "severity/critical"]
    assert rules["gitops-probes-liveness"]["defaultConfiguration"] == {"level": "warning"}


def test_information_is_no_security_alert() -> None:
    (rule,) = run_of(records.run(result(severity="info")))["tool"]["driver"]["rules"]
    assert "security-severity" not in rule["properties"]
    assert "security" not in rule["properties"]["tags"]


def test_rule_index_points_at_the_rule() -> None:
    run = run_of(records.mixed())
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])


def test_one_rule_for_a_requirement_of_several_targets() -> None:
    loud = [result(outcome="failed", findings=[finding()], target=name) for name in ("dev", "prod")]
    run = run_of(records.run(*loud))
    assert len(run["tool"]["driver"]["rules"]) == 1
    assert [each["properties"]["target"] for each in run["results"]] == ["dev", "prod"]


def test_fingerprints_are_ours_and_stable() -> None:
    assert one()["partialFingerprints"] == {"plumbline/v1": "0123456789abcdef0123"}


def test_message_is_no_embedded_link() -> None:
    assert "](" not in one(finding(message="[a](1)"))["message"]["text"]
    assert one()["message"]["text"].startswith("StorageClass local-path: reclaimPolicy: data is deleted")


def test_errors_are_notifications_and_the_execution_failed() -> None:
    run = run_of(records.mixed())
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    first = invocation["toolExecutionNotifications"][0]
    assert first["level"] == "error"
    assert first["message"]["text"] == "sources-documents-load could not be judged: document: no mapping"
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 12, "startColumn": 3}
    assert run["tool"]["driver"]["rules"][first["associatedRule"]["index"]]["id"] == "sources-documents-load"


def test_findings_alone_are_a_successful_execution() -> None:
    (invocation,) = run_of(records.run(result(outcome="failed", findings=[finding()])))["invocations"]
    assert invocation == {"executionSuccessful": True, "toolExecutionNotifications": []}


def test_nothing_judged_is_no_successful_execution() -> None:
    (invocation,) = run_of(records.empty())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"].startswith("Nothing was judged")


def test_worst_first() -> None:
    loud = [
        result(id="p-low", severity="low", outcome="failed", findings=[finding()]),
        result(id="p-advice", severity="critical", outcome="warned", findings=[finding()]),
        result(id="p-failed", severity="critical", outcome="failed", findings=[finding()]),
    ]
    assert [each["ruleId"] for each in run_of(records.run(*loud))["results"]] == ["p-failed", "p-advice", "p-low"]


def test_what_github_refuses_is_cut_off_least_severe_first_and_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAXIMUM", 3)
    loud = [
        result(id="p-low", severity="low", outcome="failed", findings=[finding(), finding()]),
        result(id="p-high", severity="high", outcome="failed", findings=[finding(), finding()]),
    ]
    run = run_of(records.run(*loud))
    assert [each["ruleId"] for each in run["results"]] == ["p-high", "p-high", "p-low"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["level"] == "warning"
    assert note["message"]["text"].startswith("1 of 4 findings, the least severe, are left out")


def test_limits_are_those_of_github() -> None:
    assert (sarif.MAXIMUM, sarif.SHOWN) == (25_000, 5_000)
    notes = run_of(records.huge(5_001))["invocations"][0]["toolExecutionNotifications"]
    assert [each["level"] for each in notes] == ["note"]
    assert run_of(records.huge(5_000))["invocations"][0]["toolExecutionNotifications"] == []


def test_findings_beside_an_error_are_results() -> None:
    run = run_of(records.run(result(outcome="error", errors=[error()], findings=[finding()])))
    assert [each["level"] for each in run["results"]] == ["error"]
