"""Unit cases of alerts, held against the real promtool: over generated series and rules both see the same alerts."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.promql.alerting import Alerting, Firing, Recording, alerting, firing
from conformance.promql.operators import MatchError
from conformance.promql.series import store
from conformance.promql.syntax import read

pytestmark = pytest.mark.tool

MOMENTS = [0, 60, 240, 300, 600, 900, 1170, 1800]
ROUNDS = 4

EXPRESSIONS = [
    "up == 0 or absent(up)",
    "absent(up{job='api'})",
    "sum by (job) (up) < 2",
    "sum without (instance) (rate(req_total[5m])) > 0.5",
    "rate(req_total{code=~'5..'}[5m]) / rate(req_total[5m]) > 0.01",
    "sum(rate(req_total{code=~'5..'}[5m])) / sum(rate(req_total[5m])) > 0.05",
    "sum by (job) (rate(req_total{code=~'5..'}[5m])) / on (job) sum by (job) (rate(req_total[5m])) > 0.05",
    "req_total{code='500'} / ignoring (code) group_left sum without (code) (req_total) > 0.1",
    "used * on (job) group_left (team) owner > 5",
    "used / size > 0.5",
    "used / on (instance) size > 0.5",
    "1 - used / size < 0.6",
    "increase(req_total[10m]) > 100",
    "delta(used[10m]) < -1",
    "irate(req_total[3m]) > 1",
    "idelta(used[3m]) > 0",
    "deriv(used[15m]) > 0.001",
    "predict_linear(used[10m], 3600) > size",
    "changes(up[10m]) > 1",
    "resets(req_total[10m]) > 0",
    "avg_over_time(up[10m]) < 0.9",
    "max_over_time(used[10m]) - min_over_time(used[10m]) > 3",
    "quantile_over_time(0.5, used[10m]) > 5",
    "count_over_time(up[10m]) < 10",
    "stddev_over_time(used[10m]) > 2",
    "last_over_time(used[20m]) > 5",
    "absent_over_time(used[10m])",
    "max_over_time((sum(up))[10m:2m]) < 3",
    "avg_over_time(rate(req_total[5m])[10m:]) > 0.5",
    "histogram_quantile(0.95, sum by (le) (rate(lat_bucket[5m]))) > 0.5",
    "histogram_quantile(0.5, rate(lat_bucket[5m])) > 0.3",
    "topk(1, used) > 6",
    "bottomk(2, used) < 3",
    "quantile(0.5, used) > 5",
    "count(up == 0) >= 1",
    "count by (job) (up) unless on (job) owner",
    "up == 0 and on (job) owner",
    "used > 5 unless used > 8",
    "label_replace(used, 'place', '$1', 'instance', '(.).*') > 7",
    "label_join(used, 'both', '-', 'job', 'instance') > 7",
    "time() - last_success > 600",
    "time() - max(last_success) > 900 or absent(last_success)",
    "vector(1)",
    "vector(scalar(sum(up)) < bool 3) == 1",
    "clamp_max(used, 4) >= 4",
    "round(used / 3) == 2",
    "abs(used - size) < 4",
    "ceil(used) != floor(used)",
    "stdvar(used) > 4",
    "group(up == 1)",
    "count_values('state', up) > 1",
    "used offset 5m > used",
    "job:req:rate5m > 0.5",
    "job:req:rate5m{code=~'5..'} / ignoring (code) group_left sum without (code) (job:req:rate5m) > 0.05",
    "used % 4 == 1",
    "2 ^ used > 100",
    "-used < -7",
    "sgn(used - 5) == 1",
    "up * 0 / 0 > 0",
    "sort_desc(used) > 8",
    "timestamp(used) < time()",
    "hour() == 0 and on () (used > 7)",
    "used > on (instance) group_right () size",
    "sum(req_total) by (code) > 3 and sum by (code) (req_total) > 2",
    "increase(req_total[1m]) > 0",
    "rate(used[90s]) >= 0",
]
RECORDED = [("job:req:rate5m", "sum by (job, code) (rate(req_total[5m]))", {"kind": "recorded"})]
ANNOTATIONS = {"summary": '{{ $labels.job }} is at {{ $value | printf "%.4f" }}', "plain": "it fires"}


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        if os.environ.get("PLUMBLINE_REQUIRE_TOOLS"):
            pytest.fail("promtool is not on PATH")
        pytest.skip("promtool is not on PATH")
    return found


def version(tool: str) -> int:
    shown = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.", shown.stdout + shown.stderr)
    assert found
    return int(found.group(1))


def samples(chance: random.Random, kind: str) -> str:
    words = []
    for _ in range(chance.randint(1, 3)):
        count = chance.randint(1, 12)
        if chance.random() < 0.15:
            words.append(chance.choice(["_", f"_x{chance.randint(1, 7)}", "stale"]))
        if kind == "counter":
            words.append(f"{chance.choice([0, 5, 100])}+{chance.choice([0, 1, 7, 30, 90])}x{count}")
        elif kind == "flag":
            words.append(f"{chance.randint(0, 1)}x{count}")
        elif kind == "time":
            words.append(f"{chance.choice([0, 60, 600])}x{count}")
        else:
            words.append(f"{chance.randint(0, 9)}{chance.choice(['', '+1', '-0.5', '+0.25'])}x{count}")
    return " ".join(words)


def made_up(chance: random.Random) -> dict[str, str]:
    """Some of the series that the expressions read."""
    wanted = [
        *((f"up{{job='{job}',instance='{at}'}}", "flag") for job in ("api", "db") for at in ("a", "b")),
        *((f"req_total{{job='{j}',code='{c}'}}", "counter") for j in ("api", "db") for c in ("200", "500", "503")),
        *((f"used{{job='api',instance='{at}'}}", "gauge") for at in ("a", "b", "c")),
        *((f"size{{job='api',instance='{at}'}}", "gauge") for at in ("a", "b")),
        ("owner{job='api',team='blue'}", "flag"),
        ("last_success{schedule='daily'}", "time"),
        *(
            (f"lat_bucket{{job='{j}',le='{le}'}}", "counter")
            for j in ("api", "db")
            for le in ("0.1", "0.5", "1", "+Inf")
        ),
    ]
    return {name: samples(chance, kind) for name, kind in wanted if chance.random() < 0.8}


def group(chance: random.Random, number: int, old: bool) -> dict[str, Any] | None:
    """One unit test for promtool with the alerts that we see; None where a rule would fail at every evaluation."""
    interval = chance.choice([15, 30, 60])
    given = made_up(chance)
    try:
        seen = evaluate(number, given, interval, old)
    except MatchError:
        return None
    tests = [
        {
            "eval_time": f"{moment}s",
            "alertname": f"A{number}",
            "exp_alerts": [{"exp_labels": dict(e.labels), "exp_annotations": dict(e.annotations)} for e in found],
        }
        for moment, found in seen.items()
    ]
    return {
        "interval": f"{interval}s",
        "input_series": [{"series": name, "values": values} for name, values in given.items()],
        "alert_rule_test": tests,
    }


def rule(number: int) -> dict[str, Any]:
    wait = ["0s", "1m", "5m", "10m"][number % 4]
    labels = {"severity": "warning"} if number % 2 else {}
    return {
        "alert": f"A{number}",
        "expr": EXPRESSIONS[number],
        "for": wait,
        "labels": labels,
        "annotations": ANNOTATIONS,
    }


def evaluate(number: int, given: dict[str, str], interval: int, old: bool) -> dict[float, list[Firing]]:
    recorded = [Recording(name, read(expr), labels) for name, expr, labels in RECORDED]
    alert: Alerting = alerting(rule(number))
    needed = recorded if "job:" in EXPRESSIONS[number] else []
    return firing(alert, needed, store(given, interval), MOMENTS, interval=60, old=old)


def run(tool: str, folder: Path, numbers: list[int], groups: list[dict[str, Any]]) -> str:
    """What promtool complains about; empty when it agrees with everything."""
    recorded = [{"record": name, "expr": expr, "labels": labels} for name, expr, labels in RECORDED]
    rules = {"groups": [{"name": "g", "rules": [*recorded, *(rule(each) for each in numbers)]}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    tests = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": groups}
    (folder / "tests.yaml").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [tool, "test", "rules", "tests.yaml"], capture_output=True, text=True, cwd=folder, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_promtool_sees_the_same_alerts(tmp_path: Path) -> None:
    tool = promtool()
    old = version(tool) < 3
    chance = random.Random(20261121)
    by_rule: dict[int, list[dict[str, Any]]] = {}
    for number in range(len(EXPRESSIONS)):
        made = [found for _ in range(ROUNDS) if (found := group(chance, number, old)) is not None]
        if made:
            by_rule[number] = made
    assert len(by_rule) > len(EXPRESSIONS) * 0.9
    fired = sum(bool(test["exp_alerts"]) for each in by_rule.values() for g in each for test in g["alert_rule_test"])
    assert fired > 150
    wrong = {}
    for number, groups in sorted(by_rule.items()):
        # One rule at a time, because series on which another rule fails would fail this one as well.
        complaint = run(tool, tmp_path, [number], groups)
        if complaint:
            wrong[EXPRESSIONS[number]] = complaint
    assert not wrong, "\n".join(f"{name}\n{said}" for name, said in wrong.items())


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    tests = [{"eval_time": "5m", "alertname": "A0", "exp_alerts": []}]
    made = {"interval": "1m", "input_series": [{"series": "up{job='x'}", "values": "0x10"}], "alert_rule_test": tests}
    assert "FAILED" in run(promtool(), tmp_path, [0], [made])
