"""Rights by which somebody gets more than he was given, each with its name.

The list is that of https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks, with
`pods/exec`, `pods/attach` and ephemeral containers, by which one works inside pods of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conformance.access.access import Access
from conformance.access.grants import Grant
from conformance.access.resources import RBAC
from conformance.access.rule import ESCALATING, Action, Rule, are_all
from conformance.access.subject import ACCOUNT, GROUP, MASTERS, USER, Subject, subject

_READING = frozenset({"get", "list", "watch"})
_CHANGE = ("create", "update", "patch")
_WORKLOADS = (
    ("", "pods"), ("", "replicationcontrollers"), ("apps", "deployments"), ("apps", "statefulsets"),
    ("apps", "daemonsets"), ("apps", "replicasets"), ("batch", "jobs"), ("batch", "cronjobs"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Power:
    """A named way to more rights: any of the actions is one."""

    name: str
    #: what one can do with it
    what: str
    actions: tuple[Action, ...]
    #: of no use where it is given for one namespace only
    cluster_only: bool = False


def _on(verbs: Sequence[str], group: str, resource: str, subresource: str = "") -> tuple[Action, ...]:
    return tuple(Action(verb, resource, group, subresource) for verb in verbs)


_ADMISSION = "admissionregistration.k8s.io"
_SIGNING = "certificates.k8s.io"
RUN_PODS = "run-pods"
POWERS: tuple[Power, ...] = (
    Power("read-secrets", "reads Secrets, the tokens and passwords in them included",
          _on(("get", "list", "watch"), "", "secrets")),
    Power(RUN_PODS, "runs pods as any ServiceAccount of the namespace, with its Secrets and volumes mounted",
          tuple(Action(verb, kind, group) for group, kind in _WORKLOADS for verb in ("create", "patch", "update")
                if kind != "pods" or verb == "create")),
    Power("enter-pods", "runs commands in pods of others",
          (*_on(("create", "get"), "", "pods", "exec"), *_on(("create", "get"), "", "pods", "attach"))),
    Power("debug-pods", "adds containers to pods of others",
          _on(("patch", "update"), "", "pods", "ephemeralcontainers")),
    Power("token-request", "takes tokens of ServiceAccounts", _on(("create",), "", "serviceaccounts", "token")),
    Power("impersonate", "acts as somebody else",
          tuple(Action("impersonate", each) for each in ("users", "groups", "serviceaccounts"))),
    Power("bind", "gives roles with more rights than its own",
          (*_on(("bind",), RBAC, "clusterroles"), *_on(("bind",), RBAC, "roles"))),
    Power("escalate", "writes roles with more rights than its own",
          (*_on(("escalate",), RBAC, "clusterroles"), *_on(("escalate",), RBAC, "roles"))),
    Power("node-proxy", "runs commands in every pod of a node, past admission and audit",
          _on(("create", "get"), "", "nodes", "proxy"), cluster_only=True),
    Power("approve-certificates", "approves client certificates, of any user and group its signers permit",
          _on(("patch", "update"), _SIGNING, "certificatesigningrequests", "approval"), cluster_only=True),
    Power("admission-webhooks", "reads and changes everything that is admitted",
          (*_on(_CHANGE, _ADMISSION, "mutatingwebhookconfigurations"),
           *_on(_CHANGE, _ADMISSION, "validatingwebhookconfigurations")), cluster_only=True),
    Power("node-volumes", "makes hostPath volumes, and so reads and writes files of nodes",
          _on(("create",), "", "persistentvolumes"), cluster_only=True),
    Power("relabel-namespaces", "takes the Pod Security level or network policies off a namespace",
          _on(("patch", "update"), "", "namespaces")),
)  # fmt: skip
EVERYTHING = "everything"
NAMES = (EVERYTHING, *(each.name for each in POWERS))


def power_name(text: str) -> str:
    """The name of a power as it is. Raises `ValueError` for words that are none."""
    if text not in NAMES:
        raise ValueError(f"{text!r} is none of {', '.join(NAMES)}")
    return text


@dataclass(frozen=True, slots=True)
class Escalation:
    """A power that a grant gives by a rule; `power` None for every right at once."""

    grant: Grant
    rule: Rule
    power: Power | None

    @property
    def name(self) -> str:
        """The power's name, or `everything` where there is none."""
        return self.power.name if self.power else EVERYTHING

    @property
    def what(self) -> str:
        """What one can do with it, in words, and for what part of the cluster."""
        what = self.power.what if self.power else "does everything"
        named = f" ({', '.join(sorted(self.rule.names))} only)" if self.rule.names else ""
        return f"{what}{named}, {self.grant.where}"


