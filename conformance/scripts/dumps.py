"""Commands that really take a copy of data, and those that put one back. A job that prints a status does neither."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.scripts.jobs import SHELLS, Job, Step
from conformance.scripts.shell import Command, Shell

#: what is copied, by the words of a command; the first word is a program, the others follow somewhere behind it
_VERBS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "postgresql": (
        ("pg_dump",), ("pg_dumpall",), ("pg_basebackup",), ("pgbackrest", "backup"), ("barman", "backup"),
        ("wal-g", "backup-push"),
    ),
    "mysql": (
        ("mysqldump",), ("mariadb-dump",), ("mydumper",), ("xtrabackup", "--backup"), ("mariabackup", "--backup"),
        ("mariadb-backup", "--backup"), ("mysqlsh", "dump"),
    ),
    "mongodb": (("mongodump",),),
    "redis": (("redis-cli", "--rdb"), ("redis-cli", "BGSAVE"), ("redis-cli", "SAVE"), ("valkey-cli", "--rdb")),
    "etcd": (("etcdctl", "snapshot", "save"), ("k3s", "etcd-snapshot"), ("rke2", "etcd-snapshot")),
    "vault": (("vault", "operator", "raft", "snapshot", "save"), ("bao", "operator", "raft", "snapshot", "save")),
    "consul": (("consul", "snapshot", "save"),),
    "velero": (("velero", "backup", "create"), ("velero", "create", "backup")),
    "clickhouse": (("clickhouse-backup", "create"), ("clickhouse-backup", "create_remote")),
    "influxdb": (("influx", "backup"), ("influxd", "backup")),
    "sqlite": (("sqlite3", ".backup"), ("sqlite3", ".dump")),
    "elasticsearch": (("curl", "_snapshot"), ("elasticdump",)),
    "argocd": (("argocd", "admin", "export"),),
    "objects": (("kubectl", "get", "-o"), ("kubectl", "get", "--output"), ("kubectl", "get", "-oyaml")),
    "files": (
        ("restic", "backup"), ("kopia", "snapshot", "create"), ("borg", "create"), ("rclone", "sync"),
        ("rclone", "copy"), ("aws", "s3", "sync"), ("rsync",), ("tar", "c"),
    ),
}  # fmt: skip
_RESTORES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "postgresql": (("pg_restore",), ("psql",), ("pgbackrest", "restore"), ("wal-g", "backup-fetch")),
    "mysql": (("mysql",), ("mariadb",), ("myloader",), ("xtrabackup", "--copy-back")),
    "mongodb": (("mongorestore",),),
    "etcd": (("etcdctl", "snapshot", "restore"), ("etcdutl", "snapshot", "restore")),
    "vault": (("vault", "operator", "raft", "snapshot", "restore"),),
    "velero": (("velero", "restore", "create"), ("velero", "create", "restore")),
    "files": (("restic", "restore"), ("kopia", "restore"), ("borg", "extract"), ("rclone", "copy"), ("tar", "x")),
}
#: programs that speak of others without running them
_SPEAKING = frozenset(
    (
        "echo",
        "printf",
        "which",
        "command",
        "type",
        "man",
        "grep",
        "apt-get",
        "apk",
        "yum",
        "dnf",
        "pip",
        "ls",
        "test",
        "[",
    )
) | {"cat", "pgrep", "pkill", "ps", "trap", "logger"}
_NOTHING = frozenset({"--help", "--version", "-V", "--schema-only", "--no-data", "--dry-run", "--list"})


@dataclass(frozen=True, slots=True)
class Act:
    """A command that copies data or puts it back: what kind of data, by which program."""

    step: Step
    command: Command
    data: str
    program: str
    #: the script that runs in another container or machine, where the command is part of one
    inner: Shell | None = None

    def __str__(self) -> str:
        return f"{self.program} ({self.data})"


def dumps(job: Job) -> list[Act]:
    """Every command of a job that takes a copy of data."""
    return [act for step in job.steps for act in acts(step, _VERBS)]


def restores(job: Job) -> list[Act]:
    """Every command of a job that puts a copy back; `psql -c` and `mysql -e` only ask."""
    return [
        act
        for step in job.steps
        for act in acts(step, _RESTORES)
        if not (
            act.program in ("psql", "mysql", "mariadb")
            and {"-c", "-e", "--command", "--execute", "-tAc", "-Atc", "-tc"} & {*act.command.words}
        )
    ]


def tries(job: Job) -> bool:
    """Whether a job restores first and copies only then, to compare: its copies are no backups."""
    order = {id(command): number for number, (_, command) in enumerate(job.commands)}
    back, copies = restores(job), dumps(job)
    first = min((order[id(each.command)] for each in copies), default=0)
    return bool(back) and min(order[id(each.command)] for each in back) < first


def acts(step: Step, verbs: Mapping[str, tuple[tuple[str, ...], ...]] = _VERBS) -> Iterator[Act]:
    """The commands of a step that do one of the verbs, also through `kubectl exec … --`, `ssh` or `sh -c`."""
    for command in step.shell.commands:
        inner = nested(command)
        if inner is not None:
            for inside in inner.commands:
                yield from (Act(step, command, *found, inner) for found in _verbs(inside, verbs))
        elif command.name not in _SPEAKING:
            yield from (Act(step, command, *found) for found in _verbs(command, verbs))


def nested(command: Command) -> Shell | None:
    """The script of a `sh -c SCRIPT` that a command runs somewhere else."""
    for at, word in enumerate(command.words[:-2]):
        if word.rpartition("/")[2] in SHELLS and command.words[at + 1].startswith("-") and "c" in command.words[at + 1]:
            flags = "set -e\n" if "e" in command.words[at + 1] else ""
            return Shell(flags + command.words[at + 2])
    return None


def _verbs(command: Command, verbs: Mapping[str, tuple[tuple[str, ...], ...]]) -> Iterator[tuple[str, str]]:
    words = _split(command)
    for data, all_words in verbs.items():
        for wanted in all_words:
            at = next((index for index, word in enumerate(words) if word.rpartition("/")[2] == wanted[0]), None)
            if at is not None and not _NOTHING & set(words[at:]) and _follow(words[at + 1 :], wanted):
                yield data, wanted[0]
                return


def _split(command: Command) -> list[str]:
    """The words, of which one may be a whole command line, as `ssh host 'pg_dump x'` has it."""
    found: list[str] = []
    for word in command.words:
        try:
            found += shlex.split(word) if " " in word and command.name in ("ssh", "su", "runuser", "docker") else [word]
        except ValueError:
            found.append(word)
    return found


def _follow(rest: list[str], wanted: tuple[str, ...]) -> bool:
    if wanted[0] == "tar":
        flags = next((word for word in rest if word.startswith("-") or word == rest[0]), "")
        return (wanted[1] in flags.partition("=")[0] and not flags.startswith("--")) or f"--{_TAR[wanted[1]]}" in rest
    if wanted[0] == "curl":
        return any("_snapshot" in word for word in rest) and any(
            word in ("PUT", "POST", "-XPUT", "-XPOST") for word in rest
        )
    if wanted == ("rsync",):
        return len([word for word in rest if not word.startswith("-")]) > 1
    return all(any(word == each or (each.startswith(".") and each in word) for word in rest) for each in wanted[1:])


_TAR = {"c": "create", "x": "extract"}
