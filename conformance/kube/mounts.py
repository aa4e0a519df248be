"""Volumes of a pod, and which of them a path inside a container lies on.

https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from conformance.kube.object import Node
from conformance.kube.path import Path

if TYPE_CHECKING:
    from conformance.kube.podspec import Container, PodSpec

_WITH_CLAIM_TEMPLATES = {("apps", "StatefulSet"), ("apps.kruise.io", "StatefulSet"), ("apps.kruise.io", "CloneSet")}


class Volume(Node):
    """A volume of a pod, or a claim template of the StatefulSet that owns it; `path` starts at the owner."""

    __slots__ = ("claim_template",)

    def __init__(self, raw: Any, path: Path, claim_template: bool = False) -> None:
        super().__init__(raw, path)
        self.claim_template = claim_template

    @property
    def name(self) -> str:
        """The name that mounts refer to."""
        return self.text("metadata.name" if self.claim_template else "name")

    @property
    def source(self) -> str:
        """What is behind the volume, by its field: "persistentVolumeClaim", "hostPath", "configMap" …

        "volumeClaimTemplates" for a claim template. A volume with nothing but a name is an "emptyDir": that is the API
        server's default, so a misspelt or null source silently means data that is lost with the pod.
        "ephemeral" is a claim too, but one that is deleted with its pod.
        """
        if self.claim_template:
            return "volumeClaimTemplates"
        sources = (key for key, value in self.mapping().items() if key != "name" and value is not None)
        return next(sources, "emptyDir")

    @property
    def claim(self) -> str:
        """Name of the PersistentVolumeClaim of a volume that refers to one; "" for others and for claim templates."""
        return "" if self.claim_template else self.text("persistentVolumeClaim.claimName")


class Mount(Node):
    """A volume mount with the volume behind it; None where no volume has that name, which the API server refuses."""

    __slots__ = ("volume",)

    def __init__(self, raw: Any, path: Path, volume: Volume | None) -> None:
        super().__init__(raw, path)
        self.volume = volume


def volumes(pod: PodSpec) -> Mapping[str, Volume]:
    """See `PodSpec.volumes`."""
    found = [Volume(each.raw, each.path) for each in pod.sequence("volumes")]
    owner = pod.owner
    if (owner.group, owner.kind) in _WITH_CLAIM_TEMPLATES:
        found += [
            Volume(each.raw, each.path, claim_template=True) for each in owner.sequence("spec.volumeClaimTemplates")
        ]
    return {volume.name: volume for volume in found}


def mounts(container: Container) -> tuple[Mount, ...]:
    """See `Container.mounts`."""
    known = container.pod.volumes
    written = container.sequence("volumeMounts")
    return tuple(Mount(each.raw, each.path, known.get(each.text("name"))) for each in written)


def covering_mount(container: Container, path: str) -> Mount | None:
    """See `PodSpec.covering_mount`."""
    pod = container.pod
    windows = "windows" in (pod.os, pod.get(("nodeSelector", "kubernetes.io/os")))
    target = _components(path, windows)
    best: Mount | None = None
    longest = -1
    for mount in mounts(container):
        written = mount.text("mountPath")
        components = _components(written, windows)
        # An empty mount path is refused by the API server and must not pass for the root. Of two mounts at one place
        # the later one hides the earlier.
        if written and len(components) >= longest and target[: len(components)] == components:
            best, longest = mount, len(components)
    return best


def _components(path: str, windows: bool) -> list[str]:
    """A path as the kubelet and the runtime resolve it: `data`, `/data/` and `/x/..//data` are one place."""
    drive = ""
    if windows:
        path = path.replace("\\", "/").lower()
        drive, colon, rest = path.partition(":")
        drive, path = (drive, rest) if colon else ("c", path)
    return [drive, *(part for part in normpath("/" + path).split("/") if part)]
