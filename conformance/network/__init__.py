"""Effective connectivity: who can talk to whom under all network policies of an inventory together."""

from __future__ import annotations

from conformance.network.connectivity import Connectivity, Edge, connectivity
from conformance.network.verdict import Because, Verdict

__all__ = ["Because", "Connectivity", "Edge", "Verdict", "connectivity"]
