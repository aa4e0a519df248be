"""One container of a workload, by the image it runs or by its name, never by its place in the list.

Injectors put containers first, and a Rollout may take its pods from another workload.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from conformance.kube import image
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container, ContainerKind, PodSpec
from conformance.kube.relations import relations


def pods_of(workload: Object, inventory: Inventory) -> PodSpec | None:
    """The pods of a workload, also those that a Rollout takes from elsewhere by `spec.workloadRef`."""
    return relations(inventory).pods_of(workload)


def runs_image(container: Container, name: str) -> bool:
    """Whether the container's image has this name, whatever its tag: `mysql` is `docker.io/library/mysql`.

    A glob is compared with the full name, so `*/mysql` means that repository of any registry.
    """
    try:
        found = image.parse(container.text("image")).name
    except image.ImageError:
        return False
    if any(sign in name for sign in "*?["):
        return fnmatchcase(found, name)
    return found == image.parse(name).name


def chosen(pod: PodSpec, container: str, image_name: str = "", kind: ContainerKind = "container") -> list[Container]:
    """The containers of one kind that run an image; where none does, those of that name (a glob).

    Native sidecars count as ordinary containers, since they run beside them.
    """
    candidates = [each for each in pod.containers if each.kind == kind or (kind == "container" and each.sidecar)]
    running = [each for each in candidates if image_name and runs_image(each, image_name)]
    return running or [each for each in candidates if fnmatchcase(each.name, container)]


def tag_of(container: Container) -> str:
    """The tag that is written; empty for none, and for what is no image reference."""
    try:
        return image.parse(container.text("image")).tag or ""
    except image.ImageError:
        return ""


def containers_of(
    workload: Object, inventory: Inventory, container: str, image_name: str = "", kind: ContainerKind = "container"
) -> list[Container]:
    """`chosen` for a workload; nothing for one without pods."""
    pod = pods_of(workload, inventory)
    return chosen(pod, container, image_name, kind) if pod is not None else []


def place_of(workload: Object, inventory: Inventory, kind: ContainerKind = "container") -> tuple[Object, Path]:
    """Where a container that is missing would stand: in the workload, or in the one that has its pods."""
    pod = pods_of(workload, inventory)
    return (pod.owner, (*pod.path, f"{kind}s")) if pod is not None else (workload, ("spec",))
