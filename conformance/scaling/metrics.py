"""What autoscalers measure and set: metrics of horizontal ones, resources and bounds of vertical ones, behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.workload import keeps_running

#: Built-in metrics of KEDA that are a share of the request.
_KEDA_RESOURCES = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Metric:
    """A resource metric: of which resource, of one container or of all, as a share of the request or as an amount."""

    resource: str
    container: str
    share: bool
    path: Path


def resource_metrics(scaler: Object) -> Iterator[Metric]:
    """The resource metrics of a HorizontalPodAutoscaler or a ScaledObject.

    `autoscaling/v1` knows only the utilisation of cpu. A trigger of KEDA for cpu or memory is a share of the request
    unless its type is AverageValue. An empty HorizontalPodAutoscaler measures cpu at 80 %.
    """
    if scaler.kind == "ScaledObject":
        yield from _keda(scaler)
        return
    legacy = scaler.get("spec.targetCPUUtilizationPercentage") is not None
    if legacy or scaler.get("spec.metrics") is None:
        yield Metric("cpu", "", True, ("spec", "targetCPUUtilizationPercentage") if legacy else ("spec",))
    for metric in scaler.sequence("spec.metrics"):
        for field in ("resource", "containerResource"):
            each = metric.at(field)
            if each.raw is not None:
                share = each.get("target.averageUtilization") is not None
                yield Metric(each.text("name"), each.text("container"), share, each.path)


def _keda(scaler: Object) -> Iterator[Metric]:
    for trigger in scaler.sequence("spec.triggers"):
        kind = trigger.text("type")
        if kind in _KEDA_RESOURCES:
            said = trigger.text("metricType") or str(trigger.get("metadata.type", "Utilization"))
            container = str(trigger.get("metadata.containerName", ""))
            yield Metric(kind, container, said == "Utilization", trigger.path)


@dataclass(frozen=True, slots=True)
class Policy:
    """So many pods, or such a share of them in percent, in so many seconds."""

    kind: str
    value: int
    period: int

    def __str__(self) -> str:
        return f"{self.value} {'%' if self.kind == 'Percent' else 'pods'} in {self.period} s"


@dataclass(frozen=True, slots=True)
class Behavior:
    """One direction of scaling with the defaults filled in."""

    window: int
    policies: frozenset[Policy]
    select: str
    path: Path

    @property
    def periods(self) -> set[int | None]:
        """The periods of all policies, in seconds."""
        return {each.period for each in self.policies}


@dataclass(frozen=True, slots=True)
class Pace:
    """What a document says of one direction; None where it says nothing."""

    window: int | None
    policies: frozenset[Policy] | None
    select: str | None


def pace(said: Mapping[str, Any] | None) -> Pace:
    """`{window, policies: [{type, value, periodSeconds}], select}`. Raises ValueError for what is not understood."""
    given = dict(said or {})
    window, policies, select = (given.pop(key, None) for key in ("window", "policies", "select"))
    if given:
        raise ValueError(f"a pace has no {', '.join(given)}; it has window, policies and select")
    if select not in (None, "Max", "Min"):
        raise ValueError(f"select is Max or Min, not {select}")
    try:
        wanted = None if policies is None else frozenset(map(_policy, policies))
        return Pace(None if window is None else int(window), wanted, select)
    except (KeyError, TypeError) as error:
        raise ValueError(f"a policy is {{type, value, periodSeconds}}: {error}") from None


def _policy(said: Mapping[str, Any]) -> Policy:
    return Policy(str(said["type"]), int(said["value"]), int(said["periodSeconds"]))


_DEFAULTS = {
    "scaleUp": (0, frozenset({Policy("Percent", 100, 15), Policy("Pods", 4, 15)})),
    "scaleDown": (300, frozenset({Policy("Percent", 100, 15)})),
}


def behavior(scaler: Object, direction: str) -> Behavior:
    """How fast an autoscaler scales up or down. Each field has a default of its own.

    Down: 300 s of stabilisation, all pods in 15 s. Up: no stabilisation, the larger of 100 % and 4 pods in 15 s.
    `selectPolicy` is Max unless said; Disabled means that it never scales in that direction. Of policies only those
    count that are written, once one is. Source: autoscaling v2 SetDefaults_HorizontalPodAutoscaler.
    """
    place: Path = ("spec", "behavior", direction)
    if scaler.kind == "ScaledObject":
        place = ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", direction)
    window, policies = _DEFAULTS[direction]
    rules = scaler.at(place)
    if rules.raw is None:
        return Behavior(window, policies, "Max", place)
    written = frozenset(
        Policy(each.text("type"), each.number("value", 0) or 0, each.number("periodSeconds", 0) or 0)
        for each in rules.sequence("policies")
    )
    said = rules.number("stabilizationWindowSeconds", window)
    return Behavior(window if said is None else said, written or policies, rules.text("selectPolicy", "Max"), place)


def is_active(scaler: Object) -> bool:
    """Whether a VerticalPodAutoscaler changes pods: one without a mode does.

    YAML reads a bare `Off` as false, which the API server refuses; a FieldTypeError says so.
    """
    return scaler.text("spec.updatePolicy.updateMode", "Auto") != "Off"


def policy_of(scaler: Object, container: str) -> Node | None:
    """The policy of a VerticalPodAutoscaler for a container: its own, else that of `*`; None where none is written."""
    policies = scaler.sequence("spec.resourcePolicy.containerPolicies")
    named = {each.text("containerName"): each for each in reversed(policies)}
    return named.get(container) or named.get("*")


def controlled(scaler: Object, pod: PodSpec | None) -> set[str]:
    """The resources that a VerticalPodAutoscaler sets for at least one container that runs.

    cpu and memory, for every container, unless its policy names others or has the mode Off.
    """
    if pod is None:
        return {"cpu", "memory"}
    found: set[str] = set()
    for container in pod.containers:
        policy = policy_of(scaler, container.name)
        if not keeps_running(container) or (policy is not None and policy.text("mode") == "Off"):
            continue
        named = policy.at("controlledResources") if policy is not None else None
        every = named is None or named.raw is None
        found |= {"cpu", "memory"} if every or named is None else {str(each.raw) for each in named.sequence(())}
    return found
