from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.mounts import Mount
from conformance.kube.object import FieldTypeError
from conformance.kube.path import render
from conformance.kube.podspec import PodSpec, pod_spec
from tests.kube.no_file import obj


def spec_of(mounts: Any, volumes: Any = None, kind: str = "StatefulSet", claims: Any = None, **more: Any) -> PodSpec:
    template = {"spec": {"containers": [{"name": "c", "volumeMounts": mounts}], "volumes": volumes, **more}}
    spec = {"template": template, "volumeClaimTemplates": claims}
    found = pod_spec(obj("apps/v1", kind, spec=spec))
    assert found is not None
    return found


def covering(path: str, *mount_paths: Any, **more: Any) -> Mount | None:
    spec = spec_of([{"name": f"v{i}", "mountPath": at} for i, at in enumerate(mount_paths)], **more)
    return spec.covering_mount(spec.containers[0], path)


def index(found: Mount | None) -> Any:
    return None if found is None else found.path[-1]


@pytest.mark.parametrize(
    ("path", "mount_paths", "expected"),
    [
        ("/var/lib/data", ["/var/lib/data"], 0),
        ("/var/lib/data/wal", ["/var/lib/data"], 0),
        ("/var/lib/data", ["/var/lib/data/"], 0),
        ("/var/lib/data/", ["/var/lib/data"], 0),
        ("/var/lib/database", ["/var/lib/data"], None),
        ("/var/lib", ["/var/lib/data"], None),
        ("/var/lib/data", ["/var", "/var/lib/data", "/var/lib"], 1),
        ("/var/lib/data", ["/"], 0),
        ("/var/lib/data", ["/", "/var"], 1),
        ("/var/lib/data", [], None),
        ("/data", ["data"], 0),
        ("/a/b", ["/a//b"], 0),
        ("/a/b", ["//a/b"], 0),
        ("/a/b", ["/a/x/../b"], 0),
        ("/a/b", ["/a/./b/."], 0),
        ("/a/../data/x", ["/data"], 0),
        ("/Data", ["/data"], None),
        ("/data", [""], None),
        ("/data", [None], None),
        ("/data", ["/data", "/data/"], 1),
        ("C:\\data", ["C:\\"], None),
    ],
)
def test_the_longest_mount_path_covers(path: str, mount_paths: list[Any], expected: int | None) -> None:
    assert index(covering(path, *mount_paths)) == expected


@pytest.mark.parametrize(
    ("path", "mount_path", "covers"),
    [
        ("C:\\data\\x", "c:\\DATA", True),
        ("C:\\data\\x", "C:/data", True),
        ("C:\\data", "\\data", True),
        ("C:\\data", "data", True),
        ("D:\\data", "C:\\data", False),
        ("C:\\database", "C:\\data", False),
        ("D:\\data", "D:\\", True),
    ],
)
@pytest.mark.parametrize("how", [{"os": {"name": "windows"}}, {"nodeSelector": {"kubernetes.io/os": "windows"}}])
def test_windows_paths(path: str, mount_path: str, covers: bool, how: Any) -> None:
    assert (covering(path, mount_path, **how) is not None) is covers


def test_a_sub_path_covers_like_any_other_mount() -> None:
    mounts = [
        {"name": "v", "mountPath": "/etc/app", "subPath": "conf"},
        {"name": "v", "mountPath": "/etc/app/app.yaml", "subPath": "app.yaml"},
    ]
    spec = spec_of(mounts)
    assert index(spec.covering_mount(spec.containers[0], "/etc/app/app.yaml")) == 1
    assert index(spec.covering_mount(spec.containers[0], "/etc/app/other.yaml")) == 0


@pytest.mark.parametrize(
    ("volume", "source"),
    [
        ({"name": "v", "persistentVolumeClaim": {"claimName": "data"}}, "persistentVolumeClaim"),
        ({"name": "v", "hostPath": {"path": "/data"}}, "hostPath"),
        ({"hostPath": {"path": "/data"}, "name": "v"}, "hostPath"),
        ({"name": "v", "ephemeral": {"volumeClaimTemplate": {}}}, "ephemeral"),
        ({"name": "v", "emptyDir": {}}, "emptyDir"),
        ({"name": "v"}, "emptyDir"),
        ({"name": "v", "persistentVolumeClaim": None}, "emptyDir"),
        ({"name": "v", "emptyDir": None, "configMap": {"name": "x"}}, "configMap"),
    ],
)
def test_what_is_behind_a_volume(volume: dict[str, Any], source: str) -> None:
    assert spec_of([], [volume]).volumes["v"].source == source


