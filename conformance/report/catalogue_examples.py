"""Examples for `plumbline explain`: the fixtures that prove a check, with their marks turned into arrows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: lines of one example; more would not be read
SHOWN = 40
_ARROW = "# <-- "
_MARK = re.compile(r"\s*#\s*(requirement|finding|missing):\s*([a-z0-9 -]+?)\s*$")
_SEPARATOR = re.compile(r"^---\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """Text to show; `path` is relative to the folder of fixtures."""

    path: str
    text: str


def passing(requirement: str, fixtures: Path) -> Example | None:
    """The shortest tree on which a requirement holds; None when there is none."""
    return _shortest(requirement, fixtures, "good")


def failing(requirement: str, fixtures: Path) -> Example | None:
    """The shortest tree that violates a requirement, the offending lines pointed at; None when there is none."""
    return _shortest(requirement, fixtures, "bad")


def _shortest(requirement: str, fixtures: Path, prefix: str) -> Example | None:
    found = [
        example
        for tree in sorted(fixtures.glob(f"*/*/{prefix}*"))
        if (example := _example(requirement, tree, fixtures, pointed=prefix == "bad"))
    ]
    return min(found, key=lambda each: each.text.count("\n"), default=None)


def _example(requirement: str, tree: Path, fixtures: Path, *, pointed: bool) -> Example | None:
    """One fixture, a file or a folder, as far as it speaks of a requirement."""
    files = [tree] if tree.is_file() else sorted(each for each in tree.rglob("*") if each.is_file())
    sources = {each: each.read_text(encoding="utf-8", errors="replace") for each in files}
    if not any(requirement in names for each in sources.values() for names in _marks(each, "requirement")):
        return None
    shown = {each: _shown(text, requirement) for each, text in sources.items()}
    if pointed:
        shown = {each: text for each, text in shown.items() if _ARROW in text}
        if not shown:
            return None
    parts = []
    for each, text in shown.items():
        heading = f"# {each.relative_to(tree).as_posix()}\n" if len(files) > 1 else ""
        parts.append(heading + _documents(text, _ARROW if pointed else ""))
    return Example(tree.relative_to(fixtures).as_posix(), "\n\n".join(parts))


def _marks(text: str, kind: str) -> Iterator[list[str]]:
    """The requirements that each mark of a kind names."""
    for line in text.splitlines():
        mark = _MARK.search(line)
        if mark and mark[1] == kind:
            yield mark[2].split()


def _shown(text: str, requirement: str) -> str:
    """A file without its marks; those of this requirement become arrows."""
    lines = []
    for line in text.splitlines():
        mark = _MARK.search(line)
        if mark is None:
            lines.append(line)
            continue
        rest, mine = line[: mark.start()], requirement in mark[2].split()
        if mark[1] == "missing" and mine:
            lines.append(f"{_ARROW}what the requirement asks for is missing")
        elif mark[1] == "finding" and mine:
            lines.append(f"{rest}  {_ARROW}here" if rest.strip() else f"{_ARROW}here")
        elif rest.strip():
            lines.append(rest)
    return "\n".join(lines)


def _documents(text: str, containing: str) -> str:
    """The first documents of a file that contain something, as many as may be shown, but at least one."""
    documents = [each.strip("\n") for each in _SEPARATOR.split(text) if each.strip() and containing in each]
    kept, lines = documents[:1], documents[0].count("\n") + 1 if documents else 0
    for each in documents[1:]:
        lines += each.count("\n") + 2
        if lines > SHOWN:
            break
        kept.append(each)
    left = len(documents) - len(kept)
    rest = f"\n# … and {left} more like this" if left else ""
    return _limited("\n---\n".join(kept)) + rest


def _limited(text: str) -> str:
    """At most SHOWN lines, chosen so that the first arrow is among them."""
    lines = text.splitlines()
    if len(lines) <= SHOWN:
        return text
    first = next((number for number, line in enumerate(lines) if _ARROW in line), 0)
    start = max(0, min(first - SHOWN // 2, len(lines) - SHOWN))
    kept = lines[start : start + SHOWN]
    before = [f"# … {start} lines"] if start else []
    left = len(lines) - start - SHOWN
    return "\n".join([*before, *kept, *([f"# … {left} lines"] if left else [])])
