"""What a client sends to one server: the DestinationRule, or auto-mTLS by what is known of the server."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.mesh.capture import outbound_bypass, outbound_ranges
from conformance.mesh.client_tls import ClientTls
from conformance.mesh.membership import Dataplane, Membership, takes_auto_mtls
from conformance.mesh.peer import Mode, Peer
from conformance.mesh.reason import Reason, reading
from conformance.mesh.services import is_headless
from conformance.mesh.verdict import Sent

#: What is sent, and why; None where no file tells.
Sending = tuple[Sent | None, tuple[Reason, ...]]


@dataclass(frozen=True, slots=True)
class Server:
    """One workload behind a port: how it takes part, and what its port and its namespace accept."""

    pod: PodSpec
    member: Membership
    peer: Peer
    namespace_peer: Peer


def bypass(client: PodSpec | None, member: Membership, port: int) -> Sending | None:
    """What is sent where the client's sidecar does not see the connection; None where it does."""
    if client is None or member.dataplane != Dataplane.SIDECAR:
        return None
    with reading(client.owner):
        excluded, ranges = outbound_bypass(client, port), outbound_ranges(client)
    if excluded is not None:
        return Sent.PLAIN, (excluded,)
    return (None, (ranges,)) if ranges is not None else None


def by_tunnel(server: Server) -> Sending:
    """What ztunnel sends. It reads no DestinationRule, and reaches sidecars by the tunnel too, as the ambient profile
    sets them up.
    """
    if server.member.dataplane in (Dataplane.AMBIENT, Dataplane.SIDECAR):
        return Sent.HBONE, ()
    return Sent.PLAIN, (Reason("ztunnel sends plaintext to what is outside the mesh"),)


def by_proxy(
    member: Membership, service: Object, tls: ClientTls, server: Server, others: list[Server], auto_mtls: bool
) -> Sending:
    """What a sidecar or a gateway sends. To ambient servers that is the tunnel, whatever a rule's mode is, except that
    pods behind a headless Service are addressed directly.
    """
    with reading(service):
        direct = is_headless(service) and member.dataplane == Dataplane.SIDECAR
    if server.member.dataplane == Dataplane.AMBIENT:
        if direct:
            return None, (Reason("a headless Service addresses pods directly, so the tunnel may not be used", service),)
        return Sent.HBONE, tls.reasons
    if tls.mode:
        return {"DISABLE": Sent.PLAIN, "ISTIO_MUTUAL": Sent.ISTIO}.get(tls.mode) or Sent(tls.mode.lower()), tls.reasons
    if not auto_mtls:
        return Sent.PLAIN, (*tls.reasons, Reason("auto-mTLS is switched off for the mesh"))
    sent, reasons = _direct(service, server, others) if direct else _auto(server)
    return sent, (*tls.reasons, *reasons)


def _auto(server: Server) -> Sending:
    """Clients go by the mode of the namespace first and only then by that of the port, so a STRICT workload in a
    DISABLE namespace is not sent mTLS.
    """
    if server.namespace_peer.mode is None:
        return None, server.namespace_peer.reasons
    if server.namespace_peer.mode == Mode.DISABLE:
        return Sent.PLAIN, (*server.namespace_peer.reasons, Reason("auto-mTLS is off for a namespace of mode DISABLE"))
    with reading(server.pod.owner):
        offered = takes_auto_mtls(server.pod, server.member)
    if not offered:
        return Sent.PLAIN, (Reason("auto-mTLS sends plaintext to a server without a sidecar"),)
    if server.peer.mode is None:
        return None, server.peer.reasons
    if server.peer.mode == Mode.DISABLE:
        return Sent.PLAIN, (*server.peer.reasons, Reason("auto-mTLS sends plaintext to a port of mode DISABLE"))
    return Sent.ISTIO, (Reason("auto-mTLS sends mTLS to a server with a sidecar"),)


def _direct(service: Object, server: Server, others: list[Server]) -> Sending:
    """Pods of a headless Service get mTLS only if all have a sidecar, and then whatever their port's mode is."""
    if server.namespace_peer.mode is None:
        return None, server.namespace_peer.reasons
    if server.namespace_peer.mode == Mode.DISABLE:
        return Sent.PLAIN, (*server.namespace_peer.reasons, Reason("auto-mTLS is off for a namespace of mode DISABLE"))
    path = ("spec", "clusterIP")
    for each in others:
        with reading(each.pod.owner):
            offered = takes_auto_mtls(each.pod, each.member)
        if not offered:
            text = f"auto-mTLS sends plaintext to a headless Service of which {each.pod.owner.name} has no sidecar"
            return Sent.PLAIN, (*each.member.told(each.pod.owner.name), Reason(text, service, path))
    return Sent.ISTIO, (
        Reason("auto-mTLS sends mTLS to a headless Service whose pods all have sidecars", service, path),
    )
