"""insitechart 4.2.1 and SmartSensor 5.2: the database's volume is lost; both dumps bring everything back, roles too."""

from __future__ import annotations

from conformance.drill import postgres
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.postgres import CHECKSUM, Database
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.schedule import judge_schedule

NAME = "insitechart"
ROLES = """
create role application login password 'drill-only';
create role auditor nologin;
grant auditor to application;
grant select, insert on all tables in schema public to application;
grant usage on all sequences in schema public to application;
select nextval('orders') from generate_series(1, 42);
"""
#: everything of a server that a restore has to bring back besides the rows with a checksum
CATALOGUE = """
select 'role ' || rolname || ' ' || rolcanlogin from pg_roles where rolname !~ '^pg_'
union all select 'member ' || m.member::regrole || ' of ' || m.roleid::regrole from pg_auth_members m
  where m.member > 16383
union all select 'sequence orders ' || last_value from orders
union all select 'events ' || count(*) from events
union all select 'index ' || indexrelid::regclass || ' ' || indisvalid from pg_index
  where indrelid > 16383 and indexrelid::regclass::text !~ '^pg_toast'
union all select 'grant ' || grantee || ' ' || table_name || ' ' || privilege_type
  from information_schema.role_table_grants where grantee = 'application'
order by 1
"""
NEWEST = "set -o pipefail; cd /backups/postgres && file=$(ls {} | sort | tail -n 1) && "
CUSTOM = (
    NEWEST.format("insitechart_globals_*.sql") + "sed '/^CREATE ROLE postgres;$/d' $file"
    " | psql --quiet --set=ON_ERROR_STOP=1 --dbname=postgres && createdb {name} && "
    + NEWEST.format("insitechart_backup_*.sql.gz")
    + "gunzip --stdout $file | pg_restore --exit-on-error --dbname={name}"
)
WHOLE = NEWEST.format("postgresql_backup_*.sql.gz") + (
    "gunzip --stdout $file | sed '/^CREATE ROLE postgres;$/d' | psql --quiet --set=ON_ERROR_STOP=1 --dbname=postgres"
)
#: SmartSensor's own words, lines 762-767: whatever goes wrong, psql goes on and says 0
DOCUMENTED_WHOLE = NEWEST.format("postgresql_backup_*.sql.gz") + "gunzip --stdout $file | psql --dbname=postgres"
#: cut at the end of a row in the middle of a COPY, then packed again: gzip is content, and so is psql
TRUNCATE = NEWEST.format("postgresql_backup_*.sql.gz") + (
    "gunzip --stdout $file > /tmp/all.sql && from=$(grep --line-number '^COPY public.readings' /tmp/all.sql"
    " | cut --delimiter=: --fields=1) && head --lines=$((from + 15000)) /tmp/all.sql | gzip > $file"
)


