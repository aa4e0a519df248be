"""One connection: what the client sends against what the server accepts.

https://istio.io/latest/docs/concepts/security/#mutual-tls-authentication
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conformance.kube.podspec import PodSpec
from conformance.mesh.membership import Dataplane
from conformance.mesh.peer import Mode
from conformance.mesh.reason import Reason


class Outcome(StrEnum):
    """What becomes of a connection. `broken` is refused or not understood; `unknown` depends on what no file shows."""

    MTLS = "mtls"
    PLAINTEXT = "plaintext"
    UNKNOWN = "unknown"
    BROKEN = "broken"


#: From the best; a Service with several workloads behind it is as good as the worst.
_WORSE = (Outcome.MTLS, Outcome.PLAINTEXT, Outcome.UNKNOWN, Outcome.BROKEN)


class Sent(StrEnum):
    """What leaves the client: as the application wrote it, Istio's mTLS, ambient's tunnel, or TLS of somebody else."""

    PLAIN = "plain"
    ISTIO = "istio"
    HBONE = "hbone"
    SIMPLE = "simple"
    MUTUAL = "mutual"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a connection, and why, from the client to the server; the last reason decides.

    `server` is the workload that it was judged for; None where there is none.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    server: PodSpec | None = None

    def after(self, reasons: tuple[Reason, ...]) -> Verdict:
        """The same with earlier links of the chain."""
        return Verdict(self.outcome, (*reasons, *self.reasons), self.server)

    @property
    def why(self) -> str:
        """The link that decides."""
        return self.reasons[-1].text if self.reasons else ""


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of many servers: a connection may reach any of them."""
    return max(verdicts, key=lambda each: _WORSE.index(each.outcome))


def meets(sent: Sent, dataplane: Dataplane, mode: Mode) -> tuple[Outcome, Reason]:
    """What a server makes of what arrives. A port that does not pass the server's proxy is that of no dataplane.

    ztunnel takes a tunnel whatever the mode is, and knows STRICT only: its DISABLE is PERMISSIVE.
    """
    if sent == Sent.HBONE:
        return Outcome.MTLS, Reason("it travels in ambient's tunnel (HBONE), which is mTLS")
    if dataplane == Dataplane.NONE:
        return _application(sent)
    if sent == Sent.PLAIN:
        if mode == Mode.STRICT:
            return Outcome.BROKEN, Reason("the server is STRICT and refuses plaintext")
        return Outcome.PLAINTEXT, Reason(f"the server is {mode} and takes plaintext")
    if dataplane == Dataplane.AMBIENT:
        return Outcome.UNKNOWN, Reason("TLS without the tunnel reaches the application, which may or may not speak it")
    return _proxy(sent, mode)


def _application(sent: Sent) -> tuple[Outcome, Reason]:
    if sent == Sent.PLAIN:
        return Outcome.PLAINTEXT, Reason("no proxy of the server stands before the port, and nothing is encrypted")
    if sent == Sent.ISTIO:
        return Outcome.BROKEN, Reason("no proxy of the server stands before the port to take Istio's mTLS")
    return Outcome.UNKNOWN, Reason("the application itself has to speak the TLS that the client starts")


def _proxy(sent: Sent, mode: Mode) -> tuple[Outcome, Reason]:
    if sent == Sent.ISTIO:
        if mode == Mode.DISABLE:
            return Outcome.BROKEN, Reason("the server's mode is DISABLE, so mTLS reaches an application without it")
        return Outcome.MTLS, Reason(f"the server is {mode} and takes mTLS")
    if mode != Mode.STRICT:
        return Outcome.UNKNOWN, Reason("the application itself has to speak the TLS that the client starts")
    if sent == Sent.SIMPLE:
        return Outcome.BROKEN, Reason("the server is STRICT, and SIMPLE brings no client certificate")
    return Outcome.UNKNOWN, Reason("the server is STRICT, and it depends on who issued the client's certificate")
