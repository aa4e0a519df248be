"""Reading the fixtures: which requirements a fixture is held to, and which lines they must report."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from conformance.catalogue import Requirement
from conformance.evaluate import Policy, evaluate
from conformance.finding import Result
from conformance.kube.inventory import Inventory
from conformance.kube.live import LiveInventory
from conformance.kube.object import Object
from conformance.registry import bind
from conformance.run import load_catalogue
from conformance.settings import shipped_folders
from conformance.sources import load as sources

ROOT = Path(__file__).parent / "fixtures"
_MARK = re.compile(r"#\s*(requirement|finding|missing|error):\s*([a-z0-9 -]+?)\s*$", re.MULTILINE)

_LIVE = re.compile(r"#\s*live:\s*(\S+)\s*$", re.MULTILINE)
_AS_OF = re.compile(r"#\s*as-of:\s*([0-9-]{10})\s*$", re.MULTILINE)

Mark = tuple[str, str, int]


@dataclass(frozen=True)
class Case:
    """One fixture: a file, or a folder that is judged as one tree."""

    path: Path

    @property
    def good(self) -> bool:
        return self.path.name.startswith("good")

    @property
    def check(self) -> str:
        return self.path.parent.name

    @property
    def id(self) -> str:
        return str(self.path.relative_to(ROOT))

    def files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        return sorted(each for each in self.path.rglob("*") if each.is_file())

    def marks(self, kind: str) -> list[Mark]:
        """(requirement, file, line) of each mark of one kind; line 0 and no file for `missing`."""
        found: list[Mark] = []
        for file in self.files():
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
                for mark in _MARK.finditer(line):
                    if mark.group(1) == kind:
                        where = ("", 0) if kind == "missing" else (str(file), number)
                        found += [(name, *where) for name in mark.group(2).split()]
        return found

    def requirements(self) -> list[str]:
        return list(dict.fromkeys(name for name, _, _ in self.marks("requirement")))


def cases() -> list[Case]:
    """Every fixture: what lies in a check's folder and is named good… or bad…"""
    found = []
    for folder in sorted(ROOT.glob("*/*")):
        if folder.is_dir():
            found += [Case(each) for each in sorted(folder.iterdir())]
    return found


def catalogue() -> dict[str, Requirement]:
    """Every requirement that ships with the package, by id."""
    return {each.id: each for each in load_catalogue(list(shipped_folders().values()))}


def inventory(path: Path) -> Inventory:
    """One fixture, loaded as a run would load it, without rendering.

    With a comment `# live: 2026-11-20T09:00:00+00:00` its objects are a cluster, looked at then.
    """
    loaded = sources.load([str(path)], jobs=1)
    taken = _marked(path, _LIVE)
    if taken:
        kinds: dict[str, list[Object]] = defaultdict(list)
        for each in loaded.objects:
            kinds[each.kind].append(each)
        return LiveInventory(kinds, datetime.fromisoformat(taken))
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files, as_of(path))


def as_of(path: Path) -> date | None:
    """The day that a fixture is judged as of, from a comment `# as-of: 2026-11-20` in any of its files."""
    found = _marked(path, _AS_OF)
    return date.fromisoformat(found) if found else None


def _marked(path: Path, mark: re.Pattern[str]) -> str:
    for file in Case(path).files():
        found = mark.search(file.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found.group(1)
    return ""


def judge(requirement: Requirement, world: Inventory) -> Result:
    """One requirement; advice fails too, so that a finding is a finding whatever its keyword."""
    return evaluate(requirement, bind(requirement), world, policy=Policy(hardened=True))


def places(result: Result) -> list[Mark]:
    """(requirement, file, line) of every finding and of everything that could not be judged."""
    found: list[Mark] = []
    located = [each.locate() for each in result.findings] + [each.locate() for each in result.errors]
    for where in located:
        line = where.line if where else 0
        found.append((result.id, str(Path(where.path).absolute()) if where and line else "", line))
    return found
