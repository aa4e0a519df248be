"""Every wait of a drill, in seconds, by name. A wait without a name here does not exist."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds, not expectations: on a quiet machine each is met in a fraction of it."""

    #: what this machine knows by itself: the version of a program, whether Docker has an image
    tool: float = 20.0
    #: one question to the API server
    request: float = 20.0
    #: any single command: kubectl, docker
    command: float = 60.0
    #: `kind create cluster`, nodes Ready included
    cluster: float = 300.0
    #: what a killed kind had asked of Docker is done
    orphans: float = 20.0
    #: between two writes that must not fall into the same second
    settled: float = 2.0
    #: deleting a cluster
    deletion: float = 120.0
    #: loading one image into the nodes
    image: float = 240.0
    #: a workload is ready after it was deployed or recovered
    ready: float = 180.0
    #: pods, claims or namespaces are gone after they were deleted
    gone: float = 120.0
    #: a claim is bound
    bound: float = 90.0
    #: a Job completes
    job: float = 300.0
    #: policies, endpoints and the like take effect
    effect: float = 30.0
    #: a node that stopped is noticed (40 s is the default of node-monitor-grace-period)
    node: float = 120.0
    #: an autoscaler acts
    scaling: float = 240.0
    #: from the fault until the application answers correctly again, where the document names no objective
    recovery: float = 600.0
    #: the whole of one drill
    drill: float = 1800.0
    #: between two looks at something that is waited for
    interval: float = 0.5
