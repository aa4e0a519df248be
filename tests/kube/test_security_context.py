from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.object import FieldTypeError, Node
from conformance.kube.path import render
from conformance.kube.podspec import PodSpec, pod_spec
from conformance.kube.security_context import APPARMOR_ANNOTATION, CONTAINER_ONLY, INHERITED, POD_ONLY
from tests.kube.no_file import obj


def spec_of(pod: Any, container: Any, kind: str = "containers", **more: Any) -> PodSpec:
    template = {
        "metadata": {"annotations": more.pop("annotations", None)},
        "spec": {"securityContext": pod, kind: [{"name": "c", "securityContext": container}], **more},
    }
    spec = pod_spec(obj("apps/v1", "Deployment", spec={"template": template}))
    assert spec is not None
    return spec


def effective(field: str, pod: Any, container: Any, **more: Any) -> Node:
    spec = spec_of(pod, container, **more)
    return spec.effective(spec.containers[0], field)


OWN = "spec.template.spec.containers[0].securityContext"
PODS = "spec.template.spec.securityContext"


@pytest.mark.parametrize("field", sorted(INHERITED - {"windowsOptions"}))
def test_inherited_fields_come_from_the_pod_unless_the_container_has_them(field: str) -> None:
    own, pods = {"type": "own"}, {"type": "pods"}
    for pod, container, raw, path in (
        ({field: pods}, None, pods, PODS),
        ({field: pods}, {}, pods, PODS),
        ({field: pods}, {field: None}, pods, PODS),
        ({field: pods}, {field: own}, own, OWN),
        (None, {field: own}, own, OWN),
        ({field: None}, {field: own}, own, OWN),
        (None, None, None, OWN),
        ({}, {}, None, OWN),
    ):
        found = effective(field, pod, container)
        assert found.raw == raw
        assert render(found.path) == f"{path}.{field}"


@pytest.mark.parametrize("field", sorted(CONTAINER_ONLY))
def test_container_fields_are_never_inherited(field: str) -> None:
    found = effective(field, {field: {"drop": ["ALL"]}}, {})
    assert found.raw is None
    assert render(found.path) == f"{OWN}.{field}"
    assert effective(field, None, {field: True}).raw is True


@pytest.mark.parametrize("field", sorted(POD_ONLY))
def test_pod_fields_are_the_pods_alone(field: str) -> None:
    found = effective(field, {field: 1}, {field: 2})
    assert found.raw == 1
    assert render(found.path) == f"{PODS}.{field}"


@pytest.mark.parametrize("kind", ["initContainers", "containers", "ephemeralContainers"])
def test_every_kind_of_container_inherits(kind: str) -> None:
    assert effective("runAsNonRoot", {"runAsNonRoot": True}, None, kind=kind).flag(()) is True


def test_a_container_that_says_false_or_zero_has_said_something() -> None:
    assert effective("runAsNonRoot", {"runAsNonRoot": True}, {"runAsNonRoot": False}).flag(()) is False
    assert effective("runAsUser", {"runAsUser": 1000}, {"runAsUser": 0}).number(()) == 0


def test_a_user_from_the_pod_and_a_group_from_the_container() -> None:
    pod, container = {"runAsUser": 1000, "runAsGroup": 1000}, {"runAsGroup": 2000}
    assert effective("runAsUser", pod, container).raw == 1000
    assert effective("runAsGroup", pod, container).raw == 2000


def test_a_profile_is_inherited_as_a_whole() -> None:
    pod = {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}
    assert effective("seccompProfile.localhostProfile", pod, {"seccompProfile": {"type": "Unconfined"}}).raw is None
    own = effective("seccompProfile.type", pod, {"seccompProfile": {}})
    assert own.raw is None
    assert render(own.path) == f"{OWN}.seccompProfile.type"
    assert effective("seccompProfile.type", pod, None).text(()) == "Localhost"
    assert (
        effective("seLinuxOptions.user", {"seLinuxOptions": {"user": "u"}}, {"seLinuxOptions": {"role": "r"}}).raw
        is None
    )


def test_a_field_below_an_absent_one_is_absent() -> None:
    found = effective("seccompProfile.type", None, None)
    assert found.raw is None
    assert found.text(()) == ""
    assert render(found.path) == f"{OWN}.seccompProfile.type"


def test_windows_options_are_inherited_one_by_one() -> None:
    pod = {"windowsOptions": {"hostProcess": True, "runAsUserName": "pods"}}
    container = {"windowsOptions": {"runAsUserName": "own"}}
    assert effective("windowsOptions", pod, container).raw == {"hostProcess": True, "runAsUserName": "own"}
    assert render(effective("windowsOptions.hostProcess", pod, container).path) == f"{PODS}.windowsOptions.hostProcess"
    assert render(effective("windowsOptions.runAsUserName", pod, container).path).startswith(OWN)
    assert effective("windowsOptions.hostProcess", pod, {"windowsOptions": {"hostProcess": False}}).raw is False
    assert effective("windowsOptions", None, None).raw is None
    assert effective("windowsOptions", pod, None).raw == pod["windowsOptions"]
    assert render(effective("windowsOptions", pod, None).path) == f"{PODS}.windowsOptions"


