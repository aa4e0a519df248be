"""Which kinds requirements ask a cluster for, before any cluster is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from conformance.catalogue import Requirement
from conformance.check import Check
from conformance.cluster.kinds import Kinds
from conformance.cluster.snapshot import Kind
from conformance.evaluate import evaluate
from conformance.kube.live import LiveInventory
from conformance.kube.podspec import CARRIERS

#: in asked.json: everything that carries a pod spec
PODS = "@pods"


@lru_cache(maxsize=1)
def asked_by_checks() -> dict[str, tuple[str, ...]]:
    """Kinds by check, as seen when each was run over its fixtures, without those that requirements match."""
    table = json.loads(files("conformance").joinpath("asked.json").read_text(encoding="utf-8"))
    return {
        check: tuple(kind for each in kinds for kind in (CARRIERS if each == PODS else (each,)))
        for check, kinds in table.items()
    }


def kinds_asked(judged: Iterable[tuple[Requirement, Check | None]]) -> set[str]:
    """Every kind that these requirements may ask a cluster for.

    What they match, what their checks asked for when they were run over their fixtures, and what they ask an empty
    cluster for, which knows a check from elsewhere too.
    """
    kinds = Kinds(lambda name: Kind(name))
    empty = LiveInventory(kinds, datetime.now(UTC))
    found: set[str] = set()
    for requirement, check in judged:
        if check is not None:
            found.update(requirement.match.kinds, asked_by_checks().get(check.name, ()))
            evaluate(requirement, check, empty)
    return found | set(kinds)
