"""Whether everything that was given could be read at all; judged in every run, whatever the profile."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import check
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory

DUPLICATE_KEY = "duplicate key"


@check
def test_documents_load(inventory: Inventory) -> Iterator[Unjudged]:
    """What did not load is an error, not a finding: nothing is known about what stands in it."""
    for rejected in inventory.rejected:
        if rejected.what != DUPLICATE_KEY:
            yield Unjudged(None, "", f"{rejected.what}: {rejected.reason}", rejected.location)


@check
def test_keys_unique(inventory: Inventory) -> Iterator[Finding]:
    """The document is judged with the last value, as kubectl's lenient mode reads it; strict mode refuses it."""
    for rejected in inventory.rejected:
        if rejected.what == DUPLICATE_KEY:
            yield Finding(None, "", rejected.reason, location=rejected.location)
