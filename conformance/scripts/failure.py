"""Whether the failure of a command ends its script with a status that says so."""

from __future__ import annotations

from conformance.scripts.shell import Command, Shell

#: how far behind `|| {` or `if ! …; then` an `exit` may stand
_NEAR = 4


def masked(shell: Shell, command: Command) -> str:
    """What is missing so that a failure of this command is noticed, such as `set -e`; empty when it is noticed."""
    if command.tolerated:
        return "" if _exits_after(shell, command) else "no `||` that goes on"
    if not shell.stops_on_error or _switched_off(shell, "e", "errexit", command):
        return "set -e"
    piped = any(each.pipeline == command.pipeline and each.stage > command.stage for each in shell.commands)
    if piped and (not shell.stops_on_pipe_error or _switched_off(shell, "", "pipefail", command)):
        return "set -o pipefail"
    return ""


def _exits_after(shell: Shell, command: Command) -> bool:
    """`step || exit 1`, `step || { echo …; exit 1; }`, `if ! step; then echo …; exit 1; fi`."""
    at = shell.commands.index(command)
    following = shell.commands[at + 1 : at + 1 + _NEAR]
    return any(each.name in ("exit", "return", "die", "fail") and each.words[1:2] != ("0",) for each in following)


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
