"""SmartSensor 5.2: every week the newest dump is restored elsewhere, its content compared, the copy cleared away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.drill import dumps, postgres
from conformance.drill.command import CommandError
from conformance.drill.dumps import describe, differences, newest
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.postgres import Database
from conformance.drill.registry import Image, Twin, drill

NAME = "hankook_sensors"
TABLES = ("sensors.sensor_data", "public.heartbeat")
FOLDER = "/backups/postgresql"
READY = 300.0
FILL = """
create schema sensors;
create table sensors.sensor_data as select * from readings where id <= 5000;
"""
MORE = "insert into sensors.sensor_data select * from readings where id > 5000"
DUMP = f"set -o pipefail; mkdir -p {FOLDER} && pg_dumpall {{options}} | gzip > {FOLDER}/{{name}}.sql.gz"
END = "PostgreSQL database cluster dump complete"
#: cut at the end of a row in the middle of a COPY, and packed again
TRUNCATE = (
    "gunzip --stdout {file} > /tmp/all.sql && from=$(grep --line-number '^COPY sensors.sensor_data' /tmp/all.sql"
    " | cut --delimiter=: --fields=1) && head --lines=$((from + 9000)) /tmp/all.sql | gzip > {file}"
)
CORRUPT = "printf 'XXXXXXXX' | dd of={file} bs=1 seek=60000 conv=notrunc status=none"


@drill(
    name="backup-verified",
    title="the weekly verification restores the newest dump elsewhere and compares its content",
    requirements=(
        "smartsensor-backupverify-latest",
        "smartsensor-backupverify-isolated",
        "smartsensor-backupverify-ready-timeout",
        "smartsensor-backupverify-rowcount",
        "smartsensor-backupverify-exact",
        "smartsensor-backupverify-fails-loudly",
        "smartsensor-backupverify-cleanup",
        "smartsensor-backupverify-hardened",
        "smartsensor-pgbackup-dump-integrity",
    ),
    images=(Image("postgres", "postgres:15"),),
    twins=(
        Twin("no-backup", "there is no dump, only files that look like one", fails="there is a backup"),
        Twin("corrupt-gzip", "some bytes of the file are wrong", fails="the file is intact"),
        Twin("truncated-dump", "the dump ends inside a COPY, in a file that is intact", fails="the dump is complete"),
        Twin("wrong-database", "the dump has another database only", fails="the table holds rows"),
        Twin("stale-dump", "yesterday's dump stands under today's name", fails="the content is the manifest's"),
    ),
)
def backup_verified(exercise: Exercise) -> None:
    """The newest dump is the one with the latest time in its name. It is intact and complete before it is loaded into a
    throw-away server, in a namespace of its own that keeps the restricted standard and denies all traffic. What it
    brings is compared, row by row through a digest, with the manifest written when the dump was made. The namespace is
    gone afterwards, whatever happened, and production is untouched.
    """
    with exercise.step("prepare", "production with known data, two dumps and their manifest"):
        production = exercise.namespace("production")
        database = served(exercise, production)
        back_up(exercise, production, database)
    with exercise.step("steady", "production answers"):
        manifest = describe(database, TABLES)
        exercise.holds("steady state", manifest[TABLES[0]].rows == 20000, "production is not filled", found=manifest)
    with exercise.step("verify", "the newest dump by its name is intact and complete"):
        chosen = choose(exercise, production)
        text = unpacked(exercise, production, chosen)
        wanted = dumps.read(production.query("administrator", "cat", f"{FOLDER}/manifest"))
    with verification(exercise, production) as kubectl:
        with exercise.step("verify", "a throw-away server is ready in time"):
            copy = instance(exercise, kubectl)
        with exercise.step("verify", "the dump is loaded, and its content compared"):
            load(copy, text)
            compare(exercise, copy, wanted)
        if not exercise.twin:
            with exercise.step("verify", "the documented verification is content with half a dump"):
                documented(exercise, copy, text)
    with exercise.step("verify", "nothing of it is left, and production is what it was"):
        left = [each["metadata"]["name"] for each in exercise.everywhere.list("namespaces")]
        exercise.holds("cleared away", not any(each.startswith("backup-test-") for each in left), "a copy is left")
        now = describe(database, TABLES, {name: each.last for name, each in manifest.items()})
        exercise.same("production is untouched", manifest, now, "production's data")


def served(exercise: Exercise, kubectl: Kubectl) -> Database:
    """A production that is written to all the time."""
    server = postgres.deploy(exercise, kubectl, "db")
    database = Database(kubectl, server.pod, NAME)
    database.create()
    database.fill()
    database.run(FILL)
    exercise.deploy(kubectl, "postgres/backups.yaml")
    exercise.deploy(kubectl, "postgres/administrator.yaml", name="db", postgres=exercise.image("postgres"))
    postgres.start_heartbeat(exercise, database, "db")
    kubectl.runs("administrator")
    return database


def back_up(exercise: Exercise, kubectl: Kubectl, database: Database) -> None:
    """Yesterday's dump, which was copied since, and today's with its manifest."""
    today = time.strftime("postgresql_backup_%Y%m%d_020000", time.gmtime())
    yesterday = time.strftime("postgresql_backup_%Y%m%d_020000", time.gmtime(time.time() - 86400))
    options = f"--exclude-database={NAME}" if exercise.twin == "wrong-database" else ""
    shell(kubectl, DUMP.format(name=yesterday, options=""))
    database.run(MORE)
    manifest = dumps.written(describe(database, TABLES))
    kubectl.exec("administrator", "sh", "-c", f"cat > {FOLDER}/manifest", stdin=manifest.encode())
    shell(kubectl, DUMP.format(name=today, options=options))
    file = f"{FOLDER}/{today}.sql.gz"
    wrong = {
        "no-backup": f"rm {FOLDER}/*.gz && touch {FOLDER}/postgresql_backup_latest.sql.gz {file}.partial",
        "corrupt-gzip": CORRUPT.format(file=file),
        "truncated-dump": TRUNCATE.format(file=file),
        "stale-dump": f"cp {FOLDER}/{yesterday}.sql.gz {file}",
    }
    shell(kubectl, wrong.get(exercise.twin, f"sleep 1 && touch {FOLDER}/{yesterday}.sql.gz"))


def shell(kubectl: Kubectl, command: str) -> str:
    """A command where the backups are."""
    return kubectl.exec("administrator", "bash", "-c", command).text


def choose(exercise: Exercise, kubectl: Kubectl) -> str:
    """The dump to verify; the documented `ls -t` takes the one that was copied last."""
    names = kubectl.query("administrator", "ls", FOLDER).split()
    chosen = newest(names)
    exercise.holds("there is a backup", chosen, "no dump with a time in its name", files=names)
    if not exercise.twin:
        copied = shell(kubectl, f"cd {FOLDER} && ls -t postgresql_backup_*.sql.gz | head -1")
        exercise.holds("ls -t chooses another", copied != chosen, "the trap is not set", chosen=chosen, copied=copied)
    return chosen


def unpacked(exercise: Exercise, kubectl: Kubectl, chosen: str) -> bytes:
    """The dump as SQL, proven whole: the checksum of gzip, and the last words of pg_dumpall."""
    try:
        text = kubectl.exec("administrator", "gunzip", "--stdout", f"{FOLDER}/{chosen}").stdout
        said = ""
    except CommandError as error:
        text, said = b"", str(error)
    exercise.holds("the file is intact", not said, "gzip does not like it", said=said)
    last = text[-400:].decode(errors="replace")
    exercise.holds("the dump is complete", END in last, "it does not end as a dump does", ends=last[-80:])
    return text


@contextmanager
def verification(exercise: Exercise, production: Kubectl) -> Iterator[Kubectl]:
    """A namespace for this one verification, deleted on every way out."""
    name = f"backup-test-{int(time.time())}"
    found = Kubectl(exercise.cluster, name, production.watch)
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    found.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}])
    try:
        yield found
    finally:
        found.delete("namespace", name)
        exercise.holds("the namespace is gone", found.find("namespace", name) is None, "a copy of production is left")


def instance(exercise: Exercise, kubectl: Kubectl) -> Database:
    """The server that is thrown away. Raises NotHeldError when it is not ready within the documented 300 seconds."""
    started = time.monotonic()
    exercise.deploy(kubectl, "backup-verified/instance.yaml", postgres=exercise.image("postgres"))
    kubectl.ready("deployment/postgres-test", READY)
    exercise.evidence.figures["throw-away server ready"] = round(time.monotonic() - started, 1)
    pod = kubectl.list("pods", "app=postgres-test")[0]["metadata"]["name"]
    return Database(kubectl, pod, NAME)


def load(database: Database, text: bytes) -> None:
    """Stop at the first error; only the role that every server has already is left out."""
    kept = text.replace(b"\nCREATE ROLE postgres;\n", b"\n", 1)
    psql = ["psql", "--host=127.0.0.1", "--username=postgres", "--dbname=postgres", "--quiet", "--set=ON_ERROR_STOP=1"]
    database.kubectl.exec(database.pod, *psql, "--output=/dev/null", "--file=-", stdin=kept)


def compare(exercise: Exercise, database: Database, wanted: dumps.Manifest) -> None:
    """Rows at all, as documented, and then all of them."""
    try:
        rows = database.sql("select count(*) from sensors.sensor_data")
    except CommandError as error:
        rows = str(error)
    exercise.holds("the table holds rows", rows.isdigit() and int(rows) > 0, "no rows, or no answer", rows=rows)
    found = describe(database, TABLES, {name: each.last for name, each in wanted.items()})
    exercise.holds("the content is the manifest's", found == wanted, "; ".join(differences(wanted, found)), found=found)


def documented(exercise: Exercise, database: Database, text: bytes) -> None:
    """Lines 836-854: psql without ON_ERROR_STOP, then more than no rows. Half a dump passes."""
    half = text[: text.index(b"\n", text.index(b"COPY sensors.sensor_data") + 200_000) + 1]
    kubectl = database.kubectl
    psql = ["psql", "--host=127.0.0.1", "--username=postgres", "--quiet"]
    kubectl.exec(database.pod, *psql, "--dbname=postgres", f"--command=drop database {NAME}")
    said = kubectl.exec(database.pod, *psql, "--dbname=postgres", "--output=/dev/null", "--file=-", stdin=half)
    rows = int(database.sql("select count(*) from sensors.sensor_data"))
    exercise.holds("half a dump passes as documented", said.code == 0 and 0 < rows < 20000, "it is noticed", rows=rows)
