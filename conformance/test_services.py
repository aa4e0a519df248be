"""Services as a document lists them: their ports, what they front, who reaches them from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube import image
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of


def _by_name(services: list[Object]) -> dict[str, Object]:
    return {f"{each.namespace}/{each.name}": each for each in services}


@check
def test_services_offered(
    services: list[Object],
    *,
    ports: dict[str, list[int]],
    type: str = "",  # noqa: A002
    headless: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """Each of these Services (`namespace/name`) is there, offers these ports, and is of this type.

    A Service without a selector gets no endpoints; `externalIPs` open it past its type. A headless one is a ClusterIP
    Service too, and no proxy balances its connections, so those that may be are listed.
    https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
    """
    known = _by_name(services)
    for name, wanted in ports.items():
        service = known.get(name)
        if service is None:
            yield Finding(None, "", f"there is no Service {name}", wanted)
            continue
        offered = {each.number("port") for each in service.sequence("spec.ports")}
        if set(wanted) - offered:
            yield Finding(service, "spec.ports", "does not offer every port", wanted, sorted(map(str, offered)))
        if not service.mapping("spec.selector"):
            yield Finding(service, "spec.selector", "selects no pods", "labels of its pods")
        if type and service.text("spec.type", "ClusterIP") != type:
            yield Finding(service, "spec.type", "is of another type", type, service.text("spec.type", "ClusterIP"))
        if type == "ClusterIP" and service.get("spec.externalIPs"):
            yield Finding(service, "spec.externalIPs", "opens it towards the outside", "no externalIPs")
        if service.get("spec.clusterIP") == "None" and name not in headless:
            yield Finding(service, "spec.clusterIP", "is headless", "an address", "None")


@check
def test_services_front(services: list[Object], inventory: Inventory, *, workloads: dict[str, str]) -> Iterator[Said]:
    """Each of these Services (`namespace/name`) selects the pods of exactly one workload, by its template's labels.

    A selector that catches a backup's pods as well sends requests there.
    https://kubernetes.io/docs/concepts/services-networking/service/
    """
    known, related = _by_name(services), relations(inventory)
    for name, workload in workloads.items():
        service = known.get(name)
        if service is None:
            yield Finding(None, "", f"there is no Service {name}", workload)
            continue
        found = sorted({each.owner.name for each in related.selected(service, selector_of(service))})
        if found != [workload]:
            yield Finding(service, "spec.selector", f"selects {', '.join(found) or 'no pod'}", workload, found)


@check
def test_protocol_selected(service: Object, *, protocols: list[str]) -> Iterator[Said]:
    """Every port of a Service says its protocol to the mesh: by `appProtocol`, else by the first word of its name.

    A port that says nothing is sniffed, which a protocol whose server speaks first does not survive.
    https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """
    for port in service.sequence("spec.ports"):
        said = port.get("appProtocol")
        protocol = str(said).rpartition("/")[2] if said is not None else port.text("name").partition("-")[0]
        if protocol not in protocols:
            field = "appProtocol" if said is not None else "name"
            yield Finding(service, (*port.path, field), "is not taken for its protocol", protocols, port.get(field))


@check
def test_nothing_of(
    inventory: Inventory,
    *,
    kinds: list[str] = [],  # noqa: B006
    names: list[str] = [],  # noqa: B006
    images: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """None of these is there: objects of `kinds` (of `names`, as regular expressions, where some are given), containers
    of images whose repository contains one of `images`.
    """
    for kind in kinds:
        for each in inventory.of_kind(kind):
            if not names or any(re.search(pattern, each.name) for pattern in names):
                yield Finding(each, "kind", "is not to be there", "nothing of it", str(each))
    for pod in inventory.pods() if images else ():
        for container in pod.containers:
            try:
                repository = image.parse(container.text("image")).name
            except image.ImageError:
                continue
            if any(part in repository for part in images):
                yield Finding(pod.owner, (*container.path, "image"), "is not to run", "another image", repository)
