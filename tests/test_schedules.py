"""`plumbline schedules` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.cli import main

TREE = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: db, namespace: shop}
spec:
  schedule: "0 3 * * *"
  timeZone: Asia/Seoul
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: dump
              image: mysql:8
              command: [bash, -c]
              args:
                - |
                  mysqldump shop | gzip > /tmp/shop.gz
                  aws s3 cp /tmp/shop.gz s3://copies/
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec:
  schedule: "0 6 * * *"
  jobTemplate: {spec: {template: {spec: {containers: [{name: report, image: report}]}}}}
---
apiVersion: velero.io/v1
kind: Schedule
metadata: {name: all, namespace: velero}
spec:
  schedule: 0 2 * * 1
  template: {ttl: 720h0m0s}
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "all.yaml").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["schedules", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_each_job_with_its_problems(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--from", "2026-11-21T12:00:00")
    assert (code, err) == (1, "")
    assert out.split("all.yaml:24")[0].splitlines() == [
        "all.yaml:5: CronJob shop/db",
        "    runs: 0 3 * * * in Asia/Seoul; next 2026-11-21T18:00:00Z",
        "    longest gap: 24 hours",
        "    copies: mysqldump (mysql)",
        "    sent to: s3://copies/",
        "    kept on: /tmp/shop.gz (the container's own layer)",
        "    problem: mysqldump: its failure is forgotten at the next command: no set -e (all.yaml:17)",
        "    problem: mysqldump: its failure is hidden by the pipe: the last command's exit code counts"
        " without set -o pipefail (all.yaml:17)",
    ]
    assert "    kept for: 720h0m0s" in out
    assert "    longest gap: 7 days" in out
    assert out.splitlines()[-1] == "3 schedules, 1 with problems"


def test_only_backups(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--backups")[1]
    assert "shop/db" in out
    assert "velero/all" in out
    assert "report" not in out


def test_as_json(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = json.loads(run(capsys, "--format", "json", "--from", "2026-11-21T12:00:00+09:00")[1])["jobs"]
    assert [each["name"] for each in jobs] == ["db", "report", "all"]
    assert jobs[0]["schedules"][0]["next"][:2] == ["2026-11-21T18:00:00Z", "2026-11-22T18:00:00Z"]
    assert jobs[0]["problems"][0]["location"]["line"] == 17
    assert (jobs[2]["kind"], jobs[2]["copies"], jobs[1]["copies"]) == ("Velero Schedule", ["velero"], [])


def test_what_is_suspended_or_never_runs(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "all.yaml").write_text(TREE.replace("0 2 * * 1", "0 0 31 2 *\n  paused: true").replace("0 6 *", "0 25 *"))
    out = run(capsys)[1]
    assert "    problem: never runs (all.yaml:" in out
    assert "    problem: is suspended (all.yaml:" in out
    assert "    problem: is no schedule: not a schedule: " in out


def test_a_job_that_cannot_be_read_is_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "odd.yaml").write_text(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: odd}\nspec:\n  schedule: '@daily'\n  suspend: 'yes'\n"
    )
    code, out, err = run(capsys)
    assert code == 1
    assert "3 schedules" in out
    assert err == "plumbline: odd.yaml:6:3: CronJob odd is left out: spec.suspend is a string, not a boolean\n"


def test_nothing_runs(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--exclude", "all.yaml")[:2] == (5, "nothing runs at certain times\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or directory"),
        (["--from", "soon"], "--from soon: not a time such as 2026-11-21T18:00:00"),
    ],
)
def test_wrong_usage(tree: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(capsys, *arguments) == (4, "", f"plumbline: {message}\n")
