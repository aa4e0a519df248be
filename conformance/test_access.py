"""Identities and their rights: ServiceAccounts, RBAC, and what a namespace admits."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.access import excess
from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.service_account import DEFAULT, account_name, automount
from conformance.kube.workload import SYSTEM_NAMESPACES, is_controlled, is_release_test

_ENFORCE = "pod-security.kubernetes.io/enforce"
_LEVELS = ("baseline", "restricted")
#: Roles for people that every API server has, aggregated from labelled ones, which are judged themselves.
_USER_FACING = ("admin", "edit", "view")
#: Controllers that apply whatever Git says and so need every right; limiting them takes projects and impersonation.
_DELIVERING = ("argocd", "flux")


@check
def test_service_account_own(pod: PodSpec, inventory: Inventory) -> Iterator[Said]:
    """A workload names a ServiceAccount that is not `default`, or mounts no token of it.

    `serviceAccount` is the deprecated alias of `serviceAccountName`. `automountServiceAccountToken: false` counts
    in the pod, and in the ServiceAccount `default` where that is declared.
    https://kubernetes.io/docs/concepts/security/service-accounts/
    """
    owner = pod.owner
    if is_release_test(owner) or is_controlled(owner) or owner.namespace in SYSTEM_NAMESPACES:
        yield NotApplicable("a test, made by another object, or part of the system")
        return
    if account_name(pod) != DEFAULT:
        return
    mounts, _, _ = automount(pod, inventory)
    if mounts:
        message = "runs as the ServiceAccount default, which it shares with every other pod of the namespace"
        yield Finding(
            owner, (*pod.path, "serviceAccountName"), message, "one of its own", pod.text("serviceAccountName") or None
        )


@check
def test_least_privilege(thing: Object) -> Iterator[Said]:
    """No role allows everything or its own escalation, and no ServiceAccount is cluster-admin.

    Roles of the system (`system:…`, in a cluster also `admin` and `edit`, which the API server makes and restores), and
    those of Argo CD and Flux, which apply whatever Git says, are left alone.
    https://kubernetes.io/docs/concepts/security/rbac-good-practices/
    """
    part_of = thing.labels.get("app.kubernetes.io/part-of")
    built_in = thing.name.startswith(("system:", "argocd-")) or thing.name == "cluster-admin" or _bootstrapped(thing)
    if built_in or part_of in _DELIVERING:
        yield NotApplicable("belongs to the system or to the GitOps controller")
    elif thing.kind in ("Role", "ClusterRole"):
        for rule, field, allowed in excess.dangers(thing):
            yield Finding(thing, (*rule.path, field), f"allows {allowed}", "the verbs it needs", rule.get(field))
    else:
        for subject, name in excess.administrators(thing):
            yield Finding(thing, (*subject.path, "name"), f"makes {name} administrator", "a role of its own", name)


def _bootstrapped(thing: Object) -> bool:
    """Whether the API server made it. Anybody could set its label, so that the name has to be one of its own.

    https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
    """
    labelled = thing.labels.get("kubernetes.io/bootstrapping") == "rbac-defaults"
    return labelled and thing.kind == "ClusterRole" and thing.name in _USER_FACING


@check
def test_pod_security_enforced(namespace: Object, inventory: Inventory) -> Iterator[Said]:
    """A Namespace enforces the Pod Security Standard baseline or restricted.

    The labels `warn` and `audit` admit everything. `privileged`, said in so many words, is accepted unless every pod of
    the namespace that can be seen does without it.
    https://kubernetes.io/docs/concepts/security/pod-security-admission/
    """
    if namespace.name in {*SYSTEM_NAMESPACES, "default"}:
        yield NotApplicable("a namespace of the system")
        return
    level = namespace.labels.get(_ENFORCE)
    field = ("metadata", "labels", _ENFORCE)
    if level in _LEVELS:
        return
    if level == "privileged":
        pods = [pod for pod in inventory.pods() if pod.owner.namespace == namespace.name]
        if pods and not any(_needs_host(pod) for pod in pods):
            yield Finding(namespace, field, "privileged, though no pod in it needs that", "baseline", level)
        return
    said = f"enforces {level!r}, which is no level" if level else "enforces no Pod Security Standard"
    yield Finding(namespace, field, said, "baseline or restricted", level)


def _needs_host(pod: PodSpec) -> bool:
    """Whether a pod does something that baseline forbids, as far as pods on purpose do."""
    if any(pod.get(field) is True for field in ("hostNetwork", "hostPID", "hostIPC")):
        return True
    if any(each.get("hostPath") is not None for each in pod.sequence("volumes")):
        return True
    for container in pod.containers:
        context = container.security_context
        if context.get("privileged") is True or context.sequence("capabilities.add"):
            return True
        if any(port.get("hostPort") is not None for port in container.sequence("ports")):
            return True
    return False


@check
def test_policies_enforced(policies: list[Object]) -> Iterator[Said]:
    """Of the Kyverno policies that validate, at least one refuses what violates it; the default is to audit.

    The action stands in the policy (`validationFailureAction`) or, since Kyverno 1.13, in each rule.
    https://kyverno.io/docs/policy-types/cluster-policy/validate/
    """
    actions = [(policy, action) for policy in policies for action in _validating(policy)]
    if not actions:
        yield NotApplicable("no policy validates")
    elif not any(action.lower() == "enforce" for _, action in actions):
        for policy in dict.fromkeys(policy for policy, _ in actions):
            message = "only audits, and so does every other policy here"
            yield Finding(policy, "spec.validationFailureAction", message, "Enforce")


def _validating(policy: Object) -> Iterator[str]:
    whole = policy.text("spec.validationFailureAction", "Audit")
    for rule in policy.sequence("spec.rules"):
        if rule.get("validate") is not None:
            yield rule.text("validate.failureAction", whole)
