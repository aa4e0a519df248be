"""Runbook scripts: health checks, and backups that people make by hand. Read, never run."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.scripts.backup import outputs
from conformance.scripts.find import Script, scripts
from conformance.scripts.shell import Command, alternatives

ALL = "*.sh"


@check
def test_health_check(inventory: Inventory, *, script: str, patterns: dict[str, str]) -> Iterator[Said]:
    """A health check looks for a backup of the last 24 hours in every directory, and exits with non-zero without one.

    `patterns` maps directories to what to look for; the pattern of the check and the names that the backup script gives
    must agree, or it reports a missing backup for ever.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        for directory, pattern in patterns.items():
            looks = [c for c in each.shell.commands if c.name == "find" and _below(c, directory)]
            if not looks:
                yield Finding(each.subject, each.at(), f"does not look below {directory}", directory, None)
            for command in looks:
                yield from _look_problems(each, command, pattern)
        if not any(_fails(command) for command in each.shell.commands):
            yield Finding(each.subject, each.at(), "never exits with non-zero", "exit 1", None)


def _below(command: Command, directory: str) -> bool:
    return any(word.rstrip("/") == directory for word in command.words[1:])


def _look_problems(script: Script, command: Command, pattern: str) -> Iterator[Finding]:
    named = command.option("-name")
    if not fnmatchcase(pattern.replace("*", "x"), named or "*"):
        message = "looks for other names than the backup has"
        yield Finding(script.subject, script.at(command.line), message, pattern, named)
    if command.option("-mtime") != "-1" and command.option("-mmin") != "-1440":
        where = script.at(command.line)
        yield Finding(
            script.subject, where, "does not ask for the last 24 hours", "-mtime -1", command.option("-mtime")
        )


def _fails(command: Command) -> bool:
    return command.name in ("exit", "return") and command.words[1:2] not in ((), ("0",))


@check
def test_script_messages(inventory: Inventory, *, script: str, messages: list[str]) -> Iterator[Said]:
    """A script prints the documented messages, which somebody's log search may look for."""
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script")
    for each in found:
        printed = [c.text for c in each.shell.commands if c.name in ("echo", "printf", "logger")]
        for message in messages:
            if not any(message in text for text in printed):
                yield Finding(each.subject, each.at(), "does not print the documented message", message, None)


@check
def test_volume_archive(inventory: Inventory, *, namespace: str, directory: str, target: str) -> Iterator[Said]:
    """Some script archives a directory of a pod by `kubectl exec … tar czf - DIR > target`.

    `-t` puts a terminal between, which damages the archive; a redirection alone hides that tar failed.
    """
    archived = False
    for script in (found := scripts(inventory, ALL)):
        for command in script.shell.commands:
            plain = [word.rstrip("/") for word in command.words]
            into_stdout = command.name == "kubectl" and "exec" in plain and "tar" in plain and directory in plain
            if not into_stdout or command.option("-n", "--namespace") != namespace:
                continue
            written = [o for o in outputs(script.shell) if o.command.pipeline == command.pipeline]
            if not any(fnmatchcase(o.target.rpartition("/")[2], target) for o in written):
                continue
            archived = True
            if any(word in ("-t", "-it", "-ti", "--tty") for word in command.words):
                yield Finding(script.subject, script.at(command.line), "a terminal damages the archive", None, "-t")
            elif command.tolerated or not script.shell.stops_on_error:
                yield Finding(script.subject, script.at(command.line), "its failure goes unnoticed", "set -e", None)
    if not found:
        yield NotApplicable("no scripts in this tree")
    elif not archived:
        yield Finding(None, "", f"no script archives {directory} of namespace {namespace} as {target}")


@check
def test_node_directory_backup(
    inventory: Inventory, *, directory: str, nodes: list[str], target: str
) -> Iterator[Said]:
    """The data directory of every node is archived, not only that of the first.

    A loop over node names counts for each of them; `target` has a `*` where the number of the node stands.
    """
    archived: set[str] = set()
    named: set[str] = set()
    for script in (found := scripts(inventory, ALL)):
        for command in script.shell.commands:
            words = [word.rstrip("/") for word in command.words]
            if not any(word == "tar" for word in words) or directory not in words:
                continue
            archived |= {each for word in command.words for each in alternatives(word) if each in nodes}
        made = [output.target.rpartition("/")[2] for output in outputs(script.shell)]
        named |= {name for name in made if fnmatchcase(name, target)}
    if not found:
        yield NotApplicable("no scripts in this tree")
        return
    missing = [node for node in nodes if node not in archived]
    if missing:
        yield Finding(None, "", f"no script archives {directory} of {', '.join(missing)}")
    elif len(named) < len(nodes):
        yield Finding(None, "", f"the archives of {len(nodes)} nodes have {len(named)} names like {target}")
