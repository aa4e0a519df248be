from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.effective import Setting, image_parts, kind, settings
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import render
from tests.kube.no_file import NoFile


def world(spec: Any, *others: Object, annotations: Any = None) -> Inventory:
    metadata = {"name": "web", "namespace": "shop"}
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    raw = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}
    return Inventory([Object(raw, NoFile()), *others])


def found(
    own: Any = None, pods: Any = None, more: Any = None, annotations: Any = None, **spec: Any
) -> dict[str, Setting]:
    container = {"name": "c", "image": "web:1", "securityContext": own, **(more or {})}
    inventory = world({"containers": [container], "securityContext": pods, **spec}, annotations=annotations)
    (pod,) = inventory.pods()
    return settings(pod.containers[0], inventory)


def words(name: str, *arguments: Any, **more: Any) -> tuple[str, str]:
    setting = found(*arguments, **more)[name]
    return setting.words, render(setting.path).removeprefix("spec.template.spec.")


OWN, PODS = "containers[0].securityContext", "securityContext"


@pytest.mark.parametrize(
    ("own", "pods", "user", "non_root", "where"),
    [
        (None, None, "of the image", "unknown", f"{OWN}.runAsNonRoot"),
        ({"runAsUser": 0}, {"runAsUser": 1000}, "0", "no", f"{OWN}.runAsUser"),
        (None, {"runAsUser": 1000}, "1000", "yes", f"{PODS}.runAsUser"),
        ({"runAsNonRoot": False}, {"runAsUser": 1000}, "1000", "yes", f"{PODS}.runAsUser"),
        (None, {"runAsNonRoot": True}, "of the image", "yes", f"{PODS}.runAsNonRoot"),
        ({"runAsNonRoot": False}, {"runAsNonRoot": True}, "of the image", "unknown", f"{OWN}.runAsNonRoot"),
        ({"runAsUser": 0, "runAsNonRoot": True}, None, "0", "no", f"{OWN}.runAsUser"),
    ],
)
def test_the_user(own: Any, pods: Any, user: str, non_root: str, where: str) -> None:
    assert words("user", own, pods)[0] == user
    assert words("non-root", own, pods) == (non_root, where)


def test_a_contradiction_is_told() -> None:
    assert "refuses" in found({"runAsUser": 0, "runAsNonRoot": True})["non-root"].note


@pytest.mark.parametrize(
    ("options", "user", "non_root", "field"),
    [
        ({}, "of the image", "unknown", "runAsUserName"),
        ({"runAsUserName": "ContainerAdministrator"}, "ContainerAdministrator", "no", "runAsUserName"),
        ({"runAsUserName": "ContainerUser"}, "ContainerUser", "yes", "runAsUserName"),
        (
            {"runAsUserName": "NT AUTHORITY\\Local service", "hostProcess": True},
            "NT AUTHORITY\\Local service",
            "no",
            "hostProcess",
        ),
    ],
)
def test_windows(options: Any, user: str, non_root: str, field: str) -> None:
    arguments = {"pods": {"windowsOptions": options, "runAsUser": 0}, "os": {"name": "windows"}}
    assert words("user", **arguments)[0] == user
    assert words("non-root", **arguments)[0] == non_root
    assert words("non-root", **arguments)[1].endswith(f"windowsOptions.{field}")
    assert (words("host", **arguments)[0] == "process") == ("hostProcess" in options)


