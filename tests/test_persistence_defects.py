"""Contradictions of the persistence guide that its own figures show; each is computed, not only stated."""

from __future__ import annotations

import re
import tarfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import Catalogue, Defect, Requirement
from conformance.kube import quantity
from conformance.kube.cron import Schedule
from conformance.promql.trial import Series, World, fires
from conformance.run import load_catalogue
from conformance.scripts.backup import outputs, prunes, removed_later
from conformance.scripts.machines import disk_size
from conformance.scripts.shell import Shell
from conformance.settings import shipped_folders

GIB = Decimal(2**30)
#: growth of the capacity table: lines 403 to 407
GROWTH = {"clickhouse": "1.5Gi", "vault data": "100Mi", "vault audit": "500Mi", "redis": "50Mi", "controller": "100Mi"}
#: lines 412 to 416
WORKERS, DISK, FREE = 3, 50 * GIB, 62 * GIB
#: lines 89 and 273
REPLICAS = {"signoz/signoz-clickhouse/*": 2, "vault/vault/data": 3, "vault/vault/audit": 3}
USED, CAPACITY = "kubelet_volume_stats_used_bytes", "kubelet_volume_stats_capacity_bytes"
ALMOST_FULL = f"({USED} / {CAPACITY}) * 100 > 80"
FILLING_SOON = f"predict_linear({USED}[6h], 3 * 24 * 3600) > {CAPACITY}"
#: lines 162 to 178, as printed
VAULT_SCRIPT = Shell("""\
BACKUP_DIR="/opt/backup/vault"
DATE=$(date +%Y%m%d-%H%M%S)
kubectl exec -n vault vault-0 -- vault operator raft snapshot save /tmp/vault-snapshot-$DATE
kubectl cp vault/vault-0:/tmp/vault-snapshot-$DATE $BACKUP_DIR/vault-snapshot-$DATE
gpg --encrypt --recipient admin@example.com $BACKUP_DIR/vault-snapshot-$DATE
""")
#: lines 136 to 151, as printed
CLICKHOUSE_SCRIPT = Shell("""\
BACKUP_DIR="/opt/backup/clickhouse"
RETENTION_DAYS=7
NAMESPACE="signoz"
kubectl exec -n $NAMESPACE signoz-clickhouse-0 -- clickhouse-backup create
kubectl get pvc -n $NAMESPACE -o json > $BACKUP_DIR/pvc-$(date +%Y%m%d).json
find $BACKUP_DIR -mtime +$RETENTION_DAYS -delete
""")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue([shipped_folders()["persistence"]])


def requirement(catalogue: Catalogue, name: str) -> Requirement:
    found = catalogue.find(f"persistence-{name}")
    assert found is not None
    return found


def table(catalogue: Catalogue) -> dict[str, Decimal]:
    options = requirement(catalogue, "capacity-table").options
    return {key: quantity.parse(size) for key, size in options["table"].items()}


def defects(catalogue: Catalogue) -> dict[str, Defect]:
    return {each.id.removeprefix("persistence-defect-"): each for each in catalogue.profiles["persistence"].defects}


def test_every_defect_is_there_and_names_known_requirements(catalogue: Catalogue) -> None:
    found = defects(catalogue)
    assert len(found) == 50
    for each in found.values():
        for name in each.requirements:
            assert catalogue.find(name) is not None, (each.id, name)
        lines = [int(number) for number in re.findall(r"L(\d+)", each.where)]
        assert lines == [] or (min(lines) >= 1 and max(lines) <= 481), each.id


def test_the_profile_holds_every_requirement_of_the_guide(catalogue: Catalogue) -> None:
    requirements = catalogue.profiles["persistence"].requirements
    assert len(requirements) == 106
    assert Counter(each.basis for each in requirements) == {"explicit": 87, "implied": 11, "recommended": 8}
    severities = Counter(each.severity for each in requirements)
    assert severities == {"critical": 23, "high": 42, "medium": 32, "low": 9}


def test_capacity_replicas(catalogue: Catalogue) -> None:
    sizes = table(catalogue)
    stated = quantity.parse(requirement(catalogue, "capacity-table").options["total"])
    real = sum((size * REPLICAS.get(key, 1) for key, size in sizes.items()), Decimal(0))
    one_clickhouse = real - sizes["signoz/signoz-clickhouse/*"]
    assert (sum(sizes.values()), stated, real, one_clickhouse) == (88 * GIB, 88 * GIB, 178 * GIB, 128 * GIB)
    assert real > WORKERS * DISK
    assert (WORKERS * DISK - one_clickhouse) / (WORKERS * DISK) < Decimal("0.15") < FREE / (WORKERS * DISK)
    assert "178Gi" in defects(catalogue)["capacity-replicas"].statement


