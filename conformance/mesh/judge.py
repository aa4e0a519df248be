"""One client, one port of a Service: who is behind it, what is sent, what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from conformance.kube.podspec import PodSpec
from conformance.mesh.capture import inbound_bypass
from conformance.mesh.client_tls import AUTO, ClientTls, client_tls
from conformance.mesh.connection import Sending, Server, by_proxy, by_tunnel, bypass
from conformance.mesh.egress import Sidecars
from conformance.mesh.membership import Dataplane, Membership
from conformance.mesh.peer import Mode, PeerAuthentications
from conformance.mesh.reason import Reason, reading
from conformance.mesh.rules import DestinationRules, Merged
from conformance.mesh.services import ServicePort, Services
from conformance.mesh.settings import MeshSettings
from conformance.mesh.verdict import Outcome, Sent, Verdict, meets, worst

#: Those whose proxy reads DestinationRules; an unknown one may.
_READS_RULES = (Dataplane.SIDECAR, Dataplane.GATEWAY)


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: a client, how it takes part in the mesh, a port, and perhaps a subset that a route chose."""

    client: PodSpec | None
    member: Membership
    port: ServicePort
    subset: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that verdicts are made from. Nothing here is remembered between calls."""

    settings: MeshSettings
    peers: PeerAuthentications
    rules: DestinationRules
    services: Services
    sidecars: Sidecars
    member: Callable[[PodSpec | None], Membership]
    #: what a workload may be that nobody knows of
    alternatives: tuple[Dataplane, ...]

    def verdict(self, call: Call) -> Verdict:
        """The worst of what may happen, as the workloads behind the port differ. Raises UnreadableError."""
        if call.member.dataplane == Dataplane.UNKNOWN:
            return self._either(call)
        port = call.port
        if port.protocol != "TCP":
            text = f"{port.protocol} passes no proxy of the mesh"
            return Verdict(Outcome.PLAINTEXT, (Reason(text, port.service, (*port.node.path, "protocol")),))
        merged = self._rule(call)
        tls = self._tls(call, merged)
        if tls.missing:
            # Without namespaces a rule may belong to these objects and lie where nobody can tell that it does.
            unresolved = port.service.namespace is None
            return Verdict(Outcome.UNKNOWN if unresolved else Outcome.BROKEN, tls.reasons)
        found = self._pods(call, merged)
        with reading(port.service):
            pods = [(pod, port.target(pod)) for pod in found]
        if not pods:
            text = f"{port.service} selects no pod of the tree" + (f" in subset {call.subset}" if call.subset else "")
            return Verdict(Outcome.UNKNOWN, (Reason(text, port.service, ("spec", "selector")),))
        reached = [(self._server(pod, target), target) for pod, target in pods if target is not None]
        others = [server for server, _ in reached]
        unnamed = [_unnamed(port, pod) for pod, target in pods if target is None]
        return worst([*(self._against(call, tls, server, others, target) for server, target in reached), *unnamed])

    def _either(self, call: Call) -> Verdict:
        """A client of which nobody knows how it takes part: certain only where that makes no difference."""
        found = [self.verdict(replace(call, member=_as(call.member, each))) for each in self.alternatives]
        return (
            found[0]
            if len({each.outcome for each in found}) == 1
            else Verdict(Outcome.UNKNOWN, call.member.told("client"))
        )

    def _rule(self, call: Call) -> Merged | None:
        if call.client is None or call.member.dataplane not in _READS_RULES:
            return None
        service = call.port.service
        return self.rules.find(call.client, call.client.owner.namespace, service, self.services.host(service))

    def _tls(self, call: Call, merged: Merged | None) -> ClientTls:
        if call.member.dataplane not in _READS_RULES:
            return AUTO
        return client_tls(merged, call.port.number, call.subset, sidecar=call.member.dataplane == Dataplane.SIDECAR)

    def _pods(self, call: Call, merged: Merged | None) -> list[PodSpec]:
        """Only a proxy of the client chooses a subset; without one the Service alone decides."""
        found = merged.subset(call.subset) if merged is not None and call.subset else None
        if found is None:
            return self.services.pods(call.port.service)
        with reading(found[0].subject):
            return self.services.pods(call.port.service, found[1].at("labels"))

    def _server(self, pod: PodSpec, target: int) -> Server:
        return Server(pod, self.member(pod), self.peers.mode(pod, target), self.peers.namespace_mode(pod.owner))

    def _against(self, call: Call, tls: ClientTls, server: Server, others: list[Server], target: int) -> Verdict:
        if server.member.dataplane == Dataplane.UNKNOWN:
            servers = [replace(server, member=_as(server.member, each)) for each in self.alternatives]
            found = [self._against(call, tls, each, others, target) for each in servers]
            same = len({each.outcome for each in found}) == 1
            return found[0] if same else Verdict(Outcome.UNKNOWN, server.member.told("server"), server.pod)
        if server.member.dataplane == Dataplane.GATEWAY:
            last = Reason("a gateway accepts what its Gateway objects say, not what PeerAuthentications do")
            return Verdict(Outcome.UNKNOWN, (*server.member.told("server"), last), server.pod)
        hidden = self._hidden(call)
        if hidden is not None and not hidden[0]:
            last = Reason("the client's sidecar blocks what it does not know")
            return Verdict(Outcome.BROKEN, (hidden[1], last), server.pod)
        sent, why = self._sending(call, tls, server, others)
        if sent is None:
            return Verdict(Outcome.UNKNOWN, why, server.pod)
        chain = (*why, *server.member.told("server"))
        with reading(server.pod.owner):
            opened = inbound_bypass(server.pod, target) if server.member.dataplane == Dataplane.SIDECAR else None
        if server.member.dataplane == Dataplane.NONE or opened is not None:
            outcome, last = meets(sent, Dataplane.NONE, Mode.PERMISSIVE)
            return _verdict(outcome, (*chain, *((opened,) if opened else ())), last, server)
        if server.peer.mode is None:
            return Verdict(Outcome.UNKNOWN, (*chain, *server.peer.reasons), server.pod)
        outcome, last = meets(sent, server.member.dataplane, server.peer.mode)
        return _verdict(outcome, (*chain, *server.peer.reasons), last, server)

    def _hidden(self, call: Call) -> tuple[bool, Reason] | None:
        """Why the client's sidecar does not know the Service, if so; ports that pass no sidecar are not hidden."""
        service, member = call.port.service, call.member
        if (
            call.client is None
            or member.dataplane != Dataplane.SIDECAR
            or bypass(call.client, member, call.port.number)
        ):
            return None
        return self.sidecars.hidden(call.client, service, self.services.host(service))

    def _sending(self, call: Call, tls: ClientTls, server: Server, others: list[Server]) -> Sending:
        member, service = call.member, call.port.service
        if member.dataplane == Dataplane.NONE or call.client is None:
            return Sent.PLAIN, ()
        if member.dataplane == Dataplane.AMBIENT:
            return by_tunnel(server)
        passed = bypass(call.client, member, call.port.number)
        if passed is not None:
            return passed
        hidden = self._hidden(call)
        if hidden is not None:
            return Sent.PLAIN, (hidden[1], Reason("what the client's sidecar does not know goes out as it is"))
        if tls.ambiguous:
            return None, tls.reasons
        return by_proxy(member, service, tls, server, others, self.settings.auto_mtls)


def _as(member: Membership, dataplane: Dataplane) -> Membership:
    return replace(member, dataplane=dataplane, assumed=True)


def _verdict(outcome: Outcome, chain: tuple[Reason, ...], last: Reason, server: Server) -> Verdict:
    return Verdict(outcome, (*dict.fromkeys(chain), last), server.pod)


def _unnamed(port: ServicePort, pod: PodSpec) -> Verdict:
    text = f"{pod.owner} opens no port called {port.node.get('targetPort')}"
    return Verdict(Outcome.UNKNOWN, (Reason(text, port.service, (*port.node.path, "targetPort")),), pod)
