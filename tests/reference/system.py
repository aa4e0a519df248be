"""A reference system: its tree, its profile, and what is said of it in `*_mutations.yaml` beside this file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from conformance.catalogue import Requirement
from conformance.evaluate import Policy, evaluate
from conformance.finding import Outcome, Result
from conformance.kube.inventory import Inventory
from conformance.registry import bind
from conformance.run import load_catalogue
from conformance.settings import shipped_folders
from conformance.sources import load as sources

REFERENCES = Path(__file__).parents[2] / "manifests" / "reference"
#: the day that the specimens of evidence/ are dated for
AS_OF = date(2026, 11, 20)


@cache
def judged(profile: str) -> tuple[Requirement, ...]:
    """The requirements of a profile that something judges in manifests."""
    catalogue = load_catalogue([shipped_folders()[profile]])
    return tuple(each for each in catalogue if each.check is not None and "manifests" in each.scope)


@dataclass(frozen=True)
class System:
    """One profile's reference, with the mutations and neutral rewrites of every data file that names it.

    `standing` are requirements that the reference does not meet, each with its reason: the document contradicts itself
    or describes a risk. `unseen` are those with nothing to judge there: what is only planned, for one.
    """

    profile: str
    standing: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    mutations: list[dict[str, Any]] = field(default_factory=list)
    neutral: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        return REFERENCES / self.profile


def systems() -> dict[str, System]:
    """Every system that a data file speaks of. A file has `profile`, `standing`, `unseen`, `mutations`, `neutral`."""
    found: dict[str, System] = {}
    for file in sorted(Path(__file__).parent.glob("*_mutations.yaml")):
        data = yaml.safe_load(file.read_text())
        system = found.setdefault(data["profile"], System(data["profile"]))
        system.standing.update(data.get("standing", {}))
        system.unseen.update(data.get("unseen", {}))
        system.mutations.extend(data.get("mutations", []))
        system.neutral.extend(data.get("neutral", []))
    return found


def load(tree: Path) -> Inventory:
    """A tree as a run loads it, without rendering: what kustomize would make of it is what its files say."""
    loaded = sources.load([str(tree)], jobs=1)
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files, AS_OF)


def judge(profile: str, world: Inventory) -> dict[str, Result]:
    """Everything in the hardened mode, where advice fails too."""
    return {each.id: evaluate(each, bind(each), world, policy=Policy(hardened=True)) for each in judged(profile)}


def failing(results: dict[str, Result]) -> set[str]:
    """Everything that did not pass, so an error or a silent skip is never mistaken for a pass."""
    return {name for name, result in results.items() if result.outcome is not Outcome.PASSED}


def places(result: Result) -> set[tuple[str, str]]:
    """(file, field and message) of each finding; no line, since an edit moves lines."""
    located = [(each, each.locate()) for each in result.findings]
    return {(at.path if at else "", f"{each.field_text} {each.message}") for each, at in located}
