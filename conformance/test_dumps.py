"""Database dumps: whole, in sets, kept as long as said, and sent away. Scripts and listings of files are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.evidence.listing import listings
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.scripts.backup import encrypts, is_encrypted_name, outputs, prunes, uploads
from conformance.scripts.failing import masked
from conformance.scripts.find import Script, scripts
from conformance.scripts.shell import Command, alternatives, dated
from conformance.scripts.typed import typed

NO_SCRIPT = "no such script; its absence is reported by the requirement that it exists"
#: a date in braces would be taken for a choice
_DATE = re.compile(r"\{%[^{}]*\}")
_TIMESTAMP = re.compile(r"[0-9]{8}_[0-9]{6}")
_PHYSICAL = ("pg_basebackup", "pgbackrest", "wal-g", "barman", "barman-cloud-backup")
_SERVER_SIDE = ("--sse", "--server-side-encryption", "--sse-kms-key-id", "--s3-server-side-encryption")


@check
def test_dump_verified(
    inventory: Inventory, *, script: str, program: str, marker: str, directory: str, pattern: str, listing: str
) -> Iterator[Said]:
    """A dump counts once it was shown to be whole: read to its end, its last line found, and only then named.

    `dump | gzip > FILE` makes FILE in any case, and without `pipefail` gzip's own status is all that counts: a file of
    20 bytes passes `[ -f FILE ]`, and `gzip -t` passes what was cut off before it was packed. So it takes `pipefail`,
    `gzip -t`, the end marker, and a temporary name until then. In a listing `intact` is the verdict of `gzip -t`.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        yield from _unverified(each, program, marker, f"{directory}/{pattern}")
    there, broken = listings(inventory, listing)
    yield from broken
    for listed in there:
        for artefact in listed.below(directory, pattern):
            if artefact.size == 0 or artefact.intact is False:
                field = "size" if artefact.size == 0 else "intact"
                yield listed.finding(artefact, field, "is not whole", artefact.node.get(field))


def _unverified(script: Script, program: str, marker: str, target: str) -> Iterator[Finding]:
    commands = script.shell.commands
    dumps = [c for c in commands if any(word.rpartition("/")[2] == program for word in c.words)]
    if not dumps:
        yield Finding(script.subject, script.at(), f"makes no dump with {program}", program, None)
        return
    for dump in dumps:
        lack = masked(script.shell, dump)
        if lack:
            yield Finding(script.subject, script.at(dump.line), "a failed dump leaves a file like a good one", lack)
    where = script.at(dumps[0].line)
    named = [o.command for o in outputs(script.shell) if fnmatchcase(o.target, target)]
    tests = [c for c in commands if c.name == "gzip" and any(re.match(r"-[a-z]*t|--test", w) for w in c.words[1:])]
    ends = [c for c in commands if marker in typed(c) and c.name != "echo"]
    for proof, word in ((tests, "gzip -t"), (ends, marker)):
        if not proof or masked(script.shell, proof[0]):
            yield Finding(script.subject, where, "the dump is never shown to be whole", word, None)
        elif named and commands.index(named[-1]) < commands.index(proof[0]):
            at = script.at(named[-1].line)
            yield Finding(script.subject, at, "is called a backup before it was shown to be whole", word, None)


