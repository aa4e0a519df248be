from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kube.coverage import Coverage, coverage
from conformance.kube.object import FieldTypeError
from conformance.kube.path import render
from conformance.kube.podspec import PodSpec, pod_spec
from tests.kube.no_file import obj


def pod(mounts: Any, volumes: Any = None, claims: Any = None, context: Any = None, **more: Any) -> PodSpec:
    container = {"name": "c", "volumeMounts": mounts, "securityContext": context}
    template = {"spec": {"containers": [container], "volumes": volumes, **more}}
    found = pod_spec(obj("apps/v1", "StatefulSet", spec={"template": template, "volumeClaimTemplates": claims}))
    assert found is not None
    return found


def covered(path: str, mounts: Any, volumes: Any = None, lookup: Any = None, **more: Any) -> Coverage:
    return coverage(pod(mounts, volumes, **more).containers[0], path, lookup)


DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}


def test_the_place_in_the_volume_follows_the_sub_path() -> None:
    mounts = [{"name": "data", "mountPath": "/var/lib", "subPath": "lib"}, {"name": "data", "mountPath": "/var/lib/db"}]
    found = covered("/var/lib/mysql/x", mounts, [DATA])
    assert (found.inside, found.lasts, found.read_only) == ("lib/mysql/x", "claim", False)
    assert found.mount is not None
    assert render(found.mount.path) == "spec.template.spec.containers[0].volumeMounts[0]"
    assert covered("/var/lib/db", mounts, [DATA]).inside == ""
    assert covered("/var/lib/db/../mysql", mounts, [DATA]).inside == "lib/mysql"


def test_mounts_below_a_path_hide_what_the_volume_has_there() -> None:
    mounts = [{"name": "data", "mountPath": at} for at in ("/var", "/var/lib/db", "/variety", "/var/lib/")]
    nested = covered("/var/lib", mounts, [DATA]).nested
    assert [each.text("mountPath") for each in nested] == ["/var/lib/db"]
    below = covered("/var", mounts, [DATA]).nested
    assert [each.text("mountPath") for each in below] == ["/var/lib/db", "/var/lib/"]
    assert [each.text("mountPath") for each in covered("/", mounts, [DATA]).nested] == [
        at["mountPath"] for at in mounts
    ]


@pytest.mark.parametrize(
    ("volume", "mount", "read_only", "lasts"),
    [
        ({"persistentVolumeClaim": {"claimName": "x"}}, {}, False, "claim"),
        ({"persistentVolumeClaim": {"claimName": "x"}}, {"readOnly": True}, True, "-"),
        ({"persistentVolumeClaim": {"claimName": "x", "readOnly": True}}, {}, True, "-"),
        ({"configMap": {"name": "x"}}, {"readOnly": False}, True, "-"),
        ({"secret": {"secretName": "x"}}, {}, True, "-"),
        ({"projected": {"sources": []}}, {}, True, "-"),
        ({"emptyDir": {}}, {}, False, "pod"),
        ({}, {}, False, "pod"),
        ({"ephemeral": {"volumeClaimTemplate": {}}}, {}, False, "pod"),
        ({"hostPath": {"path": "/data"}}, {}, False, "node"),
        ({"nfs": {"server": "s", "path": "/"}}, {}, False, "volume"),
        ({"nfs": {"server": "s", "path": "/", "readOnly": True}}, {}, True, "-"),
    ],
)
def test_what_can_be_written_and_how_long_it_lasts(volume: Any, mount: Any, read_only: bool, lasts: str) -> None:
    found = covered("/data/x", [{"name": "v", "mountPath": "/data", **mount}], [{"name": "v", **volume}])
    assert (found.read_only, found.lasts) == (read_only, lasts)


def test_a_claim_template_is_a_claim() -> None:
    claims = [{"metadata": {"name": "data"}}]
    found = covered(
        "/data", [{"name": "data", "mountPath": "/data"}], [{"name": "data", "emptyDir": {}}], claims=claims
    )
    assert found.lasts == "claim"


def test_without_a_mount_it_is_the_containers_own_layer() -> None:
    assert covered("/data", []) == Coverage(None)
    assert covered("/data", []).lasts == "container"
    assert covered("/data", [], context={"readOnlyRootFilesystem": True}).lasts == "-"


def test_a_sub_path_expression_needs_the_environment() -> None:
    mounts = [{"name": "data", "mountPath": "/logs", "subPathExpr": "$(POD)/$$x"}]
    assert covered("/logs/a", mounts, [DATA]).inside is None
    assert covered("/logs/a", mounts, [DATA], {"POD": "web-0"}.get).inside == "web-0/$x/a"


def test_a_mount_of_no_volume_lasts_no_longer_than_the_pod() -> None:
    found = covered("/data", [{"name": "gone", "mountPath": "/data"}])
    assert (found.volume, found.lasts) == (None, "pod")


def test_wrong_types_name_their_field() -> None:
    with pytest.raises(FieldTypeError) as caught:
        covered("/data", [{"name": "data", "mountPath": "/data", "readOnly": "yes"}], [DATA])
    assert render(caught.value.path) == "spec.template.spec.containers[0].volumeMounts[0].readOnly"


PARTS = st.lists(st.sampled_from(["a", "b"]), max_size=3)


@settings(deadline=None)
@given(PARTS, st.lists(st.tuples(PARTS, PARTS), max_size=4, unique_by=lambda each: tuple(each[0])))
def test_a_path_is_found_where_mounting_one_after_the_other_puts_it(target: list[str], mounts: Any) -> None:
    """Oracle: a tree of directories, over which mounts are laid from the shortest path to the longest."""
    where = ("layer", tuple(target))
    for parts, sub in sorted(mounts, key=lambda each: len(each[0])):
        if target[: len(parts)] == parts:
            where = ("data", (*sub, *target[len(parts) :]))
    written = [{"name": "data", "mountPath": "/" + "/".join(at), "subPath": "/".join(sub)} for at, sub in mounts]
    found = covered("/" + "/".join(target), written, [DATA])
    assert (found.mount is None) == (where[0] == "layer")
    assert found.mount is None or found.inside == "/".join(where[1])
