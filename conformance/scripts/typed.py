"""A command as somebody typed it, for rules that look for words in it."""

from __future__ import annotations

from conformance.scripts.lexer import substitution_end
from conformance.scripts.shell import Command, dated


def typed(command: Command) -> str:
    """Words and redirections with variables expanded, dates as `{%Y%m%d}`, and other substitutions as `$(…)`.

    What stands in a substitution is a command of its own; read as part of the outer one, `[ -z "$BACKUP" ]` would look
    like the command that BACKUP was taken from.
    """
    return " ".join((*map(_outer, command.words), *(f"{sign} {_outer(target)}" for sign, target in command.redirects)))


def _outer(word: str) -> str:
    word, found, at = dated(word), [], 0
    while (start := word.find("$(", at)) >= 0:
        found.append(word[at:start] + "$(…)")
        at = substitution_end(word, start)
    return "".join(found) + word[at:]
