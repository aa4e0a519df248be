"""Components of a platform, found by what they run: version, copies, amounts."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube import image
from conformance.kube.object import Object
from conformance.kube.podspec import Container, pod_spec
from conformance.kube.versions import minor_of

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@check
def test_component(
    workloads: list[Object],
    *,
    image_name: str,
    version: str,
    kinds: list[str] = [],  # noqa: B006
    replicas: int | None = None,
    requests: dict[str, str] = {},  # noqa: B006
    limits: dict[str, str] = {},  # noqa: B006
    everywhere: bool = False,
) -> Iterator[Said]:
    """Some workload runs this component: of this minor version, in so many copies, with these amounts.

    It is found by the repository of its image, whatever its name is and whatever runs beside it. With `everywhere` it
    tolerates the taint of the control plane, which kubeadm sets: a DaemonSet does not go there by itself.
    """
    found = [(each, container) for each in workloads for container in _running(each, image_name)]
    if not found:
        yield Finding(None, "", f"nothing runs {image_name}", f"{image_name}:{version}")
    for workload, container in found:
        tag = image.parse(container.text("image")).tag or ""
        if minor_of(tag) != minor_of(version):
            yield Finding(
                workload, (*container.path, "image"), "is of another version", version, container.text("image")
            )
        if kinds and workload.kind not in kinds:
            yield Finding(workload, "kind", "is of another kind", kinds, workload.kind)
        if replicas is not None and workload.number("spec.replicas", 1) != replicas:
            observed = workload.get("spec.replicas")
            yield Finding(workload, "spec.replicas", "runs in another number of copies", replicas, observed)
        for part, wanted in (("requests", requests), ("limits", limits)):
            for resource, amount in wanted.items():
                observed = container.get(("resources", part, resource))
                if not same(observed, amount):
                    path = (*container.path, "resources", part, resource)
                    yield Finding(workload, path, f"{part} another amount", amount, observed)
        if everywhere and not _tolerated(container):
            path = (*container.pod.path, "tolerations")
            yield Finding(workload, path, "does not run on the control plane", _CONTROL_PLANE)


def _running(workload: Object, image_name: str) -> Iterator[Container]:
    pod = pod_spec(workload)
    for container in pod.containers if pod is not None else ():
        try:
            if image.parse(container.text("image")).name == image.parse(image_name).name:
                yield container
        except image.ImageError:
            continue


def _tolerated(container: Container) -> bool:
    for each in container.pod.sequence("tolerations"):
        if each.get("operator") == "Exists" and each.text("key") in ("", _CONTROL_PLANE):
            return each.text("effect") in ("", "NoSchedule")
        if each.text("key") == _CONTROL_PLANE and not each.text("value"):
            return True
    return False


@check
def test_login_changed(workload: Object, *, image_name: str, variables: list[str]) -> Iterator[Said]:
    """A program whose first login is known to everybody gets another password: from a Secret or a mounted file.

    Without any of the variables the product's own password stays; one that is written out here is one that everybody
    can read. The value is never shown.
    """
    containers = list(_running(workload, image_name))
    if not containers:
        yield NotApplicable(f"does not run {image_name}")
    for container in containers:
        found = [each for each in container.sequence("env") if each.text("name") in variables]
        for each in found:
            if each.get("value") is not None and not each.text("name").endswith("__FILE"):
                yield Finding(workload, (*each.path, "value"), "the password stands in the manifest", "a Secret")
        if not found:
            yield Finding(workload, (*container.path, "env"), "keeps the product's own password", variables)