@check
def test_backup_set(
    inventory: Inventory,
    *,
    script: str,
    directory: str,
    lead: str,
    beside: str,
    listing: str,
    config_map: str = "",
) -> Iterator[Said]:
    """Each backup comes with its companion of the same time stamp: `lead` and `beside` hold `{}` where that stands.

    In the script both names come from one variable: two calls of `date` differ by seconds. `config_map` is what is
    saved, `namespace/name`; it must be there and hold something.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        yield from _unpaired(each, f"{directory}/{lead}", f"{directory}/{beside}")
    there, broken = listings(inventory, listing)
    yield from broken
    for listed in there:
        names = {each.name: each for each in listed.below(directory)}
        for name, artefact in names.items():
            time = _TIMESTAMP.search(name)
            if time is None or name != lead.format(time.group()):
                continue
            companion = names.get(beside.format(time.group()))
            if companion is None:
                yield listed.finding(artefact, "path", f"has no {beside.format(time.group())} beside it", artefact.path)
            elif companion.size == 0 or companion.intact is False:
                yield listed.finding(companion, "size" if companion.size == 0 else "intact", "is not whole", None)
    if config_map:
        yield from _saved(inventory, config_map)


def _unpaired(script: Script, lead: str, beside: str) -> Iterator[Finding]:
    written = {output.target: output.command for output in outputs(script.shell)}
    times = [t for name in written if (t := _between(name, lead))]
    if not times:
        yield Finding(script.subject, script.at(), f"writes no {lead}", lead, None)
    for time in dict.fromkeys(times):
        if beside.format(time) not in written:
            line = written[lead.format(time)].line
            yield Finding(script.subject, script.at(line), f"writes no {beside} of the same time", beside, None)


def _between(name: str, pattern: str) -> str:
    before, _, after = pattern.partition("{}")
    return name[len(before) : len(name) - len(after)] if name.startswith(before) and name.endswith(after) else ""


def _saved(inventory: Inventory, config_map: str) -> Iterator[Finding]:
    namespace, _, name = config_map.partition("/")
    config = inventory.find("", "ConfigMap", namespace, name)
    if config is None:
        yield Finding(None, "", f"there is no ConfigMap {config_map}")
    elif not config.mapping("data"):
        yield Finding(config, "data", "holds nothing that could be saved", "the settings", None)


@check
def test_wal_replayable(inventory: Inventory, *, script: str) -> Iterator[Said]:
    """Write-ahead log that is kept as a backup comes with a physical base backup of the same script.

    WAL replays onto the files that it was written for, never onto what a logical dump restored; a tar of the live
    pg_wal beside pg_dumpall cannot be used at all. Whether the log is archived without gaps only a recovery shows.
    https://www.postgresql.org/docs/current/continuous-archiving.html
    """
    found = scripts(inventory, script)
    keeping = False
    for each in found:
        kept = [c for c in each.shell.commands if re.search(r"\bpg_wal\b|\bwal_backup", typed(c))]
        keeping = keeping or bool(kept)
        based = any(word.rpartition("/")[2] in _PHYSICAL for c in each.shell.commands for word in c.words)
        if kept and not based:
            where = each.at(kept[0].line)
            yield Finding(each.subject, where, "can be replayed onto nothing: there is no base backup", _PHYSICAL[0])
    if not keeping:
        yield NotApplicable("no script keeps write-ahead log")


@check
def test_dump_retention(
    inventory: Inventory, *, script: str, directory: str, variable: str, days: int, artefacts: list[str], listing: str
) -> Iterator[Said]:
    """Everything of a backup goes after so many days, and nothing earlier.

    `find -name '*.gz' -delete` leaves the `.yaml` beside the dumps for ever; `-mtime +30` means 31 days. A deletion
    that runs after a failed backup takes the last good one some day.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        pruning = prunes(each.shell, directory)
        for command in pruning:
            age = command.option("-mtime", "-mmin")
            if age.lstrip("+") != str(days if "-mtime" in command.words else days * 24 * 60):
                line = (
                    each.shell.assigned.get(variable, command.line) if f"${variable}" in _raw(command) else command.line
                )
                yield Finding(each.subject, each.at(line), "keeps backups for another time", days, age)
            elif masked(each.shell, command) == "set -e":
                yield Finding(each.subject, each.at(command.line), "deletes even when the new backup failed", "set -e")
        for name in artefacts:
            if not any(_deletes(command, name) for command in pruning):
                line = pruning[0].line if pruning else 0
                yield Finding(each.subject, each.at(line), f"never deletes {name}", name, None)
    there, broken = listings(inventory, listing)
    yield from broken
    for listed in there:
        for artefact in listed.below(directory):
            if listed.age(artefact) > timedelta(days=days + 1):
                yield listed.finding(artefact, "modified", f"is older than {days} days", str(artefact.modified))


