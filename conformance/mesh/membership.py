"""Whether a workload's traffic passes a proxy of the mesh: a sidecar, a gateway, ztunnel, or nothing.

Source: Istio's injection webhook (`pkg/kube/inject`, the selectors of its MutatingWebhookConfiguration) and the
enablement selectors of its CNI plugin. https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import Container, PodSpec
from conformance.mesh.reason import Reason

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
NAMESPACE_INJECTION = "istio-injection"
DATAPLANE_MODE = "istio.io/dataplane-mode"
TEMPLATES = "inject.istio.io/templates"
TLS_MODE = "security.istio.io/tlsMode"
PROXY = "istio-proxy"
#: The injector refuses pods of these, whatever their labels are.
_NEVER_INJECTED = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}


class Dataplane(StrEnum):
    """What carries a workload's traffic."""

    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    AMBIENT = "ambient"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Membership:
    """How a workload takes part in the mesh, and why."""

    dataplane: Dataplane
    reasons: tuple[Reason, ...]
    #: The proxy stands in the manifest itself; labels that the injector would add are not added.
    written: bool = False
    #: Nobody knows; the answer holds either way.
    assumed: bool = False

    def told(self, who: str) -> tuple[Reason, ...]:
        """The reasons as links of a chain: `the client has a sidecar: …`."""
        words = _WORDS[Dataplane.UNKNOWN if self.assumed else self.dataplane]
        return tuple(replace(each, text=f"the {who} {words}: {each.text}") for each in self.reasons)


_WORDS = {
    Dataplane.SIDECAR: "has a sidecar",
    Dataplane.GATEWAY: "is a gateway",
    Dataplane.AMBIENT: "is in ambient mode",
    Dataplane.NONE: "is outside the mesh",
    Dataplane.UNKNOWN: "may be in the mesh or not",
}
OUTSIDE = Membership(Dataplane.NONE, (Reason("it is no workload of the mesh"),))


def membership(
    pod: PodSpec, namespace: Object | None, *, ambient_in_use: bool = True, unseen_injected: bool = False
) -> Membership:
    """How a workload takes part in the mesh; raises FieldTypeError.

    `namespace` is the Namespace object, None where the tree does not show it: then only what the pod itself says can
    decide, and UNKNOWN is the answer where the namespace's labels would. `ambient_in_use` is False for a mesh in which
    nothing is labelled for ambient mode, so that an unseen namespace is not suspected of it. `unseen_injected` takes
    an unseen namespace as labelled for injection.
    """
    proxy = _written_proxy(pod)
    if proxy is not None:
        kind = Dataplane.GATEWAY if _is_router(proxy) else Dataplane.SIDECAR
        return Membership(
            kind, (Reason(f"the manifest itself has the container {PROXY}", pod.owner, proxy.path),), True
        )
    if pod.flag("hostNetwork"):
        reason = Reason(
            "pods on the host's network are never taken into the mesh", pod.owner, (*pod.path, "hostNetwork")
        )
        return Membership(Dataplane.NONE, (reason,))
    injected, reason = _injection(pod, namespace, unseen_injected)
    if injected:
        return Membership(_kind_of_template(pod), (reason,))
    ambient, ambient_reason = _ambient(pod, namespace, ambient_in_use)
    if injected is None or (ambient is None and ambient_in_use):
        return Membership(Dataplane.UNKNOWN, (reason if injected is None else ambient_reason,))
    if ambient:
        return Membership(Dataplane.AMBIENT, (ambient_reason,))
    return Membership(Dataplane.NONE, (reason,))


def takes_auto_mtls(pod: PodSpec, member: Membership) -> bool:
    """Whether clients see that these pods speak Istio's mTLS: the label `security.istio.io/tlsMode: istio`.

    The injector adds it where the pod has none; a proxy that somebody wrote into the manifest has what is written.
    """
    if member.dataplane != Dataplane.SIDECAR:
        return False
    return pod.labels.get(TLS_MODE, "" if member.written else "istio") == "istio"


def _written_proxy(pod: PodSpec) -> Container | None:
    """A proxy in the manifest. `image: auto`, or none, only changes what the injector will add."""
    for each in pod.containers:
        running = each.kind == "container" or each.sidecar
        if running and each.name == PROXY and each.text("image") not in ("", "auto"):
            return each
    return None


def _is_router(proxy: Container) -> bool:
    return any(each.raw == "router" for each in proxy.sequence("args"))


