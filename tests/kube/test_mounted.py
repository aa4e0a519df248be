"""Which key of which ConfigMap a file inside a container is."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.mounted import File, mounted_file, mounted_text
from conformance.kube.object import Object
from conformance.kube.podspec import Container, pod_spec
from tests.kube.no_file import NoFile

CONF = "/etc/nginx/conf.d/default.conf"
MAP = {"name": "conf", "configMap": {"name": "site"}}


def container(mounts: list[dict[str, Any]], *volumes: dict[str, Any]) -> Container:
    spec = {"containers": [{"name": "web", "volumeMounts": mounts}], "volumes": list(volumes)}
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "blog"}, "spec": spec}
    pod = pod_spec(Object(raw, NoFile()))
    assert pod is not None
    return pod.containers[0]


def key(found: File | None) -> tuple[str, str, str] | None:
    return (found.kind, found.name, found.key) if found is not None else None


@pytest.mark.parametrize(
    ("mount", "volume", "expected"),
    [
        ({"mountPath": "/etc/nginx/conf.d"}, MAP, ("ConfigMap", "site", "default.conf")),
        ({"mountPath": "/etc/nginx/conf.d/"}, MAP, ("ConfigMap", "site", "default.conf")),
        ({"mountPath": CONF, "subPath": "blog.conf"}, MAP, ("ConfigMap", "site", "blog.conf")),
        ({"mountPath": "/etc/nginx"}, MAP, None),
        ({"mountPath": "/etc/nginx/conf"}, MAP, None),
        (
            {"mountPath": "/etc/nginx"},
            {"name": "conf", "configMap": {"name": "site", "items": [{"key": "a", "path": "conf.d/default.conf"}]}},
            ("ConfigMap", "site", "a"),
        ),
        (
            {"mountPath": "/etc/nginx/conf.d"},
            {"name": "conf", "configMap": {"name": "site", "items": [{"key": "a", "path": "other.conf"}]}},
            None,
        ),
        (
            {"mountPath": "/etc/nginx/conf.d"},
            {"name": "conf", "secret": {"secretName": "site"}},
            ("Secret", "site", "default.conf"),
        ),
        ({"mountPath": "/etc/nginx/conf.d"}, {"name": "conf", "emptyDir": {}}, None),
    ],
)
def test_the_key_behind_a_file(mount: dict[str, Any], volume: dict[str, Any], expected: Any) -> None:
    assert key(mounted_file(container([{"name": "conf", **mount}], volume), CONF)) == expected


def test_the_longest_mount_hides_the_others() -> None:
    mounts = [{"name": "conf", "mountPath": "/etc/nginx/conf.d"}, {"name": "empty", "mountPath": CONF}]
    assert mounted_file(container(mounts, MAP, {"name": "empty", "emptyDir": {}}), CONF) is None


def test_of_projected_sources_the_later_one_wins() -> None:
    sources = [{"configMap": {"name": "old"}}, {"configMap": {"name": "new", "optional": True}}]
    found = mounted_file(
        container(
            [{"name": "conf", "mountPath": "/etc/nginx/conf.d"}], {"name": "conf", "projected": {"sources": sources}}
        ),
        CONF,
    )
    assert key(found) == ("ConfigMap", "new", "default.conf")
    assert found is not None
    assert found.optional


def test_the_text_comes_from_the_same_namespace() -> None:
    one = container([{"name": "conf", "mountPath": "/etc/nginx/conf.d"}], MAP)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"default.conf": "server {}"}}
    here = Object({**config, "metadata": {"name": "site", "namespace": "blog"}}, NoFile())
    there = Object({**config, "metadata": {"name": "site", "namespace": "other"}}, NoFile())
    assert mounted_text(one, CONF, Inventory([here])) == "server {}"
    assert mounted_text(one, CONF, Inventory([there])) is None
