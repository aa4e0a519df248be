"""One container of a workload: by image wherever it stands, else by name."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.choosing import chosen, place_of, pods_of, runs_image
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container, PodSpec, pod_spec
from tests.kube.no_file import NoFile


def workload(kind: str = "Deployment", **spec: Any) -> Object:
    group = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    raw = {"apiVersion": group, "kind": kind, "metadata": {"name": "web", "namespace": "blog"}, "spec": spec}
    return Object(raw, NoFile())


def pods(*containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> PodSpec:
    template = {"spec": {"initContainers": list(init), "containers": list(containers)}}
    found = pod_spec(workload(template=template))
    assert found is not None
    return found


PROXY = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.24.1", "restartPolicy": "Always"}
WEB = {"name": "nginx", "image": "ghcr.io/wlals2/blog-web:v84"}


def names(found: list[Container]) -> list[str]:
    return [each.name for each in found]


def test_the_image_decides_wherever_the_container_stands() -> None:
    pod = pods({"name": "web", "image": "busybox:1.36"}, WEB, init=(PROXY,))
    assert names(chosen(pod, "web", "ghcr.io/wlals2/blog-web")) == ["nginx"]


def test_without_the_image_the_name_decides() -> None:
    pod = pods({"name": "web", "image": "registry.local/blog-web:v84"}, PROXY)
    assert names(chosen(pod, "web", "ghcr.io/wlals2/blog-web")) == ["web"]
    assert chosen(pod, "nginx", "ghcr.io/wlals2/blog-web") == []


def test_a_native_sidecar_is_an_ordinary_container_and_no_init_container() -> None:
    pod = pods(WEB, init=(PROXY, {"name": "once", "image": "busybox:1.36"}))
    assert names(chosen(pod, "*")) == ["istio-proxy", "nginx"]
    assert names(chosen(pod, "once", kind="initContainer")) == ["once"]
    assert names(chosen(pod, "*", "docker.io/istio/proxyv2")) == ["istio-proxy"]


@pytest.mark.parametrize(
    ("image", "name", "same"),
    [
        ("mysql:8.0", "docker.io/library/mysql", True),
        ("docker.io/library/mysql@sha256:" + "a" * 64, "mysql", True),
        ("ghcr.io/wlals2/blog-web", "*/blog-web", True),
        ("ghcr.io/wlals2/blog-webhook:v1", "ghcr.io/wlals2/blog-web", False),
        ("registry.local:5000/mysql", "mysql", False),
        ("Not An Image", "mysql", False),
        ("", "mysql", False),
    ],
)
def test_names_of_images(image: str, name: str, same: bool) -> None:
    (container,) = pods({"name": "any", "image": image}).containers
    assert runs_image(container, name) is same


def test_a_rollout_has_the_pods_of_the_workload_that_it_refers_to() -> None:
    rollout = workload("Rollout", workloadRef={"kind": "Deployment", "name": "web"})
    deployment = workload(template={"spec": {"containers": [WEB]}})
    world = Inventory([rollout, deployment])
    found = pods_of(rollout, world)
    assert found is not None
    assert found.owner is deployment
    assert place_of(rollout, world) == (deployment, ("spec", "template", "spec", "containers"))
    assert place_of(rollout, Inventory([rollout])) == (rollout, ("spec",))
