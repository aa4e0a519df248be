"""Which ports pass a sidecar at all: what the annotations of a pod take out of the redirection.

https://istio.io/latest/docs/reference/config/annotations/
"""

from __future__ import annotations

from conformance.kube.object import FieldTypeError
from conformance.kube.podspec import PodSpec
from conformance.mesh.reason import Reason

PREFIX = "traffic.sidecar.istio.io/"
#: The proxy's own ports.
_OWN_PORTS = {15020, 15021, 15090}


def inbound_bypass(pod: PodSpec, port: int) -> Reason | None:
    """Why a connection to a container port does not pass the server's sidecar; None where it does.

    `includeInboundPorts` is `*` unless it is said; an empty one takes everything out, and a list makes the list of
    exclusions meaningless. Raises FieldTypeError for what is no port.
    """
    included = _said(pod, "includeInboundPorts", "*")
    if included != "*":
        if port in _ports(pod, "includeInboundPorts"):
            return None
        return _reason(pod, "includeInboundPorts", f"port {port} is not redirected to the sidecar")
    if port in _ports(pod, "excludeInboundPorts"):
        return _reason(pod, "excludeInboundPorts", f"port {port} is not redirected to the sidecar")
    return Reason(f"port {port} is the proxy's own") if port in _OWN_PORTS else None


def outbound_bypass(pod: PodSpec, port: int) -> Reason | None:
    """Why a connection to a *service* port does not pass the client's sidecar; None where it does.

    The redirection sees the port that the client connects to, before any translation to a container port. Ports in
    `includeOutboundPorts` pass even where `includeOutboundIPRanges` takes every address out; other ranges of addresses
    are asked for by `outbound_ranges`.
    """
    if port in _ports(pod, "excludeOutboundPorts"):
        return _reason(pod, "excludeOutboundPorts", f"port {port} is not redirected to the client's sidecar")
    if _said(pod, "includeOutboundIPRanges", "*") == "" and port not in _ports(pod, "includeOutboundPorts"):
        return _reason(pod, "includeOutboundIPRanges", "no address is redirected to the client's sidecar")
    return None


def outbound_ranges(pod: PodSpec) -> Reason | None:
    """An annotation that chooses by address, which no manifest knows; the link-local block is no Service's."""
    if _said(pod, "includeOutboundIPRanges", "*") not in ("*", ""):
        return _reason(pod, "includeOutboundIPRanges", "addresses decide what passes the client's sidecar")
    ranges = _said(pod, "excludeOutboundIPRanges", "")
    if any(each.strip() and not each.strip().startswith("169.254.") for each in ranges.split(",")):
        return _reason(pod, "excludeOutboundIPRanges", "addresses decide what passes the client's sidecar")
    return None


def _said(pod: PodSpec, name: str, default: str) -> str:
    return pod.annotations.get(PREFIX + name, default).strip()


def _ports(pod: PodSpec, name: str) -> set[int]:
    words = [each.strip() for each in _said(pod, name, "").split(",") if each.strip()]
    for each in words:
        if not (each.isascii() and each.isdigit()):
            raise FieldTypeError((*pod.metadata_path, "annotations", PREFIX + name), "a list of ports", each)
    return {int(each) for each in words}


def _reason(pod: PodSpec, name: str, text: str) -> Reason:
    path = (*pod.metadata_path, "annotations", PREFIX + name)
    return Reason(f"{PREFIX}{name}: {text}", pod.owner, path)
