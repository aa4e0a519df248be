"""Where rules are found, and on which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.inventory import Inventory
from conformance.promql import exporters, scraping, unit
from conformance.promql.rules import alerts, find, recordings
from conformance.sources import load as sources

OBJECT = """\
apiVersion: {version}
kind: {kind}
metadata: {{name: shop}}
spec:
  groups:
    - name: shop
      interval: 30s
      rules:
        - alert: Down
          expr: up == 0
          for: 5m
          labels: {{severity: critical}}
        - record: job:up
          expr: sum by (job) (up)
"""
FILE = """\
groups:
- name: shop
  rules:
  - alert: Down
    expr: up == 0
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: rules}
data:
  shop.yml: |
    # rules of the shop
    groups:
      - name: shop
        rules:
          - alert: Down
            expr: >
              up == 0
            for: 5m
  other.yml: "groups: [{name: q, rules: [{alert: Quoted, expr: up == 0}]}]\\nmore: 1\\n"
"""
VALUES = """\
additionalPrometheusRulesMap:
  shop:
    groups:
      - name: shop
        rules:
          - alert: Down
            expr: up == 0
serverFiles:
  alerts.yml: |
    groups:
      - name: text
        rules:
          - alert: InText
            expr: up == 0
groups: [admins, users]
"""


def read(folder: Path, **files: str) -> Inventory:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    loaded = sources.load([str(folder)], jobs=1)
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)


@pytest.mark.parametrize(
    ("version", "kind"),
    [("monitoring.coreos.com/v1", "PrometheusRule"), ("operator.victoriametrics.com/v1beta1", "VMRule")],
)
def test_rules_of_objects(tmp_path: Path, version: str, kind: str) -> None:
    inventory = read(tmp_path, rules_yaml=OBJECT.format(version=version, kind=kind))
    (alert,), (record,) = alerts(inventory), recordings(inventory)
    assert (alert.name, alert.expr, alert.wait, alert.labels) == ("Down", "up == 0", "5m", {"severity": "critical"})
    assert (alert.group, alert.interval, record.name) == ("shop", "30s", "job:up")
    assert alert.subject.locate(alert.field("expr")).line == 10
    assert alert.locate("expr") is None


def test_rules_of_files(tmp_path: Path) -> None:
    (alert,) = alerts(read(tmp_path, rules_yml=FILE))
    assert alert.subject.locate(alert.field("expr")).line == 5


def test_rules_in_texts_stand_on_their_lines(tmp_path: Path) -> None:
    down, quoted = alerts(read(tmp_path, config_yaml=CONFIG))
    where = [down.locate("expr"), down.locate("for"), down.locate("labels", "severity")]
    assert [each.line if each else 0 for each in where] == [11, 13, 10]
    # A quoted text takes one line, whatever is in it: only its key is certain.
    assert (quoted.name, quoted.field("expr")) == ("Quoted", ("data", "other.yml"))


def test_rules_in_values_of_charts(tmp_path: Path) -> None:
    down, text = alerts(read(tmp_path, values_yaml=VALUES))
    assert down.subject.locate(down.field("expr")).line == 7
    where = text.locate("expr")
    assert (text.name, where.line if where else 0) == ("InText", 14)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    broken = CONFIG.replace("# rules of the shop", "{{ if .x }}\n    alert: expr:").replace(
        "groups:\n", "groups: [\n", 1
    )
    found = find(read(tmp_path, config_yaml=broken))
    assert [each.path for each in found.unread] == [("data", "shop.yml")]


def test_a_field_of_a_wrong_type_costs_only_its_own_rules(tmp_path: Path) -> None:
    rules = OBJECT.format(version="monitoring.coreos.com/v1", kind="PrometheusRule")
    broken = rules.replace("name: shop}", "name: broken}").partition("  groups:")[0] + "  groups: 5\n"
    found = find(read(tmp_path, rules_yaml=rules, broken_yaml=broken))
    assert [each.path for each in found.unread] == [("spec", "groups")]
    assert [each.name for each in found.rules] == ["Down", "job:up"]


@pytest.mark.parametrize(("selector", "count"), [("{}", 1), ("{matchLabels: {team: shop}}", 0), (None, 0)])
def test_a_prometheus_of_the_tree_selects(tmp_path: Path, selector: str | None, count: int) -> None:
    server = "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: p}\nspec:\n  replicas: 1\n"
    server += f"  ruleSelector: {selector}\n" if selector else ""
    rules = OBJECT.format(version="monitoring.coreos.com/v1", kind="PrometheusRule")
    assert len(alerts(read(tmp_path, rules_yaml=rules, server_yaml=server))) == count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "global: {scrape_interval: 15s}\nscrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 30s}]\n",
            15.0,
        ),
        ("scrape_configs: [{job_name: a}]\n", 60.0),
        ("global: {scrape_interval: 15s}\n", None),
        ("global: {scrape_interval: often}\nscrape_configs: []\n", None),
    ],
)
def test_how_often_is_scraped(tmp_path: Path, text: str, expected: float | None) -> None:
    assert scraping.interval(read(tmp_path, prometheus_yml=text)) == expected


def test_exporters_of_a_tree(tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
    pod += "spec: {containers: [{name: x, image: 'oliver006/redis_exporter:v1'}]}\n"
    assert set(exporters.present(read(tmp_path, pod_yaml=pod))) == {"redis_exporter", "kubelet", "cadvisor"}


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"series": {"up": "1x5"}}, "says when the alert fires"),
        ({"series": {"up": "1x5"}, "fires": ["soon"]}, "not a duration"),
        ({"series": {"up": 21}, "fires": ["1m"]}, "put it in quotes"),
        ({"series": {"up": "one"}, "fires": ["1m"]}, "no value"),
        ({"series": ["up"], "fires": ["1m"]}, "not a mapping"),
        ({"serie": {}, "fires": ["1m"]}, "a case has no serie"),
        ({"series": {}, "fires": ["1m"], "interval": "0s"}, "longer than 0"),
        ({"series": {}, "fires": ["1m"], "labels": "x"}, "not a mapping"),
    ],
)
def test_cases_that_are_none(case: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unit.cases([case])


def test_an_alert_over_recorded_series(tmp_path: Path) -> None:
    text = """\
groups:
- name: shop
  rules:
  - record: job:errors
    expr: sum by (job) (rate(errors_total[5m]))
  - record: job:share
    expr: job:errors / sum by (job) (rate(requests_total[5m]))
  - alert: Errors
    expr: job:share > 0.1
    for: 5m
    labels: {severity: "{{ $labels.job }}"}
"""
    inventory = read(tmp_path, rules_yml=text)
    (rule,) = alerts(inventory)
    series = {'errors_total{job="a"}': "0+20x30", 'requests_total{job="a"}': "0+100x30"}
    good = unit.cases([{"series": series, "silent": ["4m"], "fires": ["15m"], "labels": {"severity": "a"}}])
    assert list(unit.failures(rule, recordings(inventory), good)) == []
    bad = unit.cases(
        [{"what": "errors", "series": series, "silent": ["15m"], "fires": ["1m", "20m"], "labels": {"job": "b"}}]
    )
    assert list(unit.failures(rule, recordings(inventory), bad)) == [
        "fires at 15m with errors",
        "does not fire at 1m with errors",
        "fires at 20m with errors without the labels job=b",
    ]
