"""A tree against an inventory of objects: each where it belongs, once, and of an API that is there."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.choosing import pods_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.kube.removed import removed_in
from conformance.kube.selecting import selector_of
from conformance.kube.selector import Selector, label_selector
from conformance.kube.workload import SYSTEM_NAMESPACES, is_controlled


@check
def test_objects_placed(inventory: Inventory, *, objects: list[str]) -> Iterator[Said]:
    """Each documented object, `Kind/namespace/name`, is in its namespace; one that is elsewhere is shown there.

    `A|B` leaves the kind open where the document does. A missing namespace is none: what `kubectl apply` would put into
    whatever is current is not in its place.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
    """
    for entry in objects:
        kinds, namespace, name = entry.split("/")
        named = [each for kind in kinds.split("|") for each in inventory.of_kind(kind) if each.name == name]
        if any(each.namespace == namespace for each in named):
            continue
        for each in named:
            message = f"{each.kind} {name} belongs into namespace {namespace}"
            yield Finding(each, "metadata.namespace", message, namespace, each.namespace)
        if not named:
            yield Finding(None, "", f"no {kinds.replace('|', ' or ')} {namespace}/{name}")


@check
def test_namespace_listed(thing: Object, *, listed: list[str], unlisted: list[str] | None = None) -> Iterator[Said]:
    """A namespace that exists or is used stands in the inventory; one that does not escapes budgets and policies.

    `unlisted` are namespaces that the inventory relies on without listing them: known, and reported all the same. Those
    of Kubernetes itself are noise.
    """
    name = thing.name if thing.kind == "Namespace" else thing.namespace
    field = "metadata.name" if thing.kind == "Namespace" else "metadata.namespace"
    if name is None or name == "default" or name in SYSTEM_NAMESPACES:
        yield NotApplicable("a namespace of Kubernetes itself, or none")
    elif name in (unlisted or ()):
        if thing.kind == "Namespace":
            yield Finding(thing, field, f"namespace {name} is used without being in the inventory", listed, name)
    elif name not in listed:
        yield Finding(thing, field, f"namespace {name} is not in the inventory", listed, name)


@check
def test_canary_rollout(rollout: Object, inventory: Inventory) -> Iterator[Said]:
    """A Rollout deploys by canary, and no other workload has pods that its selector selects.

    With `workloadRef` the template lies in a Deployment, which has to be scaled to 0; one that was left over from
    before the Rollout doubles the pods behind the Service.
    https://argo-rollouts.readthedocs.io/en/stable/features/specification/
    """
    if rollout.group != "argoproj.io" or not _is_canary(rollout):
        yield Finding(rollout, "spec.strategy", "is no canary", "canary")
    known = relations(inventory)
    pods = known.pods_of(rollout)
    for other in known.pods_near(rollout):
        if other.owner is rollout or is_controlled(other.owner) or other.owner.kind in ("Pod", "Job", "CronJob"):
            continue
        if pods is not None and other is pods:
            if other.owner.number("spec.replicas", 1) != 0 and rollout.get("spec.workloadRef.scaleDown") is None:
                observed = other.owner.get("spec.replicas")
                yield Finding(other.owner, "spec.replicas", f"runs beside {rollout}", 0, observed)
        elif _own_selector(rollout, pods).matches(other.labels):
            yield Finding(other.owner, (*other.metadata_path, "labels"), f"serves the same pods as {rollout}")


def _is_canary(rollout: Object) -> bool:
    """`canary: {}` has every default and is one; a null is none."""
    return rollout.mapping("spec.strategy").get("canary") is not None


def _own_selector(workload: Object, pods: PodSpec | None) -> Selector:
    holder = workload if workload.get("spec.selector") is not None or pods is None else pods.owner
    return label_selector(holder.at("spec.selector"))


@check
def test_replicas_left(workload: Object, inventory: Inventory, *, least: int, most: int) -> Iterator[Said]:
    """A workload with an autoscaler leaves the number of its pods to it, and live it has as many as documented.

    A fixed `spec.replicas` in Git is set back at every sync, even where it equals the minimum, unless the Application
    that delivers it ignores the field.
    """
    ready = workload.number("status.readyReplicas")
    if ready is not None and not least <= ready <= most:
        yield Finding(workload, "status.readyReplicas", "has another number of ready pods", f"{least} to {most}", ready)
    fixed = workload.number("spec.replicas")
    if fixed is None or not workload.origin.path:
        return
    scaled = relations(inventory).autoscalers_of(workload)
    if not least <= fixed <= most:
        yield Finding(workload, "spec.replicas", "is outside of what is documented", f"{least} to {most}", fixed)
    elif scaled and not any(_ignores_replicas(each, workload) for each in inventory.of_kind("Application")):
        yield Finding(workload, "spec.replicas", f"is set back against {scaled[0]}", "no replicas", fixed)


def _ignores_replicas(application: Object, workload: Object) -> bool:
    for each in application.sequence("spec.ignoreDifferences"):
        fields = [str(one.raw) for key in ("jsonPointers", "jqPathExpressions") for one in each.sequence(key)]
        meant = each.text("kind") == workload.kind and each.text("name") in ("", workload.name)
        if meant and any("replicas" in field for field in fields):
            return True
    return False


@check
def test_labels_agree(thing: Object, inventory: Inventory) -> Iterator[Said]:
    """A workload's own selector and those of its Services, budgets and spread constraints mean the very same pods.

    Which labels they use is free; each selector is resolved. A budget or Service that selects a second workload counts
    both, a spread constraint that does not select its own pods spreads nothing.
    """
    known = relations(inventory)
    if thing.kind in ("Service", "PodDisruptionBudget"):
        selector = selector_of(thing)
        owners = {id(pod.owner): pod.owner for pod in known.selected(thing, selector) if not is_controlled(pod.owner)}
        if selector.selects_nothing:
            yield NotApplicable("it has no selector")
        elif len(owners) != 1:
            observed = sorted(str(each) for each in owners.values())
            yield Finding(thing, "spec.selector", f"selects the pods of {len(owners)} workloads", 1, observed)
        return
    pod = pods_of(thing, inventory)
    if pod is None:
        yield NotApplicable("it has no pods in these manifests")
        return
    for constraint in pod.sequence("topologySpreadConstraints"):
        if not label_selector(constraint.at("labelSelector")).matches(pod.labels):
            path = (*constraint.path, "labelSelector")
            yield Finding(pod.owner, path, "does not select the pods that it is meant to spread", dict(pod.labels))
    if thing.get("spec.selector") is None:
        return
    own = label_selector(thing.at("spec.selector"))
    if not own.matches(pod.labels):
        yield Finding(thing, "spec.selector", "does not select its own pods", dict(pod.labels))
    for other in known.pods_near(thing):
        if (
            other is not pod
            and other.owner is not thing
            and not is_controlled(other.owner)
            and own.matches(other.labels)
        ):
            yield Finding(thing, "spec.selector", f"selects the pods of {other.owner} as well", "its own pods")


@check
def test_api_served(thing: Object, *, kubernetes: str, custom: dict[str, list[str]]) -> Iterator[Said]:
    """An API version is served by that Kubernetes, or by a custom resource of the inventory: group to versions.

    Source: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
    """
    since = removed_in(thing.api_version, thing.kind, kubernetes)
    if since:
        message = f"{thing.api_version} {thing.kind} is not served since Kubernetes {since}"
        yield Finding(thing, "apiVersion", message, observed=thing.api_version)
    elif thing.group in custom:
        if thing.version not in custom[thing.group]:
            message = f"{thing.group} serves no {thing.version}"
            yield Finding(thing, "apiVersion", message, custom[thing.group], thing.api_version)
    elif "." in thing.group and not thing.group.endswith(".k8s.io"):
        yield Finding(thing, "apiVersion", f"nothing of the inventory serves {thing.group}", sorted(custom))
