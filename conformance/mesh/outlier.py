"""When a DestinationRule takes a server out of the rotation, with Istio's defaults.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.kube.object import Node, Object


@dataclass(frozen=True, slots=True)
class OutlierDetection:
    """What is written, or the default. `consecutive_5xx` 0 switches that reason off; durations are as written.

    `max_ejection_percent` is a share of the servers, rounded down but at least one.
    """

    node: Node
    consecutive_5xx: int
    interval: str
    base_ejection_time: str
    max_ejection_percent: int


def outlier_detection(rule: Object, policy: str = "spec.trafficPolicy") -> OutlierDetection | None:
    """The outlier detection of one trafficPolicy of a DestinationRule, None where it has none.

    The old name `consecutiveErrors` is understood. Raises FieldTypeError.
    """
    node = rule.at(f"{policy}.outlierDetection")
    if node.raw is None:
        return None
    old = node.number("consecutiveErrors", 5)
    errors = node.number("consecutive5xxErrors", old)
    return OutlierDetection(
        node,
        5 if errors is None else errors,
        node.text("interval", "10s"),
        node.text("baseEjectionTime", "30s"),
        node.number("maxEjectionPercent", 10) or 0,
    )
