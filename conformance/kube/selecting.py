"""Which pods an object means: its selector, the labels that no template has, and the pods that no manifest shows."""

from __future__ import annotations

from conformance.kube.object import Node, Object
from conformance.kube.selector import Selector, label_selector, map_selector

#: Labels that controllers add to each pod.
_GIVEN_LATER = {
    "apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
    "controller-uid", "batch.kubernetes.io/job-completion-index", "controller-revision-hash", "job-name",
    "pod-template-generation", "pod-template-hash", "rollouts-pod-template-hash", "statefulset.kubernetes.io/pod-name",
}  # fmt: skip
#: Last parts of labels that applications and their operators set while they run.
_GIVEN_BY_APPLICATION = {"role", "spilo-role", "instanceRole", "leader", "vault-active", "vault-sealed"}


def known_labels(selector: Selector) -> Selector:
    """The selector without labels that no pod template has."""
    later = [key for key in selector.exact if key in _GIVEN_LATER or key.rpartition("/")[2] in _GIVEN_BY_APPLICATION]
    if not later or selector.selects_nothing or len(later) == len(selector.exact):
        return selector
    return Selector({k: v for k, v in selector.exact.items() if k not in later}, selector.expressions)


#: Groups of custom resources that never become pods in their own namespace.
_PODLESS = {
    "acme.cert-manager.io", "bitnami.com", "cert-manager.io", "cilium.io", "constraints.gatekeeper.sh",
    "crd.projectcalico.org", "external-secrets.io", "generators.external-secrets.io", "image.toolkit.fluxcd.io",
    "keda.sh", "kyverno.io", "metallb.io", "networking.istio.io", "notification.toolkit.fluxcd.io",
    "projectcalico.org", "route.openshift.io", "security.istio.io", "snapshot.storage.k8s.io",
    "source.toolkit.fluxcd.io", "telemetry.istio.io", "templates.gatekeeper.sh", "traefik.containo.us", "traefik.io",
    "velero.io", "volsync.backube", "wgpolicyk8s.io",
}  # fmt: skip
_PODLESS_KINDS = {"PodMonitor", "PrometheusRule", "ServiceMonitor", "Probe", "ScrapeConfig", "AlertmanagerConfig"}
_BUILT_IN = {"", "apps", "autoscaling", "batch", "extensions", "policy"}


def makes_pods(obj: Object) -> bool:
    """Whether a custom resource may be turned into pods by somebody; true of every kind that is not known better."""
    if obj.group in _BUILT_IN or obj.group in _PODLESS or obj.kind in _PODLESS_KINDS:
        return False
    return not obj.group.endswith(".k8s.io")


def selector_of(obj: Object) -> Selector:
    """The selector by which a Service, PodDisruptionBudget or NetworkPolicy chooses pods.

    The three differ in what an empty one means: a Service selects nothing, the others everything. In policy/v1beta1 an
    empty selector of a budget selected nothing; that version is gone since Kubernetes 1.25.
    """
    if obj.kind == "Service":
        return map_selector(obj.at("spec.selector"))
    field = "spec.podSelector" if obj.kind == "NetworkPolicy" else "spec.selector"
    found = obj.at(field)
    # An absent podSelector is required by older API versions and means all pods since it became optional.
    return label_selector(Node({}, found.path) if found.raw is None and obj.kind == "NetworkPolicy" else found)
