"""Scaling and availability as arithmetic: how many pods there are, where they can be, what is left of them when
something goes away, and whether all of them fit.
"""

from __future__ import annotations

from conformance.scaling.events import EVENTS, Event, Left, Prospect
from conformance.scaling.nodes import Nodes, Place, documented, of_inventory
from conformance.scaling.replicas import Range, Workload, workload, workloads

__all__ = [
    "EVENTS",
    "Event",
    "Left",
    "Nodes",
    "Place",
    "Prospect",
    "Range",
    "Workload",
    "documented",
    "of_inventory",
    "workload",
    "workloads",
]