def _raw(command: Command) -> str:
    return " ".join(command.raw).replace("{", "").replace("}", "")


def _deletes(command: Command, name: str) -> bool:
    """Whether `find` would take a file of that name; without `-name` it takes all."""
    words = command.words
    names = [words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-name", "-iname")]
    return not names or any(fnmatchcase(name, each) for each in names)


@check
def test_backup_uploaded(
    inventory: Inventory, *, script: str, destination: str, artefacts: list[str], verified: bool = True
) -> Iterator[Said]:
    """Every artefact is sent to the destination, and a failed upload fails the script.

    Sent by its name, by a loop over the names, or with its directory. `artefacts` are globs. With `verified` the copy
    is compared with the original afterwards: by checksum, or with a listing of the bucket.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        sent = [c for c in uploads(each.shell) if _below(c, destination)]
        if not sent:
            yield Finding(each.subject, each.at(), "sends nothing away", destination, None)
            continue
        for command in sent:
            lack = masked(each.shell, command)
            if lack:
                yield Finding(each.subject, each.at(command.line), "a failed upload goes unnoticed", lack, None)
        for name in artefacts:
            if not any(_carries(command, name, destination) for command in sent):
                yield Finding(each.subject, each.at(sent[0].line), f"does not send {name}", name, None)
        after = each.shell.commands[each.shell.commands.index(sent[0]) :]
        if verified and not any(re.search(r"checksum|sha256sum|head-object|--dryrun", c.text) for c in after):
            yield Finding(
                each.subject, each.at(sent[0].line), "never compares the copy with the original", "a checksum"
            )


def _below(command: Command, destination: str) -> bool:
    return any(word.startswith(destination.rstrip("/")) for word in command.words[1:])


def _carries(command: Command, artefact: str, destination: str) -> bool:
    sources = [word for word in command.words[1:] if not word.startswith(("-", destination.rstrip("/")))]
    whole = "sync" in command.words or "--recursive" in command.words
    names = [
        each.rpartition("/")[2] for word in sources for each in alternatives(_DATE.sub("20260101_000000", dated(word)))
    ]
    return whole or any(fnmatchcase(name, artefact) for name in names)


@check
def test_upload_encrypted(inventory: Inventory, *, script: str) -> Iterator[Said]:
    """What is sent away is encrypted before, or by the store (`--sse`), and never readable by everybody."""
    found = scripts(inventory, script)
    sending = False
    for each in found:
        for command in filter(_sends, uploads(each.shell)):
            sending = True
            names = [w for word in command.words for w in alternatives(word)]
            stored = any(word.split("=")[0] in _SERVER_SIDE for word in command.words)
            if not stored and not any(is_encrypted_name(name) for name in names) and not _piped(each, command):
                yield Finding(each.subject, each.at(command.line), "is sent away unencrypted", "--sse aws:kms", None)
            acl = command.option("--acl")
            if acl.startswith("public-read"):
                yield Finding(each.subject, each.at(command.line), "everybody can read it", "private", acl)
    if not sending:
        yield NotApplicable("no script that sends backups away")


def _sends(command: Command) -> bool:
    """Not a download, nor a look into the bucket."""
    if command.name != "aws":
        return True
    operands = [word for word in command.words if word.startswith("s3://") or "/" in word or word == "-"]
    copies = bool({"cp", "mv", "sync"} & set(command.words)) and operands[-1:] != [] and "s3://" in operands[-1]
    return copies or "put-object" in command.words


def _piped(script: Script, upload: Command) -> bool:
    return any(encrypts(c) for c in script.shell.commands if c.pipeline == upload.pipeline)
