"""What a workload is for: whether it keeps running, how many pods it has, whether it is only a test of a release."""

from __future__ import annotations

from typing import Any

from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container, PodSpec

#: Workloads whose number of pods is `spec.replicas`, with 1 as the API's default.
REPLICATED = {
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "ReplicaSet"),
    ("", "ReplicationController"),
    ("extensions", "Deployment"),
    ("argoproj.io", "Rollout"),
    ("apps.openshift.io", "DeploymentConfig"),
    ("apps.kruise.io", "CloneSet"),
    ("apps.kruise.io", "StatefulSet"),
}
#: One pod a node, so neither replicas nor a disruption budget mean anything (a drain ignores their pods).
PER_NODE = {("apps", "DaemonSet"), ("extensions", "DaemonSet"), ("apps.kruise.io", "DaemonSet")}

_TEST_HOOKS = {"test", "test-success", "test-failure"}
SYSTEM_NAMESPACES = {"kube-system", "kube-public", "kube-node-lease"}


def kind_of(owner: Object) -> tuple[str, str]:
    """Group and kind."""
    return owner.group, owner.kind


def is_controlled(owner: Object) -> bool:
    """Whether another object made this one (`ownerReferences` with `controller: true`), as ReplicaSets make Pods.

    What holds for the owner holds for it, so live objects of this sort are not judged a second time.
    """
    return any(each.flag("controller") is True for each in owner.sequence("metadata.ownerReferences"))


def is_release_test(owner: Object) -> bool:
    """Whether it is a Helm test: run by `helm test`, never by an installation.

    https://helm.sh/docs/topics/chart_tests/
    """
    hooks = owner.annotations.get("helm.sh/hook", "")
    return isinstance(hooks, str) and bool(_TEST_HOOKS & {word.strip() for word in hooks.split(",")})


def is_long_running(pod: PodSpec) -> bool:
    """Whether the pods are meant to run until they are deleted, unlike those of Jobs.

    A bare Pod is long-running when it is restarted (`restartPolicy: Always`, the default); one that is restarted only
    on failure, or never, is a job by hand.
    """
    owner = pod.owner
    if is_release_test(owner) or is_controlled(owner):
        return False
    if kind_of(owner) == ("", "Pod"):
        return pod.text("restartPolicy", "Always") == "Always"
    return kind_of(owner) in REPLICATED or kind_of(owner) in PER_NODE


def keeps_running(container: Container) -> bool:
    """Whether a container runs as long as its pod: ordinary ones and native sidecars. Only these take probes.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    return container.kind == "container" or container.sidecar


def replicas(owner: Object) -> int | None:
    """`spec.replicas` of a replicated workload, 1 where absent; None for kinds without it."""
    if kind_of(owner) not in REPLICATED:
        return None
    return owner.number("spec.replicas", 1)


def scaled(node: Node, field: str | Path, total: int, *, up: bool) -> int | None:
    """An int-or-percentage field as a number of pods; None where absent.

    PodDisruptionBudgets round percentages up, and so does `maxSurge`; `maxUnavailable` of a rolling update rounds down:
    25% of 3 is 1 to a budget and 0 to a rollout. A number written as a string is refused by the API server.
    Raises `FieldTypeError`. Source: intstr.GetScaledValueFromIntOrPercent.
    """
    value: Any = node.get(field)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isascii() and value[:-1].isdigit():
        share = int(value[:-1]) * total
        return -(-share // 100) if up else share // 100
    raise FieldTypeError(node.at(field).path, "a number or a percentage", value)


def scaler_bounds(scaler: Object) -> tuple[int, int]:
    """The least and the most replicas that a HorizontalPodAutoscaler or a KEDA ScaledObject may set.

    A HorizontalPodAutoscaler has at least 1 unless it says otherwise, a ScaledObject 0 to 100; one with an
    `idleReplicaCount` goes below its minimum when nothing happens, and a paused one keeps what its annotation says.
    Without the maximum, which a HorizontalPodAutoscaler needs, there is no room above the minimum.
    https://keda.sh/docs/latest/reference/scaledobject-spec/
    """
    if scaler.kind != "ScaledObject":
        least = scaler.number("spec.minReplicas", 1) or 0
        return least, scaler.number("spec.maxReplicas", least) or 0
    paused = scaler.annotations.get("autoscaling.keda.sh/paused-replicas")
    if isinstance(paused, str) and paused.isascii() and paused.isdigit():
        return int(paused), int(paused)
    least = scaler.number("spec.minReplicaCount", 0) or 0
    idle = scaler.number("spec.idleReplicaCount", least) or 0
    return min(least, idle), scaler.number("spec.maxReplicaCount", 100) or 0
