"""What is left, on worlds whose answer a person can tell."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.scaling import Event, Left, Prospect, documented
from tests.network.world import inventory
from tests.scaling.trees import Raw, apart, deployment, first, pdb, spread

TAINTED: list[dict[str, Any]] = [
    {"name": "cp", "taints": ["node-role.kubernetes.io/control-plane:NoSchedule"]},
    {"name": "w1"},
    {"name": "w2"},
]
HONOR = {"nodeTaintsPolicy": "Honor"}


def left(event: Event, replicas: int, nodes: Any, *objects: Raw, zones: int = 0) -> Left:
    world = inventory(*objects)
    found = Prospect(first(world), world, documented(nodes, zones), replicas).left(event)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("pod", "replicas", "nodes", "rest"),
    [
        ({}, 3, 3, 0),
        (apart(how="preferred"), 3, 3, 0),
        (spread(whenUnsatisfiable="ScheduleAnyway"), 3, 3, 0),
        (spread(labelSelector=None), 3, 3, 0),
        (spread(name="other"), 3, 3, 0),
        (spread(), 3, 3, 2),
        (spread(), 4, 3, 2),
        (spread(maxSkew=2), 4, 3, 2),  # 2, 1, 1
        (spread(maxSkew=2), 3, 3, 1),
        (spread(maxSkew=5), 3, 3, 0),
        (apart(), 3, 3, 2),
        (apart(), 5, 3, 2),  # two of them never start
        (spread(), 10, TAINTED, 1),  # the tainted node stays empty, so that each worker takes one
        (spread(**HONOR), 10, TAINTED, 5),
        ({"tolerations": [{"operator": "Exists"}], **spread()}, 9, TAINTED, 6),
        ({"containers": [{"name": "app", "ports": [{"hostPort": 80}]}]}, 3, 3, 2),
        ({"hostNetwork": True, "containers": [{"name": "app", "ports": [{"containerPort": 80}]}]}, 3, 3, 2),
        ({"hostNetwork": True}, 3, 3, 0),
        (spread(maxSkew=None), 3, 3, 2),  # which the API server refuses; read as 1
        (apart(namespaces=["b"]), 3, 3, 0),
        (apart(namespaceSelector={}), 3, 3, 2),
        (spread(minDomains=4), 3, 3, 2),
    ],
)
def test_node_loss(pod: Raw, replicas: int, nodes: Any, rest: int) -> None:
    assert left("node-loss", replicas, nodes, deployment(pod=pod)).pods == rest


ZONE = "topology.kubernetes.io/zone"


@pytest.mark.parametrize(
    ("pod", "replicas", "rest"),
    [
        (spread(), 6, 4),  # six nodes, two of each zone: one pod on each
        (spread(), 3, 1),  # two of three may share a zone
        (spread(ZONE), 3, 2),
        (spread(ZONE), 4, 2),
        (apart(ZONE), 3, 2),
    ],
)
def test_zone_loss(pod: Raw, replicas: int, rest: int) -> None:
    assert left("zone-loss", replicas, 6, deployment(pod=pod), zones=3).pods == rest


def test_without_zones_nothing_is_said() -> None:
    world = inventory(deployment())
    assert Prospect(first(world), world, documented(3), 1).left("zone-loss") is None


@pytest.mark.parametrize(
    ("pod", "budget", "replicas", "nodes", "rest", "blocked"),
    [
        ({}, None, 3, 3, 0, ""),
        ({}, {"minAvailable": 2}, 3, 3, 2, ""),
        ({}, {"minAvailable": 3}, 3, 3, 3, "lets no pod be evicted"),
        ({}, {"minAvailable": "67%"}, 3, 3, 3, "lets no pod be evicted"),
        ({}, {"minAvailable": "66%"}, 3, 3, 2, ""),
        ({}, {"maxUnavailable": "1%"}, 3, 3, 2, ""),
        ({}, {"maxUnavailable": 0}, 3, 3, 3, "lets no pod be evicted"),
        (spread(), {"minAvailable": 1}, 3, 3, 2, ""),
        # The drained node is an empty domain: the other worker may not take a second pod.
        (spread(), {"maxUnavailable": 1}, 4, 2, 3, "no other node takes a replacement"),
        (spread(**HONOR), {"maxUnavailable": 1}, 4, 2, 3, ""),
        (spread(), {"maxUnavailable": 2}, 4, 2, 2, ""),
        (apart(), {"maxUnavailable": 1}, 2, 2, 1, ""),
        # One replica of three is Pending, and the budget counts it as missing.
        (apart(), {"maxUnavailable": 1}, 3, 2, 2, "lets no pod be evicted"),
    ],
)
def test_drain(pod: Raw, budget: Raw | None, replicas: int, nodes: Any, rest: int, blocked: str) -> None:
    objects = [deployment(pod=pod)] + ([pdb(**budget)] if budget is not None else [])
    found = left("drain", replicas, nodes, *objects)
    assert found.pods == rest
    assert blocked in found.blocked
    assert bool(found.blocked) == bool(blocked)


def test_a_drain_leaves_daemons_alone() -> None:
    assert left("drain", 0, TAINTED, deployment(kind="DaemonSet")).pods == 2


def test_a_lost_node_takes_its_daemon() -> None:
    assert left("node-loss", 0, TAINTED, deployment(kind="DaemonSet")).pods == 1


def test_two_budgets_stop_every_eviction() -> None:
    found = left("drain", 3, 3, deployment(), pdb(minAvailable=1), obj_pdb())
    assert found.pods == 3
    assert "several budgets (web and all)" in found.blocked


def obj_pdb() -> Raw:
    found = pdb("all", minAvailable=1)
    found["spec"]["selector"] = {}
    return found


@pytest.mark.parametrize(
    ("pod", "rolling", "nodes", "rest", "blocked"),
    [
        ({}, {}, 2, 2, False),
        (apart(), {}, 3, 2, False),
        (apart(), {}, 2, 2, True),  # the new pod waits for a node, and no old one may go
        (apart(), {"maxUnavailable": 1}, 2, 1, False),
        (spread(), {}, TAINTED, 2, True),
        (spread(**HONOR), {}, TAINTED, 2, False),
        (spread(matchLabelKeys=["pod-template-hash"]), {}, TAINTED, 2, False),
        (apart(matchLabelKeys=["pod-template-hash"]), {}, 2, 2, False),
    ],
)
def test_rollout(pod: Raw, rolling: Raw, nodes: Any, rest: int, blocked: bool) -> None:
    found = left("rollout", 2, nodes, deployment(pod=pod, strategy={"rollingUpdate": rolling}))
    assert found.pods == rest
    assert bool(found.blocked) == blocked


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"nodeName": "w1"}, "nodeName is w1"),
        ({"nodeSelector": {"pool": "x"}}, "nodeSelector asks for pool=x"),
        (apart(), "required anti-affinity by kubernetes.io/hostname"),
        (spread("rack"), "it has no label rack"),
    ],
)
def test_why_a_pod_stays_pending(spec: Raw, reason: str) -> None:
    world = inventory(deployment(pod=spec))
    found = Prospect(first(world), world, documented([{"name": "w2"}, {"name": "w3"}]), 3)
    assert reason in found.pending


@pytest.mark.parametrize(
    ("expression", "nodes"),
    [
        ({"key": "cores", "operator": "Gt", "values": ["4"]}, {"big"}),
        ({"key": "cores", "operator": "Lt", "values": ["5"]}, {"small"}),
        ({"key": "cores", "operator": "Exists"}, {"big", "small"}),
        ({"key": "cores", "operator": "DoesNotExist"}, {"bare"}),
        ({"key": "cores", "operator": "In", "values": ["8"]}, {"big"}),
        ({"key": "cores", "operator": "NotIn", "values": ["8"]}, {"small", "bare"}),
        ({"key": "cores", "operator": "Near", "values": ["8"]}, set()),
    ],
)
def test_node_affinity(expression: Raw, nodes: set[str]) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}, {}]}
    pod = {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}
    world = inventory(deployment(pod=pod))
    said: list[Raw] = [
        {"name": "big", "labels": {"cores": "8"}},
        {"name": "small", "labels": {"cores": "4"}},
        {"name": "bare"},
    ]
    found = Prospect(first(world), world, documented(said), 1)
    assert {place.name for place, no in zip(found.places, found.board.refusals, strict=True) if not no} == nodes


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "cp", "operator": "Exists"}, True),
        ({"key": "cp", "value": "yes"}, True),
        ({"key": "cp", "value": "no"}, False),
        ({"key": "cp"}, False),  # Equal to nothing
        ({"key": "cp", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "cp", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: Raw, tolerated: bool) -> None:
    world = inventory(deployment(pod={"tolerations": [toleration]}))
    found = Prospect(first(world), world, documented([{"name": "cp", "taints": ["cp=yes:NoSchedule"]}]), 1)
    assert (not found.pending) == tolerated


def test_a_taint_that_only_ranks_keeps_nobody_off() -> None:
    world = inventory(deployment())
    places = documented([{"name": "n", "taints": ["cp=yes:PreferNoSchedule"]}])
    assert Prospect(first(world), world, places, 1).pending == ""


def test_room_of_a_node() -> None:
    asks = {"containers": [{"name": "app", "resources": {"requests": {"cpu": "1500m"}}}]}
    world = inventory(deployment(pod=asks))
    places = documented([{"count": 2, "allocatable": {"cpu": "4", "pods": "110"}}])
    found = Prospect(first(world), world, places, 5)
    assert found.pending == "1 of 5 pods stay Pending (2 of 2 nodes: it holds 2)"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"nmae": "x"}, "a node has no nmae"),
        ({"count": 0}, "a count of nodes is 0, not between 1 and 500"),
        ({"taints": ["cp"]}, "a taint is written key=value:NoSchedule, not 'cp'"),
        ({"allocatable": {"cpu": "many"}}, "not a quantity: 'many'"),
        ({"labels": 3}, "labels of a node is 3, not a mapping"),
    ],
)
def test_nodes_that_are_not_understood(said: Raw, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        documented([said])
