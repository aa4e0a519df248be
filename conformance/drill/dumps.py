"""Dumps as files: which one is the newest, and what must be in a database that was restored from one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from conformance.drill.postgres import Database

POSTGRESQL = "postgresql_backup_"
MYSQL = "mysql-backup-"


def newest(names: Iterable[str], prefix: str = POSTGRESQL) -> str:
    """The dump with the latest time in its name; empty when there is none.

    Never by modification time, which a copy resets; names that hold no real time (`_latest`, 31 February) are no dumps.
    """
    dated = [(when, name) for name in names if (when := taken(name, prefix)) is not None]
    return max(dated)[1] if dated else ""


def taken(name: str, prefix: str = POSTGRESQL) -> datetime | None:
    """When a dump was begun, by its name, in UTC; None for other files, unfinished ones among them."""
    found = re.fullmatch(re.escape(prefix) + r"(\d{8})[-_](\d{6})\.sql\.gz", name)
    try:
        return datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Content:
    """Rows of one table up to the row `last`: their number and a digest over all of them."""

    last: int
    rows: int
    digest: str


Manifest = Mapping[str, Content]


def describe(database: Database, tables: Iterable[str], last: Mapping[str, int] | None = None) -> Manifest:
    """What is in tables that are only ever added to, up to the given ids, or up to the newest row there is now.

    Taken just before a dump it tells what the dump must hold, whatever is written meanwhile. Raises CommandError.
    """
    found = {}
    for table in tables:
        bound = last[table] if last else int(database.sql(f"select coalesce(max(id), 0) from {table}"))  # noqa: S608
        digest = "coalesce(md5(string_agg(md5(t::text), '' order by id)), '')"
        text = database.sql(f"select count(*), {digest} from {table} t where id <= {bound}")  # noqa: S608
        rows, _, checksum = text.partition("|")
        found[table] = Content(bound, int(rows), checksum)
    return found


def written(manifest: Manifest) -> str:
    """As text to be kept beside the dump: a line a table."""
    return "".join(f"{name} {each.last} {each.rows} {each.digest}\n" for name, each in sorted(manifest.items()))


def read(text: str) -> Manifest:
    """What `written` wrote. Raises ValueError for anything else, and for nothing at all."""
    found = {}
    for line in text.splitlines():
        name, last, rows, digest = line.split(" ")
        found[name] = Content(int(last), int(rows), digest)
    if not found:
        raise ValueError("the manifest names no table")
    return found


def differences(wanted: Manifest, found: Manifest) -> list[str]:
    """Tables whose content is not the wanted one, each with the numbers of rows."""
    return [
        f"{name}: {found[name].rows} rows instead of {each.rows}" if name in found else f"{name}: not there"
        for name, each in sorted(wanted.items())
        if found.get(name) != each
    ]
