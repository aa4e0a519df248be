"""The worst case of the engine against every case there is, on worlds small enough to try them all."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from conformance.scaling import Prospect, documented, workload
from conformance.scaling.nodes import ZONE
from tests.network.world import inventory
from tests.scaling.enumeration import HOST, Raw, Scheduler, drains

LABELS = {"app": "web"}
OWN, OTHER = {"matchLabels": LABELS}, {"matchLabels": {"app": "other"}}
FULL = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def clusters(draw: st.DrawFn) -> list[Raw]:
    count = draw(st.integers(2, 5))
    found = []
    for number in range(count):
        labels = {HOST: f"node-{number}"}
        zone = draw(st.sampled_from(["a", "b", "c", None]))
        if zone is not None:
            labels[ZONE] = zone
        if draw(st.booleans()):
            labels["pool"] = "main"
        found.append({"labels": labels, "taints": draw(st.sampled_from([[], [], ["cp"], ["spot"]]))})
    return found


@st.composite
def spreads(draw: st.DrawFn) -> Raw:
    found: Raw = {
        "maxSkew": draw(st.integers(1, 2)),
        "topologyKey": draw(st.sampled_from([HOST, ZONE])),
        "whenUnsatisfiable": draw(st.sampled_from(["DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"])),
    }
    chosen = draw(st.sampled_from([OWN, OWN, OWN, OTHER, None, {}]))
    if chosen is not None:
        found["labelSelector"] = chosen
    if draw(st.booleans()):
        found["nodeTaintsPolicy"] = draw(st.sampled_from(["Honor", "Ignore"]))
    if draw(st.booleans()):
        found["nodeAffinityPolicy"] = draw(st.sampled_from(["Honor", "Ignore"]))
    if found["whenUnsatisfiable"] == "DoNotSchedule" and draw(st.booleans()):
        found["minDomains"] = draw(st.integers(1, 4))
    return found


@st.composite
def specs(draw: st.DrawFn) -> Raw:
    keys = draw(st.lists(st.sampled_from([0, 1]), max_size=2, unique=True))
    found: Raw = {"topologySpreadConstraints": [draw(spreads()) for _ in keys]}
    if draw(st.integers(0, 3)) == 0:
        term = {
            "topologyKey": draw(st.sampled_from([HOST, ZONE])),
            "labelSelector": draw(st.sampled_from([OWN, OTHER])),
        }
        found["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    if draw(st.booleans()):
        found["tolerations"] = [{"key": "cp", "operator": "Exists"}]
    if draw(st.integers(0, 3)) == 0:
        found["nodeSelector"] = {"pool": "main"}
    return found


def prospect(spec: Raw, nodes: list[Raw], pods: int, budget: Raw | None = None) -> Prospect:
    template = {"metadata": {"labels": LABELS}, "spec": {**spec, "containers": [{"name": "app"}]}}
    body = {"replicas": pods, "template": template}
    objects: list[Any] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "a"}, "spec": body}
    ]
    if budget is not None:
        held = {"selector": OWN, **budget}
        objects.append(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "b", "namespace": "a"},
                "spec": held,
            }
        )
    world = inventory(*objects)
    said = [
        {"name": each["labels"][HOST], "labels": each["labels"], "taints": [f"{t}:NoSchedule" for t in each["taints"]]}
        for each in nodes
    ]
    found = workload(world.objects[0], world)
    assert found is not None
    return Prospect(found, world, documented(said), pods)


@FULL
@given(specs(), clusters(), st.integers(1, 6))
def test_what_is_left(spec: Raw, nodes: list[Raw], pods: int) -> None:
    ends = Scheduler(spec, LABELS, nodes).ends(pods)
    ours = prospect(spec, nodes, pods)
    event(f"{len({sum(each) for each in ends})} numbers of pods")
    assert sum(ours.placed()) == max(map(sum, ends))
    node_loss, zone_loss = ours.left("node-loss"), ours.left("zone-loss")
    assert node_loss is not None
    assert node_loss.pods == min(sum(end) - count for end in ends for count in end)
    zones = {each["labels"][ZONE] for each in nodes if ZONE in each["labels"]}
    if zones:
        assert zone_loss is not None
        assert zone_loss.pods == min(rest(end, nodes, zone) for end in ends for zone in zones)


def rest(end: tuple[int, ...], nodes: list[Raw], zone: str) -> int:
    return sum(count for count, node in zip(end, nodes, strict=True) if node["labels"].get(ZONE) != zone)


@FULL
@given(specs(), clusters(), st.integers(1, 4), st.integers(0, 4))
def test_whether_nodes_can_be_drained(spec: Raw, nodes: list[Raw], pods: int, kept: int) -> None:
    scheduler = Scheduler(spec, LABELS, nodes)
    assume({sum(each) for each in scheduler.ends(pods)} == {pods})
    left = prospect(spec, nodes, pods, {"minAvailable": kept}).left("drain")
    assert left is not None
    event(f"blocked: {bool(left.blocked)}")
    assert bool(left.blocked) != drains(scheduler, pods, kept)
