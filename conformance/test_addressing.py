"""What documents and objects address by name or label really is there, and nothing else is meant by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of
from conformance.kube.selector import Selector, label_selector
from conformance.kube.workload import is_controlled, is_long_running, is_release_test, replicas

_SELECTING = ("Service", "PodDisruptionBudget", "NetworkPolicy")
_ORDINAL = re.compile(r"(.+)-(\d+)\Z")


@check
def test_namespaces_declared(inventory: Inventory, *, names: list[str]) -> Iterator[Said]:
    """Each namespace has a manifest of its own; a live one is not on its way out.

    A namespace that somebody else makes on the fly (`CreateNamespace=true`, `kubectl create namespace`) exists without
    the labels that policies and Pod Security need. One that is Terminating still exists for `kubectl get`.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
    """
    declared = {each.name: each for each in inventory.of_kind("Namespace", "")}
    for name in names:
        found = declared.get(name)
        if found is None:
            yield Finding(None, "", f"no Namespace {name} is declared")
        elif found.get("status.phase") not in (None, "Active"):
            yield Finding(found, "status.phase", "the namespace is going away", "Active", found.get("status.phase"))


@check
def test_runbook_targets(inventory: Inventory, *, pods: list[str], selectors: dict[str, str]) -> Iterator[Said]:
    """Pods and selectors that runbooks write into their commands exist as written.

    `pods` are `namespace/name-0`: only a StatefulSet `name` has a pod of that name, and only while it has that many
    replicas. `selectors` are `namespace/key=value`, each with the `Kind/name` that it means; they are held against the
    labels of pod templates, never those of the workload.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id
    """
    for pod in pods:
        yield from _pod_exists(pod, inventory)
    for text, meant in selectors.items():
        yield from _means(text, meant, inventory)


def _pod_exists(pod: str, inventory: Inventory) -> Iterator[Finding]:
    namespace, _, name = pod.partition("/")
    parts = _ORDINAL.match(name)
    owner = inventory.find("apps", "StatefulSet", namespace, parts.group(1)) if parts else None
    if parts is None or owner is None:
        stem = parts.group(1) if parts else name
        other = next((each for each in inventory.by_kind.get("Deployment", ()) if _is(each, namespace, stem)), None)
        message = f"no StatefulSet of namespace {namespace} makes a pod {name}"
        if other is None:
            yield Finding(None, "", message)
        else:
            yield Finding(other, "kind", f"{message}; the pods of {other} have other names", "StatefulSet", other.kind)
        return
    first = owner.number("spec.ordinals.start", 0) or 0
    count = replicas(owner)
    if not first <= int(parts.group(2)) < first + (1 if count is None else count):
        yield Finding(owner, "spec.replicas", f"has no pod {name}", f"a pod {name}", count)


def _is(thing: Object, namespace: str, name: str) -> bool:
    return thing.namespace == namespace and thing.name == name


def _means(text: str, meant: str, inventory: Inventory) -> Iterator[Finding]:
    """Findings for a written selector that misses its workload, or means another one besides."""
    namespace, _, labels = text.partition("/")
    selector = Selector(dict(each.split("=", 1) for each in labels.split(",")))
    found = [pod.owner for pod in _pods_in(namespace, inventory) if selector.matches(pod.labels)]
    kind, _, name = meant.partition("/")
    owner = next((each for each in inventory.by_kind.get(kind, ()) if _is(each, namespace, name)), None)
    if owner is None:
        yield Finding(None, "", f"no {meant} in namespace {namespace}, which {labels} should select")
    elif all(each is not owner for each in found):
        pod = inventory.pod_spec(owner)
        field = pod.metadata_path if pod else ("metadata",)
        yield Finding(owner, (*field, "labels"), f"{labels} does not select its pods", labels, pod and dict(pod.labels))
    for other in found:
        if other is not owner:
            pod = inventory.pod_specs[id(other)]
            message = f"{labels} selects the pods of {other} too, and means {meant}"
            yield Finding(other, (*pod.metadata_path, "labels"), message, f"only {meant}")


def _pods_in(namespace: str, inventory: Inventory) -> list[PodSpec]:
    """Pods of one namespace; those that a workload made are counted with it."""
    return [each for each in inventory.pods() if each.owner.namespace == namespace and not is_controlled(each.owner)]


@check
def test_selectors_resolve(
    inventory: Inventory, *, namespaces: list[str], intended: dict[str, str] | None = None
) -> Iterator[Said]:
    """Every Service, PodDisruptionBudget and NetworkPolicy of the namespaces selects pods, by the labels they carry.

    So do the peers of a NetworkPolicy that name pods of its own namespace. `intended` are selectors with the one
    workload that they mean, as in `runbook_targets`. An empty selector is everything to a policy or budget, and nothing
    to a Service; a Service without one has its endpoints written by somebody.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """
    known = relations(inventory)
    things = [each for kind in _SELECTING for each in inventory.of_kind(kind) if _within(each, namespaces)]
    for thing in things:
        if thing.kind == "Service" and not thing.mapping("spec.selector"):
            continue
        if not known.has_unseen_pods(thing) and not known.selected(thing, selector_of(thing)):
            field = "spec.podSelector" if thing.kind == "NetworkPolicy" else "spec.selector"
            yield Finding(thing, field, "selects no pod", "labels of a pod template", str(selector_of(thing)))
        for peer in _own_peers(thing):
            if not known.has_unseen_pods(thing) and not known.selected(thing, label_selector(peer)):
                yield Finding(thing, peer.path, "selects no pod", "labels of a pod template", str(label_selector(peer)))
    for text, meant in (intended or {}).items():
        yield from _means(text, meant, inventory)
    if not things and not intended:
        yield NotApplicable("nothing selects pods there")


def _within(thing: Object, namespaces: list[str]) -> bool:
    return thing.namespace is not None and any(fnmatchcase(thing.namespace, each) for each in namespaces)


def _own_peers(policy: Object) -> Iterator[Node]:
    if policy.kind != "NetworkPolicy" or policy.group != "networking.k8s.io":
        return
    for rules, side in (("spec.ingress", "from"), ("spec.egress", "to")):
        for rule in policy.sequence(rules):
            for peer in rule.sequence(side):
                if peer.get("podSelector") is not None and peer.get("namespaceSelector") is None:
                    yield peer.at("podSelector")


@check
def test_service_classes(
    inventory: Inventory,
    *,
    label: str,
    namespaces: list[str],
    classes: dict[str, list[str]],
    unclassified: list[str],
) -> Iterator[Said]:
    """Every long-running workload of the namespaces has exactly one of the service classes, by a label of its pods.

    `classes` gives the names of workloads that a document classifies; others may have any of the classes. Those of
    `unclassified` may go without. The label must be on the pod template: scraping copies labels of pods into series,
    never those of the Deployment.
    """
    judged = 0
    for pod in inventory.pods():
        owner = pod.owner
        if not _within(owner, namespaces) or not is_long_running(pod) or is_release_test(owner) or is_controlled(owner):
            continue
        judged += 1
        yield from _classified(pod, label, classes, owner.name in unclassified)
    if not judged:
        yield NotApplicable("no long-running workload there")


def _classified(pod: PodSpec, label: str, classes: dict[str, list[str]], may_lack: bool) -> Iterator[Finding]:
    owner, found = pod.owner, pod.labels.get(label)
    documented = next((name for name, workloads in classes.items() if owner.name in workloads), None)
    field = (*pod.metadata_path, "labels", label)
    if found is None:
        if not may_lack:
            yield Finding(owner, field, "no service level applies to it", documented or sorted(classes))
    elif documented is not None and found != documented:
        yield Finding(owner, field, "is documented in another service class", documented, found)
    elif found not in classes:
        yield Finding(owner, field, "is no service class", sorted(classes), found)
