"""Services and their pods, Ingresses and their Services, NetworkPolicies and namespaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import isolation
from conformance.kube.inventory import Inventory
from conformance.kube.isolation import Direction
from conformance.kube.object import Object
from conformance.kube.place import rendering, together
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import Relations, relations
from conformance.kube.selecting import selector_of
from conformance.kube.workload import SYSTEM_NAMESPACES, is_controlled, is_release_test

#: Labels that many applications share, so that agreeing on them says nothing.
_SHARED_LABELS = {
    "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance",
    "app.kubernetes.io/version", "environment", "env", "team", "tier", "release",
}  # fmt: skip


@check
def test_service_ports(thing: Object, inventory: Inventory) -> Iterator[Said]:
    """A named targetPort is the name of a container port, and an Ingress names a port that its Service has.

    Numbers are not compared with `containerPort`: declaring one is optional and changes nothing. Native sidecars may
    have the port as well as ordinary containers. An ExternalName Service has whatever port one asks it for.
    https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports
    """
    known = relations(inventory)
    if thing.kind == "Ingress":
        yield from _backends(thing, known)
        return
    pods = known.selected(thing, selector_of(thing))
    if not pods:
        yield NotApplicable("it selects no pod of these manifests")
        return
    names = {name for pod in pods for name in _port_names(pod)}
    for port in thing.sequence("spec.ports"):
        target = port.get("targetPort")
        if isinstance(target, str) and not target.isdigit() and target not in names:
            message = f"no container of the selected pods has a port named {target}"
            yield Finding(thing, (*port.path, "targetPort"), message, sorted(names), target)


def _port_names(pod: PodSpec) -> Iterator[str]:
    for container in pod.containers:
        for port in container.sequence("ports"):
            yield port.text("name")


def _backends(ingress: Object, known: Relations) -> Iterator[Finding]:
    paths = [path for rule in ingress.sequence("spec.rules") for path in rule.sequence("http.paths")]
    backends = [each.at("backend.service") for each in paths] + [ingress.at("spec.defaultBackend.service")]
    for backend in (each for each in backends if each.raw is not None):
        service = known.named("Service", backend.text("name"), ingress, "")
        if service is None or service.text("spec.type") == "ExternalName" or not service.sequence("spec.ports"):
            continue
        for field in ("number", "name"):
            wanted = backend.get(("port", field))
            offered = [port.get({"number": "port", "name": "name"}[field]) for port in service.sequence("spec.ports")]
            if wanted is not None and wanted not in offered:
                message = f"{service} has no port {wanted}"
                yield Finding(ingress, (*backend.path, "port", field), message, offered, wanted)


@check
def test_service_backends(service: Object, inventory: Inventory) -> Iterator[Said]:
    """A Service has a selector, or is an ExternalName, or somebody writes its endpoints in these manifests.

    https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
    """
    if service.mapping("spec.selector") or service.text("spec.type") == "ExternalName":
        return
    slices = inventory.of_kind("EndpointSlice")
    written = [each for each in slices if each.labels.get("kubernetes.io/service-name") == service.name]
    if relations(inventory).named("Endpoints", service.name, service) is None and not written:
        yield Finding(service, "spec.selector", "has no selector, so it gets no endpoints", "labels of its pods")


@check
def test_service_selects(service: Object, inventory: Inventory) -> Iterator[Said]:
    """A Service's selector selects a pod template's labels, all of them.

    Reported where it must be a mistake: the rendering that made the Service made pods too, or a pod has some of its
    telling labels and not all. The labels of the workload itself do not count.
    https://kubernetes.io/docs/concepts/services-networking/service/#services-in-kubernetes
    """
    known = relations(inventory)
    selector = selector_of(service)
    if known.selected(service, selector):
        return
    if selector.selects_nothing or known.has_unseen_pods(service) or not known.pods_near(service):
        yield NotApplicable("its pods need not be among these manifests")
        return
    telling = {(key, value) for key, value in selector.exact.items() if key not in _SHARED_LABELS}
    near = [pod for pod in known.pods_near(service) if telling & set(pod.labels.items())]
    own = rendering(service) and any(rendering(each.owner) == rendering(service) for each in known.pods_near(service))
    if near or own:
        message = f"selects no pod; {near[0].owner} has some of the labels" if near else "selects no pod"
        yield Finding(service, "spec.selector", message, "labels of a pod template", str(selector))
    else:
        yield NotApplicable("its pods need not be among these manifests")


@check
def test_blue_green_switch(service: Object, inventory: Inventory) -> Iterator[Said]:
    """A Service of a blue-green pair selects one colour: two Deployments named alike but for `blue` and `green`.

    The preview Service of the other colour is a Service of its own. Rollouts add the distinguishing label to their
    Services themselves, so theirs are not judged.
    """
    known = relations(inventory)
    names: dict[str, set[str]] = defaultdict(set)
    for pod in known.selected(service, selector_of(service)):
        words = pod.owner.name.split("-")
        for colour in {"blue", "green"} & set(words):
            names["-".join(word for word in words if word != colour)].add(colour)
    if not names:
        yield NotApplicable("no blue or green workload is selected")
    for name, colours in names.items():
        if len(colours) == 2:
            message = f"selects both colours of {name or 'the workload'}, so traffic is mixed instead of switched"
            yield Finding(service, "spec.selector", message, "the label of one colour")


@check
def test_namespaces_isolated(
    inventory: Inventory,
    *,
    directions: list[Direction] = ["Ingress", "Egress"],  # noqa: B006
) -> Iterator[Said]:
    """Every namespace with workloads has NetworkPolicies, and they isolate each of its pods; one finding a namespace
    and direction.

    Pods on the host's network are outside of any policy. Policies that only Cilium or Calico understand are taken for
    complete, and so are those for the whole cluster. Workloads without a known namespace are reported together, once.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/#the-two-sorts-of-pod-isolation
    """
    if isolation.has_cluster_wide(inventory):
        yield NotApplicable("policies for the whole cluster are declared")
        return
    spaces = _pods_by_namespace(inventory)
    if not spaces:
        yield NotApplicable("no workload outside of system namespaces")
    for namespace, pods in spaces.items():
        yield from _unisolated(namespace, pods, inventory, directions)


def _pods_by_namespace(inventory: Inventory) -> dict[str | None, list[PodSpec]]:
    foreign = isolation.foreign(inventory)
    found: dict[str | None, list[PodSpec]] = defaultdict(list)
    for pod in inventory.pods():
        owner = pod.owner
        if owner.namespace in SYSTEM_NAMESPACES or pod.get("hostNetwork") is True:
            continue
        if is_release_test(owner) or is_controlled(owner) or any(together(each, owner) for each in foreign):
            continue
        found[owner.namespace].append(pod)
    return found


def _unisolated(
    namespace: str | None, pods: list[PodSpec], inventory: Inventory, directions: list[Direction]
) -> Iterator[Finding]:
    known = relations(inventory)
    policies = {id(pod): [each for each in known.policies_of(pod.owner) if isolation.is_native(each)] for pod in pods}
    where = f"namespace {namespace}" if namespace else "the namespace that is not said"
    for direction in directions:
        open_ones = [
            pod for pod in pods if not any(direction in isolation.directions(each) for each in policies[id(pod)])
        ]
        if not open_ones:
            continue
        if not any(policies.values()):
            yield _at(namespace, open_ones, inventory, f"{where} has {len(pods)} workloads and no NetworkPolicy")
            return
        names = ", ".join(sorted({pod.owner.name for pod in open_ones})[:3]) + (" …" if len(open_ones) > 3 else "")
        message = f"no policy of {where} isolates the {direction.lower()} of {names}"
        yield _at(namespace, open_ones, inventory, message)


def _at(namespace: str | None, pods: list[PodSpec], inventory: Inventory, message: str) -> Finding:
    declared = relations(inventory).namespace(namespace)
    field = "metadata.name" if declared else "metadata.namespace"
    return Finding(declared or pods[0].owner, field, message, "a NetworkPolicy that selects every pod")
