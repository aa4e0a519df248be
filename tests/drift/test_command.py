"""The command: its output in three forms, a snapshot instead of a cluster, three verdicts, and wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from conformance import cli
from conformance.cluster import snapshot
from conformance.cluster.redaction import digest
from tests.control_plane import encoded

TAKEN = "2026-11-20T10:00:00+00:00"
SCHEMA = json.loads(Path("docs/drift.schema.json").read_text())
GIT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: app, namespace: shop}
data:
  mode: production
---
apiVersion: v1
kind: ConfigMap
metadata: {name: gone, namespace: shop}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData: {password: correct-horse}
"""
REQUIREMENT = """\
- id: own-mode
  title: Production mode
  statement: ConfigMap app MUST say mode production.
  source: {section: "1", lines: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [manifests, cluster]
  match: {kind: ConfigMap, name: app}
  check: declared
  with: {expect: {data: {mode: production}}}
  remediation: Say it.
"""
DEFECT = """\
- id: own-defect-mode
  severity: low
  where: "1"
  statement: The document calls it prod elsewhere.
  evidence: text
  detect: own-mode
  requirements: [own-mode]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository, a profile, and the snapshot of a cluster where the mode differs."""
    from datetime import datetime

    git, own = tmp_path / "git", tmp_path / "own"
    git.mkdir()
    own.mkdir()
    (git / "all.yaml").write_text(GIT)
    (own / "profile.yaml").write_text("name: own\ntitle: Own\ndocument: Own\n")
    (own / "all.yaml").write_text(REQUIREMENT)
    (own / "defects.yaml").write_text(DEFECT)
    header = snapshot.Header(
        {"context": "c", "server": "s", "user": "u", "version": "v1.34.2"}, datetime.fromisoformat(TAKEN)
    )
    with snapshot.Writer(tmp_path / "s.gz", header) as writer:
        app = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "app", "namespace": "shop"},
            "data": {"mode": "debug"},
        }
        stray = app | {"metadata": {"name": "stray", "namespace": "shop"}}
        writer.kind("ConfigMap", iter([app, stray]))
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}
        writer.kind("Secret", iter([secret | {"data": {"password": digest(encoded("correct-horse"), writer.salt)}}]))
    return tmp_path


def drift(folder: Path, *options: str) -> int:
    own = ["--snapshot", str(folder / "s.gz"), "--profile", "own", "--policies", str(folder / "own")]
    return cli.main(["drift", str(folder / "git"), *own, *options])


def test_a_snapshot_answers_with_three_verdicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift(folder, "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    [verdict] = [each for each in found["requirements"] if each["profile"] == "own"]
    assert (verdict["git"], verdict["cluster"]) == ("passed", "failed")
    assert verdict["document"] == "ConfigMap app MUST say mode production."
    assert verdict["defects"] == ["The document calls it prod elsewhere."]
    assert [each["object"]["name"] for each in found["only_git"]] == ["gone"]
    assert [each["object"]["name"] for each in found["only_cluster"]] == ["stray"]
    [field] = found["changed"][0]["differences"]
    assert (field["field"], field["git"], field["cluster"]) == ("data.mode", "production", "debug")
    assert field["location"]["line"] == 5
    assert found["notes"] == ["values of Secrets were compared by their size alone: a snapshot holds no values"]


def test_the_text_says_where_and_what(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift(folder) == 1
    lines = capsys.readouterr().out.splitlines()
    place = f"{folder}/git/all.yaml:5"
    start = lines.index("ConfigMap shop/app")
    assert lines[start + 1 : start + 4] == [
        "  data.mode",
        f"      git      production   {place}",
        "      cluster  debug",
    ]
    assert any(line.startswith("  ConfigMap shop/gone") for line in lines)
    assert any("own-mode" in line and line.endswith("passed     failed   <- they differ") for line in lines)
    assert lines[-1] == "2 objects compared: 1 field of 1 object differs, 1 not in the cluster, 1 hint"


def test_markdown_has_the_same_facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift(folder, "--format", "markdown") == 1
    text = capsys.readouterr().out
    assert "| `ConfigMap shop/app` | `data.mode` | `production` | `debug` |" in text
    assert "- `ConfigMap shop/gone` not in the cluster" in text
    assert "| `own-mode` | MUST, has a defect | passed | failed |" in text


def test_what_may_differ_is_shown_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd}\n"
    rule += "spec: {ignoreDifferences: [{kind: ConfigMap, jsonPointers: [/data/mode]}]}\n"
    (folder / "git" / "application.yaml").write_text(rule)
    drift(folder, "--no-requirements")
    assert "data.mode" not in capsys.readouterr().out
    drift(folder, "--no-requirements", "-v")
    assert "data.mode  (no drift: ignoreDifferences of Application argocd/a)" in capsys.readouterr().out


def test_one_namespace_leaves_the_others_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert drift(folder, "--no-requirements", "--namespace", "other") == 5
    assert capsys.readouterr().out.splitlines()[-1] == "0 objects compared: no drift"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--snapshot", "x", "--context", "y"], "--snapshot asks no cluster"),
        (["--snapshot", "x", "--profile", "nobody"], "there is no such profile"),
    ],
)
def test_wrong_usage_is_one_line(
    options: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["drift", str(folder / "git"), *options]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_what_is_no_snapshot_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(folder / "git" / "all.yaml")
    assert cli.main(["drift", str(folder / "git"), "--snapshot", file]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("nothing was compared")


def test_a_file_that_does_not_load_is_no_pass(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "git" / "broken.yaml").write_text("a: [\n")
    (folder / "git" / "all.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app, namespace: shop}\n"
    )
    assert drift(folder, "--no-requirements", "--format", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["reason"].partition(": ")[0].rpartition("/")[2] for each in found["unread"]] == ["broken.yaml:1:4"]
