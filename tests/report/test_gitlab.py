"""GitLab Code Quality."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from conformance.report import write
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result, where


def entries(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(write(report, "gitlab"))
    return found


def test_one_entry_for_each_finding() -> None:
    (entry,) = entries(records.run(result(outcome="failed", findings=[finding()])))
    assert entry == {
        "description": "StorageClass local-path: reclaimPolicy: data is deleted with the claim "
        "(expected Retain, observed Delete)",
        "check_name": "persistence-storageclass-retain",
        "severity": "blocker",
        "location": {"path": "manifests/storage.yaml", "lines": {"begin": 4}},
        "fingerprint": "0123456789abcdef0123",
    }


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "blocker"), ("high", "critical"), ("medium", "major"), ("low", "minor"), ("info", "info")],
)
def test_severities(severity: str, expected: str) -> None:
    (entry,) = entries(records.run(result(outcome="failed", severity=severity, findings=[finding()])))
    assert entry["severity"] == expected


def test_what_could_not_be_judged_is_not_lost() -> None:
    found = entries(records.run(result(outcome="error", errors=[error(), error(location=where("b.yaml", 0, 0))])))
    assert [each["location"] for each in found] == [
        {"path": "apps/x.yaml", "lines": {"begin": 12}},
        {"path": "b.yaml", "lines": {"begin": 1}},
    ]
    assert all(each["description"].startswith("could not be judged: document") for each in found)


def test_waived_findings_are_left_out() -> None:
    assert entries(records.run(result(outcome="waived", findings=[finding(waived="until May")]))) == []


def test_fingerprints_are_unique_even_for_one_file_rendered_twice() -> None:
    twice = [finding(location=where(via="overlays/dev")), finding(location=where(via="overlays/prod"))]
    found = entries(records.run(result(outcome="failed", findings=twice)))
    assert [each["fingerprint"] for each in found] == ["0123456789abcdef0123", "0123456789abcdef0123-2"]


def test_paths_are_those_of_the_repository() -> None:
    loud = result(outcome="failed", findings=[finding(location=where("./über uns/a b.yaml", 2, 1))])
    assert entries(records.run(loud))[0]["location"]["path"] == "über uns/a b.yaml"
    missing = result(outcome="failed", findings=[finding(object=None, location=None)])
    assert entries(records.run(missing))[0]["location"] == {"path": "manifests", "lines": {"begin": 1}}


def test_any_text_is_valid_json() -> None:
    found = entries(records.nasty())
    assert {each["check_name"] for each in found} == {
        "persistence-storageclass-retain",
        "persistence-b",
        "persistence-d",
    }
