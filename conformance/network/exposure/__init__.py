"""Which ports of which workloads are exposed to whom, by which chain of objects, and whether policies allow it."""

from __future__ import annotations

from conformance.network.exposure.exposed import Audience, Exposed, Way
from conformance.network.exposure.exposure import Answer, Exposure, exposure

__all__ = ["Answer", "Audience", "Exposed", "Exposure", "Way", "exposure"]
