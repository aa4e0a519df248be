"""Whatever stands in a field of a mesh, a policy, a Service or an autoscaler: no check crashes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests import fixture_cases

SYSTEMS = (
    "mesh/mesh_references/good-homelab.yaml",
    "mesh/mutual_tls/good-hardened.yaml",
    "services/services_offered/good-homelab.yaml",
    "argocd/controller_fields_ignored/good-homelab.yaml",
    "argocd/controller_fields_ignored/good-expressions.yaml",
    "autoscaler_values/autoscaler_target/good-homelab.yaml",
    "monitoring/scrape_jobs/good-homelab.yaml",
    "connectivity/connectivity/good-homelab.yaml",
    "isolation/pod_isolated/good-hardened.yaml",
)
ODD: tuple[Any, ...] = (7, True, "x", ["x"], {"x": 1}, None, [7], [[]], {"x": {}})
#: What makes an object what it is: without it, nothing is asked of it.
IDENTITY = {("kind",), ("apiVersion",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
SAMPLES = 40


def fields(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path and path not in IDENTITY:
        yield path
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in steps:
        yield from fields(child, (*path, step))


def with_value(obj: Object, path: tuple[str | int, ...], value: Any) -> Object:
    raw = copy.deepcopy(obj.raw)
    node = raw
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return Object(raw, obj.origin, obj.namespace)


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_crashes(system: str) -> None:
    case = fixture_cases.Case(fixture_cases.ROOT / system)
    good = fixture_cases.inventory(case.path)
    known = fixture_cases.catalogue()
    chance = random.Random(system)
    places = [(index, path) for index, obj in enumerate(good.objects) for path in fields(obj.raw)]
    crashed = []
    for index, path in chance.sample(places, SAMPLES):
        value = chance.choice(ODD)
        objects = [*good.objects]
        objects[index] = with_value(objects[index], path, value)
        world = Inventory(objects, good.documents)
        for name in case.requirements():
            result = fixture_cases.judge(known[name], world)
            crashed += [(name, path, value, each.reason) for each in result.errors if "crashed" in each.reason]
    assert crashed == []
