"""The reference's backup, verification and recovery scripts, run in a sandbox with stand-ins for what they call."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

TREE = Path(__file__).parents[2] / "manifests" / "reference" / "smartsensor"
DAY = 86400
DUMP = """\
CREATE ROLE postgres;
\\connect hankook_sensors
COPY sensors.sensor_data (id, value) FROM stdin;
1\t20.5
2\t21.0
\\.
--
-- PostgreSQL database cluster dump complete
--
"""
CUT = DUMP.split("2\t")[0]

PG_DUMPALL = '#!/bin/bash\ncat "$DUMP"\nexit ${DUMP_STATUS:-0}\n'
PG_BASEBACKUP = """#!/bin/bash
while [ "$1" != -D ]; do shift; done
mkdir "$2" && cd "$2" && touch segment && tar -czf base.tar.gz segment && tar -czf pg_wal.tar.gz segment
"""
AWS = """#!/bin/bash
echo "aws $*" >> "$LOG"
[ "${AWS_STATUS:-0}" = 0 ] || exit "$AWS_STATUS"
place() { echo "${1/s3:\\/\\/hankook-smartsensor-backups\\/postgresql/$BUCKET_DIR}"; }
case "$2" in
  ls) for file in "$(place "$3")"*; do [ -e "$file" ] && echo "2026-11-20 01:00:04 123 ${file##*/}"; done; exit 0 ;;
  cp) if [ "$4" = - ]; then cat "$(place "$3")"; else cp "$(place "$3")" "$(place "$4")"; fi ;;
esac
"""
KUBECTL = """#!/bin/bash
echo "kubectl $*" >> "$LOG"
[[ -n "$FAIL_ON" && " $* " == *"$FAIL_ON"* ]] && exit 1
case " $* " in
  *" config current-context "*) echo "${CURRENT:-kind-drill}" ;;
  *" get configmap "*) echo "kind: ConfigMap" ;;
  *" get backups.velero.io "*) printf "%b" "$BACKUPS" ;;
  *" get restores.velero.io "*) echo "${PHASE:-Completed}" ;;
  *" get deployments,statefulsets "*) echo deployment/one ;;
  *" pg_dumpall "*) cat "$RESTORED" ;;
  *"SELECT COUNT"*) echo "${COUNT-2}" ;;
  *" exec -i "*) cat > "$LOADED" ;;
  *" apply -f - "*) cat > "$APPLIED" ;;
