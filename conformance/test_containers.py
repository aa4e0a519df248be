"""What a document says of one container: its image, its resources, its port."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Literal

from conformance.check import NotApplicable, Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube import demand, image
from conformance.kube.choosing import containers_of, place_of, pods_of, tag_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.relations import relations
from conformance.kube.versions import minor_of

Kind = Literal["container", "initContainer"]


@check
def test_container_image(
    workload: Object,
    inventory: Inventory,
    *,
    image_name: str,
    container: str = "",
    tag: str = "",
    version: str = "",
    kind: Kind = "container",
) -> Iterator[Said]:
    """A container runs the documented image: by repository, and by exact tag or by major.minor version.

    `mysql:8.0` is `docker.io/library/mysql:8.0`, an additional digest changes nothing, and versions are compared as
    versions: `v1.4.2` and `1.4.0-alpine` are of `1.4`, `8.4` is not of `8`. The container is found by its repository,
    or else by its name, wherever injectors have put it.
    https://kubernetes.io/docs/concepts/containers/images/
    """
    found = containers_of(workload, inventory, container, image_name, kind)
    if not found:
        yield Finding(*place_of(workload, inventory, kind), f"no {kind} runs {image_name or container}")
    for each in found:
        written, path = each.text("image"), (*each.path, "image")
        try:
            parsed = image.parse(written)
        except image.ImageError as error:
            yield Finding(each.pod.owner, path, str(error), observed=written)
            continue
        if parsed.name != image.parse(image_name).name:
            yield Finding(each.pod.owner, path, "is another image", image_name, written)
        elif tag and parsed.tag != tag:
            yield Finding(each.pod.owner, path, "has another tag", f"{image_name}:{tag}", written)
        elif version and minor_of(parsed.tag or "") != minor_of(version):
            yield Finding(each.pod.owner, path, "is of another version", f"{image_name}:{version}", written)


@check
def test_container_resources(
    workload: Object, inventory: Inventory, *, containers: dict[str, dict[str, Any]]
) -> Iterator[Said]:
    """Containers request and may use exactly the documented amounts: `0.1` is `100m`, `128M` is not `128Mi`.

    Keys are names of containers; `image` finds one by what it runs, `kind` may be `initContainer`. A limit without a
    request is taken for the request, as the API server does. Requests of injected sidecars do not count.
    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """
    for name, wanted in containers.items():
        kind: Kind = "initContainer" if wanted.get("kind") == "initContainer" else "container"
        found = containers_of(workload, inventory, name, str(wanted.get("image", "")), kind)
        if not found:
            yield Finding(*place_of(workload, inventory, kind), f"no {kind} {name}")
        for each in found:
            yield from _amounts(each, wanted)


def _amounts(container: Container, wanted: dict[str, Any]) -> Iterator[Finding]:
    """Every amount that differs from `requests` and `limits` of a documented row."""
    for part, read in (("requests", demand.requested), ("limits", demand.limited)):
        for resource, amount in wanted.get(part, {}).items():
            observed = read(container, resource)
            if not same(observed, amount):
                message = f"container {container.name} has another {resource} {part[:-1]}"
                path = (*container.path, "resources", part, resource)
                yield Finding(container.pod.owner, path, message, amount, observed)


@check
def test_node_agent(
    workload: Object,
    inventory: Inventory,
    *,
    image_name: str,
    version: str,
    requests: dict[str, str],
    limits: dict[str, str],
) -> Iterator[Said]:
    """A DaemonSet runs on every node, control plane included, in the documented version and within its resources.

    kubeadm taints the control plane with `node-role.kubernetes.io/control-plane:NoSchedule`: without a toleration of it
    the nodes that matter most go without. A node selector or required affinity excludes nodes as well.
    https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations
    """
    pod = pods_of(workload, inventory)
    if workload.kind != "DaemonSet" or pod is None:
        yield Finding(workload, "kind", "does not run on every node", "DaemonSet", workload.kind)
        return
    found = containers_of(workload, inventory, workload.name, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name}")
    for each in found:
        written = each.text("image")
        if minor_of(tag_of(each)) != minor_of(version):
            yield Finding(workload, (*each.path, "image"), "is of another version", f"{image_name}:{version}", written)
        yield from _amounts(each, {"requests": requests, "limits": limits})
    if not any(_tolerates_control_plane(each) for each in pod.sequence("tolerations")):
        yield Finding(workload, (*pod.path, "tolerations"), "the control plane is not tolerated", "a toleration")
    for name in pod.mapping("nodeSelector"):
        if name != "kubernetes.io/os":
            yield Finding(workload, (*pod.path, "nodeSelector", name), "leaves nodes out", "no node selector")
    required = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    if pod.get(required) is not None:
        yield Finding(workload, pod.at(required).path, "leaves nodes out", "no required node affinity")


def _tolerates_control_plane(toleration: Node) -> bool:
    key, effect = toleration.text("key"), toleration.text("effect")
    everything = not key and toleration.text("operator") == "Exists"
    return (everything or key == "node-role.kubernetes.io/control-plane") and effect in ("", "NoSchedule")


@check
def test_container_port(
    workload: Object,
    inventory: Inventory,
    *,
    port: int,
    service: str,
    image_name: str = "",
    container: str = "",
    never: list[int] | None = None,
) -> Iterator[Said]:
    """A container declares the port, and the Service of that name leads to it, by number or by name.

    A declared port is documentation only, but a `targetPort` that names one resolves by it: a typing error leads
    nowhere. `never` are ports that no port of the Service may lead to (MySQL's 33060).
    https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for chosen in found:
        declared = [one.number("containerPort") for one in chosen.sequence("ports")]
        if port not in declared:
            yield Finding(chosen.pod.owner, (*chosen.path, "ports"), f"does not declare port {port}", port, declared)
    pod = pods_of(workload, inventory)
    target = relations(inventory).named("Service", service, workload, "")
    if target is None:
        yield Finding(None, "", f"no Service {service} leads to {workload}")
    elif pod is not None:
        reached = {_target(each.get("targetPort", each.get("port")), pod) for each in target.sequence("spec.ports")}
        if port not in reached:
            yield Finding(target, "spec.ports", f"no port leads to {port} of {workload}", port)
        for each in target.sequence("spec.ports"):
            if _target(each.get("targetPort", each.get("port")), pod) in (never or ()):
                yield Finding(target, each.path, "leads to a port that stays closed", f"only {port}")


def _target(value: Any, pod: PodSpec) -> int | None:
    if isinstance(value, str) and not value.isdigit():
        ports = (one for each in pod.containers for one in each.sequence("ports"))
        return next((one.number("containerPort") for one in ports if one.text("name") == value), None)
    return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None


@check
def test_image_refused(container: Container, *, images: list[str]) -> Iterator[Said]:
    """No container runs one of these images (globs over the full name, `*/promtail`).

    https://kubernetes.io/docs/concepts/containers/images/
    """
    for pattern in images:
        try:
            name = image.parse(container.text("image")).name
        except image.ImageError:
            yield NotApplicable("no image reference; another requirement speaks of that")
            return
        if fnmatchcase(name, pattern):
            message = f"container {container.name} runs what was replaced"
            yield Finding(container.pod.owner, (*container.path, "image"), message, f"not {pattern}", name)


@check
def test_image_registry(container: Container, *, allowed: list[str]) -> Iterator[Said]:
    """Images come from the named registries and owners: globs over the full name, `docker.io/library/mysql`.

    A name without a registry is of Docker Hub, and one without an owner of its `library`.
    https://kubernetes.io/docs/concepts/containers/images/
    """
    text = container.text("image")
    if text in ("", "auto"):
        yield NotApplicable("the image is filled in later")
        return
    try:
        name = image.parse(text).name
    except image.ImageError as error:
        yield Finding(container.pod.owner, (*container.path, "image"), str(error), observed=text)
        return
    if not any(fnmatchcase(name, pattern) for pattern in allowed):
        message = f"container {container.name} takes its image from elsewhere"
        yield Finding(container.pod.owner, (*container.path, "image"), message, allowed, name)