def _kind_of_template(pod: PodSpec) -> Dataplane:
    """What is injected: a gateway's proxy is injected too, by a template of its own; gRPC agents carry no traffic."""
    templates = {each.strip() for each in pod.annotations.get(TEMPLATES, "sidecar").split(",")}
    if "gateway" in templates:
        return Dataplane.GATEWAY
    return Dataplane.SIDECAR if "sidecar" in templates else Dataplane.UNKNOWN


def _injection(pod: PodSpec, namespace: Object | None, unseen: bool) -> tuple[bool | None, Reason]:
    """Whether the injector adds a proxy; None where the labels of an unseen namespace decide.

    Two gates: the webhook is called only for what its selectors mean (labels alone), and then the injector decides by
    label, else annotation. So an annotation `true` does nothing in a namespace that is not labelled.
    """
    own = _own_choice(pod)
    if pod.owner.namespace in _NEVER_INJECTED:
        return False, Reason(f"pods of {pod.owner.namespace} are never injected")
    if own is not None and not own[0]:
        return False, own[1]
    called, reason = _called(pod, namespace, unseen)
    if called:
        return True, own[1] if own is not None else reason
    return called, reason


def _own_choice(pod: PodSpec) -> tuple[bool, Reason] | None:
    """What the pod says. The label wins over the annotation, even where the label's value means nothing."""
    for place, found in (("labels", pod.labels), ("annotations", pod.annotations)):
        if INJECT not in found:
            continue
        value = found[INJECT]
        path = (*pod.metadata_path, place, INJECT)
        return (value == "true", Reason(f"{INJECT}: {value}", pod.owner, path)) if value in ("true", "false") else None
    return None


def _called(pod: PodSpec, namespace: Object | None, unseen: bool) -> tuple[bool | None, Reason]:
    """Whether the API server asks the injector at all; the revision that is named is taken to be installed."""
    key = INJECT if pod.labels.get(INJECT) == "true" else REVISION
    asks = bool(pod.labels.get(key))
    path = (*pod.metadata_path, "labels", key)
    own = Reason(f"the pods have {key}: {pod.labels[key]}", pod.owner, path) if asks else None
    if namespace is None:
        name = pod.owner.namespace or "of an unknown name"
        if unseen:
            return True, own or Reason(f"namespace {name} is taken as labelled for injection")
        return (
            (True, own) if own else (None, Reason(f"the labels of namespace {name} decide, which is not in the tree"))
        )
    legacy, revision = _label(namespace, NAMESPACE_INJECTION), _label(namespace, REVISION)
    if legacy is not None:
        reason = Reason(f"{namespace} has {NAMESPACE_INJECTION}: {legacy}", namespace, _labels(NAMESPACE_INJECTION))
        return legacy == "enabled", reason
    if revision is not None:
        return bool(revision), Reason(f"{namespace} has {REVISION}: {revision}", namespace, _labels(REVISION))
    if own is not None:
        return True, own
    return False, Reason(f"{namespace} has no label for injection", namespace, ("metadata", "name"))


def _ambient(pod: PodSpec, namespace: Object | None, in_use: bool) -> tuple[bool | None, Reason]:
    """Whether ztunnel carries the pod's traffic: its own label, or the namespace's unless the pod's is `none`."""
    own = pod.labels.get(DATAPLANE_MODE)
    path = (*pod.metadata_path, "labels", DATAPLANE_MODE)
    if own in ("ambient", "none"):
        return own == "ambient", Reason(f"the pods have {DATAPLANE_MODE}: {own}", pod.owner, path)
    if namespace is None:
        name = pod.owner.namespace or "of an unknown name"
        return None if in_use else False, Reason(f"the labels of namespace {name} decide, which is not in the tree")
    mode = _label(namespace, DATAPLANE_MODE)
    reason = Reason(f"{namespace} has {DATAPLANE_MODE}: {mode}", namespace, _labels(DATAPLANE_MODE))
    return mode == "ambient", reason


def _labels(key: str) -> tuple[str, str, str]:
    return "metadata", "labels", key


def _label(namespace: Object, key: str) -> str | None:
    labels: Mapping[str, object] = namespace.labels
    if key not in labels:
        return None
    value = labels[key]
    if value is not None and not isinstance(value, str):
        raise FieldTypeError(_labels(key), "a string", value)
    return value or ""
