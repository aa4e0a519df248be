"""Small worlds for tests, as dictionaries."""

from __future__ import annotations

from typing import Any

from conformance.check import Check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.scaling import Workload, workload
from tests.network.world import inventory

Raw = dict[str, Any]


def obj(kind: str, name: str, spec: Raw, api: str = "apps/v1", **metadata: Any) -> Raw:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "a", **metadata}, "spec": spec}


def deployment(
    name: str = "web", pod: Raw | None = None, kind: str = "Deployment", api: str = "apps/v1", **spec: Any
) -> Raw:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app"}], **(pod or {})}}
    return obj(kind, name, {"template": template, **spec}, api)


def hpa(name: str = "web", kind: str = "Deployment", **spec: Any) -> Raw:
    return obj(
        "HorizontalPodAutoscaler", name, {"scaleTargetRef": {"kind": kind, "name": name}, **spec}, "autoscaling/v2"
    )


def pdb(name: str = "web", **spec: Any) -> Raw:
    return obj("PodDisruptionBudget", name, {"selector": {"matchLabels": {"app": name}}, **spec}, "policy/v1")


def spread(key: str = "kubernetes.io/hostname", name: str = "web", **more: Any) -> Raw:
    chosen = {"matchLabels": {"app": name}}
    one = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": chosen, **more}
    return {"topologySpreadConstraints": [{k: v for k, v in one.items() if v is not None}]}


def apart(key: str = "kubernetes.io/hostname", name: str = "web", how: str = "required", **more: Any) -> Raw:
    term: Raw = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": name}}, **more}
    listed = [term] if how == "required" else [{"weight": 1, "podAffinityTerm": term}]
    return {"affinity": {"podAntiAffinity": {f"{how}DuringSchedulingIgnoredDuringExecution": listed}}}


def one(*objects: Raw) -> Object:
    return inventory(*objects).objects[0]


def first(world: Inventory) -> Workload:
    found = workload(world.objects[0], world)
    assert found is not None
    return found


def judge(check: Any, world: Inventory, thing: Any, **options: Any) -> list[Finding]:
    """What a check says of a thing; options are validated as those of a requirement are."""
    declared: Check = check.plumbline_check
    said = declared.function(thing, world, **declared.options(options))
    return [each for each in said if isinstance(each, Finding)]
