"""The TLS settings that a DestinationRule gives a client for one port: subset+port > subset > port > top level."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.kube.object import FieldTypeError, Node
from conformance.mesh.reason import Reason, reading, word
from conformance.mesh.rules import Merged, Rule

MODES = ("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")


@dataclass(frozen=True, slots=True)
class ClientTls:
    """A mode, or "" for auto-mTLS; `missing` where the subset that was asked for does not exist.

    `ambiguous` where several rules of one host say different things and files cannot tell the oldest.
    """

    mode: str
    reasons: tuple[Reason, ...] = ()
    missing: bool = False
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _Setting:
    rule: Rule
    node: Node

    @property
    def mode(self) -> str:
        """A `tls` without a mode means DISABLE, the first word of the enumeration, and not auto-mTLS."""
        with reading(self.rule.subject):
            return word(self.node, "mode", MODES, "DISABLE")

    def is_dropped(self) -> bool:
        """Whether a sidecar ignores it: a `credentialName` is for gateways, and for rules with a workloadSelector."""
        with reading(self.rule.subject):
            credential = self.node.text("credentialName")
        secret = bool(credential) and not credential.startswith("configmap://")
        return secret and self.rule.selector is None and self.mode in ("SIMPLE", "MUTUAL")


AUTO = ClientTls("", (Reason("no DestinationRule says otherwise, so auto-mTLS chooses"),))


def client_tls(merged: Merged | None, port: int, subset: str = "", *, sidecar: bool = True) -> ClientTls:
    """What a rule says for a *service* port; raises UnreadableError.

    Settings of a port replace all of the level that they belong to: a port without `tls` does not inherit that of the
    top level. Where the top level then has a mode, it still decides whether an endpoint is offered mTLS, so DISABLE
    above a port without `tls` remains plaintext.
    """
    if merged is None:
        return ClientTls("", (*AUTO.reasons,)) if not subset else _missing(None, subset)
    policies = merged.policies()
    tops: list[tuple[Rule, Node] | None] = [*policies] or [None]
    answers = [_with(merged, each, port, subset, sidecar) for each in tops]
    created = [rule.created for rule, _ in policies]
    if len({each.mode for each in answers}) > 1 and not all(created):
        names = " and ".join(str(rule.subject.name) for rule, _ in policies)
        text = f"ambiguous: {names} are for one host, and without creationTimestamp nobody knows the oldest"
        return ClientTls("", (Reason(text, policies[-1][0].subject, policies[-1][1].path),), ambiguous=True)
    return answers[0]


def _with(merged: Merged, top: tuple[Rule, Node] | None, port: int, subset: str, sidecar: bool) -> ClientTls:
    level = _level(*top, port) if top is not None else None
    cluster = level[0] if level else None
    hint = level[1] if level else None
    if subset:
        found = merged.subset(subset)
        if found is None:
            return _missing(merged, subset)
        own = _level(found[0], found[1].at("trafficPolicy"), port)
        cluster = own[0] if own[0] is not None or own[2] else cluster
        hint = own[1] or hint
    if cluster is not None:
        return _explicit(cluster, sidecar)
    if hint is not None:
        mode = "ISTIO_MUTUAL" if hint.mode == "ISTIO_MUTUAL" else "DISABLE"
        text = f"the port's settings have no tls, but {hint.mode} around them still decides what is offered"
        return ClientTls(mode, (Reason(text, hint.rule.subject, hint.node.path),))
    rule = merged.rules[0]
    where = f"DestinationRule {rule.subject.namespace}/{rule.subject.name}"
    return ClientTls("", (Reason(f"{where} has no tls for it, so auto-mTLS chooses", rule.subject, ("spec",)),))


def _level(rule: Rule, policy: Node, port: int) -> tuple[_Setting | None, _Setting | None, bool]:
    """Of one trafficPolicy: the tls that configures the connection, the one that endpoints are offered by, and whether
    the port has settings of its own.
    """
    with reading(rule.subject):
        if policy.raw is None:
            return None, None, False
        top = _tls(rule, policy)
        for each in policy.sequence("portLevelSettings"):
            if each.number("port.number") == port:
                own = _tls(rule, each)
                return own, own or top, True
        return top, top, False


def _tls(rule: Rule, node: Node) -> _Setting | None:
    found = node.at("tls")
    if found.raw is None:
        return None
    if not isinstance(found.raw, dict):
        raise FieldTypeError(found.path, "a mapping", found.raw)
    return _Setting(rule, found)


def _explicit(setting: _Setting, sidecar: bool) -> ClientTls:
    rule = setting.rule
    path = (*setting.node.path, "mode")
    where = f"DestinationRule {rule.subject.namespace}/{rule.subject.name}"
    if sidecar and setting.is_dropped():
        text = f"{where} has {setting.mode} with credentialName, which sidecars ignore without a workloadSelector"
        return ClientTls("DISABLE", (Reason(text, rule.subject, (*setting.node.path, "credentialName")),))
    return ClientTls(setting.mode, (Reason(f"{where} makes clients send {setting.mode}", rule.subject, path),))


def _missing(merged: Merged | None, subset: str) -> ClientTls:
    if merged is None:
        return ClientTls("", (Reason(f"no DestinationRule defines subset {subset}"),), missing=True)
    rule = merged.rules[0]
    reason = Reason(f"DestinationRule {rule.subject.name} has no subset {subset}", rule.subject, ("spec", "subsets"))
    return ClientTls("", (reason,), missing=True)
