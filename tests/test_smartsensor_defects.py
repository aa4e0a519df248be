"""Contradictions and mistakes of the SmartSensor guide that can be computed; each is computed, not only stated.

Where the guide prints a manifest or a script, a fixture holds it as printed, and what is computed is what the
requirements say about it.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import pytest

from conformance.catalogue import Catalogue, Defect, Requirement
from conformance.evidence.periods import minutes
from conformance.finding import Finding
from conformance.kube import quantity
from conformance.kube.cron import Schedule
from conformance.promql import exporters
from conformance.promql.alerting import alerting, fill, firing
from conformance.promql.series import store
from conformance.promql.syntax import read, selectors
from conformance.run import load_catalogue
from conformance.settings import shipped_folders
from tests import fixture_cases

FIXTURES = fixture_cases.ROOT
VELERO = "velero/velero_template/bad-documented.yaml"
BACKUP = "dumps/dump_verified/bad-documented"
VERIFY = "restore/script_steps/bad-verify"
INSTANCE = "hardening/throwaway_hardened/bad-documented.yaml"
RECOVERY = "restore/script_steps/bad-recovery"
REMEDIATION = "restore/script_steps/bad-remediation"
NETWORK = "connectivity/connectivity/bad-smartsensor-documented.yaml"
INCIDENTS = "incidents/response_times/bad-documented"
#: of lines 1398 to 1410; CPUs and GiB of memory as the vendor lists them
NODE_TYPES = {"m5.xlarge": (4, 16), "r5.xlarge": (4, 32), "c5.xlarge": (4, 8)}
MONTH = 30 * 24 * 60


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue([shipped_folders()["smartsensor"]])


def defects(catalogue: Catalogue) -> dict[str, Defect]:
    return {each.id.removeprefix("smartsensor-doc-"): each for each in catalogue.profiles["smartsensor"].defects}


def requirement(catalogue: Catalogue, name: str) -> Requirement:
    found = catalogue.find(f"smartsensor-{name}")
    assert found is not None
    return found


def said(catalogue: Catalogue, name: str, fixture: str) -> list[Finding]:
    """What a requirement says about something as the guide prints it."""
    world = fixture_cases.inventory(FIXTURES / fixture)
    return fixture_cases.judge(requirement(catalogue, name), world).findings


def messages(catalogue: Catalogue, name: str, fixture: str) -> str:
    return "\n".join(each.message for each in said(catalogue, name, fixture))


def fires(expr: str, wait: str, series: dict[str, str], at: int = 1800) -> int:
    """How many alerts an expression raises after half an hour."""
    found = firing(alerting({"alert": "A", "expr": expr, "for": wait}), [], store(series, 60), [at])
    return len(found[at])


def test_every_defect_is_there_and_names_known_requirements(catalogue: Catalogue) -> None:
    found = defects(catalogue)
    assert len(found) == 58
    assert Counter(each.evidence.split(",")[0] for each in found.values()) == {
        "mistake": 29,
        "contradiction": 12,
        "weakness": 9,
        "gap": 8,
    }
    for each in found.values():
        assert each.requirements, each.id
        for name in each.requirements:
            assert catalogue.find(name) is not None, (each.id, name)
        lines = [int(number) for number in re.findall(r"\d+", each.where)]
        assert lines, each.id
        assert 1 <= min(lines) <= max(lines) <= 1434, each.id


def test_the_profile_holds_every_requirement_of_the_guide(catalogue: Catalogue) -> None:
    found = catalogue.profiles["smartsensor"].requirements
    assert len(found) == 189
    assert Counter(each.basis for each in found) == {"explicit": 136, "implied": 51, "recommended": 2}
    severities = {"critical": 40, "high": 63, "medium": 54, "low": 30, "info": 2}
    assert Counter(each.severity for each in found) == severities


def test_velero_template_nesting(catalogue: Catalogue) -> None:
    (finding,) = said(catalogue, "velero-template-shape", VELERO)
    for lost in ("includedNamespaces", "excludedResources", "storageLocation", "volumeSnapshotLocations", "ttl"):
        assert lost in finding.message
    assert said(catalogue, "velero-ttl", VELERO)[0].observed is None


def test_dr_strips_pss(catalogue: Catalogue) -> None:
    assert len(said(catalogue, "dr-namespaces-keep-pss", RECOVERY)) == 3


def test_error_rate_self_division() -> None:
    few = {'http_requests_total{status="200"}': "0+99997x60", 'http_requests_total{status="500"}': "0+3x60"}
    expr = 'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m]) > 0.01'
    assert fires(expr, "1m", few) == 1, "0.003 % of the requests"
    mended = 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.01'
    assert fires(mended, "1m", few) == 0


def test_db_connections_never_fires() -> None:
    full = {
        'pg_stat_database_numbackends{instance="one",datid="5",datname="hankook_sensors"}': "99x60",
        'pg_settings_max_connections{instance="one",server="postgresql:5432"}': "100x60",
    }
    assert fires("pg_stat_database_numbackends / pg_settings_max_connections > 0.8", "5m", full) == 0
    used = "sum by (instance) (pg_stat_database_numbackends)"
    mended = f"{used} / on (instance) max by (instance) (pg_settings_max_connections) > 0.8"
    assert fires(mended, "5m", full) == 1


def test_slow_query_metric() -> None:
    exporter = exporters.owner("pg_stat_statements_mean_time_ms")
    assert exporter is not None
    (documented,) = selectors(read("pg_stat_statements_mean_time_ms > 1000"))
    assert exporter.lacks(documented) == "pg_stat_statements_mean_time_ms"
    for mended in ("pg_stat_statements_seconds_total", "pg_stat_statements_calls_total"):
        assert not exporter.lacks(next(selectors(read(mended))))


def test_ingestion_per_series() -> None:
    healthy = {f'sensor_data_received_total{{instance="{each}"}}': "0+5400x60" for each in ("one", "two")}
    assert fires("rate(sensor_data_received_total[5m]) < 100", "5m", healthy) == 2, "180 readings a second in all"
    assert fires("rate(sensor_data_received_total[5m]) < 100", "5m", {}) == 0, "nothing comes in at all"
    mended = "sum(rate(sensor_data_received_total[5m])) < 100 or absent(sensor_data_received_total)"
    assert (fires(mended, "5m", healthy), fires(mended, "5m", {})) == (0, 1)


def test_latency_per_series() -> None:
    """A nearly idle replica whose few requests are slow fires for the whole service."""
    name = "http_request_duration_seconds_bucket"
    busy, idle = "0+60000x60", "0+60x60"
    series = {f'{name}{{instance="busy",le="{le}"}}': busy for le in ("0.2", "1", "+Inf")}
    series |= {f'{name}{{instance="idle",le="{le}"}}': idle if le != "0.2" else "0x60" for le in ("0.2", "1", "+Inf")}
    assert fires(f"histogram_quantile(0.95, rate({name}[5m])) > 0.5", "2m", series) == 1
    assert fires(f"histogram_quantile(0.95, sum by (le) (rate({name}[5m]))) > 0.5", "2m", series) == 0


def test_percent_annotation() -> None:
    assert fill("{{ $value }}%", {}, 0.07) == "0.07%", "for seven percent"


def test_alert_vs_slo(catalogue: Catalogue) -> None:
    """The thresholds of the alerts are the limits of P99 and ten times the error rate that is promised."""
    latency = requirement(catalogue, "alert-api-high-response-time").options["threshold"]
    errors = requirement(catalogue, "alert-api-error-rate").options["threshold"]
    slow = {f'http_request_duration_seconds_bucket{{le="{le}"}}': "0+1000x60" for le in ("0.3", "1", "+Inf")}
    slow['http_request_duration_seconds_bucket{le="0.2"}'] = "0x60"
    documented = "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > "
    assert (fires(f"{documented}{latency['at_most']}", "2m", slow), fires(f"{documented}0.2", "2m", slow)) == (0, 1)
    assert errors["at_most"] == 10 * errors["at_least"] == 0.01


def test_network_no_counterpart_and_no_dns(catalogue: Catalogue) -> None:
    closed = messages(catalogue, "np-counterpart-ingress", NETWORK)
    assert "postgresql-cluster TCP/5432 is documented, but closed" in closed
    assert "redis-cluster TCP/6379 is documented, but closed" in closed
    assert "web-dashboard -> hankook-smartsensor/Deployment/api-server" in messages(
        catalogue, "np-dashboard-egress", NETWORK
    )
    unresolved = said(catalogue, "np-dns-egress", NETWORK)
    assert len(unresolved) == 6, "every workload of the namespace"


def test_ingress_label(catalogue: Catalogue) -> None:
    (finding,) = said(catalogue, "np-ingress-namespace-label", NETWORK)
    assert finding.observed == {"matchLabels": {"name": "ingress-nginx"}}


def test_security_only_two_namespaces(catalogue: Catalogue) -> None:
    places = {str(each.subject) for each in said(catalogue, "np-default-deny-other-namespaces", NETWORK)}
    assert len(places) == 2
    backed_up = requirement(catalogue, "velero-included-namespaces").options["namespaces"]
    documented = {"hankook-smartsensor", "hankook-security"}
    assert set(backed_up) - documented == {"monitoring"}


def test_log_index_retention() -> None:
    assert not fnmatchcase("hankook-smartsensor-2026.11.20", "logstash-*")


def test_backup_existence_check(catalogue: Catalogue, tmp_path: Path) -> None:
    """As a shell does it: a failed dump leaves 20 bytes, and the documented test passes them."""
    script = f"cd {tmp_path}; (exit 1) | gzip > dump.sql.gz; echo $?; [ -f dump.sql.gz ] && gzip -t dump.sql.gz"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "0")
    assert (tmp_path / "dump.sql.gz").stat().st_size == 20
    strict = subprocess.run(["bash", "-c", f"set -euo pipefail; {script}"], capture_output=True, check=False)
    assert strict.returncode != 0
    assert "a failed dump leaves a file like a good one" in messages(catalogue, "pgbackup-dump-integrity", BACKUP)


def test_wal_useless(catalogue: Catalogue) -> None:
    assert "there is no base backup" in messages(catalogue, "pgbackup-wal-usable", BACKUP)


def test_offsite_incomplete(catalogue: Catalogue, tmp_path: Path) -> None:
    uploads = messages(catalogue, "pgbackup-offsite", BACKUP)
    for missing in ("does not send wal_backup_*", "does not send postgresql_config_*", "a failed upload goes"):
        assert missing in uploads
    assert "never deletes postgresql_config_" in messages(catalogue, "pgbackup-retention", BACKUP)
    for name, days in (("young.gz", 30.5), ("old.gz", 31.5), ("old.yaml", 90)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - days * 86400,) * 2)
    subprocess.run(["find", str(tmp_path), "-name", "*.gz", "-mtime", "+30", "-delete"], check=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["old.yaml", "young.gz"]


def test_backup_unscheduled(catalogue: Catalogue) -> None:
    assert "no job that copies postgresql is scheduled" in messages(catalogue, "pgbackup-scheduled", BACKUP)
    assert "nothing starts" in messages(catalogue, "backupverify-weekly", VERIFY)


def test_verify_exit_zero(catalogue: Catalogue) -> None:
    assert "goes on after an error" in messages(catalogue, "backupverify-fails-loudly", VERIFY)
    assert "lacks the step" in messages(catalogue, "backupverify-exact", VERIFY)


def test_verify_violates_own_rules(catalogue: Catalogue) -> None:
    text = messages(catalogue, "backupverify-hardened", INSTANCE)
    controls = re.findall(r"\((restricted-[a-z-]+)\)", text)
    assert sorted(controls) == [
        "restricted-capabilities",
        "restricted-privilege-escalation",
        "restricted-running-as-non-root",
        "restricted-seccomp",
    ]
    assert "POSTGRES_PASSWORD stands in the manifest" in text
    assert "no NetworkPolicy isolates its egress" in text


def test_verify_version(catalogue: Catalogue) -> None:
    assert said(catalogue, "backupverify-version", INSTANCE)[0].observed == "postgres:13"


def test_latest_dump_missing() -> None:
    """What the jobs write: no argument, and not `latest`, names an object of both."""
    velero, dump = re.compile(r"\d{14}"), re.compile(r"\d{8}_\d{6}")
    for argument in ("latest", "20261120010004", "20261120_010004", "20261120"):
        assert not (velero.fullmatch(argument) and dump.fullmatch(argument))
    assert not dump.fullmatch("latest")


def test_restore_duplicates(catalogue: Catalogue) -> None:
    assert "which the restored volume holds already" in messages(catalogue, "dr-no-duplicates", RECOVERY)


def test_restore_selection(catalogue: Catalogue) -> None:
    backups = [("hankook-smartsensor-backup-20261120020004", "Completed"), ("aaa-other-20250101000000", "Completed")]
    assert sorted(backups)[0][0].startswith("aaa-other"), "velero sorts by name, and the script takes the first"
    assert "takes backups of any schedule" in messages(catalogue, "dr-backup-selection", RECOVERY)


def test_restore_always_successful(catalogue: Catalogue) -> None:
    unnoticed = said(catalogue, "dr-exit-status", RECOVERY)
    assert len(unnoticed) == 9
    assert {each.message for each in unnoticed} == {"its failure goes unnoticed"}


def test_rto_rpo_undefined(catalogue: Catalogue) -> None:
    hours = 500e9 / 50e6 / 3600
    assert round(hours, 1) == 2.8
    budget = (1 - 0.999) * MONTH
    assert round(budget) == 43
    assert hours * 60 > budget
    assert requirement(catalogue, "dr-rto").check is None


def test_data_loss_vs_daily_backup(catalogue: Catalogue) -> None:
    options = requirement(catalogue, "velero-schedule-cron").options
    gap = Schedule.parse(options["at"], options["time_zone"]).largest_gap()
    assert gap is not None
    assert round(0.0001 * MONTH, 1) == 4.3, "minutes of loss that are promised"
    assert round(gap.total_seconds() / 60 / MONTH * 100, 1) == 3.3, "percent of the month between two backups"


def test_backup_maintenance_overlap(catalogue: Catalogue) -> None:
    backup = Schedule.parse(requirement(catalogue, "velero-schedule-cron").options["at"])
    maintenance = Schedule.parse("0 2 * * 0")
    assert set(maintenance.days) <= set(backup.days)
    assert maintenance.fields.hours == backup.fields.hours
    assert maintenance.fields.minutes == backup.fields.minutes


def test_timezone() -> None:
    assert Schedule.parse("0 2 * * *", "UTC") == Schedule.parse("0 11 * * *", "Asia/Seoul")


def test_rbac_filter() -> None:
    listed = "ops-admin  ClusterRole/cluster-admin  1d  system:authenticated\nviewers  ClusterRole/view  1d  viewer\n"
    left = subprocess.run(["grep", "-v", "system:"], input=listed, capture_output=True, text=True, check=False)
    assert "cluster-admin" not in left.stdout


def test_pod_filter_and_health_check(catalogue: Catalogue) -> None:
    listed = "NAME READY STATUS\napi-server-1 0/1 Running\n"
    command = "grep -v Running | grep -v Completed || echo healthy"
    left = subprocess.run(["bash", "-c", command], input=listed, capture_output=True, text=True, check=False)
    assert left.stdout == "NAME READY STATUS\n", "the pod that is not ready is hidden, and `healthy` is never said"
    assert "the header line always remains" in messages(catalogue, "remediation-status-check", REMEDIATION)


def test_certificate_check(catalogue: Catalogue) -> None:
    assert "this annotation renews nothing" in messages(catalogue, "remediation-certificate", REMEDIATION)


def test_crashloop_remediation(catalogue: Catalogue) -> None:
    text = messages(catalogue, "remediation-crashloop", REMEDIATION)
    assert "a pod in CrashLoopBackOff has the phase Running" in text
    assert "lacks the step" in text, "a deletion that says where"


def test_hpa_patch(catalogue: Catalogue) -> None:
    assert "lacks the step" in messages(catalogue, "remediation-high-memory", REMEDIATION)


def test_disk_remediation(catalogue: Catalogue) -> None:
    assert len(said(catalogue, "remediation-disk", REMEDIATION)) == 2
    assert messages(catalogue, "remediation-disk", REMEDIATION).count("its failure goes unnoticed") == 2


def test_vpa_database() -> None:
    wanted_cpu, wanted_memory = quantity.parse("4"), quantity.parse("16Gi")
    gib = quantity.parse("1Gi")
    # Every node keeps something for itself, so what it has is more than it gives.
    fitting = [n for n, (cpu, memory) in NODE_TYPES.items() if cpu > wanted_cpu and memory * gib > wanted_memory]
    assert fitting == []


def test_support_hours(catalogue: Catalogue) -> None:
    late = messages(catalogue, "incident-teams", INCIDENTS)
    assert "L3 does not answer within that time at any hour" in late
    tier, level = minutes("2시간 이내"), minutes("15분 이내")
    assert tier is not None
    assert level is not None
    assert tier > level


def test_escalation_grows_with_the_level(catalogue: Catalogue) -> None:
    """Not a contradiction: responses and escalations of the guide both grow from P1 to P4."""
    for name in ("incident-levels", "incident-escalation"):
        times = [minutes(each) for each in requirement(catalogue, name).options["levels"].values()]
        assert all(earlier is not None and later is not None and earlier < later for earlier, later in pairwise(times))
