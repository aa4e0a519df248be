"""Home lab DR-01: MySQL's volume is lost; the newest object of the bucket brings everything back, byte for byte."""

from __future__ import annotations

import json

from conformance.drill.command import CommandError
from conformance.drill.dumps import MYSQL, newest
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.schedule import worst_loss

BUCKET = "s3://jimin-mysql-backup"
SERVER = "deployment/mysql"
FILL = """
create table boards (id int primary key auto_increment, name varchar(100) not null);
create table posts (id int primary key auto_increment, board int not null, title varchar(200) not null, body blob,
  written datetime not null, foreign key (board) references boards (id));
create table changes (id int primary key auto_increment, post int not null, at datetime not null);
create table heartbeat (id int primary key auto_increment, at datetime(6) not null);
create trigger posts_added after insert on posts for each row
  insert into changes (post, at) values (new.id, new.written);
create event tidy on schedule every 1 day do delete from changes where at < '2000-01-01';
insert into boards (name) values ('공지사항'), ('자유 게시판 😀'), ('질문과 답변');
insert into posts (board, title, body, written)
  with recursive n as (select 1 as i union all select i + 1 from n where i < 1000)
  select i % 3 + 1, concat('글 ', i, ' 😀'), unhex(sha2(i, 256)), timestamp '2026-01-01 00:00:00' + interval i minute
  from n;
"""
CONTENT = """
checksum table boards, posts, changes;
select count(*) from boards; select count(*) from posts; select count(*) from changes;
select hex(convert(name using utf8mb4)) from boards order by id;
"""
PROGRAMS = """
select concat('trigger ', trigger_name) from information_schema.triggers where trigger_schema = 'boarddb'
union all select concat('event ', event_name) from information_schema.events where event_schema = 'boarddb'
"""
LATER = "insert into posts (board, title, written) select 1, 'written after the backup', now() from boards"
#: no object of the bucket is older than a week
LIFECYCLE = {
    "Rules": [{"ID": "week", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}],
}


@drill(
    name="mysql-restored",
    title="a lost MySQL comes back from the newest dump in the bucket",
    requirements=(
        "homelab-backup-restorable",
        "homelab-backup-artefact-integrity",
        "homelab-backup-dump-container",
        "homelab-backup-upload-container",
        "homelab-slo-recovery-budget",
    ),
    objectives=(Objective("home lab L38, L188 (43.2 minutes a month), L714 (daily)", rto=2592, rpo=86400),),
    images=(
        Image("mysql", "mysql:8.0"),
        Image("aws", "amazon/aws-cli:2.15.0"),
        Image("s3", "motoserver/moto:5.2.5"),
    ),
    twins=(
        Twin("wrong-database", "the dump is that of another database", fails="the content is back"),
        Twin("three-byte-characters", "mysqldump reads as utf8, not utf8mb4", fails="the content is back"),
        Twin("events-left-out", "mysqldump runs without --events", fails="triggers and events are back"),
    ),
)
def mysql_restored(exercise: Exercise) -> None:
    """The CronJob is run: it dumps and uploads. Five rows are written after it. The pod and its claim are deleted, the
    Secrets survive. MySQL starts empty; the newest object by its name is fetched, is intact and ends as a dump does,
    and is loaded. Content and bytes are the same, triggers and events are there, the application's user can log in and
    write, and the five rows are lost.
    """
    with exercise.step("prepare", "a bucket, MySQL with known data, and a heartbeat"):
        bucket = exercise.namespace("bucket")
        kubectl = exercise.namespace("blog")
        deploy(exercise, kubectl, bucket)
    with exercise.step("steady", "the application's user reads"):
        content, programs = sql(kubectl, CONTENT), sql(kubectl, PROGRAMS)
        exercise.same("steady state", "1000", as_board(kubectl, "select count(*) from posts"), "what it reads")
    with exercise.step("prepare", "the documented backup, and five rows after it"):
        back_up(exercise, kubectl)
        sql(kubectl, f"{LATER} limit 3; {LATER} limit 2;")
    with exercise.fault("the pod is gone, and its volume with it"):
        kubectl.delete("deployment", "mysql", wait=False)
        kubectl.delete("pod", server_pod(kubectl), now=True)
        kubectl.delete("persistentvolumeclaim", "mysql-data")
    with exercise.step("recover", "MySQL starts empty"):
        kubectl.scale("deployment/heartbeat", 0)
        kubectl.gone("pods", "app=heartbeat")
        exercise.deploy(kubectl, "mysql/server.yaml", mysql=exercise.image("mysql"))
        kubectl.ready(SERVER)
        exercise.same("the fault is real", "", sql(kubectl, "show tables"), "the empty database")
    with exercise.step("recover", "the newest object of the bucket is loaded"):
        restore(exercise, kubectl)
    with exercise.step("verify", "content, bytes, triggers, events; the application's user reads and writes"):
        verify(exercise, kubectl, content, programs)
        exercise.recovered("the user reads", lambda: as_board(kubectl, "select count(*) from posts") == "1000")
        exercise.within_objectives()


