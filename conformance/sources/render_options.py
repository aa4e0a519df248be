"""What the user chose about rendering."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.sources.helm import ValuesChoice

#: What `--kube-version` is for charts when nobody says it: that of the profiles. Without it helm takes the version it
#: was built with, which is 1.20 in a helm built by `go install`.
KUBE_VERSION = "1.34.0"


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the user chose. `timeout` is in seconds, for each run of a program."""

    #: False: nothing is run; kustomizations are judged by their plain resources, charts not at all
    render: bool = True
    #: remote bases and chart dependencies may be downloaded
    allow_network: bool = False
    kube_version: str = KUBE_VERSION
    api_versions: tuple[str, ...] = ()
    values: tuple[ValuesChoice, ...] = ()
    timeout: float = 60.0
    #: programs at once; 0: as many as there are CPUs
    jobs: int = 0
    #: directory of the cache; None: nothing is kept
    cache: Path | None = None
