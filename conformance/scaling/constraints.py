"""What a pod template asks of the scheduler: where its pods may run, and how many of them in one place.

Only what the scheduler refuses by counts here; preferences guarantee nothing.
https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.kube.object import Node
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.selector import label_selector
from conformance.kube.workload import keeps_running
from conformance.scaling.nodes import Place, tolerated

#: Labels by which revisions of one workload differ.
_REVISION = {"pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"}
_AFFINITY = "affinity.{}.requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Spread:
    """One topologySpreadConstraint. `own` tells whether it counts the pods that carry it."""

    key: str
    skew: int
    hard: bool
    own: bool
    path: Path
    min_domains: int = 1
    #: whether only nodes count that the pod's node affinity, or its tolerations, let it run on
    by_affinity: bool = True
    by_taints: bool = False
    #: whether each revision is counted by itself
    by_revision: bool = False

    def __str__(self) -> str:
        return f"maxSkew {self.skew} over {self.key}"


@dataclass(frozen=True, slots=True)
class Apart:
    """Required anti-affinity of pods against their own kind: at most one in each domain of a key."""

    key: str
    path: Path
    by_revision: bool = False


@dataclass(frozen=True)
class Constraints:
    """What the scheduler holds the pods of one template to."""

    pod: PodSpec
    spreads: tuple[Spread, ...]
    apart: tuple[Apart, ...]
    #: keys of required affinity to themselves: all pods in one domain
    close: tuple[Apart, ...]
    #: two pods never share a node, because they take the same port of it
    host_port: Path | None

    @property
    def hard(self) -> tuple[Spread, ...]:
        """The spread constraints that can keep a pod Pending."""
        return tuple(each for each in self.spreads if each.hard)

    def refuses(self, place: Place) -> str:
        """Why no pod of this template can run on a node, whatever else runs there; empty when it can."""
        wanted = affinity_refusal(self.pod, place)
        if wanted:
            return wanted
        taint = untolerated(self.pod, place)
        return f"its taint {taint} is not tolerated" if taint else ""


def constraints(pod: PodSpec) -> Constraints:
    """The constraints of a pod template. Raises FieldTypeError.

    Several labels may be given later (`pod-template-hash`); selectors are held against those of the template.
    """
    anti, affinity = _AFFINITY.format("podAntiAffinity"), _AFFINITY.format("podAffinity")
    return Constraints(
        pod,
        tuple(_spread(each, pod) for each in pod.sequence("topologySpreadConstraints")),
        tuple(_apart(each) for each in pod.sequence(anti) if _means_own(each, pod)),
        tuple(_apart(each) for each in pod.sequence(affinity) if _means_own(each, pod)),
        _host_port(pod),
    )


def _spread(node: Node, pod: PodSpec) -> Spread:
    keys = {str(each.raw) for each in node.sequence("matchLabelKeys")}
    return Spread(
        key=node.text("topologyKey"),
        skew=node.number("maxSkew", 1) or 1,
        hard=node.text("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
        # A missing selector selects nothing, and then nothing is counted.
        own=label_selector(node.at("labelSelector")).matches(pod.labels),
        path=node.path,
        min_domains=node.number("minDomains", 1) or 1,
        by_affinity=node.text("nodeAffinityPolicy", "Honor") == "Honor",
        by_taints=node.text("nodeTaintsPolicy", "Ignore") == "Honor",
        by_revision=bool(keys & _REVISION),
    )


def _apart(term: Node) -> Apart:
    keys = {str(each.raw) for each in term.sequence("matchLabelKeys")}
    return Apart(term.text("topologyKey"), term.path, bool(keys & _REVISION))


def _means_own(term: Node, pod: PodSpec) -> bool:
    """Whether a term of pod affinity selects the pods that carry it."""
    names, namespace = [each.raw for each in term.sequence("namespaces")], pod.owner.namespace
    everywhere = term.at("namespaceSelector")
    in_reach = (not names and everywhere.raw is None) or namespace in names
    if not in_reach and everywhere.raw is not None:
        labels = {"kubernetes.io/metadata.name": namespace} if namespace else {}
        in_reach = label_selector(everywhere).matches(labels)
    return in_reach and label_selector(term.at("labelSelector")).matches(pod.labels)


def _host_port(pod: PodSpec) -> Path | None:
    host = pod.flag("hostNetwork")
    for container in pod.containers:
        for port in container.sequence("ports") if keeps_running(container) else ():
            # On the host's network every declared port is one of the node.
            if port.number("hostPort", 0) or (host and port.number("containerPort", 0)):
                return (*port.path, "containerPort" if host else "hostPort")
    return None


def untolerated(pod: PodSpec, place: Place) -> str:
    """The taint that keeps a pod off a node; empty when it tolerates all."""
    tolerations = pod.sequence("tolerations")
    return next((str(each) for each in place.taints if not tolerated(each, tolerations)), "")


def affinity_refusal(pod: PodSpec, place: Place) -> str:
    """Why nodeName, nodeSelector or required node affinity keep a pod off a node; empty when they do not."""
    if pod.text("nodeName") not in ("", place.name):
        return f"nodeName is {pod.text('nodeName')}"
    for key, value in pod.mapping("nodeSelector").items():
        if place.labels.get(key) != value:
            return f"nodeSelector asks for {key}={value}"
    required = pod.at(_AFFINITY.format("nodeAffinity"))
    if required.raw is None:
        return ""
    # Terms are alternatives; a term without any expression matches nothing.
    if any(_term(each, place) for each in required.sequence("nodeSelectorTerms")):
        return ""
    return "required node affinity asks for others"


def _term(term: Node, place: Place) -> bool:
    labels, fields = term.sequence("matchExpressions"), term.sequence("matchFields")
    if not labels and not fields:
        return False
    return all(_expression(each, place.labels) for each in labels) and all(
        _expression(each, {"metadata.name": place.name}) for each in fields
    )


def _expression(node: Node, labels: Mapping[str, str]) -> bool:
    key, operator = node.text("key"), node.text("operator")
    values = [str(each.raw) for each in node.sequence("values")]
    value = labels.get(key)
    answer = _OPERATORS.get(operator)
    return answer is not None and answer(value, values)


def _compared(value: str | None, values: list[str], *, above: bool) -> bool:
    try:
        left, right = int(value or ""), int(values[0])
    except (ValueError, IndexError):
        return False
    return left > right if above else left < right


_OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
    "Gt": lambda value, values: _compared(value, values, above=True),
    "Lt": lambda value, values: _compared(value, values, above=False),
}
