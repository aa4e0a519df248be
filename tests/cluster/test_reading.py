"""An audit against a real API server: what it sends, what it says, what it keeps."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from conformance import cli
from conformance.kube.removed import LAST_APPLIED
from tests.control_plane import ControlPlane, encoded

PROFILE = """\
name: own
title: Own
document: Own
"""
POLICIES = """\
- id: own-config
  title: There is a configuration
  statement: ConfigMap app MUST say mode production.
  source: {section: "1", lines: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [cluster]
  match: {kind: ConfigMap, name: app, namespace: shop}
  require: present
  check: declared
  with: {expect: {data: {mode: production}}}
  remediation: Say it.
- id: own-secret
  title: There is a password
  statement: Secret db MUST hold a password.
  source: {section: "2", lines: "2"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [cluster]
  match: {kind: Secret, name: db, namespace: shop}
  require: present
  check: declared
  with: {expect: {data: {password: {present: true}}}}
  remediation: Set it.
- id: own-widget
  title: Widgets are blue
  statement: Widgets MUST be blue.
  source: {section: "3", lines: "3"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [cluster]
  match: {kind: Widget}
  check: declared
  with: {expect: {spec: {colour: blue}}}
  remediation: Paint them.
"""
PASSWORD = "correct-horse-battery"
"""A value that must never be seen again."""


@pytest.fixture(scope="module")
def shop(plane: ControlPlane) -> ControlPlane:
    """A namespace with what the requirements speak of."""
    objects = [
        ("/api/v1/namespaces", {"metadata": {"name": "shop"}}),
        ("/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "app"}, "data": {"mode": "production"}}),
        (
            "/api/v1/namespaces/shop/secrets",
            {
                "metadata": {
                    "name": "db",
                    "annotations": {LAST_APPLIED: f'{{"stringData":"{PASSWORD}"}}'},
                },
                "data": {"password": encoded(PASSWORD)},
            },
        ),
    ]
    for path, body in objects:
        plane.request("POST", path, body)
    return plane


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "profile.yaml").write_text(PROFILE)
    (folder / "all.yaml").write_text(POLICIES)
    return folder


def audit(*options: str) -> int:
    return cli.main(["audit", *options])


def results(report: Path) -> dict[str, tuple[str, str]]:
    """Outcome and reason, or the first error or finding, by id."""
    found = {}
    for each in json.loads(report.read_text())["results"]:
        said = [one["reason"] for one in each["errors"]] + [one["message"] for one in each["findings"]]
        found[each["id"]] = (each["outcome"], said[0] if said else each["reason"])
    return found


def test_a_cluster_that_holds_passes_and_is_only_read(
    shop: ControlPlane, policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, kept = tmp_path / "r.json", tmp_path / "s.gz"
    before = len(shop.audited())
    options = [
        "--profile",
        "own",
        "--kubeconfig",
        str(shop.kubeconfig()),
        "--policies",
        str(policies),
        "--report",
        f"json={report}",
    ]
    assert audit(*options, "--save-snapshot", str(kept)) == 0
    found = results(report)
    assert found["own-config"] == ("passed", "")
    assert found["own-secret"] == ("passed", "")
    assert found["own-widget"] == ("skipped", "the cluster does not know the kind Widget")
    verbs = {each["verb"] for each in shop.audited()[before:]}
    assert verbs == {"get", "list"}
    target = json.loads(report.read_text())["target"]
    assert (target["context"], target["server"], target["user"]) == ("bare", shop.server, "admin")
    assert "cluster bare, https://127.0.0.1" in capsys.readouterr().out


def test_a_snapshot_judges_alike_and_holds_no_secret(shop: ControlPlane, policies: Path, tmp_path: Path) -> None:
    first, second, kept = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "s.gz"
    own = ["--profile", "own", "--policies", str(policies)]
    live = ["--kubeconfig", str(shop.kubeconfig()), "--save-snapshot", str(kept), "--report", f"json={first}"]
    assert audit(*own, *live) == 0
    assert audit(*own, "--snapshot", str(kept), "--report", f"json={second}") == 0
    assert results(first) == results(second)
    assert kept.stat().st_mode & 0o077 == 0
    text = gzip.decompress(kept.read_bytes()).decode()
    assert PASSWORD not in text
    assert encoded(PASSWORD) not in text
    assert '"password":"hmac-sha256:' in text


def test_what_may_not_be_listed_is_an_error_of_exactly_what_asks_for_it(
    shop: ControlPlane, policies: Path, tmp_path: Path
) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    group = "/apis/rbac.authorization.k8s.io/v1"
    shop.request("POST", f"{group}/clusterroles", {"metadata": {"name": "reads-configmaps"}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reads-configmaps"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}
    binding = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]}
    shop.request("POST", f"{group}/clusterrolebindings", binding)
    report = tmp_path / "r.json"
    options = ["--kubeconfig", str(shop.kubeconfig("reader")), "--policies", str(policies)]
    assert audit(*options, "--report", f"json={report}") == 1
    found = results(report)
    assert found["own-config"] == ("passed", "")
    rule = '{apiGroups: [""], resources: ["secrets"], verbs: [list]}'
    expected = f"not allowed to list secrets: reader needs the rule {rule} in a ClusterRole"
    assert found["own-secret"] == ("error", expected)


def test_a_snapshot_lacks_what_nobody_asked_for(shop: ControlPlane, policies: Path, tmp_path: Path) -> None:
    kept, report = tmp_path / "s.gz", tmp_path / "r.json"
    options = ["--profile", "own", "--kubeconfig", str(shop.kubeconfig()), "--policies", str(policies)]
    assert audit(*options, "-k", "config", "--save-snapshot", str(kept)) == 0
    assert audit("--snapshot", str(kept), "--policies", str(policies), "--report", f"json={report}") == 1
    reason = "the snapshot does not hold the kind Secret: it was taken for other requirements"
    assert results(report)["own-secret"] == ("error", reason)


def test_an_audit_says_what_changed_since_the_last_one(
    shop: ControlPlane, policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, folder = tmp_path / "r.json", tmp_path / "history"
    folder.mkdir()
    options = ["--kubeconfig", str(shop.kubeconfig()), "--policies", str(policies), "--history", str(folder)]
    address = "/api/v1/namespaces/shop/configmaps/app"
    assert audit("--profile", "own", *options) == 0
    before = shop.request("GET", address)
    try:
        shop.request("PUT", address, before | {"data": {"mode": "test"}})
        capsys.readouterr()
        assert audit("--profile", "own", *options, "--report", f"json={report}") == 1
    finally:
        shop.request("PUT", address, {"metadata": {"name": "app"}, "data": before["data"]})
    assert "new  own-config  ConfigMap/shop/app data.mode\n" in capsys.readouterr().out
    told = json.loads(report.read_text())["target"]["history"]
    assert [each["about"] for each in told["new"]] == ["ConfigMap/shop/app data.mode"]
    assert audit("--profile", "own", *options) == 0
    assert "fixed  own-config  ConfigMap/shop/app data.mode\n" in capsys.readouterr().out


def test_a_snapshot_that_was_only_listed_judges_alike(
    shop: ControlPlane, policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, live, replayed = tmp_path / "s.gz", tmp_path / "a.json", tmp_path / "b.json"
    own = ["--profile", "own", "--policies", str(policies)]
    config = ["--kubeconfig", str(shop.kubeconfig())]
    assert cli.main(["snapshot", *own, *config, "--output", str(kept)]) == 0
    assert " objects of " in capsys.readouterr().out
    assert audit(*own, *config, "--report", f"json={live}") == 0
    assert audit(*own, "--snapshot", str(kept), "--report", f"json={replayed}") == 0
    assert results(live) == results(replayed)
    assert PASSWORD not in gzip.decompress(kept.read_bytes()).decode()


def test_a_snapshot_tells_what_may_not_be_listed(
    shop: ControlPlane, policies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, report = tmp_path / "s.gz", tmp_path / "r.json"
    own = ["--profile", "own", "--policies", str(policies)]
    config = str(shop.kubeconfig("nobody"))
    assert cli.main(["snapshot", *own, "--kubeconfig", config, "--output", str(kept)]) == 0
    assert "not allowed to list secrets: nobody needs the rule" in capsys.readouterr().err
    assert audit(*own, "--snapshot", str(kept), "--report", f"json={report}") == 1
    assert results(report)["own-secret"][0] == "error"