esac
"""
LOGGING = '#!/bin/bash\necho "${0##*/} $*" >> "$LOG"\n'
STAND_INS = {
    "pg_dumpall": PG_DUMPALL, "pg_basebackup": PG_BASEBACKUP, "aws": AWS, "kubectl": KUBECTL, "velero": LOGGING,
    "curl": LOGGING,
}  # fmt: skip


def script(name: str) -> str:
    """A script of the reference, from its file or out of its ConfigMap."""
    if name.endswith(".sh"):
        return (TREE / name).read_text()
    documents = yaml.safe_load_all((TREE / f"{name}-cronjob.yaml").read_text())
    (data,) = [each["data"] for each in documents if each["kind"] == "ConfigMap"]
    return str(next(iter(data.values())))


class Sandbox:
    """Directories in place of the volume and the bucket, and a PATH that begins with stand-ins."""

    def __init__(self, root: Path) -> None:
        self.root, self.local, self.bucket, self.log = root, root / "backups", root / "bucket", root / "log"
        for folder in (self.local, self.bucket, root / "bin"):
            folder.mkdir()
        for name, text in STAND_INS.items():
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        self.log.touch()
        self.dump(DUMP)
        (root / "restored.sql").write_text(DUMP)

    def dump(self, text: str) -> None:
        (self.root / "dump.sql").write_text(text)

    def put(self, name: str, text: str = DUMP) -> None:
        stamp = name.removeprefix("postgresql_backup_").removesuffix(".sql.gz")
        (self.bucket / name).write_bytes(gzip.compress(text.encode()))
        (self.bucket / f"postgresql_manifest_{stamp}.txt").write_text("hankook_sensors.sensors.sensor_data 2\n")

    def run(self, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        text = script(name).replace("/tmp/", f"{self.root}/").replace("/backups/postgresql", str(self.local))
        text = text.replace("/opt/hankook", str(TREE))
        known = {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "LOG": str(self.log), "FAIL_ON": ""}
        files = {"DUMP": "dump.sql", "RESTORED": "restored.sql", "LOADED": "loaded.sql", "APPLIED": "applied.yaml"}
        known |= {variable: str(self.root / file) for variable, file in files.items()}
        known |= {"BUCKET_DIR": str(self.bucket), "TMPDIR": str(self.root), "INGRESS_ADDRESS": "127.0.0.1"}
        command = ["bash", "-s", "--", *arguments]
        return subprocess.run(
            command, input=text, text=True, capture_output=True, cwd=self.root, env={**known, **environment}, timeout=60
        )

    def calls(self, program: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(program)]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def without_stamps(folder: Path) -> list[str]:
    return sorted(re.sub(r"\d{8}_\d{6}", "T", each.name) for each in folder.iterdir())


SET = [
    "base_backup_T.tar.gz",
    "postgresql_backup_T.sql.gz",
    "postgresql_config_T.yaml",
    "postgresql_manifest_T.txt",
    "wal_backup_T.tar.gz",
]


def test_a_backup_is_a_whole_set_at_both_places(sandbox: Sandbox) -> None:
    done = sandbox.run("pgbackup")
    assert done.returncode == 0, done.stderr
    assert without_stamps(sandbox.local) == without_stamps(sandbox.bucket) == SET
    assert len({stamp for each in sandbox.bucket.iterdir() for stamp in re.findall(r"\d{8}_\d{6}", each.name)}) == 1
    (manifest,) = sandbox.bucket.glob("*manifest*")
    assert manifest.read_text() == "hankook_sensors.sensors.sensor_data 2\n"


@pytest.mark.parametrize(
    ("dump", "environment"),
    [
        (DUMP, {"DUMP_STATUS": "1"}),
        ("", {"DUMP_STATUS": "1"}),
        (CUT, {}),
        (DUMP.replace("COPY", "copy"), {}),
        (DUMP, {"FAIL_ON": "get configmap"}),
    ],
    ids=["the dump fails at its end", "no connection", "cut off before it is packed", "no tables", "no configuration"],
)
def test_a_failed_backup_leaves_nothing_and_deletes_nothing(
    dump: str, environment: dict[str, str], sandbox: Sandbox
) -> None:
    old = sandbox.local / "postgresql_backup_20250101_010004.sql.gz"
    old.touch()
    os.utime(old, (time.time() - 90 * DAY,) * 2)
    sandbox.dump(dump)
    assert sandbox.run("pgbackup", **environment).returncode != 0
    assert list(sandbox.local.iterdir()) == [old]
    assert list(sandbox.bucket.iterdir()) == []


def test_a_failed_upload_fails_the_backup_and_deletes_nothing(sandbox: Sandbox) -> None:
    old = sandbox.local / "wal_backup_20250101_010004.tar.gz"
    old.touch()
    os.utime(old, (time.time() - 90 * DAY,) * 2)
    assert sandbox.run("pgbackup", AWS_STATUS="1").returncode != 0
    assert old.exists()


def test_whole_sets_go_after_a_month(sandbox: Sandbox) -> None:
    ages = {"postgresql_backup_{}.sql.gz": 40, "postgresql_config_{}.yaml": 40, "wal_backup_{}.tar.gz": 29}
    for name, days in ages.items():
        file = sandbox.local / name.format("20260101_010004")
        file.touch()
        os.utime(file, (time.time() - days * DAY,) * 2)
    assert sandbox.run("pgbackup").returncode == 0
    left = [each for each in sandbox.local.iterdir() if "20260101" in each.name]
    assert [each.name for each in left] == ["wal_backup_20260101_010004.tar.gz"]


def test_the_newest_dump_by_its_name_is_verified(sandbox: Sandbox) -> None:
    sandbox.put("postgresql_backup_20261120_010004.sql.gz")
    sandbox.put("postgresql_backup_20261119_010004.sql.gz", CUT)
    done = sandbox.run("backup-verify")
    assert done.returncode == 0, done.stderr
    assert (sandbox.root / "loaded.sql").read_text() == DUMP
    (namespace,) = set(re.findall(r"backup-test-\d+", (sandbox.root / "applied.yaml").read_text()))
    assert namespace != "backup-test-0"
    assert sandbox.calls("kubectl")[-1].startswith(f"kubectl delete namespace {namespace}")


@pytest.mark.parametrize(
    "environment",
    [{"FAIL_ON": " exec -i "}, {"COUNT": "0"}, {"COUNT": ""}, {"RESTORED": "/dev/null"}, {"FAIL_ON": "rollout"}],
    ids=["the load fails", "an empty table", "no answer", "rows are missing", "never ready"],
)
def test_a_failed_verification_fails_and_cleans_up(environment: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.put("postgresql_backup_20261120_010004.sql.gz")
    assert sandbox.run("backup-verify", **environment).returncode != 0
    assert "delete namespace backup-test-" in sandbox.calls("kubectl")[-1]


def test_nothing_to_verify_is_a_failure(sandbox: Sandbox) -> None:
    done = sandbox.run("backup-verify")
    assert done.returncode != 0
    assert "there is no backup" in done.stderr


BACKUPS = "".join(f"hankook-smartsensor-backup-{each}020004\\n" for each in ("20261118", "20261119", "20261120"))
RECOVERY = "recovery/full-recovery.sh"


@pytest.mark.parametrize(
    ("until", "backup", "dump"),
    [
        ("latest", "hankook-smartsensor-backup-20261120020004", "postgresql_backup_20261120_010004.sql.gz"),
        ("20261119_120000", "hankook-smartsensor-backup-20261119020004", "postgresql_backup_20261119_010004.sql.gz"),
        ("20261119_013000", "hankook-smartsensor-backup-20261118020004", "postgresql_backup_20261119_010004.sql.gz"),
    ],
)
def test_one_argument_finds_both_backups(until: str, backup: str, dump: str, sandbox: Sandbox) -> None:
    for day in ("20261119", "20261120"):
        sandbox.put(f"postgresql_backup_{day}_010004.sql.gz", DUMP.replace("20.5", day))
    done = sandbox.run(RECOVERY, "kind-drill", until, BACKUPS=BACKUPS)
    assert done.returncode == 0, done.stderr
    assert f"--from-backup {backup} --wait" in sandbox.calls("velero")[0]
    loaded = (sandbox.root / "loaded.sql").read_text()
    assert loaded == DUMP.replace("20.5", dump.split("_")[2]).replace("CREATE ROLE postgres;\n", "")
    calls = "\n".join(sandbox.calls("kubectl"))
    assert calls.index("apply -f namespaces.yaml") < calls.index("dropdb") < calls.index("psql -v ON_ERROR_STOP=1")
    assert len(sandbox.calls("curl")) == 2


@pytest.mark.parametrize(
    ("environment", "reached"),
    [
        ({"FAIL_ON": "cluster-info"}, False),
        ({"CURRENT": "production"}, False),
        ({"BACKUPS": ""}, False),
        ({"PHASE": "PartiallyFailed"}, True),
        ({"FAIL_ON": "rollout status"}, True),
        ({"FAIL_ON": "dropdb"}, True),
    ],
)
def test_a_recovery_that_failed_says_so(environment: dict[str, str], reached: bool, sandbox: Sandbox) -> None:
    sandbox.put("postgresql_backup_20261120_010004.sql.gz")
    done = sandbox.run(RECOVERY, "kind-drill", **{"BACKUPS": BACKUPS, **environment})
    assert done.returncode != 0
    assert bool(sandbox.calls("velero")) == reached
    assert not (sandbox.root / "loaded.sql").exists()
    assert "recovered" not in done.stdout
