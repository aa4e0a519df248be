"""Small meshes for tests: objects in YAML, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.kube.scope import settle_namespaces
from conformance.mesh import Mesh, Verdict

INJECTED = "{istio-injection: enabled}"


@dataclass
class Origin:
    path: str = "all.yaml"

    def locate(self, path: Path) -> Location:
        return Location(self.path)


def namespace(name: str, labels: str = INJECTED) -> str:
    return f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}"


def workload(
    name: str,
    space: str = "shop",
    labels: str = "",
    annotations: str = "{}",
    spec: str = "containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]",
    meta: str = "",
) -> str:
    return (
        f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: {space}{meta}}}, "
        f"spec: {{template: {{metadata: {{labels: {{app: {name}{', ' + labels if labels else ''}}}, "
        f"annotations: {annotations}}}, spec: {{{spec}}}}}}}}}"
    )


def service(
    name: str, space: str = "shop", ports: str = "[{name: http, port: 80, targetPort: http}]", more: str = ""
) -> str:
    return (
        f"{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {space}}}, "
        f"spec: {{selector: {{app: {name}}}, ports: {ports}{', ' + more if more else ''}}}}}"
    )


def mesh_config(text: str, space: str = "istio-system") -> str:
    return (
        f'{{apiVersion: v1, kind: ConfigMap, metadata: {{name: istio, namespace: {space}}}, data: {{mesh: "{text}"}}}}'
    )


def peer(name: str, spec: str, space: str = "shop", meta: str = "") -> str:
    return (
        "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, "
        f"metadata: {{name: {name}, namespace: {space}{meta}}}, spec: {spec}}}"
    )


def rule(name: str, spec: str, space: str = "shop", meta: str = "", kind: str = "DestinationRule") -> str:
    return (
        f"{{apiVersion: networking.istio.io/v1, kind: {kind}, "
        f"metadata: {{name: {name}, namespace: {space}{meta}}}, spec: {spec}}}"
    )


def virtual(name: str, spec: str, space: str = "shop") -> str:
    return rule(name, spec, space, kind="VirtualService")


def tls(host: str, mode: str) -> str:
    return f"{{host: {host}, trafficPolicy: {{tls: {{mode: {mode}}}}}}}"


def strict(name: str = "default", space: str = "shop") -> str:
    return peer(name, "{mtls: {mode: STRICT}}", space)


def created(day: int) -> str:
    return f', creationTimestamp: "2026-01-{day:02}T00:00:00Z"'


def objects(*texts: str) -> list[Object]:
    found: list[Object] = [Object(yaml.safe_load(text), Origin()) for text in texts]
    settle_namespaces(found, {("security.istio.io", "PeerAuthentication"): True})
    return found


def mesh(*texts: str, root: str = "") -> Mesh:
    return Mesh(Inventory(objects(*texts)), root)


#: A client and a server, both injected.
PAIR = (namespace("shop"), workload("web"), workload("api"), service("api"))


def ask(world: Mesh, client: str | None = "web", to: str = "api", port: Any = 80, subset: str = "") -> Verdict:
    clients = {each.owner.name: each for each in world.clients}
    target = next(each for each in world.services.all if each.name == to)
    return world.verdict(clients[client] if client else None, target, port, subset)


def outcome(*texts: str, **question: Any) -> str:
    return ask(mesh(*texts), **question).outcome.value


def found(world: Mesh, code: str) -> list[tuple[str, str]]:
    """Object and field of every problem of one sort."""
    return [(each.subject.name, each.field) for each in world.problems() if each.code == code]


def codes(world: Mesh) -> set[str]:
    return {each.code for each in world.problems()}
