"""Which kinds live in a namespace and which belong to the whole cluster.

Source: discovery (`/api`, `/apis`) of a v1.34.2 API server with every API version and alpha feature switched on, plus
the kinds that older servers had (https://kubernetes.io/docs/reference/using-api/deprecation-guide/). Scope is a
property of group and kind: no built-in kind ever changed it between versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.kube.object import Object

GroupKind = tuple[str, str]

_CLUSTER: Mapping[str, str] = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": (
        "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
        "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration"
    ),
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "extensions": "PodSecurityPolicy",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "internal.apiserver.k8s.io": "StorageVersion",
    "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodSecurityPolicy",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceClass ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
}

_NAMESPACED: Mapping[str, str] = {
    "": (
        "Binding ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
        "ReplicationController ResourceQuota Secret Service ServiceAccount"
    ),
    "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "authorization.k8s.io": "LocalSubjectAccessReview",
    "autoscaling": "HorizontalPodAutoscaler",
    "batch": "CronJob Job",
    "certificates.k8s.io": "PodCertificateRequest",
    "coordination.k8s.io": "Lease LeaseCandidate",
    "discovery.k8s.io": "EndpointSlice",
    "events.k8s.io": "Event",
    "extensions": "DaemonSet Deployment Ingress NetworkPolicy ReplicaSet",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "Role RoleBinding",
    "resource.k8s.io": (
        "PodSchedulingContext ResourceClaim ResourceClaimParameters ResourceClaimTemplate ResourceClassParameters"
    ),
    "storage.k8s.io": "CSIStorageCapacity",
}

_BUILT_IN: Mapping[GroupKind, bool] = {
    (group, kind): namespaced
    for table, namespaced in ((_CLUSTER, False), (_NAMESPACED, True))
    for group, kinds in table.items()
    for kind in kinds.split()
}


def is_namespaced(group: str, kind: str, declared: Mapping[GroupKind, bool] | None = None) -> bool | None:
    """Whether objects of a kind live in a namespace; None when neither Kubernetes nor `declared` knows the kind.

    `declared` is what `declared_scopes` read from CustomResourceDefinitions. A definition cannot change a built-in
    kind, so the built-in table comes first.
    """
    known = _BUILT_IN.get((group, kind))
    return known if known is not None or declared is None else declared.get((group, kind))


def is_cluster_kind(kind: str) -> bool:
    """Whether a built-in kind of that name, in whatever group, belongs to the whole cluster."""
    return any(name == kind and not namespaced for (_, name), namespaced in _BUILT_IN.items())


def declared_scopes(documents: Iterable[Any]) -> dict[GroupKind, bool]:
    """Scopes that CustomResourceDefinitions declare (`spec.scope`, `spec.group`, `spec.names.kind`).

    Takes raw documents of any kind. A definition whose fields have wrong types is passed over: the schema check
    reports it, and its kind stays unknown. apiextensions v1beta1 let `scope` be absent and meant Namespaced.
    """
    scopes: dict[GroupKind, bool] = {}
    for raw in documents:
        if not isinstance(raw, dict) or raw.get("kind") != "CustomResourceDefinition":
            continue
        spec = raw.get("spec")
        names = spec.get("names") if isinstance(spec, dict) else None
        if not isinstance(spec, dict) or not isinstance(names, dict):
            continue
        group, kind, scope = spec.get("group"), names.get("kind"), spec.get("scope", "Namespaced")
        if isinstance(group, str) and isinstance(kind, str) and scope in ("Namespaced", "Cluster"):
            scopes[group, kind] = scope == "Namespaced"
    return scopes


def settle_namespaces(objects: Iterable[Object], declared: Mapping[GroupKind, bool]) -> None:
    """Makes `namespace` of every object what its scope allows.

    Objects of the whole cluster have "", whatever stands in them: the API server refuses or ignores a namespace there.
    An object of a kind that nobody knows keeps only the namespace that stands in it: a target namespace found
    elsewhere would be a guess.
    """
    for obj in objects:
        namespaced = is_namespaced(obj.group, obj.kind, declared)
        if namespaced is False:
            obj.namespace = ""
        elif namespaced is None and obj.namespace is not None:
            metadata = obj.raw.get("metadata")
            own = metadata.get("namespace") if isinstance(metadata, dict) else None
            obj.namespace = own if isinstance(own, str) and own else None


def built_in_groups(kind: str) -> tuple[str, ...]:
    """The groups that serve a built-in kind of that name today.

    Not `extensions`, which is gone since 1.22, nor `events.k8s.io`, which shows the Events of the core group again.
    """
    return tuple(group for group, name in _BUILT_IN if name == kind and group not in ("extensions", "events.k8s.io"))
