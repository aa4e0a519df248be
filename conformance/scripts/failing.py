"""Failures that a script swallows: after `|| true`, inside a pipe, before a `;`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.scripts.jobs import Step
from conformance.scripts.shell import Command, Shell

#: words that only a complete dump ends with
_MARKER = re.compile(r"dump complete|Dump completed|dump completed", re.IGNORECASE)
#: images whose `sh` is dash, which knows no `pipefail` before 0.5.13
_DASH = ("library/postgres", "library/debian", "library/ubuntu", "library/mongo", "library/mariadb", "library/redis")


def swallowed(step: Step, command: Command, inner: Shell | None = None) -> Iterator[str]:
    """Why a failure of a command does not make the job fail, in words; nothing when it does.

    `inner` is the script that the command runs somewhere else, where the pipe may be inside it.
    """
    commands = step.shell.commands
    at = next(index for index, each in enumerate(commands) if each is command)
    if inner is not None:
        yield from _inside(inner)
    if command.tolerated and not _answered(commands, at):
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


def _stops(step: Step, at: int) -> bool:
    """Whether `set -e` is in force where a command stands; `set +e` above it ends that."""
    if not step.stops_on_error:
        return False
    switches = [each for each in step.shell.commands[:at] if each.name == "set" and len(each.words) > 1]
    last = next((each for each in reversed(switches) if re.match(r"[-+]\w*e|[-+]o", each.words[1])), None)
    return last is None or not last.words[1].startswith("+")


def _last(commands: list[Command], at: int) -> bool:
    """Whether everything behind a command hangs on it by `&&` or a pipe, so that the exit code is the script's."""
    return all(each.ends in ("&&", "|", "|&") for each in commands[at:-1])


def _answered(commands: list[Command], at: int) -> bool:
    """Whether one of the next commands asks for the exit code, or leaves with one that is not 0."""
    for each in commands[at + 1 : at + 8]:
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
    dash = name.removeprefix("docker.io/") in _DASH and "alpine" not in tag
    return step.reader in ("sh", "dash") and dash and step.shell.stops_on_pipe_error
