"""PostgreSQL in a drill: known data with a checksum over its content, and a heartbeat that tells how much was lost."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl

#: 20,000 rows: enough to notice a truncated dump, few enough to be loaded in a second
_FILL = """
create table readings (id bigint primary key, sensor text not null, value numeric not null, taken timestamptz not null);
insert into readings
  select n, 'sensor-' || n % 97, (n * 7919 % 100003) / 100.0, timestamptz '2026-01-01' + n * interval '1 minute'
  from generate_series(1, 20000) n;
create index on readings (sensor, taken);
create sequence orders start 1000;
create table heartbeat (id bigserial primary key, at timestamptz not null);
"""
#: order by content, not by place on the disk; the row count alone would not see changed rows
CHECKSUM = """
select count(*) || ' ' || md5(string_agg(md5(r::text), '' order by id)) from readings r
"""
#: without a primary key, so that a dump restored over it doubles its rows and says nothing
_EVENTS = """
create table events (sensor text not null, at timestamptz not null, what text not null);
insert into events
  select 'sensor-' || n % 97, timestamptz '2026-01-01' + n * interval '1 hour', 'event ' || n
  from generate_series(1, 500) n;
"""


@dataclass
class Database:
    """One database of one server, reached through the server's own psql."""

    kubectl: Kubectl
    pod: str
    name: str = "app"

    def sql(self, text: str, *, database: str = "") -> str:
        """One question, its answer unaligned. Raises CommandError."""
        return self.kubectl.query(self.pod, *self._psql(database), f"--command={text}")

    def run(self, text: str, *, database: str = "") -> str:
        """SQL that changes something; stops at the first error."""
        arguments = [*self._psql(database), "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"]
        return self.kubectl.exec(self.pod, *arguments, stdin=text.encode()).text

    def create(self) -> None:
        """The database, empty."""
        self.kubectl.exec(self.pod, "createdb", "--host=127.0.0.1", "--username=postgres", self.name)

    def fill(self) -> str:
        """Known data and the heartbeat's table; returns the checksum of the data."""
        self.run(_FILL + _EVENTS)
        return self.checksum()

    def checksum(self) -> str:
        """Number of rows and a digest over the content of all of them."""
        return self.sql(CHECKSUM)

    def holds(self, checksum: str) -> bool:
        """Whether the application's own question has the right answer; a server that does not answer has not."""
        try:
            return self.checksum() == checksum
        except CommandError:
            return False

    def newest_heartbeat(self) -> float:
        """When the newest heartbeat that is in the table was written, in seconds since 1970; 0 when there is none."""
        return float(self.sql("select coalesce(extract(epoch from max(at)), 0) from heartbeat"))

    def _psql(self, database: str) -> list[str]:
        chosen = f"--dbname={database or self.name}"
        return ["psql", "--host=127.0.0.1", "--username=postgres", chosen, "--no-align", "--tuples-only", "--quiet"]


def deploy(exercise: Exercise, kubectl: Kubectl, name: str, storage_class: str = "standard") -> Database:
    """A server, ready, without any database of ours."""
    image = exercise.image("postgres")
    exercise.deploy(kubectl, "postgres/statefulset.yaml", name=name, postgres=image, storage_class=storage_class)
    kubectl.ready(f"statefulset/{name}")
    return Database(kubectl, f"{name}-0")


def start_heartbeat(exercise: Exercise, database: Database, server: str) -> None:
    """Begin to write, and wait for the first row."""
    image = exercise.image("postgres")
    values = {"name": server, "postgres": image, "database": database.name}
    exercise.deploy(database.kubectl, "heartbeat/postgres.yaml", **values)
    bound = database.kubectl.cluster.timeouts.ready
    database.kubectl.until("the first heartbeat", lambda: database.newest_heartbeat() > 0, bound)


def stop_heartbeat(database: Database) -> None:
    """No more writes: what comes now would hide what was lost."""
    database.kubectl.scale("deployment/heartbeat", 0)
    database.kubectl.gone("pods", "app=heartbeat")
