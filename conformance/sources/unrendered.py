"""Whether a document fails to load because it is the template of one."""

from __future__ import annotations

import re
from collections.abc import Callable

from conformance.sources.fault import Fault

_CLOSERS = {"{{": "}}", "{%": "%}"}
_OPENER = re.compile(r"\{[{%]")
# An action that begins a line or a value, where YAML takes it for a mapping; within a plain value it is only text.
_OPENING = re.compile(r"^(?![ \t]*#)(?:[^\n\"'#]*?(?:: |- |^))?[ \t]*\{[{%]", re.MULTILINE)


def template_line(text: str, fault: Fault, parse: Callable[[str], object]) -> int:
    """The line, from 1, of the action that makes a Go or Jinja template no YAML; 0 when something else is wrong.

    Braces alone prove nothing: alerting rules and workflows hold them in quotes. So the actions are taken out and the
    text is parsed once more, by `parse`, which raises `Fault`; when the fault stays where it was, it is none of theirs.
    """
    if "{{" not in text and "{%" not in text:
        return 0
    try:
        parse("\n".join(map(_without_actions, text.split("\n"))))
    except Fault as other:
        if (other.line, other.reason) == (fault.line, fault.reason):
            return 0
    lines = text.split("\n")
    here = lines[fault.line - 1] if fault.line <= len(lines) else ""
    if _OPENER.search(here):
        return fault.line
    opening = _OPENING.search(text)
    return text.count("\n", 0, opening.end()) + 1 if opening else 0


def _without_actions(line: str) -> str:
    """A line with 0 for every action; nothing for a line of actions alone, of which nobody can know what it prints."""
    kept: list[str] = []
    place = 0
    while (found := _OPENER.search(line, place)) is not None:
        end = line.find(_CLOSERS[found[0]], found.end())
        if end < 0:
            break
        kept.append(line[place : found.start()])
        place = end + 2
    kept.append(line[place:])
    return "0".join(kept) if "".join(kept).strip(" \t-") else ""
