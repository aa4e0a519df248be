"""What pods request, against what the API server fills in and what its quotas count.

PLUMBLINE_API_SERVER names the kubeconfig, as in test_against_kubernetes.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.kube import quantity
from conformance.kube.podspec import PodSpec
from conformance.scaling.requests import LimitRanges, container_amount, pod_requests
from tests.network.world import inventory
from tests.scaling import cluster as clusters
from tests.scaling.cluster import Cluster, Raw, until

pytestmark = pytest.mark.api_server

#: resources of containers by kind: init, native sidecar, ordinary; and more of the pod's spec
PODS: dict[str, Raw] = {
    "nothing": {"containers": [{}]},
    "both": {
        "containers": [{"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"}}]
    },
    "limit-alone": {"containers": [{"limits": {"cpu": "300m", "memory": "64Mi"}}]},
    "two": {"containers": [{"requests": {"cpu": "100m"}}, {"limits": {"memory": "70Mi"}}]},
    "large-init": {
        "initContainers": [{"requests": {"cpu": "1", "memory": "16Mi"}}],
        "containers": [{"requests": {"cpu": "200m"}}],
    },
    "sidecar": {
        "initContainers": [
            {"requests": {"cpu": "500m"}},
            {"restartPolicy": "Always", "requests": {"cpu": "150m", "memory": "32Mi"}},
            {"requests": {"cpu": "700m"}},
        ],
        "containers": [{"requests": {"cpu": "100m", "memory": "16Mi"}}],
    },
    "sidecar-last": {
        "initContainers": [{"requests": {"cpu": "800m"}}, {"restartPolicy": "Always", "requests": {"cpu": "750m"}}],
        "containers": [{"requests": {"cpu": "100m"}}],
    },
    "whole-pod": {
        "containers": [{"requests": {"cpu": "100m"}}],
        "resources": {"requests": {"cpu": "3", "memory": "600Mi"}},
    },
}
LIMIT_RANGES: dict[str, Raw] = {
    "none": {},
    "default": {"default": {"cpu": "2", "memory": "128Mi"}, "defaultRequest": {"cpu": "50m"}},
    "max": {"max": {"cpu": "2", "memory": "256Mi"}},
    "min": {"min": {"cpu": "10m", "memory": "8Mi"}},
}
QUOTA = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def pod(name: str) -> Raw:
    spec: Raw = {}
    for field, found in PODS[name].items():
        if field == "resources":
            spec[field] = found
            continue
        spec[field] = []
        for number, each in enumerate(found):
            container: Raw = {"name": f"{field.lower()}-{number}", "image": "app:1", "resources": dict(each)}
            if "restartPolicy" in each:
                container["restartPolicy"] = container["resources"].pop("restartPolicy")
            spec[field].append(container)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module", params=LIMIT_RANGES)
def cluster(request: pytest.FixtureRequest) -> Iterator[tuple[Cluster, list[Raw]]]:
    """A namespace with a LimitRange, and with a quota where that fills in everything a quota demands."""
    found = clusters.kubeconfig()
    fields, made = LIMIT_RANGES[request.param], []
    with clusters.cluster(found) as cluster:
        if fields:
            limits = {"limits": [{"type": "Container", **fields}]}
            made.append({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": limits})
            cluster.create(made[0])
        if request.param in ("default", "max"):
            spec = {"hard": dict.fromkeys(QUOTA, "1Ti")}
            cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all"}, "spec": spec})
            until(lambda: set(used(cluster)) == set(QUOTA) or used(cluster), "quota")
        yield cluster, made


def used(cluster: Cluster) -> Raw:
    (found,) = cluster.list("v1", "ResourceQuota") or [{}]
    amounts: Raw = found.get("status", {}).get("used", {})
    return amounts


def spec_of(cluster: Cluster, pod: Raw, others: list[Raw]) -> tuple[PodSpec, LimitRanges]:
    for each in (pod, *others):
        each["metadata"].setdefault("namespace", cluster.namespace)
    world = inventory(pod, *others)
    found = world.pod_spec(world.objects[0])
    assert found is not None
    return found, LimitRanges(world, found.owner)


@pytest.mark.parametrize("name", PODS)
def test_what_a_pod_counts_for(name: str, cluster: tuple[Cluster, list[Raw]]) -> None:
    server, others = cluster
    before = used(server)
    stored = server.create(pod(name))
    ours, ranges = spec_of(server, pod(name), others)
    theirs, _ = spec_of(server, stored, [])
    for one, other in zip(ours.containers, theirs.containers, strict=True):
        for part in ("requests", "limits"):
            for resource in ("cpu", "memory") if ours.get(("resources", part)) is None else ():
                value = container_amount(one, part, resource, ranges)
                assert quantity.equal(value or 0, other.get(("resources", part, resource), 0)), (
                    one.name,
                    part,
                    resource,
                )
    after = used(server)
    for key in after:
        part, _, resource = key.partition(".")
        counted = quantity.parse(after[key]) - quantity.parse(before[key])
        assert pod_requests(ours, ranges, part=part).get(resource, 0) == counted, key