@pytest.mark.parametrize(
    ("own", "escalation", "capabilities", "seccomp"),
    [
        (None, "yes", "default", "unset"),
        ({"allowPrivilegeEscalation": False}, "no", "default", "unset"),
        (
            {"allowPrivilegeEscalation": False, "privileged": True, "capabilities": {"drop": ["ALL"]}},
            "yes",
            "all",
            "Unconfined",
        ),
        ({"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}, "yes", "+SYS_ADMIN", "unset"),
        ({"capabilities": {"drop": ["all"], "add": ["NET_BIND_SERVICE"]}}, "yes", "-ALL +NET_BIND_SERVICE", "unset"),
        ({"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}, "yes", "default", "Localhost:a.json"),
    ],
)
def test_what_it_may_do(own: Any, escalation: str, capabilities: str, seccomp: str) -> None:
    shown = found(own)
    assert [shown[name].words for name in ("escalation", "capabilities", "seccomp")] == [
        escalation,
        capabilities,
        seccomp,
    ]


def test_app_armor_stands_in_a_field_or_an_annotation() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/c"
    assert words("apparmor", None, {"appArmorProfile": {"type": "RuntimeDefault"}})[0] == "RuntimeDefault"
    setting = found(None, {"appArmorProfile": {"type": "RuntimeDefault"}}, annotations={key: "unconfined"})["apparmor"]
    assert setting.words == "Unconfined"
    assert setting.path == ("spec", "template", "metadata", "annotations", key)
    assert found()["apparmor"].words == "unset"


def test_what_of_the_node_is_shared() -> None:
    volumes = [{"name": "v", "hostPath": {"path": "/var/run"}}, {"name": "unused", "hostPath": {"path": "/"}}]
    more = {"ports": [{"containerPort": 1, "hostPort": 8080}], "volumeMounts": [{"name": "v", "mountPath": "/x"}]}
    assert words("host", more=more, volumes=volumes, hostPID=True) == ("pid, port 8080, path /var/run", "hostPID")
    nothing = found()["host"]
    assert (nothing.words, render(nothing.path), nothing.written) == ("no", "spec.template.spec.hostNetwork", False)


def test_the_token() -> None:
    def account(value: Any) -> Object:
        metadata = {"name": "web", "namespace": "shop"}
        raw = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": value,
        }
        return Object(raw, NoFile())

    def token(account_says: Any = None, **spec: Any) -> tuple[str, str, str]:
        inventory = world({"containers": [{"name": "c"}], "serviceAccount": "web", **spec}, account(account_says))
        setting = settings(next(iter(inventory.pods())).containers[0], inventory)["token"]
        return setting.words, setting.subject.kind, render(setting.path)

    in_pod = "spec.template.spec.automountServiceAccountToken"
    assert token() == ("web", "Deployment", in_pod)
    assert token(False) == ("no", "ServiceAccount", "automountServiceAccountToken")
    assert token(False, automountServiceAccountToken=True) == ("web", "Deployment", in_pod)
    assert token(True, automountServiceAccountToken=False) == ("no", "Deployment", in_pod)
    sources = [{"serviceAccountToken": {"path": "t"}}, {"serviceAccountToken": {"path": "v", "audience": "vault"}}]
    volumes = [{"name": "t", "projected": {"sources": sources}}]
    assert token(False, volumes=volumes) == (
        "web",
        "Deployment",
        "spec.template.spec.volumes[0].projected.sources[0].serviceAccountToken",
    )
    assert token(volumes=volumes) == ("web", "Deployment", in_pod)
    assert token(False, volumes=[{"name": "t", "projected": {"sources": sources[1:]}}])[0] == "no"


def test_image_parts() -> None:
    inventory = world({"containers": [{"name": "a", "image": "redis"}, {"name": "b", "image": "A:b:c"}]})
    (pod,) = inventory.pods()
    whole, broken = (image_parts(each) for each in pod.containers)
    assert whole == {
        "registry": "docker.io",
        "repository": "library/redis",
        "tag": "latest",
        "digest": None,
        "error": "",
    }
    assert "not an image reference" in broken["error"]


def test_kinds_of_containers() -> None:
    spec = {
        "initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}],
        "containers": [{"name": "c", "restartPolicy": "Always"}],
        "ephemeralContainers": [{"name": "e"}],
    }
    (pod,) = world(spec).pods()
    assert [kind(each) for each in pod.containers] == ["init", "sidecar", "container", "ephemeral"]


def test_wrong_types_name_their_field() -> None:
    with pytest.raises(FieldTypeError) as caught:
        found({"runAsUser": "1000"})
    assert render(caught.value.path).endswith("containers[0].securityContext.runAsUser")
