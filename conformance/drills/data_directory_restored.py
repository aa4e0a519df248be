"""Persistence guide, scenario 2: the files of a database are lost, and come back from a tar archive."""

from __future__ import annotations

from conformance.drill import archive as archives
from conformance.drill import files, postgres
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.postgres import Database
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.volume import Place, place_of

SERVER = "statefulset/signoz-clickhouse"
POD = "signoz-clickhouse-0"
CLAIM = "data-signoz-clickhouse-0"
#: in ClickHouse's role: the guide has /var/lib/clickhouse, one directory less
DIRECTORY = "/var/lib/postgresql/data"


@drill(
    name="data-directory-restored",
    title="a lost data directory comes back from its archive",
    requirements=("persistence-dr-clickhouse-restore", "persistence-dr-clickhouse-quiesced"),
    objectives=(Objective("persistence guide, line 157, derived from one backup a day", rpo=86_400),),
    images=(Image("postgres", "postgres:15"),),
    twins=(
        Twin("not-restored", "nothing is put back", fails="the data is there again"),
        Twin("archive-truncated", "half of the archive was written", fails="the archive can be read to its end"),
        Twin("nested", "the archive is unpacked as the guide says", fails="the files lie where the server looks"),
        Twin("server-runs", "nobody waits until the server is gone", fails="no pod uses the volume"),
    ),
)
def data_directory_restored(exercise: Exercise) -> None:
    """The server's files are lost; it comes up again, ready and empty. It is stopped, its volume is wiped on the node,
    the archive is unpacked there without the directories that lead to the volume, and it is started.
    """
    exercise.stand_in("PostgreSQL in the role of ClickHouse, one replica instead of two")
    with exercise.step("prepare", "a server with its data on a volume, known data, writers"):
        kubectl = exercise.namespace("signoz")
        storage_class = files.storage_class(exercise, kubectl)
        database = postgres.deploy(exercise, kubectl, "signoz-clickhouse", storage_class)
        database.create()
        checksum = database.fill()
        postgres.start_heartbeat(exercise, database, "signoz-clickhouse")
        place = place_of(exercise, kubectl, CLAIM)
    with exercise.step("prepare", "the guide's backup: an archive of the directory, kept outside the cluster"):
        archive = back_up(exercise, kubectl, database)
        postgres.start_heartbeat(exercise, database, "signoz-clickhouse")
        place.shell("touch .left-over")
        owner = place.shell("stat -c %u:%g:%a pgdata")
    with exercise.step("steady", "the data can be read, and writes go on after the backup"):
        exercise.holds("steady state", database.holds(checksum), "the data is not there", checksum=checksum)
    with exercise.fault("the server goes down, and its directory is deleted on the node before it is back"):
        kubectl.scale(SERVER, 0)
        kubectl.gone("pods", "app=signoz-clickhouse")
        place.shell("find pgdata -mindepth 1 -delete")
        kubectl.scale(SERVER, 1)
    with exercise.step("recover", "the server is ready again, and empty: readiness is no recovery"):
        answers(kubectl, database)
        exercise.holds("ready and empty", not database.holds(checksum), "the data was not lost")
        postgres.stop_heartbeat(database)
    with exercise.step("recover", "the archive is read to its end before anything is deleted"):
        archive = archive[: len(archive) // 2] if exercise.twin == "archive-truncated" else archive
        fault = archives.damage(archive)
        exercise.holds("the archive can be read to its end", not fault, fault, bytes=len(archive))
    if not exercise.twin:
        with exercise.step(
            "recover", "the guide's commands, to the letter: nothing is wiped, and the files are nested"
        ):
            to_the_letter(exercise, kubectl, database, place, archive, checksum)
    with exercise.step("recover", "the server is stopped, and its pod is waited for"):
        quiesce(exercise, kubectl)
    with exercise.step("recover", "the volume is wiped in a shell on the node, and the archive unpacked"):
        put_back(exercise, place, archive)
    with exercise.step("recover", "the server starts"):
        kubectl.scale(SERVER, 1)
    with exercise.step("verify", "all rows of the backup, the directory as it was, and the server writes"):
        bound = 20.0 if exercise.twin else None
        exercise.recovered("the data is there again", lambda: database.holds(checksum), bound)
        exercise.lost(database.newest_heartbeat())
        exercise.same("owner and mode", owner, place.shell("stat -c %u:%g:%a pgdata"), "the directory's owner")
        strays = place.shell("ls -A | grep -v -x pgdata || true")
        exercise.holds("nothing else is in the volume", not strays, "something is", found=strays)
        before = database.newest_heartbeat()
        postgres.start_heartbeat(exercise, database, "signoz-clickhouse")
        kubectl.until("new rows", lambda: database.newest_heartbeat() > before, exercise.cluster.timeouts.effect)
        exercise.within_objectives()


def back_up(exercise: Exercise, kubectl: Kubectl, database: Database) -> bytes:
    """`kubectl exec … tar czf - DIRECTORY > archive`, with writers stopped: a database that runs changes its files.

    A server without writers still vacuums and writes its log; tar fails over a file that changes meanwhile, and then
    the archive is taken again.
    """
    postgres.stop_heartbeat(database)
    database.run("checkpoint")
    bound = exercise.cluster.timeouts.job

    def take() -> bytes:
        return kubectl.exec(POD, "tar", "czf", "-", DIRECTORY, timeout=bound).stdout

    archive: bytes = kubectl.until("an archive during which no file changed", take, bound)
    exercise.evidence.figures["archive megabytes"] = round(len(archive) / 1e6, 1)
    return archive


def answers(kubectl: Kubectl, database: Database) -> None:
    """Wait until the server is ready and answers: only then is missing data missing."""
    kubectl.ready(SERVER)
    bound = kubectl.cluster.timeouts.ready
    kubectl.until("the server answers", lambda: database.sql("select 1", database="postgres") == "1", bound)


def to_the_letter(
    exercise: Exercise, kubectl: Kubectl, database: Database, place: Place, archive: bytes, checksum: str
) -> None:
    """`multipass exec … rm -rf DIRECTORY/*`, `tar xzf … -C DIRECTORY/`: no shell expands the glob, and the archive's
    members begin with the path in the pod.
    """
    kubectl.scale(SERVER, 0)
    kubectl.gone("pods", "app=signoz-clickhouse")
    before = place.shell("ls -A")
    exercise.node(place.node, "rm", "-rf", f"{place.path}/*")
    exercise.same("to the letter: nothing is wiped", before, place.shell("ls -A"), "what is in the volume")
    exercise.node(place.node, "tar", "xzf", "-", "-C", f"{place.path}/", stdin=archive)
    nested = place.shell(f"test -f .{DIRECTORY}/pgdata/PG_VERSION && echo nested")
    exercise.holds("to the letter: the files are nested", nested == "nested", "they are not")
    kubectl.scale(SERVER, 1)
    answers(kubectl, database)
    exercise.holds("to the letter: ready and empty", not database.holds(checksum), "the guide's commands work here")


def quiesce(exercise: Exercise, kubectl: Kubectl) -> None:
    """`kubectl scale` returns at once: the pod goes on writing until it is gone."""
    if exercise.twin != "server-runs":
        kubectl.scale(SERVER, 0)
        kubectl.gone("pods", "app=signoz-clickhouse")
    users = [each["metadata"]["name"] for each in kubectl.list("pods", "app=signoz-clickhouse")]
    exercise.holds("no pod uses the volume", not users, "a pod does", pods=", ".join(users))


def put_back(exercise: Exercise, place: Place, archive: bytes) -> None:
    """A shell on the node, because the glob has to expand there; members without the path that leads to the volume."""
    place.shell("find . -mindepth 1 -delete")
    exercise.holds("the volume is empty", not place.shell("ls -A"), "something is left")
    depth = 0 if exercise.twin == "nested" else DIRECTORY.count("/")
    if exercise.twin == "not-restored":
        return
    unpack = ["tar", "xzf", "-", "-C", place.path, f"--strip-components={depth}", "--same-owner"]
    exercise.node(place.node, *unpack, stdin=archive)
    found = place.shell("test -f pgdata/PG_VERSION && echo there || true")
    exercise.holds("the files lie where the server looks", found, "they do not", found=place.shell("ls -A"))
