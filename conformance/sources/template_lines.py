"""Lines of Helm templates: which line of a template printed which line of the output.

A copy of the chart is rendered whose template lines carry their number as a YAML comment at the end. Helm prints
comments as they stand, so the number that ends a printed line is that of the template line that printed it. Nothing is
concluded from text that looks alike. Where a comment would become content (block scalars, `-}}`), the value differs
from the one that was really rendered, and no line is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = " #plumbline:"
_NUMBER = re.compile(r" #plumbline:(\d+)\s*\Z")

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
# Actions that only steer and print nothing: a comment after a line of them would stand in the output all the same.
_CONTROL = re.compile(r"(if|else|end|range|with|break|continue)\b|\$\w+\s*:?=|/\*")
_DEFINE = re.compile(r"\{\{-?\s*define\b")


def annotate(text: str) -> str:
    """A template with the number of each line that prints something at its end."""
    if _DEFINE.search(text):
        return text
    lines = text.split("\n")
    numbered = []
    for number, (line, inside) in enumerate(zip(lines, _inside_actions(lines), strict=True), 1):
        numbered.append(line if inside or not _may_carry(line) else f"{line.rstrip()}{_MARK}{number}")
    return "\n".join(numbered)


def _inside_actions(lines: list[str]) -> Iterator[bool]:
    """Whether a line ends inside an action that goes on in the next one."""
    open_action = False
    for line in lines:
        last_open, last_close = line.rfind("{{"), line.rfind("}}")
        if last_open >= 0 or last_close >= 0:
            open_action = last_open > last_close
        yield open_action


def _may_carry(line: str) -> bool:
    text = line.strip()
    if not text or text.startswith(("#", "---", "%", "...")) or text.endswith(("-}}", "\\")):
        return False
    return not _only_steers(line)


def _only_steers(line: str) -> bool:
    actions = _ACTION.findall(line)
    return bool(actions) and not _ACTION.sub("", line).strip() and all(_CONTROL.match(action) for action in actions)


def prints(line: str) -> bool:
    """Whether a template line can print anything but blanks and comments."""
    text = line.strip()
    return bool(text) and not text.startswith("#") and not _only_steers(line)


def template_line(output: list[str], index: int, template: list[str]) -> int:
    """The template line that surely printed line `index` (from 0) of the annotated output; 0 when it is not certain.

    A line without a number was printed by an action of several lines, such as `toYaml`, which ends at the next number,
    if no other template line between two numbers could have printed it.
    """
    own = _NUMBER.search(output[index])
    if own:
        return int(own.group(1))
    after = next((int(found.group(1)) for line in output[index + 1 :] if (found := _NUMBER.search(line))), 0)
    before = next((int(found.group(1)) for line in reversed(output[:index]) if (found := _NUMBER.search(line))), 0)
    if not before < after <= len(template) or "{{" not in template[after - 1]:
        return 0
    return 0 if any(prints(line) for line in template[before : after - 1]) else after
