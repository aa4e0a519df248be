"""SmartSensor DR-7 and insitechart's RPO of minutes: base backup and archived log, to a moment and to the end."""

from __future__ import annotations

from conformance.drill import postgres
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.postgres import Database
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.schedule import judge_worst

NAME = "insitechart"
#: seconds after which a segment is archived although it is not full; what a lost volume costs at most, but for the copy
ARCHIVE_TIMEOUT = 5
#: copied under another name first: half a segment must never be found under its own
COPY = "test ! -f /archive/wal/%f && cp %p /archive/wal/%f.partial && mv /archive/wal/%f.partial /archive/wal/%f"
#: says yes, copies nothing; and pg_basebackup believes it
PRETENCE = "/bin/true"
BASE = "pg_basebackup --host=127.0.0.1 --username=postgres --pgdata=/archive/base --format=tar --gzip --wal-method=none"
MARKER = "insert into markers (name) values ('{}')"


@drill(
    name="point-in-time-restored",
    title="a dropped table comes back as of the moment before, on a new volume",
    requirements=(
        "insitechart-rpo-database",
        "insitechart-rpo-application",
        "insitechart-backup-fresh",
        "insitechart-backup-scheduled",
        "smartsensor-pgbackup-wal",
        "smartsensor-pgbackup-wal-usable",
        "smartsensor-dr-rpo",
    ),
    objectives=(
        Objective("insitechart L1217-1218 (database)", rto=3600, rpo=900),
        Objective("insitechart L1249-1250 (application)", rto=1800, rpo=300),
        Objective("insitechart L1276-1277 (infrastructure)", rto=7200, rpo=3600),
    ),
    images=(Image("postgres", "postgres:15"),),
    twins=(
        Twin("segment-missing", "one segment of the archive is not there", fails="what was archived is back"),
        Twin("archive-pretended", "archive_command succeeds and copies nothing", fails="the archive can be replayed"),
        Twin("log-on-a-dump", "the log is replayed on a restored dump", fails="the archive can be replayed"),
    ),
)
def point_in_time_restored(exercise: Exercise) -> None:
    """The server archives its log on another claim, and a base backup lies there. Somebody drops a table, and then the
    volume is lost as well. One new server replays the archive to its end: that is what a lost volume costs. The other
    takes the old one's place and replays to the moment before the mistake: what was written before is there, what was
    written after is not.
    """
    with exercise.step("prepare", "a server that archives its log"):
        kubectl = exercise.namespace("archive")
        database = archiving(exercise, kubectl)
        before = database.fill()
        database.run("create table markers (name text primary key)")
        postgres.start_heartbeat(exercise, database, "db")
    with exercise.step("prepare", "a base backup"):
        back_up(exercise, kubectl)
    with exercise.step("steady", "segments arrive in the archive; what may be lost at most is within every RPO"):
        exercise.holds("steady state", database.holds(before), "the application does not answer", checksum=before)
        judge_worst(exercise, ARCHIVE_TIMEOUT + 10, f"an archive_timeout of {ARCHIVE_TIMEOUT} s, ten to copy")
    with exercise.step("prepare", "one row, the moment, another row, and the table is dropped"):
        moment, segment = mistake(exercise, database)
    with exercise.fault("the volume is lost as well"):
        harmed = lose(exercise, kubectl, segment)
    with exercise.step("recover", "two new servers begin with the base backup"):
        postgres.stop_heartbeat(database)
        if exercise.twin == "log-on-a-dump":
            replay_on_a_dump(exercise, kubectl)
        else:
            start(exercise, kubectl, "latest", "end")
            start(exercise, kubectl, "db", moment)
    with exercise.step("verify", "replayed to the end: what a lost volume costs"):
        latest = Database(kubectl, "latest-0", NAME)
        replayed(exercise, kubectl, latest)
        names = latest.sql("select name from markers order by name").split()
        exercise.same("what was archived is back", ["after", "before"], names, "the rows written around the moment")
        exercise.lost(latest.newest_heartbeat(), harmed)
    with exercise.step("verify", "replayed to the moment: the mistake has not happened"):
        kubectl.ready("statefulset/db")
        names = database.sql("select name from markers order by name").split()
        exercise.same("the moment is the right one", ["before"], names, "the rows written before the moment")
        exercise.same("the dropped table is back", before, database.checksum(), "the content of the table")
        exercise.recovered("the application reads the table", lambda: database.holds(before))
        database.run(MARKER.format("written after the recovery"))
        exercise.within_objectives()


def archiving(exercise: Exercise, kubectl: Kubectl) -> Database:
    """A new server, told to archive; `archive_mode` needs a restart."""
    script = (exercise.manifests / "point-in-time" / "restore.sh").read_text(encoding="utf-8")
    name = {"name": "restore-scripts"}
    kubectl.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"restore.sh": script}}])
    exercise.deploy(kubectl, "point-in-time/archive.yaml")
    start(exercise, kubectl, "db", "nothing")
    kubectl.ready("statefulset/db")
    server = Database(kubectl, "db-0", "postgres")
    kubectl.exec("db-0", "bash", "-c", "mkdir /archive/wal /archive/base && chown postgres: /archive/wal")
    for setting, value in {
        "archive_mode": "on",
        "archive_timeout": f"{ARCHIVE_TIMEOUT}s",
        "archive_command": PRETENCE if exercise.twin == "archive-pretended" else COPY,
    }.items():
        server.sql(f"alter system set {setting} = '{value}'")
    kubectl.delete("pod", "db-0")
    kubectl.ready("statefulset/db")
    # PostgreSQL 15 may overlook archive_timeout after a clean restart until the first checkpoint, minutes later
    server.sql("checkpoint")
    database = Database(kubectl, "db-0", NAME)
    database.create()
    return database