def test_the_two_gmsa_options_go_together() -> None:
    pod = {"windowsOptions": {"gmsaCredentialSpec": "spec", "gmsaCredentialSpecName": "name", "hostProcess": False}}
    container = {"windowsOptions": {"gmsaCredentialSpecName": "own"}}
    merged = {"gmsaCredentialSpecName": "own", "hostProcess": False}
    assert effective("windowsOptions", pod, container).raw == merged
    assert effective("windowsOptions.gmsaCredentialSpec", pod, container).raw is None


KEY = APPARMOR_ANNOTATION + "c"


@pytest.mark.parametrize(
    ("value", "profile"),
    [
        ("runtime/default", {"type": "RuntimeDefault"}),
        ("unconfined", {"type": "Unconfined"}),
        ("localhost/a/b", {"type": "Localhost", "localhostProfile": "a/b"}),
    ],
)
def test_an_apparmor_annotation_counts_before_the_pods_field(value: str, profile: Any) -> None:
    for pod in (None, {"appArmorProfile": {"type": "Pods"}}):
        found = effective("appArmorProfile", pod, None, annotations={KEY: value})
        assert found.raw == profile
        assert render(found.path) == f"spec.template.metadata.annotations[{KEY}]"


@pytest.mark.parametrize("value", ["", "localhost/", "docker/default", "Unconfined", "runtime/default "])
def test_an_annotation_that_means_no_profile_leaves_the_pods(value: str) -> None:
    found = effective("appArmorProfile.type", {"appArmorProfile": {"type": "Pods"}}, None, annotations={KEY: value})
    assert found.raw == "Pods"


def test_the_containers_apparmor_field_counts_before_its_annotation() -> None:
    own = {"appArmorProfile": {"type": "RuntimeDefault"}}
    assert effective("appArmorProfile.type", None, own, annotations={KEY: "unconfined"}).raw == "RuntimeDefault"


def test_an_annotation_for_another_container_or_another_system_does_not_count() -> None:
    assert effective("appArmorProfile", None, None, annotations={APPARMOR_ANNOTATION + "d": "unconfined"}).raw is None
    windows = effective("appArmorProfile", None, None, annotations={KEY: "unconfined"}, os={"name": "windows"})
    assert windows.raw is None


def test_annotations_of_the_workload_itself_do_not_count() -> None:
    template = {"spec": {"containers": [{"name": "c"}]}}
    owner = obj("apps/v1", "Deployment", metadata={"annotations": {KEY: "unconfined"}}, spec={"template": template})
    spec = pod_spec(owner)
    assert spec is not None
    assert spec.effective(spec.containers[0], "appArmorProfile").raw is None


@pytest.mark.parametrize(
    ("field", "pod", "container", "place"),
    [
        ("runAsUser", "x", None, PODS),
        ("runAsUser", None, ["x"], OWN),
        ("capabilities", None, True, OWN),
        ("seccompProfile.type", {"seccompProfile": "RuntimeDefault"}, None, f"{PODS}.seccompProfile"),
        ("capabilities.drop", None, {"capabilities": ["ALL"]}, f"{OWN}.capabilities"),
        ("windowsOptions", {"windowsOptions": []}, None, f"{PODS}.windowsOptions"),
        ("windowsOptions.hostProcess", None, {"windowsOptions": "x"}, f"{OWN}.windowsOptions"),
    ],
)
def test_wrong_types_name_their_field(field: str, pod: Any, container: Any, place: str) -> None:
    with pytest.raises(FieldTypeError) as caught:
        effective(field, pod, container)
    assert render(caught.value.path) == place


def test_a_quoted_boolean_is_an_error_at_its_place() -> None:
    with pytest.raises(FieldTypeError) as caught:
        effective("runAsNonRoot", {"runAsNonRoot": "true"}, None).flag(())
    assert render(caught.value.path) == f"{PODS}.runAsNonRoot"


@pytest.mark.parametrize("field", ["runAsnonRoot", "hostNetwork", ""])
def test_a_name_that_is_no_security_setting_is_a_mistake_of_the_check(field: str) -> None:
    with pytest.raises(ValueError, match="no field of a security context"):
        effective(field, None, None)


VALUES = st.none() | st.booleans() | st.integers(0, 2)
CONTEXTS = st.none() | st.dictionaries(
    st.sampled_from(["runAsUser", "runAsGroup", "runAsNonRoot", "privileged"]), VALUES
)


@given(CONTEXTS, CONTEXTS)
def test_each_field_is_inherited_by_itself(pod: dict[str, Any] | None, container: dict[str, Any] | None) -> None:
    own, pods = container or {}, pod or {}
    for field in ("runAsUser", "runAsGroup", "runAsNonRoot"):
        expected = own.get(field) if own.get(field) is not None else pods.get(field)
        assert effective(field, pod, container).raw == expected
    assert effective("privileged", pod, container).raw == own.get("privileged")
