"""Which dump is the newest, and what a manifest notices."""

from __future__ import annotations

import itertools
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.drill.dumps import MYSQL, Content, differences, newest, read, taken, written
from conformance.drilling import manifests_folder

YESTERDAY, TODAY = "postgresql_backup_20261120_020000.sql.gz", "postgresql_backup_20261121_020000.sql.gz"
MANIFEST = {"sensors.sensor_data": Content(20000, 20000, "ab12"), "public.heartbeat": Content(7, 7, "cd34")}


@pytest.mark.parametrize("names", list(itertools.permutations([YESTERDAY, TODAY, "wal_backup_20261122_020000.tar.gz"])))
def test_the_newest_is_decided_by_the_time_in_the_name(names: tuple[str, ...]) -> None:
    assert newest(names) == TODAY


@pytest.mark.parametrize(
    "name",
    [
        "postgresql_backup_latest.sql.gz",
        "postgresql_backup_20261121_020000.sql.gz.partial",
        "postgresql_backup_20260231_020000.sql.gz",
        "postgresql_backup_20261121020000.sql.gz",
        "old_postgresql_backup_20261121_020000.sql.gz",
        "",
    ],
)
def test_what_has_no_time_in_its_name_is_no_dump(name: str) -> None:
    assert taken(name) is None
    assert newest([name]) == ""
    assert newest([name, YESTERDAY]) == YESTERDAY


def test_each_database_has_names_of_its_own() -> None:
    names = [TODAY, "mysql-backup-20261119-180000.sql.gz", "mysql-backup-20261120-180000.sql.gz"]
    assert newest(names, MYSQL) == "mysql-backup-20261120-180000.sql.gz"


def test_the_time_of_a_dump_is_utc() -> None:
    assert taken(TODAY) == datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert read(written(MANIFEST)) == MANIFEST


@pytest.mark.parametrize("text", ["", "sensors.sensor_data 20000 20000", "sensors.sensor_data many 20000 ab12\n"])
def test_half_a_manifest_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(text)


def test_tables_that_differ_are_named_with_their_rows() -> None:
    found = {"sensors.sensor_data": Content(20000, 19999, "ab12")}
    assert differences(MANIFEST, found) == [
        "public.heartbeat: not there",
        "sensors.sensor_data: 19999 rows instead of 20000",
    ]
    assert differences(MANIFEST, dict(MANIFEST)) == []


def test_changed_rows_are_noticed_although_there_are_as_many() -> None:
    changed = MANIFEST | {"public.heartbeat": Content(7, 7, "0000")}
    assert differences(MANIFEST, changed) == ["public.heartbeat: 7 rows instead of 7"]


@pytest.mark.parametrize("script", sorted(manifests_folder().glob("*/*.sh")), ids=lambda each: each.parent.name)
def test_scripts_of_drills_are_shell_and_stop_at_the_first_error(script: Path) -> None:
    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
