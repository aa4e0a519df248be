"""The options of the checks of rules and of backup schedules: each changes what is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.check import NotApplicable
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.registry import find
from conformance.sources import load as sources

RULES = """\
groups:
- name: shop
  rules:
  - alert: Errors
    expr: sum(rate(e_total[5m])) / sum(rate(r_total[5m])) > 0.01
    for: 5m
    labels: {severity: critical}
    annotations: {summary: "errors {{ $value }}%"}
"""
STRICTER = RULES + RULES.replace("groups:\n- name: shop\n  rules:\n", "").replace("0.01", "0.001")
CASES = [{"series": {"e_total": "0+5x60", "r_total": "0+100x60"}, "silent": ["2m"], "fires": ["30m"]}]
JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: db, namespace: shop}
spec:
  schedule: "0 18 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: dump
              image: mysql:8
              command: [bash, -ec, "mysqldump shop > /b/x.sql; aws s3 cp --sse AES256 /b/x.sql s3://copies/"]
              volumeMounts: [{name: b, mountPath: /b}]
          volumes: [{name: b, persistentVolumeClaim: {claimName: copies}}]
"""


def ask(folder: Path, check: str, options: dict[str, Any], **files: str) -> list[Any]:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    loaded = sources.load([str(folder)], jobs=1)
    inventory = Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)
    found = find(check)
    assert found is not None
    return list(found.function(inventory, **found.options(options)))


def fields(said: list[Any]) -> list[str]:
    assert all(isinstance(each, Finding) for each in said), said
    return [each.field_text for each in said]


WANTED = "sum(rate(e_total[5m])) / sum(rate(r_total[5m])) > {threshold}"
EXPR = "groups[0].rules[0].expr"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"expr": ["100 * sum(rate(e_total[300s])) / sum(rate(r_total[5m])) > 1"]}, []),
        ({"expr": ["sum(rate(e_total[5m])) / sum(rate(r_total[5m])) > 0.02"]}, [EXPR]),
        ({"expr": ["x > 1", WANTED], "threshold": {"at_most": 0.01}}, []),
        ({"expr": [WANTED], "threshold": {"at_least": 0.02}}, [EXPR]),
        ({"cases": CASES}, []),
        ({"expr": ["x > 1"], "cases": CASES}, []),
        ({"cases": [{**CASES[0], "silent": ["30m"]}]}, [EXPR]),
        ({"wait": "300s"}, []),
        ({"wait": "1m"}, ["groups[0].rules[0].for"]),
        ({"wait_at_most": "5m"}, []),
        ({"wait_at_most": "4m"}, ["groups[0].rules[0].for"]),
        ({"labels": {"severity": "crit*"}}, []),
        (
            {"labels": {"severity": "warning", "team": "x"}},
            ["groups[0].rules[0].labels.severity", "groups[0].rules[0].labels.team"],
        ),
        ({"annotations": ["summary"]}, []),
        ({"annotations": ["runbook"]}, ["groups[0].rules[0].annotations.runbook"]),
    ],
)
def test_alert_rule(tmp_path: Path, options: dict[str, Any], expected: list[str]) -> None:
    assert fields(ask(tmp_path, "alert_rule", {"alert": "Errors", **options}, rules_yml=RULES)) == expected


def test_one_of_several_alerts_has_to_be_right(tmp_path: Path) -> None:
    options = {"alert": ["Other", "Errors"], "expr": [WANTED], "threshold": {"at_most": 0.002}}
    assert ask(tmp_path, "alert_rule", options, rules_yml=STRICTER) == []


def test_an_alert_that_is_missing(tmp_path: Path) -> None:
    (missing,) = ask(tmp_path, "alert_rule", {"alert": "Other"}, rules_yml=RULES)
    assert (missing.subject, missing.message) == (None, "no alert Other that Prometheus would load")
    (skipped,) = ask(tmp_path, "alert_rule", {"alert": "Other", "required": False})
    assert isinstance(skipped, NotApplicable)


def test_the_reason_stands_behind_the_case(tmp_path: Path) -> None:
    text = RULES.replace(
        "sum(rate(e_total[5m])) / sum(rate(r_total[5m]))", 'rate(r_total{c="5"}[5m]) / rate(r_total[5m])'
    )
    options = {
        "alert": "Errors",
        "cases": [{"series": {"r_total": "0+1x60", 'r_total{c="5"}': "0+1x60"}, "silent": ["30m"]}],
    }
    (said,) = ask(tmp_path, "alert_rule", options, rules_yml=text)
    assert said.message == "fires at 30m: each series is divided by itself, which gives 1: sum both sides first"


@pytest.mark.parametrize("expr", ["a >", "info(a) > 1"])
def test_what_is_not_understood_is_no_pass(tmp_path: Path, expr: str) -> None:
    text = RULES.replace("sum(rate(e_total[5m])) / sum(rate(r_total[5m])) > 0.01", expr)
    (said,) = ask(tmp_path, "alert_rule", {"alert": "Errors", "cases": CASES}, rules_yml=text)
    assert isinstance(said, Unjudged)


def test_faults_by_verdict_and_code(tmp_path: Path) -> None:
    text = RULES.replace("sum(rate(e_total[5m])) / sum(rate(r_total[5m])) > 0.01", "rate(e_total[5m]) < 1")
    assert ask(tmp_path, "rules_can_fire", {}, rules_yml=text) == []
    assert fields(ask(tmp_path, "rules_can_fire", {"verdicts": ["weak"]})) == [EXPR, EXPR]
    assert fields(ask(tmp_path, "rules_can_fire", {"verdicts": ["weak"], "ignore": ["per-series"]})) == [EXPR]


