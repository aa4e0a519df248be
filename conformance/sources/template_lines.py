"""Lines of Helm templates: which line of a template printed which line of the output.

A copy of the chart is rendered whose template lines carry their number as a YAML comment at the end. Helm prints
comments as they stand, so the number that ends a printed line is that of the template line that printed it. Nothing is
concluded from text that looks alike. Where a comment would become content (block scalars, `-}}`), the value differs
from the one that was really rendered, and no line is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = re.compile(r" #plumbline:([0-9a-f]+):(\d+)\s*\Z")

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
# Actions that only steer and print nothing: a comment after a line of them would stand in the output all the same.
_CONTROL = re.compile(r"(if|else|end|range|with|break|continue)\b|\$\w+\s*:?=|/\*")
_KEY = re.compile(r":(\s|\Z)")
_DEFINE = re.compile(r"\{\{-?\s*define\b")


def annotate(text: str, tag: str) -> str:
    """A template with its tag and the number of each line that prints something at the line's end.

    The tag, hexadecimal digits, tells templates apart: one can print another with `include`.
    """
    if _DEFINE.search(text):
        return text
    lines = text.split("\n")
    numbered = []
    following = [*lines[1:], ""]
    for number, (line, below, inside) in enumerate(zip(lines, following, _inside_actions(lines), strict=True), 1):
        keep = inside or not _may_carry(line) or _continues(below)
        numbered.append(line if keep else f"{line.rstrip()} #plumbline:{tag}:{number}")
    return "\n".join(numbered)


def _continues(line: str) -> bool:
    """Whether a line may belong to a value that began above it: there, a comment would break the value in two."""
    text = line.strip()
    return (
        bool(text)
        and not re.search(r"\{\{|\}\}", text)
        and not text.startswith(("#", "-"))
        and _KEY.search(text) is None
    )


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
    if not text or text.startswith(("#", "---", "%", "...")) or text.endswith(("-}}", "\\")) or _continues(line):
        return False
    return not _only_steers(line)


def _only_steers(line: str) -> bool:
    actions = _ACTION.findall(line)
    return bool(actions) and not _ACTION.sub("", line).strip() and all(_CONTROL.match(action) for action in actions)


def prints(line: str) -> bool:
    """Whether a template line can print anything but blanks and comments."""
    text = line.strip()
    return bool(text) and not text.startswith("#") and not _only_steers(line)


def template_line(output: list[str], index: int, template: list[str], tag: str) -> int:
    """The template line that surely printed line `index` (from 0) of the numbered output; 0 when it is not certain.

    A line without a number was printed by an action of several lines, such as `toYaml`, which ends at the next number,
    if no other template line between two numbers could have printed it.
    """
    own = _number(output[index], tag)
    if own is not None:
        return own
    after = next((number for line in output[index + 1 :] if (number := _number(line, tag)) is not None), 0)
    before = next((number for line in reversed(output[:index]) if (number := _number(line, tag)) is not None), 0)
    if not before < after <= len(template) or "{{" not in template[after - 1]:
        return 0
    return 0 if any(prints(line) for line in template[before : after - 1]) else after


def _number(line: str, tag: str) -> int | None:
    """The number at the end of a printed line; 0, which is no line, when another template put it there."""
    found = _NUMBER.search(line)
    if found is None:
        return None
    return int(found.group(2)) if found.group(1) == tag else 0