@drill(
    name="database-restored",
    title="a lost database comes back from its dumps",
    requirements=(
        "insitechart-backup-pg-dump",
        "insitechart-backup-restorable",
        "insitechart-rto-database",
        "insitechart-rpo-database",
        "insitechart-rpo-infrastructure",
        "insitechart-dr-db-steps",
        "insitechart-drill-db",
        "smartsensor-pgbackup-dump-exists",
        "smartsensor-pgbackup-dump-integrity",
        "smartsensor-dr-data-restored",
        "smartsensor-dr-no-duplicates",
        "smartsensor-dr-postgres-redeploy",
        "smartsensor-dr-rto",
        "smartsensor-dr-rpo",
    ),
    objectives=(
        Objective("insitechart L1217-1218 (database)", rto=3600, rpo=900),
        Objective("insitechart L1249 (application)", rto=1800),
        Objective("insitechart L1276-1277 (infrastructure)", rto=7200, rpo=3600),
        Objective("SmartSensor L79 (monthly downtime), L664 (daily backup)", rto=2580, rpo=86400),
    ),
    images=(Image("postgres", "postgres:15"),),
    twins=(
        Twin("daily-dump-alone", "the dump is made once a day", fails="the worst case keeps the RPO"),
        Twin("truncated-dump", "the dump ends inside a COPY, and nothing says so", fails="the content is back"),
        Twin("wrong-database", "the dump is that of another database", fails="the content is back"),
        Twin("target-not-empty", "the volume is not lost, the dump is loaded over it", fails="nothing is there twice"),
    ),
)
def database_restored(exercise: Exercise) -> None:
    """A CronJob makes both dumps. The StatefulSet, its pod and its claim are deleted. The StatefulSet is applied again,
    the newest dump by its name is restored into the empty server: roles first, then the database, stopping at the
    first error. The application logs in, reads what it knew and writes. The other dump brings back the same.
    """
    with exercise.step("prepare", "a schedule of backups; what it may lose at most is within every RPO"):
        kubectl = exercise.namespace("database")
        schedule(exercise, kubectl)
        judge_schedule(exercise, kubectl, "backup")
    with exercise.step("prepare", "a server with known data, roles and a heartbeat"):
        database = served(exercise, kubectl)
    with exercise.step("steady", "the application reads and writes"):
        before, catalogue = database.checksum(), database.sql(CATALOGUE)
        exercise.same("steady state", before, as_application(kubectl, "db", CHECKSUM), "what the application reads")
    with exercise.step("prepare", "the scheduled backup runs"):
        back_up(exercise, kubectl)
        database.run("create table written_after_the_backup ()")
    with exercise.fault("the server is gone, and its volume with it"):
        lose(exercise, kubectl)
    with exercise.step("recover", "the server is applied again"):
        postgres.stop_heartbeat(database)
        empty = postgres.deploy(exercise, kubectl, "db")
        if exercise.twin != "target-not-empty":
            there = empty.sql("select datname from pg_database", database="postgres").split()
            exercise.holds("the fault is real", NAME not in there, "the data was never lost", databases=there)
    if not exercise.twin:
        with exercise.step("recover", "the documented commands restore nothing"):
            documented_commands(exercise, kubectl)
    with exercise.step("recover", "the newest dump is restored"):
        restore(exercise, kubectl, "db")
    with exercise.step("verify", "all content, roles, sequences; nothing twice; a new row can be written"):
        verify(exercise, database, before, catalogue)
        exercise.recovered("the application reads", lambda: as_application(kubectl, "db", CHECKSUM) == before)
        written = as_application(kubectl, "db", "insert into heartbeat (at) values (now()) returning 'written'")
        exercise.same("the application writes", "written", written, "what it says")
        exercise.within_objectives()
    with exercise.step("verify", "the other document's dump brings back the same"):
        other = postgres.deploy(exercise, kubectl, "other")
        kubectl.exec("administrator", "bash", "-c", WHOLE.replace("psql ", "psql --host=other "))
        verify(exercise, Database(kubectl, other.pod, NAME), before, catalogue, measure=False)
        exercise.same(
            "the application reads the other", before, as_application(kubectl, "other", CHECKSUM), "what it reads"
        )


def served(exercise: Exercise, kubectl: Kubectl) -> Database:
    """The server, two databases of the same shape, roles, and the heartbeat that the RPO is measured with."""
    server = postgres.deploy(exercise, kubectl, "db")
    database = Database(kubectl, server.pod, NAME)
    database.create()
    database.fill()
    database.run(ROLES)
    if exercise.twin == "wrong-database":
        kubectl.exec(server.pod, "createdb", "--host=127.0.0.1", "--username=postgres", f"--template={NAME}", "staging")
        database.sql("update readings set value = value + 1 where id % 1000 = 0", database="staging")
    postgres.start_heartbeat(exercise, database, "db")
    kubectl.runs("administrator")
    return database


def schedule(exercise: Exercise, kubectl: Kubectl) -> None:
    """The CronJob that makes the dumps, and the pod in which an administrator restores them."""
    script = (exercise.manifests / "database-restored" / "backup.sh").read_text(encoding="utf-8")
    name = {"name": "backup-scripts"}
    kubectl.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"backup.sh": script}}])
    values = {
        "name": "db",
        "database": "staging" if exercise.twin == "wrong-database" else NAME,
        "postgres": exercise.image("postgres"),
        "schedule": "0 2 * * *" if exercise.twin == "daily-dump-alone" else "*/10 * * * *",
    }
    exercise.deploy(kubectl, "postgres/backups.yaml")
    exercise.deploy(kubectl, "database-restored/schedule.yaml", **values)
    exercise.deploy(kubectl, "postgres/administrator.yaml", **values)


