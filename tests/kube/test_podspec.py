from typing import Any

import pytest

from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import render
from conformance.kube.podspec import PodSpec, pod_spec
from tests.kube.no_file import obj


def found(thing: Object) -> PodSpec:
    spec = pod_spec(thing)
    assert spec is not None
    return spec


TEMPLATE = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
    "spec": {"containers": [{"name": "c"}]},
}
DEPLOYMENT = obj("apps/v1", "Deployment", spec={"template": TEMPLATE})


@pytest.mark.parametrize(
    ("thing", "path"),
    [
        (obj("v1", "Pod", spec=TEMPLATE["spec"], metadata=TEMPLATE["metadata"]), "spec"),
        (obj("v1", "PodTemplate", template=TEMPLATE), "template.spec"),
        (obj("v1", "ReplicationController", spec={"template": TEMPLATE}), "spec.template.spec"),
        (DEPLOYMENT, "spec.template.spec"),
        (obj("apps/v1beta2", "Deployment", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("extensions/v1beta1", "Deployment", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("apps/v1", "StatefulSet", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("apps/v1", "DaemonSet", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("apps/v1", "ReplicaSet", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("batch/v1", "Job", spec={"template": TEMPLATE}), "spec.template.spec"),
        (
            obj("batch/v1", "CronJob", spec={"jobTemplate": {"spec": {"template": TEMPLATE}}}),
            "spec.jobTemplate.spec.template.spec",
        ),
        (obj("argoproj.io/v1alpha1", "Rollout", spec={"template": TEMPLATE}), "spec.template.spec"),
        (
            obj("argoproj.io/v1alpha1", "Rollout", spec={"template": TEMPLATE, "workloadRef": None}),
            "spec.template.spec",
        ),
        (obj("apps.openshift.io/v1", "DeploymentConfig", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("serving.knative.dev/v1", "Service", spec={"template": TEMPLATE}), "spec.template.spec"),
        (obj("serving.knative.dev/v1", "Revision", spec=TEMPLATE["spec"], metadata=TEMPLATE["metadata"]), "spec"),
        (obj("apps.kruise.io/v1alpha1", "CloneSet", spec={"template": TEMPLATE}), "spec.template.spec"),
        (
            obj(
                "apps.kruise.io/v1alpha1",
                "AdvancedCronJob",
                spec={"template": {"broadcastJobTemplate": {"spec": {"template": TEMPLATE}}}},
            ),
            "spec.template.broadcastJobTemplate.spec.template.spec",
        ),
    ],
    ids=lambda each: f"{each.api_version}-{each.kind}" if isinstance(each, Object) else None,
)
def test_where_pod_specs_live(thing: Object, path: str) -> None:
    spec = found(thing)
    assert render(spec.path) == path
    assert spec.raw == thing.get(spec.path)
    assert spec.owner is thing
    assert [c.name for c in spec.containers] == ["c"]
    assert render(spec.containers[0].path) == f"{path}.containers[0]"
    assert spec.labels == {"app": "web"}
    assert spec.annotations == {"a": "b"}


@pytest.mark.parametrize(
    "thing",
    [
        obj("batch.volcano.sh/v1alpha1", "Job", spec={"template": TEMPLATE}),
        obj("example.com/v1", "Deployment", spec={"template": TEMPLATE}),
        obj("example.com/v1", "Pod", spec=TEMPLATE["spec"]),
        obj("v1", "Deployment", spec={"template": TEMPLATE}),
        obj("core/v1", "Pod", spec=TEMPLATE["spec"]),
        obj("rollouts.kruise.io/v1beta1", "Rollout", spec={"template": TEMPLATE}),
        obj("v1", "Service", spec={"template": TEMPLATE}),
        obj("v1", "ConfigMap", data={"spec": "x"}),
        obj("apps/v1", "Deployment"),
        obj("apps/v1", "Deployment", spec=None),
        obj("apps/v1", "Deployment", spec={"template": None}),
        obj("apps/v1", "Deployment", spec={"template": {"spec": None}}),
        obj("v1", "ReplicationController", spec={"replicas": 1}),
        obj("argoproj.io/v1alpha1", "Rollout", spec={"workloadRef": {"kind": "Deployment", "name": "x"}}),
        obj("argoproj.io/v1alpha1", "Rollout", spec={"workloadRef": {"name": "x"}, "template": TEMPLATE}),
    ],
    ids=repr,
)
def test_what_has_no_pod_spec(thing: Object) -> None:
    assert pod_spec(thing) is None


def test_labels_are_those_of_the_template() -> None:
    thing = obj("apps/v1", "Deployment", spec={"template": TEMPLATE})
    thing.raw["metadata"]["labels"] = {"app": "other"}
    assert found(thing).labels == {"app": "web"}


def test_absent_labels_are_empty_and_null_is_the_empty_value() -> None:
    assert found(obj("v1", "Pod", spec={})).labels == {}
    assert found(obj("v1", "Pod", metadata={"labels": {"app": None, "x": "y"}}, spec={})).labels == {
        "app": "",
        "x": "y",
    }


def test_containers_of_every_kind_in_order() -> None:
    spec = found(
        obj(
            "v1",
            "Pod",
            spec={
                "ephemeralContainers": [{"name": "debug"}],
                "containers": [{"name": "app"}, {"name": "helper"}],
                "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
            },
        )
    )
    assert [(c.name, c.kind, c.sidecar, render(c.path)) for c in spec.containers] == [
        ("setup", "initContainer", False, "spec.initContainers[0]"),
        ("proxy", "initContainer", True, "spec.initContainers[1]"),
        ("app", "container", False, "spec.containers[0]"),
        ("helper", "container", False, "spec.containers[1]"),
        ("debug", "ephemeralContainer", False, "spec.ephemeralContainers[0]"),
    ]
    assert all(c.pod is spec for c in spec.containers)
    assert spec.containers is spec.containers


@pytest.mark.parametrize(
    ("field", "policy", "sidecar"),
    [
        ("initContainers", "Always", True),
        ("initContainers", "always", False),
        ("initContainers", "OnFailure", False),
        ("initContainers", None, False),
        ("containers", "Always", False),
        ("ephemeralContainers", "Always", False),
    ],
)
def test_only_an_init_container_that_always_restarts_is_a_sidecar(field: str, policy: str, sidecar: bool) -> None:
    spec = found(obj("v1", "Pod", spec={"restartPolicy": "Always", field: [{"name": "c", "restartPolicy": policy}]}))
    assert spec.containers[0].sidecar is sidecar


def test_null_lists_are_absent() -> None:
    spec = found(obj("v1", "Pod", spec={"initContainers": None, "containers": [{"name": "c"}], "volumes": None}))
    assert [c.name for c in spec.containers] == ["c"]
    assert spec.volumes == {}


@pytest.mark.parametrize(("os", "name"), [(None, ""), ({}, ""), ({"name": "windows"}, "windows")])
def test_the_operating_system(os: Any, name: str) -> None:
    assert found(obj("v1", "Pod", spec={"os": os})).os == name


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (obj("v1", "Pod", spec="none"), "spec"),
        (obj("v1", "Pod", spec=[]), "spec"),
        (obj("apps/v1", "Deployment", spec=["template"]), "spec"),
        (obj("apps/v1", "Deployment", spec={"template": "web"}), "spec.template"),
        (obj("apps/v1", "Deployment", spec={"template": {"spec": 1}}), "spec.template.spec"),
        (obj("argoproj.io/v1alpha1", "Rollout", spec=False), "spec"),
        (obj("v1", "Pod", spec={"containers": {"name": "c"}}), "spec.containers"),
        (obj("v1", "Pod", spec={"containers": "c"}), "spec.containers"),
    ],
)
def test_wrong_types_are_told_by_the_accessors_and_not_before(thing: Object, field: str) -> None:
    spec = found(thing)
    with pytest.raises(FieldTypeError) as caught:
        _ = spec.containers
    assert render(caught.value.path) == field


def test_a_broken_template_does_not_lend_the_labels_of_its_owner() -> None:
    thing = obj("apps/v1", "Deployment", spec=["x"], metadata={"labels": {"app": "web"}})
    with pytest.raises(FieldTypeError):
        _ = found(thing).labels


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"version": 1}}, "spec.template.metadata.labels.version"),
        ({"labels": {"ok": "", "on": True}}, "spec.template.metadata.labels.on"),
        ({"labels": ["app"]}, "spec.template.metadata.labels"),
        ("x", "spec.template.metadata"),
    ],
)
def test_labels_of_a_wrong_type(metadata: Any, field: str) -> None:
    thing = obj("apps/v1", "Deployment", spec={"template": {"metadata": metadata, "spec": {}}})
    with pytest.raises(FieldTypeError) as caught:
        _ = found(thing).labels
    assert render(caught.value.path) == field


@pytest.mark.parametrize("container", ["nginx", 1, ["nginx"]])
def test_a_container_of_a_wrong_type(container: Any) -> None:
    spec = found(obj("v1", "Pod", spec={"containers": [{"name": "c"}, container]}))
    with pytest.raises(FieldTypeError) as caught:
        _ = spec.containers[1].name
    assert render(caught.value.path) == "spec.containers[1]"


def test_a_null_container_is_an_empty_one() -> None:
    spec = found(obj("v1", "Pod", spec={"containers": [None]}))
    assert spec.containers[0].name == ""
    assert spec.containers[0].security_context.raw == {}
