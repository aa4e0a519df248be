"""What a change of the pod template costs while it rolls out: pods that may be missing, and pods that come on top.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
https://argo-rollouts.readthedocs.io/en/stable/features/specification/
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.workload import kind_of, scaled

_ROLLING: Path = ("spec", "strategy", "rollingUpdate")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods may be missing at once, how many may come on top, and the field that says so."""

    unavailable: int
    surge: int
    why: str
    path: Path


def bounds(owner: Object, replicas: int) -> Bounds | None:
    """The bounds of a rollout at so many replicas; None for kinds whose controllers are not known here.

    Raises FieldTypeError. Nothing is said about pods that never become ready: a rollout then stops where it is.
    """
    if kind_of(owner) in {("apps", "Deployment"), ("extensions", "Deployment")}:
        return _deployment(owner, replicas)
    if kind_of(owner) == ("argoproj.io", "Rollout"):
        return _argo(owner, replicas)
    if kind_of(owner) == ("apps", "StatefulSet"):
        return _stateful_set(owner, replicas)
    if kind_of(owner) == ("apps", "DaemonSet"):
        return _daemon_set(owner, replicas)
    if kind_of(owner) in {("apps", "ReplicaSet"), ("", "ReplicationController")}:
        return Bounds(0, 0, "pods keep the old template until somebody deletes them", ("spec", "template"))
    return None


def fence(rolling: Node, replicas: int) -> tuple[int, int]:
    """`maxUnavailable` and `maxSurge` of a rolling update as numbers of pods; both are 25% unless said.

    A percentage of maxSurge rounds up and one of maxUnavailable down. Where both come to nothing the controller takes
    maxUnavailable for 1, or nothing would ever happen: so 1% and 0 of three replicas take one pod away. Never more
    than there are. Source: deployment util.ResolveFenceposts and MaxUnavailable.
    """
    given = rolling if rolling.raw is not None else Node({}, rolling.path)
    surge = scaled(given, "maxSurge", replicas, up=True)
    unavailable = scaled(given, "maxUnavailable", replicas, up=False)
    surge = -(-replicas // 4) if surge is None else surge
    unavailable = replicas // 4 if unavailable is None else unavailable
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return min(unavailable, replicas), surge


def _deployment(owner: Object, replicas: int) -> Bounds:
    if owner.text("spec.strategy.type", "RollingUpdate") == "Recreate":
        return Bounds(replicas, 0, "Recreate stops every pod before it starts one", ("spec", "strategy", "type"))
    return _rolling(owner.at(_ROLLING), replicas)


def _rolling(rolling: Node, replicas: int) -> Bounds:
    unavailable, surge = fence(rolling, replicas)
    given = {name: rolling.get(name) for name in ("maxUnavailable", "maxSurge")} if rolling.raw is not None else {}
    words = [f"{name} {'25% by default' if (value := given.get(name)) is None else value}" for name in _NAMES]
    why = f"{words[0]} of {replicas} is {unavailable}, {words[1]} is {surge}"
    return Bounds(unavailable, surge, why, (*rolling.path, "maxUnavailable"))


_NAMES = ("maxUnavailable", "maxSurge")


def _argo(owner: Object, replicas: int) -> Bounds:
    if owner.get("spec.strategy.blueGreen") is not None:
        preview = owner.number("spec.strategy.blueGreen.previewReplicaCount", replicas)
        why = "blueGreen keeps the active pods until the new ones are ready"
        return Bounds(0, max(replicas, preview or 0), why, ("spec", "strategy", "blueGreen"))
    canary = owner.at("spec.strategy.canary")
    if canary.raw is None or canary.get("trafficRouting") is None:
        # Without steps, and without a router of traffic, a canary is a rolling update.
        return _rolling(canary, replicas)
    surge, why = _routed(canary, replicas)
    return Bounds(0, surge, why, (*canary.path, "trafficRouting"))


def _routed(canary: Node, replicas: int) -> tuple[int, str]:
    """Pods on top where a router shares out the traffic: the stable ones stay, or shrink as their share does.

    The stable pods are scaled down only after the traffic has moved, so that those of the step before still run.
    """
    dynamic = canary.flag("dynamicStableScale") is True
    weights = [each.number("setWeight", 0) or 0 for each in canary.sequence("steps") if each.get("setWeight")]
    before, peak = 0, 0
    for weight in [*weights, 100]:
        new = -(-replicas * weight // 100)
        stable = -(-replicas * (100 - before) // 100) if dynamic else replicas
        before, peak = weight, max(peak, new + stable)
    how = "dynamicStableScale shrinks the stable pods" if dynamic else "the stable pods stay until the end"
    return peak - replicas, f"traffic is shifted step by step and {how}: up to {peak} pods for {replicas}"


def _stateful_set(owner: Object, replicas: int) -> Bounds:
    """One pod after another; `maxUnavailable` is used from Kubernetes 1.35 on and ignored before, so the worse counts.

    Its percentage rounds up, unlike that of a Deployment. Pods below `partition` keep the old template.
    """
    path: Path = ("spec", "updateStrategy")
    if owner.text("spec.updateStrategy.type", "RollingUpdate") == "OnDelete":
        return Bounds(0, 0, "OnDelete replaces only what somebody deletes", (*path, "type"))
    rolling = owner.at("spec.updateStrategy.rollingUpdate")
    partition = (rolling.number("partition", 0) or 0) if rolling.raw is not None else 0
    most = scaled(rolling, "maxUnavailable", replicas, up=True) if rolling.raw is not None else None
    unavailable = min(max(1, most or 0), max(replicas - partition, 0))
    why = f"{unavailable} at a time" if unavailable else f"partition {partition} leaves nothing to update"
    return Bounds(unavailable, 0, why, (*path, "rollingUpdate", "maxUnavailable"))


def _daemon_set(owner: Object, replicas: int) -> Bounds:
    """maxUnavailable 1 and maxSurge 0 unless said; both round up. Source: daemon util.UnavailableCount, SurgeCount."""
    path: Path = ("spec", "updateStrategy")
    if owner.text("spec.updateStrategy.type", "RollingUpdate") == "OnDelete":
        return Bounds(0, 0, "OnDelete replaces only what somebody deletes", (*path, "type"))
    rolling = owner.at("spec.updateStrategy.rollingUpdate")
    given = rolling if rolling.raw is not None else Node({}, rolling.path)
    surge = scaled(given, "maxSurge", replicas, up=True) or 0
    most = scaled(given, "maxUnavailable", replicas, up=True)
    unavailable = min(1 if most is None else most, replicas)
    return Bounds(unavailable, surge, f"{unavailable} at a time", (*rolling.path, "maxUnavailable"))