def back_up(exercise: Exercise, kubectl: Kubectl) -> None:
    """Run the CronJob now, and wait for its end."""
    kubectl.act("create", "job", "backup-now", "--from=cronjob/backup")
    kubectl.finished("backup-now")
    found = kubectl.query("administrator", "sh", "-c", "ls -l /backups/postgres")
    exercise.evidence.write("backups.txt", found + "\n")
    if exercise.twin == "truncated-dump":
        kubectl.exec("administrator", "bash", "-c", TRUNCATE)


def lose(exercise: Exercise, kubectl: Kubectl) -> None:
    """The workload, the pod without any grace, the claim: the class deletes the volume with it."""
    kubectl.delete("statefulset", "db", wait=False)
    kubectl.delete("pod", "db-0", now=True)
    if exercise.twin != "target-not-empty":
        kubectl.delete("persistentvolumeclaim", "data-db-0")


def documented_commands(exercise: Exercise, kubectl: Kubectl) -> None:
    """What insitechart's file suggests: it is called .sql.gz and holds an archive that psql cannot read, gzip hides it
    from pg_restore, and it has no roles.
    """
    chosen = NEWEST.format("insitechart_backup_*.sql.gz")
    literal = {
        "psql cannot read it": ("psql --dbname=postgres --file=-", "custom-format dump"),
        "pg_restore cannot read it": ("true; pg_restore --exit-on-error --dbname=postgres $file", "not appear to be"),
        "its roles are missing": ("pg_restore --exit-on-error --dbname=trial", 'role "application" does not exist'),
    }
    kubectl.exec("administrator", "createdb", "trial")
    for name, (command, reason) in literal.items():
        said = refused(kubectl, f"{chosen} gunzip --stdout $file | {command}")
        exercise.holds(name, reason in said, f"it is not refused for that reason: {command}", said=said[:200])


def refused(kubectl: Kubectl, command: str) -> str:
    """What a command said that failed; empty when it did not fail."""
    try:
        kubectl.exec("administrator", "bash", "-c", command)
    except CommandError as error:
        return f"{error.output.text} {error.output.stderr}" if error.output else str(error)
    return ""


def restore(exercise: Exercise, kubectl: Kubectl, server: str) -> None:
    """insitechart's archive, or SmartSensor's SQL where the twin concerns that."""
    command = {
        "truncated-dump": WHOLE,
        "target-not-empty": DOCUMENTED_WHOLE,
    }.get(exercise.twin, CUSTOM.replace("{name}", NAME))
    said = kubectl.exec("administrator", "env", f"PGHOST={server}", "bash", "-c", command)
    exercise.evidence.write("restore.txt", said.stderr + "\n")


def verify(exercise: Exercise, database: Database, before: str, catalogue: str, *, measure: bool = True) -> None:
    """Compare with what was there when the backup was made."""
    events = database.sql("select count(*) from events")
    exercise.holds("nothing is there twice", int(events) <= 500, "rows are doubled", events=events)
    exercise.same("the content is back", before, database.checksum(), "the content of the readings")
    exercise.same("roles, grants, sequences and indexes are back", catalogue, database.sql(CATALOGUE), "the catalogue")
    later = database.sql("select count(*) from pg_class where relname = 'written_after_the_backup'")
    exercise.holds("it is the backup's state", later == "0", "something newer than the backup is there", later=later)
    number = database.sql("select nextval('orders')")
    exercise.holds("sequences go on", number == "1042", "the sequence gives an old number again", number=number)
    if measure:
        exercise.lost(database.newest_heartbeat())


def as_application(kubectl: Kubectl, server: str, sql: str) -> str:
    """A statement of the application itself: over the network, with its own role and password."""
    target = f"postgresql://application:drill-only@{server}/{NAME}"
    command = ["psql", "--no-align", "--tuples-only", "--quiet", f"--dbname={target}", f"--command={sql}"]
    return kubectl.exec("administrator", *command).text
