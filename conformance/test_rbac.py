"""Effective RBAC: who has which rights in the end, through groups, aggregated roles, wildcards and escalation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any

from conformance.access import Access, Fault, Grant, access, subject
from conformance.access.approval import approvals, entry
from conformance.access.builtin import is_default
from conformance.access.grants import beyond_defaults
from conformance.access.powers import EVERYTHING, administration, escalations, power_name
from conformance.access.subject import matches
from conformance.access.workloads import given
from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.service_account import DEFAULT, account_name, automount, projected_tokens
from conformance.kube.workload import SYSTEM_NAMESPACES, is_controlled

#: a subject as in `plumbline access --who`; namespace and name may be globs
Who = Annotated[str, subject]
#: `{subject, role, namespace, until, reason}`
Entry = Annotated[dict[str, Any], entry]
_READING = ("get", "list", "watch")


@check
def test_cluster_admin_subjects(
    binding: Object, inventory: Inventory, *, approved: tuple[Who, ...] = (), namespaced: bool = True
) -> Iterator[Said]:
    """Nobody but the approved is administrator, by cluster-admin or by rules that come to the same.

    The same are: every verb on every resource of the core group; in the whole cluster also `escalate`, `bind` and
    `impersonate`, all through aggregated roles too. A RoleBinding makes an administrator of its namespace, reported
    unless `namespaced` is false. Names that begin with `system:` excuse nothing: only what Kubernetes itself gives is
    left alone, not a subject or a rule that somebody added to it. Groups of everybody can be approved by nobody.
    https://kubernetes.io/docs/concepts/security/rbac-good-practices/
    """
    world = access(inventory)
    for grant in _given(binding, world):
        if (not namespaced and not grant.everywhere) or _among(grant, approved):
            continue
        if grant.fault:
            yield _unknown(grant)
            continue
        found = administration(grant, world)
        if found is not None:
            message = f"makes {grant.subject} administrator {_extent(grant)}: {grant.role} {found.what}"
            yield _finding(grant, message, approved)


@check
def test_approved_bindings(
    bindings: list[Object], inventory: Inventory, *, approved: tuple[Entry, ...] = (), file: str = ""
) -> Iterator[Said]:
    """Every subject of every binding stands in the list of approved ones, with this role, and its approval has not
    ended.

    The list is in `approved`, or in a file of the tree (`file`, a glob of its path) under `bindings:`, each entry
    `{subject, role, namespace, until, reason}`; no namespace means cluster-wide, and `until` is held against
    `--as-of`. A binding with several subjects needs each of them approved. Bindings that Kubernetes makes itself need
    no approval, unless subjects were added.
    https://kubernetes.io/docs/concepts/security/rbac-good-practices/#periodic-review
    """
    known = [entry(each) for each in approved]
    if file:
        documents = list(inventory.select_documents(Match(paths=(file,))))
        if not documents:
            yield Finding(None, "", f"there is no list of approved bindings {file}")
            return
        for document in documents:
            try:
                known += approvals(document.sequence("bindings"))
            except FieldTypeError as error:  # stands in the list, not in a binding
                yield Unjudged(document, error.path, str(error))
                return
    world = access(inventory)
    for grant in (grant for binding in bindings for grant in world.given_by(binding)):
        if is_default(grant.binding, grant.node):
            continue
        covering = [each for each in known if each.covers(grant)]
        said = f"{grant.subject} has {grant.role} {grant.where}"
        if not covering:
            yield _finding(grant, f"{said}, which is not in the list of approved bindings", None)
        elif inventory.as_of and all(each.until and each.until < inventory.as_of for each in covering):
            last = max(each.until for each in covering if each.until)
            yield _finding(grant, f"{said}, which was approved until {last} only", None)


@check
def test_secret_readers(
    binding: Object, inventory: Inventory, *, namespaces: list[str], allowed: tuple[Who, ...] = ()
) -> Iterator[Said]:
    """Nobody but the documented reads Secrets in the namespaces (globs).

    `list` and `watch` show the contents as `get` does; a rule limited to named Secrets reads those. What a
    ClusterRoleBinding gives holds in every namespace. Reading by way of a pod that mounts the Secret is a matter of
    `escalation_paths`.
    https://kubernetes.io/docs/concepts/security/rbac-good-practices/#listing-secrets
    """
    for grant in _given(binding, access(inventory)):
        here = grant.everywhere or any(fnmatchcase(grant.namespace or "?", each) for each in namespaces)
        if not here or _among(grant, allowed):
            continue
        if grant.fault:
            yield _unknown(grant)
        for rule in grant.rules:
            if rule.speaks_of("", "secrets") and any(map(rule.allows_verb, _READING)):
                named = f" {', '.join(sorted(rule.names))}" if rule.names else ""
                message = f"{grant.subject} reads Secrets{named} {grant.where}, by {grant.role}"
                yield _finding(grant, message, allowed)
                break


@check
def test_escalation_paths(
    binding: Object,
    inventory: Inventory,
    *,
    allowed: tuple[Who, ...] = (),
    paths: tuple[Annotated[str, power_name], ...] = (),
) -> Iterator[Said]:
    """Nobody but the documented can get more rights than he was given: by reading Secrets, running or entering pods,
    taking tokens, impersonating, binding or escalating roles, through nodes/proxy, certificates, admission webhooks,
    hostPath volumes or labels of namespaces.

    `paths` asks for some of them by name (`read-secrets`, `run-pods` …; see docs/access.md); without it, for all.
    https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
    """
    world = access(inventory)
    for grant in _given(binding, world):
        if _among(grant, allowed):
            continue
        if grant.fault:
            yield _unknown(grant)
        found = [each for each in escalations(grant, world) if not paths or each.name in {*paths, EVERYTHING}]
        if found:
            ways = "; ".join(f"{each.what} [{each.name}]" for each in found)
            yield _finding(grant, f"by {grant.role}, {grant.subject} {ways}", allowed)


@check
def test_binding_targets_exist(binding: Object, inventory: Inventory, *, accounts: bool = False) -> Iterator[Said]:
    """The role that a binding names exists: in the tree, or built into Kubernetes.

    A binding whose role is missing gives nothing, until somebody makes a role of that name with whatever rules. A
    ClusterRoleBinding cannot name a Role. With `accounts` its ServiceAccounts must exist too: whoever may create one
    of that name gets the rights.
    https://kubernetes.io/docs/reference/access-authn-authz/rbac/#rolebinding-and-clusterrolebinding
    """
    world = access(inventory)
    role = f"{binding.text('roleRef.kind')} {binding.text('roleRef.name')}"
    if not world.targets(binding):
        yield Finding(
            binding, "roleRef.name", f"{role} does not exist", "a role of the tree", binding.get("roleRef.name")
        )
    for grant in world.given_by(binding) if accounts else ():
        who = grant.subject
        if who.kind == "ServiceAccount" and who.name != DEFAULT and not _account_exists(grant, inventory):
            yield _finding(grant, f"{who} does not exist", None)


@check
def test_token_mounted_only_when_used(
    pod: PodSpec, inventory: Inventory, *, allowed: tuple[Who, ...] = ()
) -> Iterator[Said]:
    """A workload whose ServiceAccount has no rights in the tree mounts no token of it.

    The token is mounted unless `automountServiceAccountToken` is false in the pod or, where the pod says nothing, in
    the ServiceAccount; `true` in the pod beats `false` in the account. A projected token with an audience of its own is
    meant for somebody else and left alone, as are the `allowed` accounts.
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
    """
    owner = pod.owner
    if is_controlled(owner) or owner.namespace in SYSTEM_NAMESPACES:
        yield NotApplicable("made by another object, or part of the system")
        return
    name = f"{'?' if owner.namespace is None else owner.namespace}/{account_name(pod)}"
    who = subject(f"ServiceAccount:{name}")
    if given(pod, access(inventory)) or any(matches(who, each) for each in allowed):
        return
    mounted, thing, field = automount(pod, inventory)
    if mounted:
        message = f"mounts the token of {name}, which has no rights here"
        if thing is owner:
            yield Finding(thing, field.path, message, False, field.raw)
        else:
            yield Finding(thing, field.path, f"{owner} {message}", False, field.raw)
    for token in projected_tokens(pod):
        if not token.text("audience"):
            yield Finding(owner, token.path, f"mounts the token of {name}, which has no rights here", None)


def _given(binding: Object, world: Access) -> Iterator[Grant]:
    """What a binding gives beyond what Kubernetes itself gives by it."""
    yield from filter(None, map(beyond_defaults, world.given_by(binding)))


def _among(grant: Grant, approved: Iterable[str]) -> bool:
    return not grant.subject.is_everybody and any(matches(grant.subject, each) for each in approved)


def _extent(grant: Grant) -> str:
    return "of the cluster" if grant.everywhere else f"of the namespace {grant.namespace or '?'}"


def _finding(grant: Grant, message: str, expected: Iterable[str] | None) -> Finding:
    return Finding(grant.binding, (*grant.node.path, "name"), message, list(expected or ()) or None, str(grant.subject))


def _unknown(grant: Grant) -> Unjudged:
    reason = f"nobody can say what {grant.role} gives {grant.subject}: {grant.fault.value}"
    field = "roleRef.name" if grant.fault is Fault.MISSING else "roleRef"
    return Unjudged(grant.binding, field, reason)


def _account_exists(grant: Grant, inventory: Inventory) -> bool:
    who = grant.subject
    if who.namespace is not None:
        return inventory.find("", "ServiceAccount", who.namespace, who.name) is not None
    return relations(inventory).named("ServiceAccount", who.name, grant.binding, "") is not None