def test_the_claim_of_a_volume() -> None:
    volumes = spec_of(
        [],
        [{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "b", "emptyDir": {}}],
        claims=[{"metadata": {"name": "c"}}],
    ).volumes
    assert {name: volume.claim for name, volume in volumes.items()} == {"a": "data", "b": "", "c": ""}


def test_a_claim_template_takes_the_place_of_a_volume() -> None:
    spec = spec_of(
        [{"name": "data", "mountPath": "/data"}],
        [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        claims=[{"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}],
    )
    mount = spec.covering_mount(spec.containers[0], "/data/db")
    assert mount is not None
    assert mount.volume is not None
    assert mount.volume.claim_template
    assert mount.volume.source == "volumeClaimTemplates"
    assert render(mount.volume.path) == "spec.volumeClaimTemplates[0]"
    assert mount.volume.text("spec.storageClassName") == "fast"
    assert render(mount.path) == "spec.template.spec.containers[0].volumeMounts[0]"
    assert render(spec.volumes["tmp"].path) == "spec.template.spec.volumes[1]"


def test_only_kinds_that_have_claim_templates_read_them() -> None:
    spec = spec_of(
        [{"name": "data", "mountPath": "/data"}],
        [{"name": "data"}],
        kind="Deployment",
        claims=[{"metadata": {"name": "data"}}],
    )
    mount = spec.covering_mount(spec.containers[0], "/data")
    assert mount is not None
    assert mount.volume is not None
    assert mount.volume.source == "emptyDir"


def test_a_mount_without_its_volume_covers_and_has_none() -> None:
    mount = covering("/data", "/data")
    assert mount is not None
    assert mount.volume is None


def test_mounts_of_each_container_are_its_own() -> None:
    spec = spec_of([{"name": "v", "mountPath": "/data"}], initContainers=[{"name": "i"}])
    assert [c.name for c in spec.containers] == ["i", "c"]
    assert spec.covering_mount(spec.containers[0], "/data") is None
    assert [m.text("mountPath") for m in spec.containers[1].mounts] == ["/data"]


@pytest.mark.parametrize(
    ("mounts", "volumes", "claims", "field"),
    [
        ("x", None, None, "spec.template.spec.containers[0].volumeMounts"),
        ([["x"]], None, None, "spec.template.spec.containers[0].volumeMounts[0]"),
        ([{"name": "v", "mountPath": 1}], None, None, "spec.template.spec.containers[0].volumeMounts[0].mountPath"),
        ([], {"name": "v"}, None, "spec.template.spec.volumes"),
        ([], [{"name": 1}], None, "spec.template.spec.volumes[0].name"),
        ([], None, {"metadata": {}}, "spec.volumeClaimTemplates"),
        ([], None, [{"metadata": "x"}], "spec.volumeClaimTemplates[0].metadata"),
    ],
)
def test_wrong_types_name_their_field(mounts: Any, volumes: Any, claims: Any, field: str) -> None:
    spec = spec_of(mounts, volumes, claims=claims)
    with pytest.raises(FieldTypeError) as caught:
        spec.covering_mount(spec.containers[0], "/data")
    assert render(caught.value.path) == field


PARTS = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4)


@given(PARTS, st.lists(PARTS, max_size=4))
def test_a_mount_covers_exactly_what_is_below_it(target: list[str], mounts: list[list[str]]) -> None:
    found = covering("/" + "/".join(target), *("/" + "/".join(parts) for parts in mounts))
    fitting = [parts for parts in mounts if target[: len(parts)] == parts]
    assert (found is None) == (not fitting)
    if found is not None:
        assert len(mounts[index(found)]) == max(len(parts) for parts in fitting)
