"""What runs at certain times, what it runs, and what of that copies data."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.inventory import Inventory
from conformance.scripts.destination import sends
from conformance.scripts.dumps import dumps, restores, tries
from conformance.scripts.failing import looked_at, swallowed
from conformance.scripts.jobs import Job, jobs
from conformance.sources import load as sources


def found(folder: Path, **files: str) -> list[Job]:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    loaded = sources.load([str(folder)], jobs=1)
    return jobs(Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files))


def cron_job(command: str, image: str = "mysql:8") -> str:
    return f"""\
apiVersion: batch/v1
kind: CronJob
metadata: {{name: db, namespace: shop}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: c
              image: {image}
              command: {command}
"""


def shell(tmp_path: Path, script: str, flags: str = "-c") -> Job:
    text = "\n".join(f"                  {line}" for line in script.splitlines())
    (job,) = found(tmp_path, job_yaml=cron_job(f"[bash, {flags}]\n              args:\n                - |\n{text}"))
    return job


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("pg_dump shop > x", ["postgresql"]),
        ("/usr/bin/pg_dumpall -f x", ["postgresql"]),
        ("timeout 60 sudo -u postgres pg_dump shop > x", ["postgresql"]),
        ("kubectl exec db-0 -- mysqldump shop > x", ["mysql"]),
        ("kubectl exec db-0 -- sh -c 'mysqldump shop | gzip' > x", ["mysql"]),
        ("ssh db 'mariadb-dump shop' > x", ["mysql"]),
        ("redis-cli -h cache --rdb /b/x.rdb", ["redis"]),
        ("ETCDCTL_API=3 etcdctl --endpoints x snapshot save /b/x", ["etcd"]),
        ("vault operator raft snapshot save /b/x", ["vault"]),
        ("velero backup create x", ["velero"]),
        ("mongodump --archive=/b/x", ["mongodb"]),
        ("tar czf /b/x.tgz /data", ["files"]),
        ("restic -r s3:x backup /data", ["files"]),
        ("kubectl get secrets -o yaml > x", ["objects"]),
        ("curl -XPUT es:9200/_snapshot/a/b", ["elasticsearch"]),
        ("echo pg_dump shop", []),
        ("which pg_dump", []),
        ("pg_dump --version", []),
        ("pg_dump --schema-only shop", []),
        ("mysqldump --no-data shop", []),
        ("velero backup get", []),
        ("etcdctl snapshot status /b/x", []),
        ("vault operator raft list-peers", []),
        ("curl es:9200/_snapshot/a", []),
        ("tar tzf /b/x.tgz", []),
        ("# pg_dump shop", []),
        ("psql -c 'SELECT 1'", []),
    ],
)
def test_what_takes_a_copy(tmp_path: Path, script: str, expected: list[str]) -> None:
    assert [act.data for act in dumps(shell(tmp_path, script))] == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("gunzip -c x | psql -h scratch", ["postgresql"]),
        ("pg_restore -d shop x", ["postgresql"]),
        ("mysql -h scratch < x", ["mysql"]),
        ("velero restore create --from-backup x", ["velero"]),
        ("tar xzf x", ["files"]),
        ("psql -h scratch -tAc 'SELECT 1'", []),
        ("mysql -e 'SELECT 1'", []),
        ("pg_restore --list x", []),
    ],
)
def test_what_puts_a_copy_back(tmp_path: Path, script: str, expected: list[str]) -> None:
    assert [act.data for act in restores(shell(tmp_path, script))] == expected


def test_a_job_that_restores_first_takes_no_backup(tmp_path: Path) -> None:
    assert tries(shell(tmp_path, "psql -h scratch < x\npg_dump -h scratch a > y\ndiff x y"))
    assert not tries(shell(tmp_path, "pg_dump a > x\npsql -h scratch < x"))
    assert not tries(shell(tmp_path, "pg_dump a > x"))


@pytest.mark.parametrize(
    ("script", "targets"),
    [
        ("aws s3 cp /b/x s3://copies/", ["s3://copies/"]),
        ("aws s3 ls s3://copies/", []),
        ("aws s3 cp s3://copies/x /b/x", []),
        ("aws s3 cp s3://copies/x $HOME/x", []),
        ("aws s3 cp /b/x s3://copies/ --sse aws:kms", ["s3://copies/"]),
        ("rclone copy /b remote:copies", ["remote:copies"]),
        ("rsync -a /b/ host:/copies", ["host:/copies"]),
        ("rsync -a /b/ /copies", []),
        ("mc ls store/copies", []),
    ],
)
def test_what_sends_a_copy_away(tmp_path: Path, script: str, targets: list[str]) -> None:
    assert [send.target for send in sends(shell(tmp_path, script))] == targets


@pytest.mark.parametrize(
    ("script", "flags", "loud"),
    [
        ("pg_dump a > x", "-c", True),
        ("pg_dump a > x\necho done", "-c", False),
        ("pg_dump a > x\necho done", "-ec", True),
        ("set -e\npg_dump a > x\necho done", "-c", True),
        ("set -e\nset +e\npg_dump a > x\necho done", "-c", False),
        ("pg_dump a > x && echo done", "-c", True),
        ("pg_dump a > x; echo done", "-c", False),
        ("set -e\npg_dump a > x || true", "-c", False),
        ("set -e\npg_dump a > x || exit 1", "-c", True),
        ("set -e\npg_dump a > x || { echo no; exit 1; }", "-c", True),
        ("pg_dump a > x || exit 0", "-c", False),
        ("set -e\npg_dump a | gzip > x", "-c", False),
        ("set -eo pipefail\npg_dump a | gzip > x", "-c", True),
        ("pg_dump a | gzip > x", "-o, pipefail, -c", True),
        ("set -e\npg_dump a | gzip > x\n[ ${PIPESTATUS[0]} -eq 0 ]", "-c", True),
        ("set -e\nif pg_dump a > x; then echo ok; else exit 1; fi", "-c", True),
        ("set -e\nif pg_dump a > x; then echo ok; fi\necho end", "-c", False),
    ],
)
def test_whether_a_failure_is_heard(tmp_path: Path, script: str, flags: str, loud: bool) -> None:
    job = shell(tmp_path, script, flags)
    (act,) = dumps(job)
    assert (not list(swallowed(act.step, act.command, act.inner))) is loud


@pytest.mark.parametrize(
    ("script", "looked"),
    [
        ("pg_dump a > x", False),
        ("set -e\npg_dump a > x\ngzip -t x", True),
        ("set -e\npg_dump a > x\ngzip x", False),
        ("set -e\ngzip -t x\npg_dump a > x", False),
        ("pg_dump a > x\ngzip -t x || echo never mind", False),
        ("pg_dump a > x\ngzip -t x || exit 1", True),
        ("pg_dump a > x\nif [ -s x ]; then aws s3 cp x s3://b/; fi", True),
        ("set -e\nmysqldump a > x\ntail -n 1 x | grep -q 'Dump completed'", True),
    ],
)
def test_whether_somebody_looks_at_the_dump(tmp_path: Path, script: str, looked: bool) -> None:
    job = shell(tmp_path, script)
    (act,) = dumps(job)
    assert looked_at(job, act.command) is looked


def test_lines_of_scripts(tmp_path: Path) -> None:
    job = shell(tmp_path, "set -e\n\npg_dump a > x")
    (act,) = dumps(job)
    where = act.step.locate(act.command.line)
    assert where is not None
    assert where.line == 18


def test_scripts_that_are_mounted(tmp_path: Path) -> None:
    config = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s, namespace: shop}\ndata:\n  run: |\n    pg_dump a > x\n"
    )
    mounted = (
        cron_job("[sh, -e, /scripts/run.sh]")
        + "              volumeMounts: [{name: s, mountPath: /scripts}]\n"
        + "          volumes: [{name: s, configMap: {name: s, items: [{key: run, path: run.sh}]}}]\n"
    )
    (job,) = found(tmp_path, job_yaml=mounted, config_yaml=config)
    (act,) = dumps(job)
    assert (act.step.path, act.step.stops_on_error) == (("data", "run"), True)


def test_crontabs_with_a_time_zone(tmp_path: Path) -> None:
    text = "CRON_TZ=Asia/Seoul\n# 0 1 * * * root /x.sh\n0 3 * * 7 root /opt/backup.sh --all\n"
    (job,) = found(tmp_path, crontab=text, backup_sh="#!/bin/sh\npg_dumpall > /b/x\n")
    (when,) = job.when
    assert (job.name, when.path, when.schedule and when.schedule.time_zone) == ("backup.sh", (3,), "Asia/Seoul")
    assert [act.data for act in dumps(job)] == ["postgresql"]


def test_workflows_and_velero(tmp_path: Path) -> None:
    workflow = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: w}
spec:
  schedules: ["0 1 * * *", "0 13 * * *"]
  timezone: Asia/Seoul
  suspend: true
  workflowSpec:
    templates:
      - name: a
        container: {image: x, command: [etcdctl, snapshot, save, /b/x]}
      - name: b
        script: {image: x, command: [bash], source: "mongodump\\n"}
"""
    velero = """\
apiVersion: velero.io/v1
kind: Schedule
metadata: {name: v, namespace: velero}
spec: {schedule: "0 2 * * *", paused: true}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: velero, namespace: velero}
spec: {template: {spec: {containers: [{name: velero, image: velero, env: [{name: TZ, value: Asia/Seoul}]}]}}}
"""
    one, two = found(tmp_path, workflow_yaml=workflow, velero_yaml=velero)
    assert [act.data for act in dumps(one)] == ["etcd", "mongodb"]
    assert [when.path for when in one.when] == [("spec", "schedules", 0), ("spec", "schedules", 1)]
    assert (one.suspended, two.suspended) == (("spec", "suspend"), ("spec", "paused"))
    assert two.when[0].schedule is not None
    assert two.when[0].schedule.time_zone == "Asia/Seoul"
