"""Which kinds each check asks a cluster for, found by running it over its fixtures as if they were one.

`python -m tests.cluster.asked_kinds` writes them to conformance/asked.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from conformance.asked import PODS
from conformance.evaluate import evaluate
from conformance.kube.live import LiveInventory
from conformance.kube.object import Object
from conformance.kube.podspec import CARRIERS
from conformance.registry import bind
from tests import fixture_cases

FILE = Path(__file__).parents[2] / "conformance" / "asked.json"
_TAKEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Recording(Mapping[str, list[Object]]):
    """Objects by kind; remembers which kinds were asked for."""

    def __init__(self, objects: Mapping[str, list[Object]]) -> None:
        self._objects = objects
        self.asked: set[str] = set()

    def __getitem__(self, kind: str) -> list[Object]:
        self.asked.add(kind)
        return self._objects.get(kind, [])

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)


def asked_kinds() -> dict[str, list[str]]:
    """The kinds by check, without those that the requirement's own match names."""
    catalogue = fixture_cases.catalogue()
    found: dict[str, set[str]] = {}
    for case in fixture_cases.cases():
        judged = [catalogue[name] for name in case.requirements() if name in catalogue]
        wanted = [each for each in judged if "cluster" in each.scope and each.check is not None]
        if not wanted:
            continue
        shown = fixture_cases.inventory(case.path.absolute())
        for requirement in wanted:
            kinds = Recording(shown.by_kind)
            evaluate(requirement, bind(requirement), LiveInventory(kinds, _TAKEN))
            found.setdefault(str(requirement.check), set()).update(kinds.asked - set(requirement.match.kinds))
    return {check: sorted(_short(kinds)) for check, kinds in sorted(found.items()) if kinds}


def _short(kinds: set[str]) -> set[str]:
    return kinds - set(CARRIERS) | {PODS} if {"PodTemplate", "BroadcastJob"} <= kinds else kinds


def text() -> str:
    """The file's content: one check a line."""
    lines = ",\n".join(f"  {json.dumps(check)}: {json.dumps(kinds)}" for check, kinds in asked_kinds().items())
    return f"{{\n{lines}\n}}\n"


if __name__ == "__main__":
    FILE.write_text(text())
