"""Amounts in the notation of manifests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal


def shown(resource: str, amount: Decimal) -> str:
    """An amount as people write it: `1500m` of cpu, `512Mi` of memory, a plain number of anything else."""
    name = resource.rpartition(".")[2]
    if name == "cpu":
        return f"{amount * 1000:f}".rstrip("0").rstrip(".") + "m" if amount % 1 else f"{amount:.0f}"
    if name in ("memory", "storage", "ephemeral-storage"):
        for factor, suffix in ((2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")):
            if amount >= factor:
                text = f"{amount / factor:.2f}".rstrip("0").rstrip(".")
                return f"{text}{suffix}"
    return f"{amount.normalize():f}"


def listed(amounts: Mapping[str, Decimal]) -> str:
    """Several amounts: `cpu 1500m, memory 512Mi`."""
    return ", ".join(f"{name} {shown(name, each)}" for name, each in sorted(amounts.items())) or "nothing"
