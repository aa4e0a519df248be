"""What a path inside a container lies on: which volume, which place in it, whether it can be written, whether it lasts.

https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from posixpath import normpath

from conformance.kube.expansion import expand, references
from conformance.kube.mounts import Mount, Volume
from conformance.kube.podspec import Container

#: Sources that no container can write to, whatever the mount says.
_READ_ONLY = frozenset({"configMap", "secret", "downwardAPI", "projected", "image"})
#: Where data outlives the pod, by the source of the volume.
_LASTING = frozenset({"persistentVolumeClaim", "volumeClaimTemplates", "nfs", "cephfs", "iscsi", "fc", "azureFile"})
#: Data stays on the node, for a pod that comes back to it.
_NODE = frozenset({"hostPath", "local"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """The mount behind a path; None for the container's own layer, which is lost with the container."""

    mount: Mount | None
    #: place in the volume, without a leading slash; None where `subPathExpr` needs what nobody knows
    inside: str | None = ""
    read_only: bool = False
    #: mounts below the path, which hide what the volume has there
    nested: tuple[Mount, ...] = ()

    @property
    def volume(self) -> Volume | None:
        """The volume; None for the container's own layer, and for a mount of no volume."""
        return self.mount.volume if self.mount is not None else None

    @property
    def lasts(self) -> str:
        """How long data written there lasts: `container`, `pod`, `node`, `claim`, `volume` (a share), or `-` where
        nothing can be written.

        A generic ephemeral volume is a claim that goes with its pod. What an inline CSI volume keeps is up to its
        driver: taken for the pod's.
        """
        if self.read_only:
            return "-"
        if self.mount is None:
            return "container"
        source = self.volume.source if self.volume is not None else ""
        if source in _LASTING:
            return "claim" if source in ("persistentVolumeClaim", "volumeClaimTemplates") else "volume"
        return "node" if source in _NODE else "pod"


def coverage(container: Container, path: str, lookup: Callable[[str], str | None] | None = None) -> Coverage:
    """What a path lies on. The longest mount path wins; of a `subPath` only that part of the volume is seen.

    `lookup` gives the values of variables for `subPathExpr`, which is expanded as `$(NAME)` of the environment. A mount
    is read-only by its own field, by the claim's (`persistentVolumeClaim.readOnly`), by the container's
    `readOnlyRootFilesystem` where there is none, and always for configMap, secret, downwardAPI, projected and image.
    Raises `FieldTypeError`.
    """
    mount = container.pod.covering_mount(container, path)
    below = tuple(each for each in container.mounts if _is_below(each.text("mountPath"), path))
    if mount is None:
        context = container.pod.effective(container, "readOnlyRootFilesystem")
        return Coverage(None, "", context.flag(()) is True, below)
    return Coverage(mount, _inside(mount, path, lookup), _is_read_only(mount), below)


def _is_below(mounted: str, path: str) -> bool:
    at, above = _plain(mounted), _plain(path)
    return bool(mounted) and at != above and at.startswith(above.rstrip("/") + "/")


def _inside(mount: Mount, path: str, lookup: Callable[[str], str | None] | None) -> str | None:
    start = mount.text("subPath")
    expression = mount.text("subPathExpr")
    if expression:
        known = lookup or (lambda name: None)
        if any(known(name) is None for name in references(expression)):
            return None
        start = expand(expression, known)
    rest = _plain(path)[len(_plain(mount.text("mountPath")).rstrip("/")) :]
    return _plain(f"/{start}/{rest}").strip("/")


def _plain(path: str) -> str:
    """A path as the runtime resolves it, of Windows as well."""
    path = re.sub(r"\A[A-Za-z]:", "", path.replace("\\", "/"))
    return normpath("/" + path.lstrip("/"))


def _is_read_only(mount: Mount) -> bool:
    volume = mount.volume
    if mount.flag("readOnly") is True:
        return True
    if volume is None:
        return False
    if volume.source in _READ_ONLY:
        return True
    source = volume.get(volume.source)
    return isinstance(source, dict) and source.get("readOnly") is True
