"""Options and corners of the checks that no fixture of a documented requirement reaches."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import test_fit, test_scalers, test_scaling
from conformance.check import Check, OptionError
from conformance.finding import Finding
from tests.network.world import inventory
from tests.scaling.trees import Raw, apart, deployment, hpa, judge, obj, pdb, spread

NODES: list[Raw] = [{"count": 2, "allocatable": {"cpu": "4", "memory": "8Gi"}}]
CPU: Raw = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}


def said(check: Any, *objects: Raw, about: int = 0, **options: Any) -> list[tuple[str, str]]:
    """Field and object of each finding; `about` is the object that is judged."""
    return [(each.field_text, str(each.subject)) for each in found(check, *objects, about=about, **options)]


def found(check: Any, *objects: Raw, about: int = 0, **options: Any) -> list[Finding]:
    world = inventory(*objects)
    return judge(check, world, world.objects[about], **options)


SPREAD = "spec.template.spec.topologySpreadConstraints[0]"


@pytest.mark.parametrize(
    ("leaves", "scaler", "fields"),
    [
        (1, {"minReplicas": 2, "maxReplicas": 4}, []),
        (2, {"minReplicas": 2, "maxReplicas": 4}, [SPREAD]),
        ("50%", {"minReplicas": 2, "maxReplicas": 4}, []),
        ("51%", {"minReplicas": 2, "maxReplicas": 4}, [SPREAD]),
        ("66%", {"minReplicas": 3, "maxReplicas": 4}, [SPREAD]),  # 2 of 3 stay, and 2 of 4
        ("66%", {"minReplicas": 3, "maxReplicas": 6}, [SPREAD]),  # 2 of 3, 4 of 6, but 2 of 4
        ("66%", {"minReplicas": 6, "maxReplicas": 6}, []),
        ("100%", {"minReplicas": 0, "maxReplicas": 0}, []),
    ],
)
def test_withstands_at_every_number_of_replicas(leaves: int | str, scaler: Raw, fields: list[str]) -> None:
    objects = deployment(pod=spread(), kind="StatefulSet"), hpa(kind="StatefulSet", **scaler)
    observed = found(test_scaling.test_withstands, *objects, leaves=leaves, events=["node-loss"], nodes=3)
    assert [each.field_text for each in observed] == fields


def test_withstands_judges_each_event() -> None:
    objects = deployment(replicas=3, strategy={"type": "Recreate"}), pdb(maxUnavailable=0)
    observed = found(
        test_scaling.test_withstands,
        *objects,
        leaves=1,
        events=["drain", "rollout", "node-loss", "zone-loss"],
        nodes=3,
        zones=3,
    )
    assert {(each.field_text, each.message.split(":")[0]) for each in observed} == {
        ("spec.maxUnavailable", "a drain cannot come to its end"),
        ("spec.strategy.type", "a rollout of 3 replicas leaves 0"),
        ("spec.template.spec.topologySpreadConstraints", "a node-loss of 3 replicas leaves 0"),
        ("spec.template.spec.topologySpreadConstraints", "a zone-loss of 3 replicas leaves 0"),
    }


def test_withstands_without_known_nodes_takes_enough_of_them() -> None:
    assert said(test_scaling.test_withstands, deployment(replicas=5, pod=apart()), leaves=4) == []


def test_withstands_on_the_nodes_of_the_tree() -> None:
    nodes = [obj("Node", f"n{each}", {}, "v1", labels={"kubernetes.io/hostname": f"n{each}"}) for each in range(2)]
    objects = deployment(replicas=4, pod=spread()), *nodes
    assert said(test_scaling.test_withstands, *objects, leaves=3, events=["node-loss"]) == [
        (SPREAD, "Deployment a/web")
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"leaves": "most"}, "'most' is neither a number nor a percentage"),
        ({"leaves": 1, "events": ["fire"]}, "'fire' is none of"),
        ({"leaves": 1, "nodes": [{"taint": "x"}]}, "a node has no taint"),
        ({}, "needs the option leaves"),
    ],
)
def test_options_that_are_not_understood(options: Raw, reason: str) -> None:
    with pytest.raises(OptionError, match=reason):
        found(test_scaling.test_withstands, deployment(), **options)


def test_a_drain_with_nodes_needs_room_for_replacements() -> None:
    objects = pdb(maxUnavailable=1), deployment(replicas=4, pod=spread())
    assert said(test_scaling.test_drain_possible, *objects, nodes=4) == []
    assert said(test_scaling.test_drain_possible, *objects, nodes=2) == [
        ("spec.maxUnavailable", "PodDisruptionBudget a/web")
    ]


def test_more_than_one_pod_may_have_to_go() -> None:
    objects = pdb(maxUnavailable="25%"), deployment(replicas=4)
    assert said(test_scaling.test_drain_possible, *objects) == []
    assert [field for field, _ in said(test_scaling.test_drain_possible, *objects, allowed=2)] == [
        "spec.maxUnavailable"
    ]


def test_all_workloads_of_a_budget_count() -> None:
    both = pdb(minAvailable=3)
    both["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}
    objects = both, deployment(replicas=2), deployment("api", replicas=2)
    assert said(test_scaling.test_drain_possible, *objects) == []
    assert said(test_scaling.test_drain_possible, *objects, one_workload=True) == [
        ("spec.selector", "PodDisruptionBudget a/web")
    ]


@pytest.mark.parametrize(
    ("more", "options", "field"),
    [
        ({}, {}, ""),
        ({"maxSkew": 2}, {"max_skew": 1}, "maxSkew"),
        ({"maxSkew": 2}, {"max_skew": 2}, ""),
        ({"whenUnsatisfiable": "ScheduleAnyway"}, {"hard": True}, "whenUnsatisfiable"),
        ({"whenUnsatisfiable": None}, {"hard": True}, ""),
        ({}, {"by_revision": True}, "matchLabelKeys"),
        ({"matchLabelKeys": ["pod-template-hash"]}, {"by_revision": True}, ""),
        ({}, {"taints_honored": True}, "nodeTaintsPolicy"),
        ({}, {"taints_honored": True, "nodes": 3}, ""),
        ({"nodeTaintsPolicy": "Honor"}, {"taints_honored": True}, ""),
        ({}, {"nodes": 1}, "topologyKey"),
        ({"topologyKey": "rack"}, {"key": "rack", "nodes": 3}, "topologyKey"),
    ],
)
def test_spread(more: Raw, options: Raw, field: str) -> None:
    observed = said(test_scaling.test_spread_effective, deployment(replicas=3, pod=spread(**more)), **options)
    assert [each for each, _ in observed] == ([f"{SPREAD}.{field}"] if field else [])


def test_the_best_of_several_constraints_counts() -> None:
    lists = [spread(whenUnsatisfiable="ScheduleAnyway"), spread(), spread(name="other")]
    pod = {"topologySpreadConstraints": [each["topologySpreadConstraints"][0] for each in lists]}
    assert said(test_scaling.test_spread_effective, deployment(pod=pod), hard=True) == []


def asking(cpu: str, memory: str = "1Gi") -> Raw:
    return {"containers": [{"name": "app", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]}


def fits(*objects: Raw, matched: int = 1, **options: Any) -> list[tuple[str, str]]:
    world = inventory(*objects)
    observed = judge(test_fit.test_fits_at_maximum, world, world.objects[:matched], **options)
    return [(each.field_text, str(each.subject)) for each in observed]


MAXIMUM = [("spec.maxReplicas", "HorizontalPodAutoscaler a/web")]


@pytest.mark.parametrize(
    ("most", "options", "expected"),
    [
        (8, {}, []),
        (9, {}, MAXIMUM),
        (8, {"lost": 1}, MAXIMUM),
        (4, {"lost": 1}, []),
        (8, {"rollout": True}, MAXIMUM),  # two more while it rolls out
        (6, {"rollout": True}, []),
        (8, {"used": {"cpu": "2"}}, []),  # two of the eight are in use already
        (8, {"used": {"cpu": "2001m"}}, MAXIMUM),
        (8, {"used": {"ephemeral-storage": "9Gi"}}, []),
    ],
)
def test_sums_on_nodes(most: int, options: Raw, expected: list[tuple[str, str]]) -> None:
    objects = deployment(pod=asking("1")), hpa(minReplicas=2, maxReplicas=most)
    assert fits(*objects, nodes=NODES, **options) == expected


def test_nodes_that_nothing_may_run_on_do_not_count() -> None:
    tainted = [{**NODES[0], "taints": ["dedicated=cp:NoSchedule"]}, {**NODES[0], "name": "w"}]
    assert fits(deployment(pod=asking("1"), replicas=9), nodes=tainted) == [("spec.replicas", "Deployment a/web")]
    tolerates = {"tolerations": [{"operator": "Exists"}], **asking("1")}
    assert fits(deployment(pod=tolerates, replicas=9), nodes=tainted) == []


def test_a_daemon_counts_on_each_node() -> None:
    daemon = deployment("agent", asking("3"), kind="DaemonSet")
    assert fits(daemon, deployment(pod=asking("1"), replicas=2), matched=2, nodes=NODES) == []
    assert fits(daemon, deployment(pod=asking("1"), replicas=3), matched=2, nodes=NODES) != []


def test_an_injected_proxy_counts_where_it_is_injected() -> None:
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "a", "labels": {"istio-injection": "enabled"}},
    }
    plain = {**space, "metadata": {"name": "a"}}
    objects = deployment(pod=asking("1"), replicas=8), space
    assert fits(*objects, nodes=NODES, sidecar={"cpu": "10m"}) == [("spec.replicas", "Deployment a/web")]
    assert fits(objects[0], plain, nodes=NODES, sidecar={"cpu": "10m"}) == []


def quota(**hard: str) -> Raw:
    return obj("ResourceQuota", "quota", {"hard": {key.replace("_", "."): each for key, each in hard.items()}}, "v1")


@pytest.mark.parametrize(
    ("hard", "full"),
    [
        ({"cpu": "3"}, False),
        ({"cpu": "2999m"}, True),
        ({"requests_memory": "3Gi"}, False),
        ({"requests_memory": "3G"}, True),
        ({"limits_cpu": "1"}, False),  # nothing limits cpu
        ({"pods": "2"}, True),
        ({"requests_storage": "1"}, False),
    ],
)
def test_quotas(hard: Raw, full: bool) -> None:
    observed = fits(deployment(pod=asking("1"), replicas=3), quota(**hard))
    assert bool(observed) == full
    assert {subject for _, subject in observed} <= {"ResourceQuota a/quota"}


def test_a_quota_is_said_once_for_all_workloads() -> None:
    pair = deployment(pod=asking("1"), replicas=2), deployment("api", asking("1"), replicas=2)
    assert fits(*pair, quota(cpu="3"), matched=2) == [("spec.hard.cpu", "ResourceQuota a/quota")]


def keda(**metadata: str) -> Raw:
    trigger = {"type": "cpu", "metadata": {"value": "60", **metadata}}
    return obj("ScaledObject", "web", {"scaleTargetRef": {"name": "web"}, "triggers": [trigger]}, "keda.sh/v1alpha1")


@pytest.mark.parametrize(
    ("scaler", "measured"),
    [
        (hpa(maxReplicas=3, metrics=[CPU]), True),
        (hpa(maxReplicas=3), True),  # 80 % of cpu by default
        ({**hpa(maxReplicas=3, targetCPUUtilizationPercentage=70), "apiVersion": "autoscaling/v1"}, True),
        (hpa(maxReplicas=3, metrics=[{"type": "Pods", "pods": {"metric": {"name": "rps"}}}]), False),
        (keda(), True),
        (keda(type="AverageValue"), False),
        (keda(containerName="other"), True),  # there is no such container
    ],
)
def test_what_is_a_share_of_requests(scaler: Raw, measured: bool) -> None:
    assert bool(said(test_scalers.test_metrics_have_requests, scaler, deployment())) == measured


def test_what_keda_makes_is_no_rival() -> None:
    made = hpa("web", maxReplicas=5)
    made["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "web", "controller": True}]
    for about in (0, 1):
        assert said(test_scalers.test_autoscalers_do_not_fight, keda(), made, deployment(), about=about) == []


@pytest.mark.parametrize(
    ("policies", "fights"),
    [
        (None, True),
        ([{"containerName": "*", "controlledResources": ["memory"]}], False),
        ([{"containerName": "*", "mode": "Off"}], False),
        ([{"containerName": "app", "mode": "Off"}], False),
        ([{"containerName": "other", "mode": "Off"}], True),
        ([{"containerName": "app"}], True),
    ],
)
def test_what_a_vertical_autoscaler_sets(policies: list[Raw] | None, fights: bool) -> None:
    policy = {"resourcePolicy": {"containerPolicies": policies}} if policies is not None else {}
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}, **policy}
    vertical = obj("VerticalPodAutoscaler", "web", spec, "autoscaling.k8s.io/v1")
    objects = vertical, deployment(), hpa(maxReplicas=3, metrics=[CPU])
    assert bool(said(test_scalers.test_autoscalers_do_not_fight, *objects)) == fights


@pytest.mark.parametrize(
    ("rules", "options", "fields"),
    [
        (None, {"direction": "scaleDown", "window": 300}, []),
        (None, {"direction": "scaleUp", "window": 60}, ["stabilizationWindowSeconds"]),
        ({"policies": []}, {"direction": "scaleUp", "window": 0}, []),
        (
            None,
            {"direction": "scaleUp", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
            ["policies"],
        ),
        (
            {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
            {"direction": "scaleUp", "window": 60, "periods_as_windows": True},
            [],
        ),
        ({"selectPolicy": "Min"}, {"direction": "scaleUp", "select": "Max"}, ["selectPolicy"]),
        ({"selectPolicy": "Min"}, {"direction": "scaleDown", "select": "Max"}, []),  # there is but one policy
        ({"selectPolicy": "Disabled"}, {"direction": "scaleDown"}, ["selectPolicy"]),
    ],
)
def test_behavior(rules: Raw | None, options: Raw, fields: list[str]) -> None:
    direction = options.pop("direction")
    periods = options.pop("periods_as_windows", False)
    behavior = {"behavior": {direction: rules}} if rules is not None else {}
    world = inventory(hpa("web", "Deployment", maxReplicas=3, **behavior))
    asked = {"up" if direction == "scaleUp" else "down": options, "periods_as_windows": periods}
    declared: Check = vars(test_scalers.test_behavior_windows)["plumbline_check"]
    said_ = declared.function(world.objects[0], **declared.options(asked))
    observed = [each.field_text for each in said_ if isinstance(each, Finding)]
    assert observed == [f"spec.behavior.{direction}.{field}" for field in fields]


@pytest.mark.parametrize(
    ("maximum", "fields"),
    [
        ({"cpu": "3", "memory": "7Gi"}, []),
        ({"cpu": "4", "memory": "7Gi"}, ["maxAllowed"]),  # the other container asks for half a core
        ({"memory": "8Gi"}, ["maxAllowed"]),
        ({"cpu": "3500m"}, []),
    ],
)
def test_the_largest_recommendation_fits_a_node(maximum: Raw, fields: list[str]) -> None:
    policy = {"containerPolicies": [{"containerName": "app", "maxAllowed": maximum}]}
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}, "resourcePolicy": policy}
    other = {"name": "log", "resources": {"requests": {"cpu": "500m", "memory": "64Mi"}}}
    objects = (
        obj("VerticalPodAutoscaler", "web", spec, "autoscaling.k8s.io/v1"),
        deployment(pod={"containers": [{"name": "app"}, other]}),
    )
    observed = [field for field, _ in said(test_scalers.test_vpa_schedulable, *objects, nodes=NODES)]
    assert observed == [f"spec.resourcePolicy.containerPolicies[0].{field}" for field in fields]


def test_a_budget_counts_the_replicas_of_the_rollout_that_took_over() -> None:
    reference = {"workloadRef": {"kind": "Deployment", "name": "web"}, "replicas": 3}
    rollout = obj("Rollout", "web", reference, "argoproj.io/v1alpha1")
    objects = pdb(minAvailable=2), deployment(replicas=0), rollout
    assert said(test_scaling.test_drain_possible, *objects) == []
    rollout["spec"]["replicas"] = 2
    assert [field for field, _ in said(test_scaling.test_drain_possible, *objects)] == ["spec.minAvailable"]
