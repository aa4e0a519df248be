"""A real API server takes the PolicyReports, by a definition that refuses what it does not know."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from conformance.report import write
from tests.cluster import applying
from tests.control_plane import ControlPlane
from tests.report import records
from tests.report.records import finding, result, who

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_RESULT = {
    "type": "object",
    "required": ["policy"],
    "properties": {
        "source": _TEXT,
        "policy": _TEXT,
        "rule": _TEXT,
        "message": _TEXT,
        "scored": {"type": "boolean"},
        "severity": {"type": "string", "enum": ["critical", "high", "low", "medium", "info"]},
        "result": {"type": "string", "enum": ["pass", "fail", "warn", "error", "skip"]},
        "properties": {"type": "object", "additionalProperties": _TEXT},
        "resources": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"apiVersion": _TEXT, "kind": _TEXT, "name": _TEXT, "namespace": _TEXT},
            },
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "summary": {
            "type": "object",
            "properties": dict.fromkeys(("pass", "fail", "warn", "error", "skip"), _COUNT),
        },
        "results": {"type": "array", "items": _RESULT},
    },
}
GROUPS = {
    "policyreport": ("wgpolicyk8s.io", "v1alpha2", "PolicyReport", "ClusterPolicyReport"),
    "openreports": ("openreports.io", "v1alpha1", "Report", "ClusterReport"),
}


@pytest.mark.parametrize("name", GROUPS)
def test_every_object_is_taken(name: str, plane: ControlPlane) -> None:
    group, version, inside, outside = GROUPS[name]
    entries = [
        {
            "group": group,
            "version": version,
            "kind": kind,
            "plural": f"{kind.lower()}s",
            "scope": scope,
            "status": False,
        }
        for kind, scope in ((inside, "Namespaced"), (outside, "Cluster"))
    ]
    wanted: list[dict[str, Any]] = [applying.definition(each) for each in entries]
    for each in wanted:
        each["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = SCHEMA
    applying.define(plane, wanted)
    report = records.run(
        result(outcome="failed", findings=[finding(), finding(object=who("Pod", "web", "default"))]),
        *records.mixed()["results"],
    )
    items = orjson.loads(write(report, name))["items"]
    assert {each["kind"] for each in items} == {inside, outside}
    for each in items:
        namespace = each["metadata"].get("namespace")
        if namespace:
            each["metadata"]["namespace"] = namespace = "default"
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{group}/{version}{place}/{each['kind'].lower()}s?dryRun=All&fieldValidation=Strict"
        assert plane.request("POST", path, each)["results"] == each["results"]
