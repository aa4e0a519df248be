"""Failures that a script swallows: after `|| true`, inside a pipe, before a `;`; dumps that nobody looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.scripts.jobs import Job, Step
from conformance.scripts.shell import Command, Shell

#: how far behind `|| {` or `if ! …; then` an `exit` may stand
_NEAR = 7
#: the same in a script of its own, where an `exit` further down is about something else
_NEAR_BY = 4
#: words that only a complete dump ends with
_MARKER = re.compile(r"dump complete|Dump completed|dump completed", re.IGNORECASE)
#: images whose `sh` is dash, which knows no `pipefail` before 0.5.13
_DASH = ("library/postgres", "library/debian", "library/ubuntu", "library/mongo", "library/mariadb", "library/redis")


#: commands that show whether a dump is whole, with the word that makes them one
_LOOKS = (("gzip", "-t"), ("gunzip", "-t"), ("test", "-s"), ("[", "-s"), ("zcat", ""), ("stat", ""))


def masked(shell: Shell, command: Command) -> str:
    """What a script of its own lacks so that a failure of this command ends it at once: `set -e`; empty if nothing.

    Stricter than `swallowed`: the last command needs `set -e` too, since another line may be written behind it.
    """
    commands = shell.commands
    if _tolerated(commands, command):
        return "" if _answered(commands, _index(commands, command), _NEAR_BY) else "no `||` that goes on"
    if not shell.stops_on_error or _switched_off(shell, "e", "errexit", command):
        return "set -e"
    if _piped(commands, command) and (not shell.stops_on_pipe_error or _switched_off(shell, "", "pipefail", command)):
        return "set -o pipefail"
    return ""


def looked_at(job: Job, dump: Command) -> bool:
    """Whether something that runs behind a dump looks at it, and its failure changes what happens then."""
    behind = False
    for step, command in job.commands:
        sure = command.name in ("test", "[") or not command.tolerated or not masked(step.shell, command)
        if behind and _looks(command) and sure:
            return True
        behind = behind or command is dump
    return False


def _looks(command: Command) -> bool:
    if command.name in ("grep", "zgrep", "egrep"):
        return _MARKER.search(command.text) is not None
    return any(command.name == name and (not word or word in command.words) for name, word in _LOOKS)


def swallowed(step: Step, command: Command, inner: Shell | None = None) -> Iterator[str]:
    """Why a failure of a command does not make the job fail, in words; nothing when it does.

    `inner` is the script that the command runs somewhere else, where the pipe may be inside it.
    """
    commands = step.shell.commands
    at = _index(commands, command)
    if inner is not None:
        yield from _inside(inner)
    if _tolerated(commands, command) and not _answered(commands, at):
        yield "its failure is put up with, by `||` or as a condition, and nothing ends with an error"
    elif not _stops(step, at) and not _last(commands, at) and not _answered(commands, at):
        yield "its failure is forgotten at the next command: no set -e"
    if _piped(commands, command) and not step.stops_on_pipe_error and not _checked(step.shell, at):
        yield "its failure is hidden by the pipe: the last command's exit code counts without set -o pipefail"


def _inside(inner: Shell) -> Iterator[str]:
    commands = inner.commands
    if len(commands) > 1 and any(each.stage for each in commands) and not inner.stops_on_pipe_error:
        yield "its failure is hidden by the pipe inside the inner shell: no pipefail there"
    elif any(each.tolerated for each in commands):
        yield "its failure is put up with inside the inner shell"


def _tolerated(commands: list[Command], command: Command) -> bool:
    """Whether what follows the whole pipe puts up with a failure in it: `dump | gzip > FILE || true`."""
    return command.tolerated or any(each.tolerated for each in commands if each.pipeline == command.pipeline)


def _index(commands: list[Command], command: Command) -> int:
    """By identity: a script may say the same thing twice."""
    return next(index for index, each in enumerate(commands) if each is command)


def _stops(step: Step, at: int) -> bool:
    """Whether `set -e` is in force where a command stands; `set +e` above it ends that."""
    return step.stops_on_error and not _switched_off(step.shell, "e", "errexit", step.shell.commands[at])


def _last(commands: list[Command], at: int) -> bool:
    """Whether everything behind a command hangs on it by `&&` or a pipe, so that the exit code is the script's."""
    return all(each.ends in ("&&", "|", "|&") for each in commands[at:-1])


def _answered(commands: list[Command], at: int, near: int = _NEAR) -> bool:
    """Whether one of the next commands asks for the exit code, or leaves with one that is not 0."""
    for each in commands[at + 1 : at + 1 + near]:
        if each.name == "exit" and len(each.words) > 1 and each.words[1] not in ("0", "$?0"):
            return True
        if each.name in ("false", "die", "fail", "abort", "fatal") or (
            each.name == "return" and each.words[1:] == ("1",)
        ):
            return True
    return False


def _piped(commands: list[Command], command: Command) -> bool:
    return any(each.pipeline == command.pipeline and each.stage > command.stage for each in commands)


def _checked(shell: Shell, at: int) -> bool:
    """Whether the status of each part of the pipe is asked for, or the mark at the end of a complete dump."""
    later = shell.commands[at + 1 :]
    return any(
        "PIPESTATUS" in each.text or (each.name in ("grep", "zgrep", "egrep") and _MARKER.search(each.text))
        for each in later
    )


def dash_pipefail(step: Step) -> bool:
    """Whether `set -o pipefail` stands in a script that a `sh` reads which stops at it with an error."""
    image = step.container.text("image") if step.container is not None else ""
    repository = image.partition("@")[0].rpartition(":")[0] or image
    tag = image.rpartition(":")[2]
    name = repository if "/" in repository else f"library/{repository}"
    debian = name.removeprefix("docker.io/") in _DASH or any(each in tag for each in ("debian", "bookworm", "bullseye"))
    return step.reader in ("sh", "dash") and debian and "alpine" not in tag and step.stops_on_pipe_error


def _switched_off(shell: Shell, letter: str, name: str, command: Command) -> bool:
    """Whether a `set +e` or `set +o pipefail` stands before the command, and nothing that takes it back."""
    off = False
    for each in shell.commands:
        if each is command:
            break
        if each.name != "set":
            continue
        words = each.words[1:]
        if _flags(words, "+", letter) or ("+o" in words and name in words):
            off = True
        elif _flags(words, "-", letter) or name in words:
            off = False
    return off


def _flags(words: tuple[str, ...], sign: str, letter: str) -> bool:
    return bool(letter) and any(word.startswith(sign) and letter in word for word in words)
