"""`plumbline rules` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.cli import main

RULES = """\
groups:
- name: shop
  rules:
  - alert: Errors
    expr: rate(r_total{code="500"}[5m]) / rate(r_total[5m]) > 0.01
    for: 5m
    labels: {severity: critical}
  - alert: Slow
    expr: sum(rate(readings_total[5m])) < 100
  - record: job:up
    expr: sum by (job) (up)
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules.yml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["rules", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_each_rule_with_what_is_wrong(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (1, "")
    assert out.splitlines()[:3] == [
        "rules.yml:5:5: Errors [alert critical] fires after 5m",
        '    rate(r_total{code="500"}[5m]) / rate(r_total[5m]) > 0.01',
        "    always: each series is divided by itself, which gives 1: sum both sides first [self-division]",
    ]
    assert out.splitlines()[-1] == "2 alerts, 1 recording rules, 2 with something to say about"


def test_only_some(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--name", "S*")
    assert code == 0  # it misses something, and is not wrong
    assert "Slow [alert] fires at once" in out
    assert "Errors" not in out


def test_explained(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--explain")[1]
    assert "    means: sum by (job) (up)" in out
    assert "    reads: up (of prometheus)" in out


def test_as_json(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    errors, slow, up = json.loads(run(capsys, "--format", "json")[1])["rules"]
    assert (errors["kind"], errors["for"], errors["group"], up["kind"]) == ("alert", "5m", "shop", "record")
    assert [each["code"] for each in errors["problems"]] == ["self-division"]
    assert [each["verdict"] for each in slow["problems"]] == ["weak"]
    assert errors["location"] == {"path": "rules.yml", "line": 5, "column": 5}


def test_what_is_no_promql_is_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rules.yml").write_text("groups: [{name: a, rules: [{alert: A, expr: 'up >'}]}]\n")
    code, out, _ = run(capsys)
    assert code == 1
    assert "    unreadable: not PromQL" in out


def test_what_is_excluded_has_no_say(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--exclude", "rules.yml")[:2] == (5, "there are no rules\n")


def test_a_path_that_is_not_there(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "nowhere") == (4, "", "plumbline: nowhere: no such file or directory\n")
