"""The options of an audit, against a real API server and a real URL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance import cli
from tests.control_plane import ControlPlane
from tests.drift.conftest import plane as plane
from tests.facts.test_endpoints import serving

REQUIREMENT = """\
- id: own-answers
  title: It answers
  statement: The shop MUST answer.
  source: {section: "1", lines: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [cluster]
  check: endpoint_answers
  with: {urls: ["URL"], within: 5s}
  remediation: Start it.
- id: own-database
  title: The database answers
  statement: The database MUST answer.
  source: {section: "1", lines: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [cluster]
  check: inside_postgres
  with: {namespace: default, labels: {app: postgresql}}
  remediation: Start it.
"""


def audit(folder: Path, url: str, *options: str) -> dict[str, tuple[str, str]]:
    own, report = folder / "own", folder / "r.json"
    own.mkdir(exist_ok=True)
    (own / "profile.yaml").write_text("name: own\ntitle: Own\ndocument: Own\n")
    (own / "all.yaml").write_text(REQUIREMENT.replace("URL", url))
    cli.main(["audit", "--profile", "own", "--policies", str(own), "--report", f"json={report}", *options])
    results = json.loads(report.read_text())["results"]
    return {
        each["id"]: (each["outcome"], each["reason"] or "".join(one["message"] for one in each["findings"]))
        for each in results
        if each["profile"] == "own"
    }


def test_each_option_makes_its_requirements_judged(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = ["--kubeconfig", str(plane.kubeconfig())]
    skipped = ("skipped", "needs --endpoints: URLs are asked only when that is said")
    inside = ("skipped", "needs --inside: commands are run in pods only when that is said")
    with serving() as base:
        good, bad = f"{base}/health", f"{base}/status/500"
        assert audit(tmp_path, good, *live) == {"own-answers": skipped, "own-database": inside}
        assert audit(tmp_path, good, *live, "--endpoints")["own-answers"] == ("passed", "")
        kept = tmp_path / "s.gz"
        found = audit(tmp_path, bad, *live, "--endpoints", "--save-snapshot", str(kept))
        assert found["own-answers"] == ("failed", "it answers with another status")
    assert audit(tmp_path, bad, "--snapshot", str(kept)) == found
    none = ("failed", "no pod labelled app=postgresql is running in default")
    assert audit(tmp_path, good, *live, "--inside")["own-database"] == none


def test_who_may_not_list_pods_is_told(plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = ["--kubeconfig", str(plane.kubeconfig("nobody"))]
    assert audit(tmp_path, "http://127.0.0.1:9/", *live, "--inside")["own-database"][0] == "error"
