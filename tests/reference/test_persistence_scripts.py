"""The reference's backup scripts, run in a sandbox with stand-ins for kubectl and gpg."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "manifests" / "reference" / "persistence" / "backup"
DAY = 86400

KUBECTL = """#!/bin/bash
echo "$*" >> "$LOG"
[[ " $* " == *" ${FAIL_ON:-nothing} "* ]] && exit 1
case " $* " in
  *" tar czf "*) printf rows > rows && tar czf - rows ;;
  *" get pvc "*) echo '{"items": [{"kind": "PersistentVolumeClaim"}]}' ;;
  *" cat /tmp/"*) printf PLAINTEXT ;;
  *" get "*) echo 'items: []' ;;
esac
"""
GPG = """#!/bin/bash
[[ " $* " == *" ${FAIL_ON:-nothing} "* ]] && exit 2
[[ " $* " == *" --encrypt "* ]] && tr A-Z N-ZA-M
exit 0
"""
PASSING = "#!/bin/bash\ncat > /dev/null 2>&1 < /dev/null\nexit 0\n"


class Sandbox:
    """/opt/backup as a directory of its own, and a PATH that begins with stand-ins."""

    def __init__(self, root: Path) -> None:
        self.backup, self.log = root / "backup", root / "log"
        self.programs = root / "bin"
        for folder in ("clickhouse", "vault", "argocd"):
            (self.backup / folder).mkdir(parents=True)
        self.programs.mkdir()
        for name, text in {"kubectl": KUBECTL, "gpg": GPG, "jq": PASSING, "argocd": PASSING}.items():
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        (root / "token").write_text("t")
        self.root = root

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        text = (SCRIPTS / script).read_text().replace("/opt/backup", str(self.backup))
        known = {"PATH": f"{self.programs}:{os.environ['PATH']}", "LOG": str(self.log)}
        known["SNAPSHOT_TOKEN_FILE"] = str(self.root / "token")
        return subprocess.run(
            ["bash", "-s"],
            input=text,
            text=True,
            capture_output=True,
            cwd=self.root,
            env={**known, **environment},
            timeout=60,
        )

    def seed(self, folder: str, name: str, days: float) -> Path:
        file = self.backup / folder / name
        file.write_text("x")
        os.utime(file, (time.time() - days * DAY,) * 2)
        return file

    def names(self, folder: str) -> set[str]:
        return {each.name for each in (self.backup / folder).iterdir()}


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


def test_a_clickhouse_backup_leaves_the_pod_and_old_ones_go(sandbox: Sandbox) -> None:
    kept, gone = sandbox.seed("clickhouse", "six.tar.gz", 6), sandbox.seed("clickhouse", "nine.tar.gz", 9)
    done = sandbox.run("clickhouse-backup.sh")
    assert done.returncode == 0, done.stderr
    assert (kept.exists(), gone.exists()) == (True, False)
    today = time.strftime("%Y%m%d")
    assert sandbox.names("clickhouse") == {"six.tar.gz", f"clickhouse-backup-{today}.tar.gz", f"pvc-{today}.json"}
    made = sandbox.backup / "clickhouse" / f"clickhouse-backup-{today}.tar.gz"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


@pytest.mark.parametrize("failing", ["clickhouse-backup create", "tar czf", "get pvc"])
def test_a_failed_clickhouse_backup_deletes_nothing(failing: str, sandbox: Sandbox) -> None:
    old = sandbox.seed("clickhouse", "nine.tar.gz", 9)
    done = sandbox.run("clickhouse-backup.sh", FAIL_ON=failing)
    assert done.returncode != 0
    assert old.exists()
    assert not any(name.endswith(".part") for name in sandbox.names("clickhouse"))


def test_a_vault_backup_is_encrypted_and_leaves_nothing_behind(sandbox: Sandbox) -> None:
    done = sandbox.run("vault-backup.sh")
    assert done.returncode == 0, done.stderr
    (made,) = (sandbox.backup / "vault").iterdir()
    assert made.suffix == ".gpg"
    assert made.read_text() == "CYNVAGRKG"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    calls = sandbox.log.read_text()
    snapshot = "/tmp/" + made.name.removesuffix(".gpg")
    assert f"raft snapshot save {snapshot}" in calls
    assert calls.rstrip().endswith(f"rm -f {snapshot}")


@pytest.mark.parametrize("failing", ["--encrypt", "cat"])
def test_a_failed_vault_backup_leaves_nothing_and_deletes_nothing(failing: str, sandbox: Sandbox) -> None:
    old = sandbox.seed("vault", "vault-snapshot-1.gpg", 9)
    done = sandbox.run("vault-backup.sh", FAIL_ON=failing)
    assert done.returncode != 0
    assert list((sandbox.backup / "vault").iterdir()) == [old]
    assert "rm -f /tmp/vault-snapshot-" in sandbox.log.read_text()


def test_the_argocd_export_is_complete(sandbox: Sandbox) -> None:
    assert sandbox.run("argocd-backup.sh").returncode == 0
    today = time.strftime("%Y%m%d")
    expected = {f"applications-{today}.yaml", f"appprojects-{today}.yaml", f"argocd-export-{today}.yaml.gpg"}
    assert sandbox.names("argocd") == expected


def fresh(sandbox: Sandbox) -> None:
    sandbox.seed("clickhouse", "clickhouse-backup-1.tar.gz", 0.1)
    sandbox.seed("vault", "vault-snapshot-1.gpg", 0.1)
    sandbox.seed("argocd", "applications-1.yaml", 0.1)


def test_the_health_check_is_content_with_fresh_backups(sandbox: Sandbox) -> None:
    fresh(sandbox)
    done = sandbox.run("check-backup-health.sh")
    assert (done.returncode, done.stdout.strip()) == (0, "OK: All backups are up to date")


@pytest.mark.parametrize(
    ("folder", "name", "change", "message"),
    [
        ("clickhouse", "clickhouse-backup-1.tar.gz", "stale", "ERROR: No ClickHouse backup in last 24 hours"),
        ("clickhouse", "clickhouse-backup-1.tar.gz", "empty", "ERROR: No ClickHouse backup in last 24 hours"),
        ("vault", "vault-snapshot-1.gpg", "plaintext", "ERROR: No Vault backup in last 24 hours"),
        ("vault", "vault-snapshot-1.gpg", "directory", "ERROR: No Vault backup in last 24 hours"),
        ("argocd", "applications-1.yaml", "stale", "ERROR: No Argo CD backup in last 24 hours"),
    ],
)
def test_the_health_check_fails_for_each_missing_backup(
    folder: str, name: str, change: str, message: str, sandbox: Sandbox
) -> None:
    fresh(sandbox)
    file = sandbox.backup / folder / name
    if change == "stale":
        os.utime(file, (time.time() - 2.1 * DAY,) * 2)
    elif change == "empty":
        file.write_text("")
    elif change == "plaintext":
        file.rename(file.with_suffix(""))
    else:
        file.unlink()
        file.parent.rmdir()
    done = sandbox.run("check-backup-health.sh")
    assert (done.returncode, done.stdout.strip()) == (1, message)