def escalations(grant: Grant, world: Access) -> Iterator[Escalation]:
    """The powers that a grant gives, each once, with the first rule that gives it.

    Every right at once is said alone. A rule with resourceNames gives no power to `create`. With names, `bind` and
    `impersonate` are powers only where what is named is an administrator, or not known.
    """
    whole = _whole(grant, world)
    if whole is not None:
        yield Escalation(grant, whole, None)
        return
    for power in POWERS:
        if power.cluster_only and not grant.everywhere:
            continue
        rule = next((each for each in grant.rules if _gives(each, power, grant, world)), None)
        if rule is not None:
            yield Escalation(grant, rule, power)


def _whole(grant: Grant, world: Access) -> Rule | None:
    """The rule by which a grant gives everything: alone, or as a part of what its subject has by several."""
    for each in grant.rules:
        if each.is_everything:
            return each
    if not are_all(world.wide_verbs(grant)):
        return None
    return next((each for each in grant.rules if each.is_wide and each.verbs - _READING), None)


def _gives(rule: Rule, power: Power, grant: Grant, world: Access) -> bool:
    for action in power.actions:
        if not (rule.allows_verb(action.verb) and rule.speaks_of(action.group, action.resource, action.subresource)):
            continue
        if action.verb == "impersonate" and not grant.everywhere and action.resource != "serviceaccounts":
            continue  # users and groups belong to no namespace
        if action.resource == "clusterroles" and action.verb == "escalate" and not grant.everywhere:
            continue
        if not rule.names or (action.verb != "create" and _matters(rule, action, world)):
            return True
    return False


def _matters(rule: Rule, action: Action, world: Access) -> bool:
    """Whether an action limited to named objects is a way to more rights."""
    if action.verb == "bind" and action.resource == "clusterroles":
        named = [world.rules_named(name) for name in rule.names]
        return any(rules is None or any(each.is_everything for each in rules) for rules in named)
    if action.verb == "impersonate":
        return any(_administers(each, world) for each in _named(rule, action, world))
    return True


def _named(rule: Rule, action: Action, world: Access) -> Iterator[Subject]:
    """Whom a rule allows to impersonate; ServiceAccounts of a name in whatever namespace."""
    for name in rule.names - {""}:
        if action.resource == "serviceaccounts":
            yield from (each for each in world.subjects if each.kind == ACCOUNT and each.name == name)
        else:
            yield subject(f"{USER if action.resource == 'users' else GROUP}:{name}")


def _administers(who: Subject, world: Access) -> bool:
    if (who.kind, who.name) == (GROUP, MASTERS):
        return True
    return any(each.everywhere and rule.is_everything for each in world.grants_of(who) for rule in each.rules)


def administration(grant: Grant, world: Access) -> Escalation | None:
    """How a grant makes its subject administrator of the cluster, or of the namespace it is for; None if it does not.

    By every right at once; in the whole cluster also by escalate, bind or impersonate, with which one takes the rest.
    """
    for each in escalations(grant, world):
        if each.power is None or (grant.everywhere and each.power.name in ESCALATING):
            return each
    return None