def deploy(exercise: Exercise, kubectl: Kubectl, bucket: Kubectl) -> None:
    """All that DR-01 begins with."""
    mysql, aws_cli, s3 = (exercise.image(name) for name in ("mysql", "aws", "s3"))
    exercise.evidence.stand_ins.append("moto's S3 server in the role of S3: no rights, nothing expires")
    exercise.deploy(bucket, "mysql/bucket.yaml", s3=s3)
    exercise.deploy(kubectl, "mysql/secrets.yaml")
    exercise.deploy(kubectl, "mysql/server.yaml", mysql=mysql)
    values = {
        "events": "" if exercise.twin == "events-left-out" else "--events",
        "charset": "utf8" if exercise.twin == "three-byte-characters" else "utf8mb4",
        "database": "staging" if exercise.twin == "wrong-database" else "boarddb",
        "endpoint": f"http://s3.{bucket.namespace}.svc.cluster.local:5000",
    }
    exercise.deploy(kubectl, "mysql/backup.yaml", mysql=mysql, aws=aws_cli, **values)
    kubectl.ready(SERVER)
    sql(kubectl, FILL)
    if exercise.twin == "wrong-database":
        sql(kubectl, "create database staging; create table staging.posts as select * from posts limit 10")
    exercise.deploy(kubectl, "heartbeat/mysql.yaml", mysql=mysql)
    kubectl.until("the first heartbeat", lambda: newest_heartbeat(kubectl) > 0, kubectl.cluster.timeouts.ready)
    kubectl.runs("bucket-client")
    kubectl.until("the bucket is made", lambda: made(kubectl), kubectl.cluster.timeouts.effect)
    aws(kubectl, "s3api", "put-bucket-lifecycle-configuration", f"--bucket={BUCKET.removeprefix('s3://')}",
        f"--lifecycle-configuration={json.dumps(LIFECYCLE)}")  # fmt: skip


def server_pod(kubectl: Kubectl) -> str:
    """The name of MySQL's only pod."""
    return str(kubectl.list("pods", "app=mysql")[0]["metadata"]["name"])


def sql(kubectl: Kubectl, text: str) -> str:
    """Statements of an administrator."""
    command = ["mysql", "--host=127.0.0.1", "--user=root", "--default-character-set=utf8mb4"]
    return kubectl.exec(SERVER, *command, "--batch", "--skip-column-names", "boarddb", stdin=text.encode()).text


def as_board(kubectl: Kubectl, text: str) -> str:
    """A statement of the application: over the network, with its own user and password."""
    login = "MYSQL_PWD=$MYSQL_PASSWORD mysql --host=mysql-service --user=board --batch --skip-column-names boarddb"
    return kubectl.exec(SERVER, "bash", "-c", f'{login} --execute "$0"', text).text


def aws(kubectl: Kubectl, *arguments: str) -> bytes:
    """The AWS command line, with the credentials of the backup."""
    return kubectl.exec("bucket-client", "aws", *arguments).stdout


def made(kubectl: Kubectl) -> bool:
    """Make the bucket; an S3 server that has only just started does not answer yet."""
    aws(kubectl, "s3", "mb", BUCKET)
    return True


def newest_heartbeat(kubectl: Kubectl) -> float:
    """When the newest heartbeat that is in the table was written, in seconds since 1970; 0 when there is none."""
    return float(sql(kubectl, "select coalesce(max(unix_timestamp(at)), 0) from heartbeat"))


def back_up(exercise: Exercise, kubectl: Kubectl) -> None:
    """Run the CronJob now. By its schedule a day's writing may be lost, which is what the inventory accepts."""
    spec = kubectl.get("cronjob", "mysql-backup")["spec"]
    exercise.evidence.figures["worst loss by configuration"] = worst_loss(spec)
    kubectl.act("create", "job", "backup-now", "--from=cronjob/mysql-backup")
    kubectl.finished("backup-now")


def restore(exercise: Exercise, kubectl: Kubectl) -> None:
    """Fetch the newest object by the time in its name, prove that it is whole, load it."""
    listed = aws(kubectl, "s3", "ls", f"{BUCKET}/").decode()
    chosen = newest([line.split()[-1] for line in listed.splitlines()], MYSQL)
    exercise.holds("there is a backup", chosen, "no object with a time in its name", listed=listed)
    dump = aws(kubectl, "s3", "cp", "--quiet", f"{BUCKET}/{chosen}", "-")
    kubectl.exec(SERVER, "bash", "-c", "cat > /tmp/dump.sql.gz && gzip --test /tmp/dump.sql.gz", stdin=dump)
    end = kubectl.exec(SERVER, "bash", "-c", "zcat /tmp/dump.sql.gz | tail -n 1").text
    exercise.holds("the dump is complete", "Dump completed" in end, "it does not end as a dump does", ends=end)
    load = "set -o pipefail; zcat /tmp/dump.sql.gz | mysql --host=127.0.0.1 --user=root --default-character-set=utf8mb4"
    kubectl.exec(SERVER, "bash", "-c", load)


def verify(exercise: Exercise, kubectl: Kubectl, content: str, programs: str) -> None:
    """Compare with what was there when the backup was made."""
    try:
        now = sql(kubectl, CONTENT)
    except CommandError as error:
        now = str(error)
    exercise.same("the content is back", content, now, "content, checksums or bytes")
    exercise.same("triggers and events are back", programs, sql(kubectl, PROGRAMS), "what the database does by itself")
    later = sql(kubectl, "select count(*) from posts where title = 'written after the backup'")
    exercise.same("it is the backup's state", "0", later, "the number of rows written after the backup")
    written = "insert into posts (board, title, written) values (1, 'new', now()); select last_insert_id()"
    number = as_board(kubectl, written)
    exercise.holds("numbers go on", int(number) > 1000, "an old number is given again", number=number)
    as_board(kubectl, "delete from posts where title = 'new'")
    exercise.lost(newest_heartbeat(kubectl))
