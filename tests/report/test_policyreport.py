"""PolicyReports: taken by a real API server with a strict definition, and told one for each namespace."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from conformance.report import policyreport, write
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result, who


def items(report: Report, name: str = "policyreport") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(write(report, name))["items"]
    return found


def test_one_for_each_namespace_and_one_for_the_cluster() -> None:
    inside = finding(object=who("Pod", "web", "shop"), field="spec.hostNetwork")
    report = records.run(
        result(outcome="failed", findings=[finding(), inside]),
        result(id="persistence-b", outcome="error", errors=[error()]),
        result(id="persistence-c", outcome="passed"),
    )
    cluster, shop = items(report)
    assert (cluster["kind"], cluster["metadata"].get("namespace")) == ("ClusterPolicyReport", None)
    assert cluster["summary"] == {"pass": 1, "fail": 1, "warn": 0, "error": 1, "skip": 0}
    assert (shop["kind"], shop["metadata"]["namespace"]) == ("PolicyReport", "shop")
    (entry,) = shop["results"]
    assert entry["resources"][0]["name"] == "web"
    assert entry["properties"] == {"field": "spec.hostNetwork"}
    assert (entry["rule"], entry["result"], entry["severity"]) == (
        "persistence-storageclass-retain",
        "fail",
        "critical",
    )


def test_what_is_waived_does_not_fail() -> None:
    report = records.run(result(outcome="waived", findings=[finding(waived="W-1")]))
    assert [each["result"] for one in items(report) for each in one["results"]] == ["skip"]


def test_objects_stay_below_what_etcd_takes() -> None:
    found = items(records.huge())
    assert len(found) > 1
    assert all(len(orjson.dumps(each)) < 1_000_000 for each in found)
    assert len({(each["metadata"].get("namespace"), each["metadata"]["name"]) for each in found}) == len(found)
    said = sum(len(each["findings"]) + len(each["errors"]) or 1 for each in records.huge()["results"])
    assert sum(len(each["results"]) for each in found) == said


@pytest.mark.parametrize(
    ("name", "version", "kinds"),
    [
        ("policyreport", "wgpolicyk8s.io/v1alpha2", {"PolicyReport", "ClusterPolicyReport"}),
        ("openreports", "openreports.io/v1alpha1", {"Report", "ClusterReport"}),
    ],
)
def test_the_group(name: str, version: str, kinds: set[str]) -> None:
    report = records.run(result(outcome="failed", findings=[finding(), finding(object=who("Pod", "web", "shop"))]))
    assert {(each["apiVersion"], each["kind"]) for each in items(report, name)} == {(version, kind) for kind in kinds}


def test_a_message_has_a_bound() -> None:
    report = records.run(result(outcome="failed", findings=[finding(message="x" * 5_000)]))
    assert len(items(report)[0]["results"][0]["message"]) == policyreport._MESSAGE
