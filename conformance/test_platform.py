"""The platform below the workloads: versions, configuration, storage classes, and what stays inside or away."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.choosing import runs_image, tag_of
from conformance.kube.hosts import is_service
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container
from conformance.kube.relations import relations
from conformance.kube.storage import is_default
from conformance.kube.versions import version_of


@check
def test_platform_versions(
    inventory: Inventory, *, components: dict[str, str], kubelet: str = "", required: bool = True
) -> Iterator[Said]:
    """Every component runs the documented version: `namespace/image glob` to a version, compared as far as it is given.

    Versions are compared as numbers: `1.31.13` is newer than `1.31.2`. Tags may have a `v`, a build (`3.5.15-0`) or a
    suffix. The version of a Helm chart is not that of what it installs. `kubelet` is what every node has to report.
    """
    for entry, wanted in components.items():
        namespace, _, pattern = entry.partition("/")
        found = [
            container
            for pod in inventory.pods()
            if pod.owner.namespace == namespace and not _has_workload(pod.owner)
            for container in pod.containers
            if runs_image(container, pattern)
        ]
        if not found and required:
            yield Finding(None, "", f"nothing in {namespace} runs {pattern}")
        for each in found:
            yield from _version_finding(each, wanted)
    for node in inventory.of_kind("Node", "") if kubelet else ():
        for field in ("kubeletVersion", "kubeProxyVersion"):
            observed = node.get(f"status.nodeInfo.{field}")
            if observed and not _same_version(str(observed), kubelet):
                yield Finding(node, f"status.nodeInfo.{field}", "is another version", kubelet, observed)


def _has_workload(owner: Object) -> bool:
    """Whether a workload stands for it. The Pod that mirrors a static one is controlled by its Node, which is none."""
    references = owner.sequence("metadata.ownerReferences")
    return any(each.flag("controller") is True and each.text("kind") != "Node" for each in references)


def _version_finding(container: Container, wanted: str) -> Iterator[Finding]:
    if not _same_version(tag_of(container), wanted):
        written = container.text("image")
        yield Finding(container.pod.owner, (*container.path, "image"), "is of another version", wanted, written)


def _same_version(observed: str, wanted: str) -> bool:
    numbers = version_of(wanted)
    return bool(numbers) and version_of(observed)[: len(numbers)] == numbers


@check
def test_config_keys(
    config: Object, inventory: Inventory, *, allowed: dict[str, list[str]], ready: str = ""
) -> Iterator[Said]:
    """Keys of a ConfigMap have one of the values; an empty one among them means that the key may be absent.

    `ready` is a Deployment beside it that has to have a ready pod, where its status is known.
    """
    for key, values in allowed.items():
        observed = config.get(("data", key))
        if str(observed if observed is not None else "") not in values:
            yield Finding(config, ("data", key), "has another value", [each or "absent" for each in values], observed)
    if ready:
        found = relations(inventory).named("Deployment", ready, config)
        if found is None:
            yield Finding(config, "metadata.name", f"no Deployment {ready} beside it", ready)
        elif found.get("status") is not None and (found.number("status.readyReplicas", 0) or 0) < 1:
            yield Finding(found, "status.readyReplicas", "has no ready pod", 1, found.get("status.readyReplicas"))


@check
def test_platform_refused(thing: Object, *, names: list[str], taints: list[str] | None = None) -> Iterator[Said]:
    """Nothing of these names (globs) runs, and no node still waits for it with one of these taints."""
    if thing.kind == "Node":
        for taint in thing.sequence("spec.taints"):
            if taint.text("key") in (taints or ()):
                yield Finding(thing, taint.path, "waits for a component that is not there", "no such taint")
    elif any(fnmatchcase(thing.name, pattern) for pattern in names):
        yield Finding(thing, "metadata.name", "must not run", f"no {names[0]}", thing.name)


@check
def test_backend_unexposed(inventory: Inventory, *, service: str) -> Iterator[Said]:
    """A Service, `namespace/name`, is reached from inside the cluster only.

    An address of its own outside, an Ingress or a route of a gateway show a page that asks nobody for a password. An
    Istio VirtualService with no gateway but `mesh` shows nothing to the outside.
    """
    namespace, _, name = service.partition("/")
    found = inventory.find("", "Service", namespace, name)
    shown = [*_routes(inventory, namespace, name), *_backends(inventory, namespace, name)]
    if found is not None and found.text("spec.type", "ClusterIP") in ("NodePort", "LoadBalancer"):
        yield Finding(found, "spec.type", "is reached from outside", "ClusterIP", found.text("spec.type"))
    yield from shown
    if found is None and not shown:
        yield NotApplicable(f"Service {service} is not there")


def _routes(inventory: Inventory, namespace: str, name: str) -> Iterator[Finding]:
    for route in inventory.of_kind("VirtualService"):
        if all(each.raw == "mesh" for each in route.sequence("spec.gateways")):
            continue
        for rule in (*route.sequence("spec.http"), *route.sequence("spec.tls"), *route.sequence("spec.tcp")):
            for one in rule.sequence("route"):
                if is_service(one.text("destination.host"), name, namespace, route.namespace):
                    path = (*one.path, "destination", "host")
                    yield Finding(route, path, f"shows {namespace}/{name} outside", "no route")


def _backends(inventory: Inventory, namespace: str, name: str) -> Iterator[Finding]:
    for ingress in inventory.of_kind("Ingress"):
        for rule in ingress.sequence("spec.rules") if ingress.namespace == namespace else ():
            for one in rule.sequence("http.paths"):
                if one.get("backend.service.name") == name:
                    path = (*one.path, "backend", "service", "name")
                    yield Finding(ingress, path, f"shows {namespace}/{name} outside", "no route")


@check
def test_default_storage_class(classes: list[Object], *, name: str, provisioner: str) -> Iterator[Said]:
    """That class, of that provisioner, is the default, and it alone.

    The beta annotation counts as well; with two defaults the newest one wins, which nobody meant.
    https://kubernetes.io/docs/concepts/storage/storage-classes/#default-storageclass
    """
    annotation = ("metadata", "annotations", "storageclass.kubernetes.io/is-default-class")
    if name not in {each.name for each in classes}:
        yield Finding(None, "", f"no StorageClass {name} is declared")
    for each in classes:
        if each.name == name and each.text("provisioner") != provisioner:
            yield Finding(each, "provisioner", "is of another provisioner", provisioner, each.text("provisioner"))
        if is_default(each) != (each.name == name):
            message = "is a default beside another" if is_default(each) else "is not the default"
            yield Finding(each, annotation, message, "true" if each.name == name else "false")


@check
def test_replica_count(thing: Object, *, copies: int) -> Iterator[Said]:
    """A Longhorn StorageClass makes volumes of so many copies, and each Volume has them.

    Parameters of a class are strings. Changing one changes no volume that exists.
    https://longhorn.io/docs/1.7.2/references/storage-class-parameters/
    """
    if thing.kind == "StorageClass":
        observed = thing.get("parameters.numberOfReplicas")
        if observed != str(copies):
            yield Finding(thing, "parameters.numberOfReplicas", "makes another number of copies", str(copies), observed)
    elif thing.number("spec.numberOfReplicas") != copies:
        observed = thing.get("spec.numberOfReplicas")
        yield Finding(thing, "spec.numberOfReplicas", "has another number of copies", copies, observed)