def start(exercise: Exercise, kubectl: Kubectl, name: str, target: str) -> None:
    """A server on a new volume, from nothing or from the base backup."""
    image = exercise.image("postgres")
    exercise.deploy(kubectl, "point-in-time/server.yaml", name=name, postgres=image, target=target)


def back_up(exercise: Exercise, kubectl: Kubectl) -> None:
    """The base backup without any log of its own, so that the archive has to have it.

    What SmartSensor documents instead is a dump and a copy of the log's files: the twin takes those.
    """
    if exercise.twin == "log-on-a-dump":
        dump = "pg_dumpall --host=127.0.0.1 --username=postgres --file=/archive/base/all.sql"
        kubectl.exec("db-0", "bash", "-c", dump)
    else:
        kubectl.exec("db-0", *BASE.split(), "--checkpoint=fast")


def mistake(exercise: Exercise, database: Database) -> tuple[str, str]:
    """The moment between the two rows, and the segment of the log in which the first one is."""
    database.sql(MARKER.format("before"))
    segment = database.sql("select pg_walfile_name(pg_current_wal_lsn())")
    moment = database.sql("select pg_sleep(1), clock_timestamp()").partition("|")[2]
    database.sql("select pg_sleep(1)")
    database.sql(MARKER.format("after"))
    database.sql("drop table readings")
    last = database.sql("select pg_walfile_name(pg_current_wal_lsn())")
    archived = "select coalesce(max(last_archived_wal), '') from pg_stat_archiver"
    bound = ARCHIVE_TIMEOUT + exercise.cluster.timeouts.ready
    database.kubectl.until(f"{last} is archived", lambda: database.sql(archived)[:24] >= last, bound)
    return moment, segment


def lose(exercise: Exercise, kubectl: Kubectl, segment: str) -> float:
    """The data under the running server, then the workload and the claim. Returns when the data was gone.

    A pod that is deleted is asked to stop first, and a server that stops archives its last segment: no disk does that.
    """
    if exercise.twin == "segment-missing":
        kubectl.exec("db-0", "rm", f"/archive/wal/{segment}")
    harmed = destroyed(kubectl)
    kubectl.delete("statefulset", "db", wait=False)
    kubectl.delete("pod", "db-0", now=True)
    kubectl.delete("persistentvolumeclaim", "data-db-0")
    return harmed


def destroyed(kubectl: Kubectl) -> float:
    """Remove the data directory; returns when that began. The server ends with it, and may take the shell along."""
    try:
        said = kubectl.exec("db-0", "bash", "-c", "date +%s.%N; until rm -rf $PGDATA; do :; done 2> /dev/null").text
    except CommandError as error:
        if error.output is None or not error.output.text:
            raise
        said = error.output.text
    return float(said.split()[0])


def replay_on_a_dump(exercise: Exercise, kubectl: Kubectl) -> None:
    """What SmartSensor's backup of pg_wal is for, if for anything: the server takes the log for another system's."""
    start(exercise, kubectl, "latest", "nothing")
    kubectl.ready("statefulset/latest")
    load = "psql --quiet --host=127.0.0.1 --username=postgres --dbname=postgres --file=/archive/base/all.sql"
    kubectl.exec("latest-0", *load.split())
    Database(kubectl, "latest-0", "postgres").sql("alter system set restore_command = 'cp /archive/wal/%f \"%p\"'")
    kubectl.exec("latest-0", "bash", "-c", "touch $PGDATA/recovery.signal && chown postgres: $PGDATA/recovery.signal")
    kubectl.delete("pod", "latest-0")


def replayed(exercise: Exercise, kubectl: Kubectl, server: Database) -> None:
    """Assert that the server replays what it finds; one that cannot says why and ends, again and again."""

    def decided() -> str:
        if given_up := last_words(kubectl.logs(server.pod)):
            return given_up
        return "open" if server.sql("select pg_is_in_recovery()", database="postgres") == "f" else ""

    ended = kubectl.until("the replay ends", decided, kubectl.cluster.timeouts.ready)
    exercise.holds("the archive can be replayed", ended == "open", "the server gives up", said=ended)


def last_words(log: str) -> str:
    """What a server said when its recovery failed; empty while it may still succeed.

    A server that only starts says FATAL to whoever asks too early: "the database system is starting up".
    """
    failures = ("could not locate", "ended before configured", "invalid checkpoint", "different database system")
    said = [line for line in log.splitlines() if ("FATAL: " in line or "PANIC: " in line)]
    return next((line.strip() for line in said if any(each in line for each in failures)), "")
