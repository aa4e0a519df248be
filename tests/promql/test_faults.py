"""Which expressions are wrong by themselves, and which look like it and are not."""

from __future__ import annotations

import pytest

from conformance.promql import exporters
from conformance.promql.faults import faults
from conformance.promql.syntax import read


@pytest.mark.parametrize(
    ("expr", "codes"),
    [
        ('rate(r_total{status=~"5.."}[5m]) / rate(r_total[5m]) > 0.01', ["self-division"]),
        ('sum by (status) (r{status="500"}) / sum by (status) (r) > 0.1', ["self-division"]),
        ('sum without (pod) (r{status="500"}) / sum without (pod) (r) > 0.1', ["self-division"]),
        ('sum(r{status="500"}) / sum(r) > 0.1', []),
        ('sum by (job) (r{status="500"}) / sum by (job) (r) > 0.1', []),
        ('r{status="500"} / ignoring (status) group_left sum without (status) (r) > 0.1', []),
        ('r{status="500"} / on (job) r{status="200"} > 0.1', []),
        ('r{status="500"} / r{status="200"} > 0.1', ["never-matches"]),
        ('r{status="500"} and r{status="200"} > 0', ["never-matches"]),
        ('r{status="500"} or r{status="200"} > 0', []),
        ('r{status="500"} unless r{status="200"}', ["never-matches"]),
        ("pg_stat_database_numbackends / pg_settings_max_connections > 0.8", ["never-matches"]),
        ("sum by (instance) (pg_stat_database_numbackends) / on (instance) pg_settings_max_connections > 0.8", []),
        ("container_memory_working_set_bytes / kube_pod_container_resource_limits > 0.9", ["never-matches"]),
        ("container_memory_working_set_bytes / on (pod) kube_pod_container_resource_limits > 0.9", []),
        ("sum by (a) (x) / sum by (b) (y) > 1", ["never-matches"]),
        ("sum by (a) (x) / on (b) sum by (b) (y) > 1", ["never-matches"]),
        ("sum by (a, b) (x) / on (a) group_left sum by (a) (y) > 1", []),
        ("x / sum(x) > 1", ["never-matches"]),
        ("x / scalar(sum(x)) > 1", []),
        ("sum(x) > 5 and on () hour() > 8", []),
        ("x > 5 and absent(y)", ["never-matches"]),
        ("x * on (pod) group_left (node) kube_pod_info > 5", []),
        ("job:x:sum / sum(y) > 1", []),
        ("up == 2", ["impossible"]),
        ("up < 1", []),
        ("mysql_up != 1", []),
        ("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 80", ["impossible"]),
        ("(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100 > 80", []),
        ("(1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) * 100 > 100", ["impossible"]),
        ('sum(rate(r{status="500"}[5m])) / sum(rate(r[5m])) > 1.5', ["impossible"]),
        ("count(x) == 0", ["impossible"]),
        ("rate(x_total[5m]) < 0", ["impossible", "silent-without-data", "per-series"]),
        ("x > 5 and x < 3", ["impossible"]),
        ("x > 3 and x < 5", []),
        ("absent(x) == 0", ["impossible"]),
        ('x{a="1",a="2"} > 0', ["contradiction"]),
        ('x{a="1",a!="2"} > 0', []),
        ("absent(vector(0))", ["absent-never-empty"]),
        ("absent(x or vector(0))", ["absent-never-empty"]),
        ("absent(sum by (job) (up))", ["absent-of-groups"]),
        ("absent(sum(up))", []),
        ("histogram_quantile(0.9, sum by (job) (rate(h_bucket[5m]))) > 1", ["no-le"]),
        ("histogram_quantile(0.9, sum without (le) (rate(h_bucket[5m]))) > 1", ["no-le"]),
        ("histogram_quantile(0.9, sum without (pod) (rate(h_bucket[5m]))) > 1", []),
        ("histogram_quantile(0.9, rate(h_bucket[5m])) > 1", ["quantile-per-series"]),
        ("histogram_quantile(0.9, sum(rate(native_seconds[5m]))) > 1", []),
        ("mysql_global_status_slow_queries > 10", ["raw-counter"]),
        ("sum(errors_total) > 10", ["raw-counter"]),
        ("errors_total > 0", []),
        ("errors_total - errors_total offset 1h > 10", []),
        ("nodes_count > 10", []),
        ("rate(node_memory_MemFree_bytes[5m]) > 1", ["rate-of-gauge"]),
        ("increase(kube_pod_container_status_restarts_total[1h]) > 5", []),
        ("rate(job:x:sum[5m]) > 1", ["rate-of-recorded"]),
        ("rate(sum(x_total)[5m:]) > 1", ["rate-of-sum"]),
        ("delta(errors_total[5m]) > 1", ["delta-of-counter"]),
        ("deriv(node_filesystem_avail_bytes[1h]) < -5", []),
        ("rate(x_total[30s]) > 1", ["short-window"]),
        ("up >= 0", ["always-true"]),
        ("x > bool 5", ["bool"]),
        ("rate(x_total[5m])", ["no-condition"]),
        ("vector(1)", []),
        ("job:errors:burning", []),
        ('x{state="failed"}', []),
        ("sum(rate(x_total[5m])) < 100", ["silent-without-data"]),
        ("rate(x_total[5m]) < 100", ["silent-without-data", "per-series"]),
        ("sum(rate(x_total[5m])) < 100 or absent(x_total)", []),
    ],
)
def test_faults(expr: str, codes: list[str]) -> None:
    assert sorted({each.code for each in faults(read(expr), scrape_interval=30)}) == sorted(codes)


def test_a_recording_rule_needs_no_condition() -> None:
    assert faults(read("sum(rate(x_total[5m]))"), alert=False) == []


def test_without_a_scrape_interval_no_window_is_too_short() -> None:
    assert faults(read("rate(x_total[1s]) > 1")) == []


def test_the_part_that_is_wrong_is_named() -> None:
    (fault,) = faults(read("sum(z) > 5 or up == 2"))
    assert fault.part == "up == 2"


@pytest.mark.parametrize(
    ("metric", "owner", "counter", "gauge"),
    [
        ("nginx_http_requests_total", "nginx-exporter", True, False),
        ("nginx_ingress_controller_requests", "ingress-nginx", False, False),
        ("kube_pod_container_status_restarts_total", "kube-state-metrics", True, False),
        ("kube_deployment_status_replicas", "kube-state-metrics", False, True),
        ("mysql_global_status_slow_queries", "mysqld_exporter", True, False),
        ("velero_backup_total", "velero", False, True),
        ("shop_orders_total", None, True, False),
        ("shop_hit_ratio", None, False, True),
        ("shop_orders", None, False, False),
        ("job:errors_total", None, False, False),
    ],
)
def test_what_is_known_of_metrics(metric: str, owner: str | None, counter: bool, gauge: bool) -> None:
    found = exporters.owner(metric)
    assert (found.name if found else None) == owner
    assert (exporters.is_counter(metric), exporters.is_gauge(metric)) == (counter, gauge)
