"""The ClusterRole that an audit needs, and nothing more: `list` of exactly the kinds that it asks for.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import yaml

from conformance.cluster import facts
from conformance.cluster.discovery import Discovery
from conformance.kube.scope import built_in_groups

# Kinds of projects, by API group. A kind that several groups have stands in each.
_CUSTOM = {
    "apps.kruise.io": "AdvancedCronJob BroadcastJob CloneSet DaemonSet StatefulSet",
    "apps.openshift.io": "DeploymentConfig",
    "argoproj.io": "AppProject Application ApplicationSet CronWorkflow Rollout",
    "autoscaling.k8s.io": "VerticalPodAutoscaler",
    "bitnami.com": "SealedSecret",
    "cert-manager.io": "Certificate ClusterIssuer Issuer",
    "cilium.io": "CiliumClusterwideNetworkPolicy CiliumNetworkPolicy",
    "clickhouse.altinity.com": "ClickHouseInstallation",
    "external-secrets.io": "ClusterExternalSecret ClusterSecretStore ExternalSecret SecretStore",
    "gateway.networking.k8s.io": "GRPCRoute Gateway HTTPRoute TCPRoute TLSRoute UDPRoute",
    "helm.toolkit.fluxcd.io": "HelmRelease",
    "install.istio.io": "IstioOperator",
    "keda.sh": "ScaledObject",
    "kustomize.toolkit.fluxcd.io": "Kustomization",
    "kyverno.io": "ClusterPolicy Policy",
    "longhorn.io": "Volume",
    "metallb.io": "BGPAdvertisement BGPPeer IPAddressPool L2Advertisement",
    "monitoring.coreos.com": "PodMonitor Probe Prometheus PrometheusRule ScrapeConfig ServiceMonitor",
    "networking.istio.io": "DestinationRule Gateway ServiceEntry Sidecar VirtualService",
    "operator.victoriametrics.com": "VMRule",
    "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy ClusterNetworkPolicy",
    "crd.projectcalico.org": "GlobalNetworkPolicy",
    "projectcalico.org": "GlobalNetworkPolicy",
    "route.openshift.io": "Route",
    "security.istio.io": "AuthorizationPolicy PeerAuthentication RequestAuthentication",
    "source.toolkit.fluxcd.io": "Bucket GitRepository HelmRepository OCIRepository",
    "velero.io": "Backup BackupStorageLocation Restore Schedule VolumeSnapshotLocation",
}
# Kinds that checks ask about and that no API server has: they stand in files, or are asked elsewhere.
_NOT_LISTED = {"Config", *facts.OPTIONS}
_VOWELS = "aeiou"


def rules(kinds: Iterable[str], discovery: Discovery | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """Rules of a ClusterRole that allow listing these kinds, and the kinds of which no group is known.

    With a discovery, what that cluster serves decides; a kind that it does not have needs no rule.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    unknown = []
    for kind in sorted(set(kinds) - _NOT_LISTED):
        found = served(kind, discovery) if discovery is not None else known(kind)
        for group, plural in found:
            groups[group].add(plural)
        if not found and discovery is None:
            unknown.append(kind)
    listing = [
        {"apiGroups": [group], "resources": sorted(plurals), "verbs": ["list"]} for group, plurals in groups.items()
    ]
    return sorted(listing, key=lambda rule: rule["apiGroups"]), unknown


def served(kind: str, discovery: Discovery) -> list[tuple[str, str]]:
    """Group and plural of each kind of that name that a cluster serves."""
    return [(each.group, each.plural) for each in discovery.of_kind(kind)]


def known(kind: str) -> list[tuple[str, str]]:
    """Group and plural of each kind of that name in Kubernetes and in the projects of the table."""
    groups = [*built_in_groups(kind), *(group for group, kinds in _CUSTOM.items() if kind in kinds.split())]
    return [(group, plural(kind)) for group in groups]


def plural(kind: str) -> str:
    """The name of a kind in addresses, by the rule that code generators follow; `Endpoints` is one already.

    https://pkg.go.dev/k8s.io/gengo/v2/namer#NewAllLowercasePluralNamer
    """
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in _VOWELS:
        return f"{name[:-1]}ies"
    return f"{name}s"


def cluster_role(name: str, rules: list[dict[str, Any]], about: Iterable[str]) -> str:
    """The manifest, with `about` as comments above it."""
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    comments = "".join(f"# {line}\n" for line in about)
    return comments + yaml.safe_dump(body, sort_keys=False, width=120, default_flow_style=None)
