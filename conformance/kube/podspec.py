"""The one place that knows where pod specs and containers live.

https://kubernetes.io/docs/concepts/workloads/pods/#pod-templates
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from conformance.kube import mounts, security_context
from conformance.kube.mounts import Mount, Volume
from conformance.kube.object import FieldTypeError, Node, Object
from conformance.kube.path import Path

ContainerKind = Literal["container", "initContainer", "ephemeralContainer"]

_TEMPLATE: Path = ("spec", "template", "spec")
_JOB_TEMPLATE: Path = ("spec", "jobTemplate", "spec", "template", "spec")

# Where the pod spec stands, by group and kind, because others too call their kinds Job or Service. The metadata of its
# pods stands beside it. Where there are two places, an object uses one of them.
_PLACES: dict[tuple[str, str], tuple[Path, ...]] = {
    ("", "Pod"): (("spec",),),
    ("", "PodTemplate"): (("template", "spec"),),
    ("", "ReplicationController"): (_TEMPLATE,),
    ("apps", "Deployment"): (_TEMPLATE,),
    ("apps", "StatefulSet"): (_TEMPLATE,),
    ("apps", "DaemonSet"): (_TEMPLATE,),
    ("apps", "ReplicaSet"): (_TEMPLATE,),
    ("batch", "Job"): (_TEMPLATE,),
    ("batch", "CronJob"): (_JOB_TEMPLATE,),
    # Gone since Kubernetes 1.16, but manifests remain.
    ("extensions", "Deployment"): (_TEMPLATE,),
    ("extensions", "DaemonSet"): (_TEMPLATE,),
    ("extensions", "ReplicaSet"): (_TEMPLATE,),
    ("argoproj.io", "Rollout"): (_TEMPLATE,),
    ("apps.openshift.io", "DeploymentConfig"): (_TEMPLATE,),
    ("serving.knative.dev", "Service"): (_TEMPLATE,),
    ("serving.knative.dev", "Configuration"): (_TEMPLATE,),
    ("serving.knative.dev", "Revision"): (("spec",),),
    ("apps.kruise.io", "CloneSet"): (_TEMPLATE,),
    ("apps.kruise.io", "StatefulSet"): (_TEMPLATE,),
    ("apps.kruise.io", "DaemonSet"): (_TEMPLATE,),
    ("apps.kruise.io", "BroadcastJob"): (_TEMPLATE,),
    ("apps.kruise.io", "AdvancedCronJob"): (
        ("spec", "template", "jobTemplate", "spec", "template", "spec"),
        ("spec", "template", "broadcastJobTemplate", "spec", "template", "spec"),
    ),
}

#: Kinds of a cluster that carry a pod spec, owners before what they make. Without those of Knative: their names are
#: those of other kinds, and what they make, Deployments, is here.
CARRIERS = tuple(dict.fromkeys(kind for group, kind in reversed(_PLACES) if group != "serving.knative.dev"))

# In the order in which pod-security-admission visits them.
_CONTAINER_FIELDS: tuple[tuple[str, ContainerKind], ...] = (
    ("initContainers", "initContainer"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeralContainer"),
)


class Container(Node):
    """A container of any kind; paths in it start at the object that carries the pod spec."""

    __slots__ = ("_security_context", "kind", "pod")

    def __init__(self, raw: Any, path: Path, kind: ContainerKind, pod: PodSpec) -> None:
        super().__init__(raw, path)
        self.kind: ContainerKind = kind
        self.pod = pod
        self._security_context: Node | None = None

    @property
    def name(self) -> str:
        """The container's name; empty where it is missing, which the API server refuses."""
        return self.text("name")

    @property
    def sidecar(self) -> bool:
        """Whether this is a native sidecar: an init container that keeps running, and so takes probes.

        `restartPolicy: Always` on an ordinary container makes no sidecar.
        https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        """
        return self.kind == "initContainer" and self.text("restartPolicy") == "Always"

    @property
    def security_context(self) -> Node:
        """What is written in the container itself; see `PodSpec.effective` for what counts."""
        if self._security_context is None:
            self._security_context = security_context.written(self)
        return self._security_context

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The volume mounts, each with its volume."""
        return mounts.mounts(self)


class PodSpec(Node):
    """A pod spec with the object that carries it; `path` is its place in that object."""

    __slots__ = ("_annotations", "_containers", "_labels", "_security_context", "_volumes", "owner")

    def __init__(self, raw: Any, path: Path, owner: Object) -> None:
        super().__init__(raw, path)
        self.owner = owner
        self._annotations: Mapping[str, str] | None = None
        self._containers: tuple[Container, ...] | None = None
        self._labels: Mapping[str, str] | None = None
        self._security_context: Node | None = None
        self._volumes: Mapping[str, Volume] | None = None

    @property
    def metadata_path(self) -> Path:
        """Place of the pods' metadata in the owner: of the template, or of the Pod itself."""
        return (*self.path[:-1], "metadata")

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the pods, which selectors speak of; those of a Deployment itself are `owner.labels`.

        A null value is "", as the API server stores it. Raises `FieldTypeError` for a value that is no string.
        """
        if self._labels is None:
            self._labels = self._strings("labels")
        return self._labels

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of the pods, with the rules of `labels`."""
        if self._annotations is None:
            self._annotations = self._strings("annotations")
        return self._annotations

    @property
    def containers(self) -> tuple[Container, ...]:
        """Every container: init, ordinary, ephemeral. Checks of ordinary ones only filter by `kind`."""
        if self._containers is None:
            self._containers = tuple(
                Container(each.raw, each.path, kind, self)
                for field, kind in _CONTAINER_FIELDS
                for each in self.sequence(field)
            )
        return self._containers

    @property
    def os(self) -> str:
        """`spec.os.name`: "linux", "windows", or "" where it is not said, which means Linux to most."""
        return self.text("os.name")

    @property
    def security_context(self) -> Node:
        """The pod's own security context."""
        if self._security_context is None:
            self._security_context = security_context.written(self)
        return self._security_context

    @property
    def volumes(self) -> Mapping[str, Volume]:
        """Volumes by name; a claim template of a StatefulSet takes the place of a volume of the same name."""
        if self._volumes is None:
            self._volumes = mounts.volumes(self)
        return self._volumes

    def effective(self, container: Container, field: str) -> Node:
        """The security setting that counts for a container, at the place where it is written.

        `field` is one of a security context, or below one: `runAsNonRoot`, `seccompProfile.type`. runAsUser,
        runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile and appArmorProfile come from the container or else
        from the pod, each as a whole: a container's seccompProfile without a type does not take the pod's type.
        windowsOptions are inherited one by one. capabilities, privileged, allowPrivilegeEscalation, procMount and
        readOnlyRootFilesystem are never inherited; fsGroup and the like are the pod's alone.

        `raw` is None where nothing is written, at the container's path. Read the value with a typed accessor, such as
        `effective(container, "runAsNonRoot").flag(())`, so that `"true"` is an error.

        An AppArmor annotation of the pods counts before the pod's field; its value then stands as `{type, …}` at the
        annotation's path. Raises `FieldTypeError`; `ValueError` for a name that is no security setting.
        """
        return security_context.effective(self, container, field)

    def covering_mount(self, container: Container, path: str) -> Mount | None:
        """The mount that a path inside a container lies on: the longest mount path that leads to it.

        None means the container's own writable layer, which is lost with the container. Whole path components are
        compared: `/var/lib` does not cover `/var/library`. A mount of a `subPath` covers like any other.
        """
        return mounts.covering_mount(container, path)

    def _strings(self, field: str) -> Mapping[str, str]:
        if not isinstance(self.raw, dict):
            raise FieldTypeError(self.path, "a mapping", self.raw)
        path = (*self.metadata_path, field)
        found = self.owner.mapping(path)
        if all(type(value) is str for value in found.values()):
            return found
        for key, value in found.items():
            if value is not None and not isinstance(value, str):
                raise FieldTypeError((*path, key), "a string", value)
        return {key: value or "" for key, value in found.items()}


def pod_spec(obj: Object) -> PodSpec | None:
    """The pod spec of a Pod or a workload, also of Argo Rollouts, OpenKruise, OpenShift, Knative; None for other kinds.

    A Rollout with `workloadRef` has none: the pods are those of the workload it refers to. Nor has a workload without a
    template. Never raises: where a field on the way has a wrong type, the result's accessors raise `FieldTypeError`
    for that field. Not cached; the inventory keeps what this finds.
    """
    key = obj.group, obj.kind
    if key == ("argoproj.io", "Rollout"):
        spec = obj.raw.get("spec")
        if isinstance(spec, dict) and spec.get("workloadRef") is not None:
            return None
    for place in _PLACES.get(key, ()):
        found = _walk(obj, place)
        if found is not None:
            return found
    return None


def _walk(obj: Object, place: Path) -> PodSpec | None:
    value: Any = obj.raw
    for depth, step in enumerate(place, 1):
        value = value.get(step)
        if value is None:
            return None
        if not isinstance(value, dict):
            return PodSpec(value, place[:depth], obj)
    return PodSpec(value, place, obj)