def test_node_fit(catalogue: Catalogue) -> None:
    sizes = table(catalogue)
    beside = sizes["vault/vault/data"] + sizes["vault/vault/audit"]
    assert sizes["signoz/signoz-clickhouse/*"] + beside == 70 * GIB > DISK
    options = requirement(catalogue, "capacity-per-node").options
    assert sizes["signoz/signoz-clickhouse/*"] + quantity.parse(options["reserve"]) > DISK


def test_alert_vs_sizing(catalogue: Catalogue) -> None:
    options = requirement(catalogue, "clickhouse-expected-usage-fits").options
    usage = quantity.parse(options["growth_per_day"]) * 30
    assert usage == 45 * GIB
    assert usage > table(catalogue)["signoz/signoz-clickhouse/*"] * options["below_percent"] / 100
    assert fires(ALMOST_FULL, "5m", _volume(lambda t: 45.0), 3600), "the alert fires in normal operation"
    assert usage * 100 / options["below_percent"] == Decimal("56.25") * GIB


def test_two_months_and_growth_sum(catalogue: Catalogue) -> None:
    monthly = {name: quantity.parse(each) * (30 if name == "clickhouse" else 1) for name, each in GROWTH.items()}
    total = sum(monthly.values(), Decimal(0))
    assert round(total / GIB, 1) == Decimal("45.7")
    assert round(50 * GIB / quantity.parse(GROWTH["clickhouse"])) == 33, "days until ClickHouse's volume is full"
    assert round(FREE / (45 * GIB), 1) == Decimal("1.4"), "months that the free space lasts"
    assert round(88 * GIB / (45 * GIB), 1) == Decimal("2.0"), "the guide's two months, of space that is not free"


def test_80_or_more() -> None:
    assert not fires(ALMOST_FULL, "5m", _volume(lambda t: 40.0), 3600)


def test_filling_soon_for() -> None:
    """A first import of 5Gi in ten minutes predicts the end of a new 50Gi volume at once."""
    assert fires(FILLING_SOON, "", _volume(lambda t: 5 * min(t / 600, 1), since=0), 600)
    assert not fires(FILLING_SOON, "", _volume(lambda t: 5 * min(max(t, 0) / 600, 1)), 600)


def _volume(used: Any, since: float = float("-inf")) -> World:
    size = Series(lambda t: 50.0 * 2**30, {}, since)
    return {USED: Series(lambda t: float(used(t)) * 2**30, {}, since), CAPACITY: size}


def test_health_pattern_and_clickhouse_backup_in_place() -> None:
    made = [each.target for each in outputs(CLICKHOUSE_SCRIPT)]
    assert made == ["/opt/backup/clickhouse/pvc-{%Y%m%d}.json"]
    assert not any(name.endswith(".tar.gz") for name in made), "what the health check looks for"


def test_prune_unconditional_and_prune_find() -> None:
    (prune,) = prunes(CLICKHOUSE_SCRIPT, "/opt/backup/clickhouse")
    assert not CLICKHOUSE_SCRIPT.stops_on_error
    assert {"-type", "-mindepth"} & set(prune.words) == set()
    assert prune.option("-mtime") == "+7"


def test_plaintext_snapshot_and_vault_no_retention() -> None:
    plain, encrypted = outputs(VAULT_SCRIPT)
    assert (plain.encrypted, encrypted.encrypted) == (False, True)
    assert encrypted.target == plain.target + ".gpg"
    assert not removed_later(VAULT_SCRIPT, plain)
    assert prunes(VAULT_SCRIPT, "/opt/backup/vault") == []


def test_double_schedule(catalogue: Catalogue) -> None:
    chart = requirement(catalogue, "clickhouse-backup-schedule").options["at"]
    host = requirement(catalogue, "clickhouse-backup-cron").options["at"]
    assert Schedule.parse(chart) == Schedule.parse(host), "two backups at the same minute"


def test_weekly_check(catalogue: Catalogue) -> None:
    looks = requirement(catalogue, "cadence-backup-weekly").options["within_days"]
    keeps = requirement(catalogue, "clickhouse-backup-retention").options["days"]
    assert looks >= keeps, "all good backups can be gone between two looks"


def test_multipass_counts_in_powers_of_1024() -> None:
    """Not a contradiction of the guide, though it looks like one: 50G of multipass are the 50Gi of its table."""
    assert disk_size("50G") == DISK != quantity.parse("50G")


def test_dr2_nesting(tmp_path: Path) -> None:
    """Members of `tar czf - /var/lib/clickhouse` lose the leading slash, so extracting into the volume nests them."""

    source = tmp_path / "var" / "lib" / "clickhouse"
    source.mkdir(parents=True)
    (source / "data.bin").write_text("rows")
    with tarfile.open(tmp_path / "backup.tar.gz", "w:gz") as archive:
        archive.add(source, arcname="var/lib/clickhouse")
    volume = tmp_path / "volume"
    with tarfile.open(tmp_path / "backup.tar.gz") as archive:
        archive.extractall(volume, filter="data")
    assert not (volume / "data.bin").exists()
    assert (volume / "var/lib/clickhouse/data.bin").exists()