VOLUME = "spec.jobTemplate.spec.template.spec.volumes[0]"
COMMAND = "spec.jobTemplate.spec.template.spec.containers[0].command[2]"


@pytest.mark.parametrize(
    ("check", "options", "expected"),
    [
        ("backup_schedule", {"at": "0 3 * * *", "time_zone": "Asia/Seoul", "within": "24h"}, []),
        ("backup_schedule", {"at": "0 3 * * *"}, ["spec.schedule"]),
        ("backup_schedule", {"within": "12h"}, ["spec.schedule"]),
        ("backup_schedule", {"zone_named": True}, ["spec.schedule"]),
        ("backup_schedule", {"concurrency": ["Forbid"]}, ["spec.concurrencyPolicy"]),
        ("backup_schedule", {"job": "other"}, [""]),
        ("backup_schedule", {"data": ["redis"], "required": False}, None),
        ("backup_dumps", {"data": ["mysql"], "programs": ["mysqldump"]}, []),
        ("backup_dumps", {"programs": ["mariadb-dump"]}, [COMMAND]),
        ("backup_dumps", {"data": ["redis"]}, [COMMAND]),
        ("backup_dumps", {"options": ["--single-transaction"]}, [COMMAND]),
        ("backup_dumps", {"job": "other"}, None),
        ("backup_fails_loudly", {}, []),
        ("backup_fails_loudly", {"data": ["redis"]}, None),
        ("backup_leaves_volume", {"target": "s3://copies/*"}, []),
        ("backup_leaves_volume", {"target": "s3://other/*"}, [COMMAND]),
        ("backup_encrypts", {}, []),
        ("backup_encrypts", {"server_side": False}, [COMMAND]),
        ("backup_retained", {"at_least": "7d"}, ["spec.schedule"]),
        ("backup_retained", {"job": "other"}, None),
        ("restore_tested", {}, [""]),
    ],
)
def test_backup_jobs(tmp_path: Path, check: str, options: dict[str, Any], expected: list[str] | None) -> None:
    said = ask(tmp_path, check, options, job_yaml=JOB)
    if expected is None:
        assert [type(each) for each in said] == [NotApplicable]
    else:
        assert fields(said) == expected


def test_a_job_that_cannot_be_read_is_no_pass(tmp_path: Path) -> None:
    for check in ("backup_schedule", "backup_fails_loudly", "backup_leaves_volume", "backup_encrypts"):
        (said,) = ask(
            tmp_path, check, {}, job_yaml=JOB, odd_yaml=JOB.replace("  jobTemplate", "  suspend: x\n  jobTemplate")
        )
        assert (type(said), said.field) == (Unjudged, ("spec", "suspend"))


def test_a_copy_on_another_claim(tmp_path: Path) -> None:
    text = JOB.replace("; aws s3 cp --sse AES256 /b/x.sql s3://copies/", "")
    assert fields(ask(tmp_path, "backup_leaves_volume", {}, job_yaml=text)) == [VOLUME]
    assert ask(tmp_path, "backup_leaves_volume", {"outside": False}) == []


def test_a_deadline(tmp_path: Path) -> None:
    text = JOB.replace("  jobTemplate:", "  startingDeadlineSeconds: 60\n  jobTemplate:", 1)
    assert ask(tmp_path, "backup_schedule", {}, job_yaml=text) == []
    assert fields(ask(tmp_path, "backup_schedule", {"starting_deadline_at_least": "1h"})) == [
        "spec.startingDeadlineSeconds"
    ]


def test_copies_kept_for_exactly_so_long(tmp_path: Path) -> None:
    text = JOB.replace("mysqldump shop", "find /b -type f -mtime +7 -delete; mysqldump shop")
    assert ask(tmp_path, "backup_retained", {"exactly": "7d"}, job_yaml=text) == []
    assert fields(ask(tmp_path, "backup_retained", {"exactly": "8d"})) == [COMMAND]
    assert fields(ask(tmp_path, "backup_retained", {"at_least": "8d"})) == [COMMAND]
    assert ask(tmp_path, "backup_retained", {"at_least": "6d"}) == []


RESTORE = JOB.replace(
    "mysqldump shop > /b/x.sql; aws s3 cp --sse AES256 /b/x.sql s3://copies/", "mysql -h scratch < /b/x.sql"
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"compares": False}, []),
        ({}, [COMMAND]),
        ({"compares": False, "within": "12h"}, ["spec.schedule"]),
        ({"job": "other"}, [""]),
        ({"data": ["postgresql"]}, [""]),
    ],
)
def test_restores(tmp_path: Path, options: dict[str, Any], expected: list[str]) -> None:
    assert fields(ask(tmp_path, "restore_tested", options, job_yaml=RESTORE)) == expected


def test_no_restore_is_asked_for_where_nothing_is_copied(tmp_path: Path) -> None:
    (said,) = ask(tmp_path, "restore_tested", {"data": ["postgresql"], "required": False}, job_yaml=RESTORE)
    assert isinstance(said, NotApplicable)
    assert fields(ask(tmp_path, "restore_tested", {"required": False}, job_yaml=JOB)) == [""]
