"""The resources that Kubernetes 1.34 has of itself: their API groups, and which belong to no namespace.

https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

RBAC = "rbac.authorization.k8s.io"

_BY_GROUP = {
    "": """bindings componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims
        persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services
        groups users""",  # the last two exist only to be impersonated
    "admissionregistration.k8s.io": """mutatingadmissionpolicies mutatingadmissionpolicybindings
        mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings
        validatingwebhookconfigurations""",
    "apiextensions.k8s.io": "customresourcedefinitions",
    "apiregistration.k8s.io": "apiservices",
    "apps": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "authentication.k8s.io": "selfsubjectreviews tokenreviews uids userextras",
    "authorization.k8s.io": """localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews
        subjectaccessreviews""",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "certificates.k8s.io": "certificatesigningrequests clustertrustbundles signers",
    "coordination.k8s.io": "leases",
    "discovery.k8s.io": "endpointslices",
    "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
    "networking.k8s.io": "ingressclasses ingresses ipaddresses networkpolicies servicecidrs",
    "node.k8s.io": "runtimeclasses",
    "policy": "poddisruptionbudgets",
    RBAC: "clusterrolebindings clusterroles rolebindings roles",
    "resource.k8s.io": "deviceclasses resourceclaims resourceclaimtemplates resourceslices",
    "scheduling.k8s.io": "priorityclasses",
    "storage.k8s.io": """csidrivers csinodes csistoragecapacities storageclasses volumeattachments
        volumeattributesclasses""",
}
_OF_THE_CLUSTER = {
    "": "componentstatuses groups nodes persistentvolumes users",
    "authentication.k8s.io": "selfsubjectreviews tokenreviews uids userextras",
    "authorization.k8s.io": "selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews",
    "networking.k8s.io": "ingressclasses ipaddresses servicecidrs",
    "resource.k8s.io": "deviceclasses resourceslices",
    RBAC: "clusterrolebindings clusterroles",
    "storage.k8s.io": "csidrivers csinodes storageclasses volumeattachments volumeattributesclasses",
}
_WHOLE_GROUPS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "certificates.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "node.k8s.io",
    "scheduling.k8s.io",
)
_GROUP = {resource: group for group, resources in _BY_GROUP.items() for resource in resources.split()}


def group_of(resource: str) -> str:
    """The API group of a built-in resource; that of an unknown one is taken for the core group, "".

    `events` are in two groups; the core group is meant, as by kubectl.
    """
    return _GROUP.get(resource, "")


def in_no_namespace(group: str, resource: str) -> bool:
    """Whether a built-in resource belongs to no namespace, so that only a ClusterRoleBinding gives rights on it.

    Not so `namespaces`: a request for one Namespace object is made in that namespace. Custom resources are not known.
    """
    return group in _WHOLE_GROUPS or resource in _OF_THE_CLUSTER.get(group, "").split()
