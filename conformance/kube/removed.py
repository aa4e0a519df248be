"""API versions that the API server no longer serves.

Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.kube.object import Object
from conformance.kube.path import Path

#: where `kubectl apply` keeps the whole manifest
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# keys are sorted there, and apiVersion is the first of the manifest
_APPLIED_VERSION = re.compile(r'^\s*\{"apiVersion":"([^"]+)"')

_REMOVED: dict[str, dict[str, str]] = {
    "1.16": {
        "extensions/v1beta1": "DaemonSet Deployment NetworkPolicy PodSecurityPolicy ReplicaSet",
        "apps/v1beta1": "ControllerRevision Deployment StatefulSet",
        "apps/v1beta2": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    },
    "1.22": {
        "admissionregistration.k8s.io/v1beta1": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
        "apiextensions.k8s.io/v1beta1": "CustomResourceDefinition",
        "apiregistration.k8s.io/v1beta1": "APIService",
        "authentication.k8s.io/v1beta1": "TokenReview",
        "authorization.k8s.io/v1beta1": (
            "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"
        ),
        "certificates.k8s.io/v1beta1": "CertificateSigningRequest",
        "coordination.k8s.io/v1beta1": "Lease",
        "extensions/v1beta1": "Ingress",
        "networking.k8s.io/v1beta1": "Ingress IngressClass",
        "rbac.authorization.k8s.io/v1beta1": "ClusterRole ClusterRoleBinding Role RoleBinding",
        "scheduling.k8s.io/v1beta1": "PriorityClass",
        "storage.k8s.io/v1beta1": "CSIDriver CSINode StorageClass VolumeAttachment",
    },
    "1.25": {
        "batch/v1beta1": "CronJob",
        "discovery.k8s.io/v1beta1": "EndpointSlice",
        "events.k8s.io/v1beta1": "Event",
        "autoscaling/v2beta1": "HorizontalPodAutoscaler",
        "policy/v1beta1": "PodDisruptionBudget PodSecurityPolicy",
        "node.k8s.io/v1beta1": "RuntimeClass",
    },
    "1.26": {
        "flowcontrol.apiserver.k8s.io/v1beta1": "FlowSchema PriorityLevelConfiguration",
        "autoscaling/v2beta2": "HorizontalPodAutoscaler",
    },
    "1.27": {"storage.k8s.io/v1beta1": "CSIStorageCapacity"},
    "1.29": {"flowcontrol.apiserver.k8s.io/v1beta2": "FlowSchema PriorityLevelConfiguration"},
    "1.32": {"flowcontrol.apiserver.k8s.io/v1beta3": "FlowSchema PriorityLevelConfiguration"},
}
_SINCE = {
    (api_version, kind): release
    for release, versions in _REMOVED.items()
    for api_version, kinds in versions.items()
    for kind in kinds.split()
}


def minor(release: str) -> tuple[int, int]:
    """Major and minor of a release such as `1.34` or `v1.34.2`; raises ValueError for anything else."""
    parts = release.removeprefix("v").split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        raise ValueError(f"{release!r} is no Kubernetes release such as 1.34")
    return int(parts[0]), int(parts[1])


def removed_in(api_version: str, kind: str, release: str) -> str:
    """The release that stopped serving an API version of a kind, if that is `release` or an earlier one; else empty."""
    since = _SINCE.get((api_version, kind), "")
    return since if since and minor(since) <= minor(release) else ""


def written_versions(obj: Object) -> Iterator[tuple[str, Path]]:
    """API versions in which an object was written, with the field that tells: its own, that of the manifest which
    `kubectl apply` keeps in an annotation, and those of its field managers.

    Raises FieldTypeError. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    yield obj.api_version, ("apiVersion",)
    applied = obj.annotations.get(LAST_APPLIED)
    found = _APPLIED_VERSION.search(applied) if isinstance(applied, str) else None
    if found and found.group(1) != obj.api_version:
        yield found.group(1), ("metadata", "annotations", LAST_APPLIED)
    for entry in obj.sequence("metadata.managedFields"):
        version = entry.text("apiVersion")
        if version and version != obj.api_version:
            yield version, (*entry.path, "apiVersion")
