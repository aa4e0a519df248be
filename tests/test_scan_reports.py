"""Reports that are there and say something else; JSON has no comments to mark in a fixture."""

from __future__ import annotations

import json
from pathlib import Path

from tests import fixture_cases

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: hankook-smartsensor}
spec:
  containers: [{name: api, image: "hankook/api-server:2.0.1"}]
"""


def findings(folder: Path, report: object) -> list[tuple[str, str]]:
    (folder / "evidence" / "scans").mkdir(parents=True)
    (folder / "pod.yaml").write_text(POD)
    (folder / "evidence" / "scans" / "scan_results_hankook_api-server_2.0.1.json").write_text(json.dumps(report))
    requirement = fixture_cases.catalogue()["smartsensor-scan-image-set"]
    result = fixture_cases.judge(requirement, fixture_cases.inventory(folder))
    assert result.errors == []
    return [(each.field_text, each.message) for each in result.findings]


def test_a_report_about_another_image(tmp_path: Path) -> None:
    assert findings(tmp_path, {"ArtifactName": "hankook/api_server:2.0.1"}) == [
        ("ArtifactName", "is about another image")
    ]


def test_a_report_about_other_severities(tmp_path: Path) -> None:
    found = [{"Severity": "HIGH"}, {"Severity": "LOW"}]
    report = {"ArtifactName": "hankook/api-server:2.0.1", "Results": [{"Vulnerabilities": found}]}
    assert findings(tmp_path, report) == [("Results[0].Vulnerabilities[1].Severity", "was not asked for")]
