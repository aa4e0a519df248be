"""Field paths as the API server prints them: `spec.template.spec.containers[0].image`."""

from __future__ import annotations

import re
from collections.abc import Iterable

Path = tuple[str | int, ...]

# A key that is no plain name is printed in brackets, as k8s.io/apimachinery's field.Path.Key does.
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*\Z")
_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([^\]]*)\]")


def parse(text: str | Path) -> Path:
    """Steps of a printed path; `a.b[0].c[x.io/y]` gives `("a", "b", 0, "c", "x.io/y")`.

    A bracket that holds only digits is a list index, anything else a mapping key. A path that is
    already a tuple is returned as it is, so that callers may pass either.
    """
    if isinstance(text, tuple):
        return text
    steps: list[str | int] = []
    position = 0
    for found in _STEP.finditer(text):
        if found.start() != position:
            raise ValueError(f"not a field path: {text!r}")
        position = found.end()
        name, bracket = found.groups()
        if name is not None:
            steps.append(name)
        elif bracket.isdigit():
            steps.append(int(bracket))
        else:
            steps.append(bracket)
    if position != len(text):
        raise ValueError(f"not a field path: {text!r}")
    return tuple(steps)


def render(path: Iterable[str | int]) -> str:
    """The printed form; the inverse of `parse`."""
    out: list[str] = []
    for step in path:
        if isinstance(step, int) or not _PLAIN.match(step):
            out.append(f"[{step}]")
        else:
            out.append(f".{step}" if out else step)
    return "".join(out)
