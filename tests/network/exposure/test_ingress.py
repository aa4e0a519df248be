"""Ingresses with and without their controller, and Routes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.network.exposure.parts import WEB, chain, found, problems, service, thing, told
from tests.network.world import deployment, namespace, policy

V1 = "networking.k8s.io/v1"


def controller(name: str, label: str) -> dict[str, Any]:
    made = deployment(name, "ingress")
    made["spec"]["template"]["metadata"]["labels"] = {"app.kubernetes.io/name": label}
    return made


NGINX = controller("nginx", "ingress-nginx")
FRONT: dict[str, Any] = {"selector": {"app.kubernetes.io/name": "ingress-nginx"}, "ports": [{"port": 443}]}
NAMED = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}"
FROM_CONTROLLER = policy("in", spec=f"{{podSelector: {{}}, ingress: [{{from: [{NAMED}], ports: [{{port: 8080}}]}}]}}")
CLOSED = policy("closed", spec="{podSelector: {}, policyTypes: [Ingress]}")


def ingress(
    backend: str = "{service: {name: web, port: {number: 80}}}", head: str = "ingressClassName: nginx, "
) -> dict[str, Any]:
    rule = f"{{host: a.example, http: {{paths: [{{path: /, backend: {backend}}}]}}}}"
    return thing(V1, "Ingress", "in", f"{{{head}rules: [{rule}]}}")


def test_a_path_leads_through_the_service_to_its_pods() -> None:
    exposed = found(WEB, service(), ingress())
    assert told(exposed)[1:] == ["outside: web TCP/8080 a.example open"]
    assert chain(exposed.exposed[1]) == "Ingress shop/in -> Service shop/web"


def test_the_controller_is_the_one_that_must_be_let_in() -> None:
    parts = WEB, service(), ingress(), NGINX, service("front", "ingress", type="LoadBalancer", **FRONT)
    assert told(found(*parts, FROM_CONTROLLER), "web")[1:] == ["outside: web TCP/8080 a.example open"]
    assert told(found(*parts, CLOSED), "web")[1:] == ["outside: web TCP/8080 a.example closed"]
    # Clients of the outside are let in, but it is the controller who connects.
    world = policy("world", spec="{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}")
    assert told(found(*parts, world), "web")[1:] == ["outside: web TCP/8080 a.example closed"]


def test_a_controller_that_nobody_reaches_exposes_nothing() -> None:
    closed = policy("front", "ingress", spec="{podSelector: {}, policyTypes: [Ingress]}")
    parts = WEB, service(), ingress(), NGINX, service("front", "ingress", type="LoadBalancer", **FRONT)
    assert told(found(*parts, closed), "web")[1:] == ["outside: web TCP/8080 a.example closed"]


@pytest.mark.parametrize(
    ("kind", "audience"), [("ClusterIP", "cluster"), ("NodePort", "nodes"), ("LoadBalancer", "outside")]
)
def test_what_is_behind_a_controller_is_exposed_as_far_as_the_controller(kind: str, audience: str) -> None:
    exposed = found(WEB, service(), ingress(), NGINX, service("front", "ingress", type=kind, **FRONT))
    assert told(exposed, "web")[1].partition(":")[0] == audience


def test_without_the_controller_policies_leave_it_unknown() -> None:
    assert told(found(WEB, service(), ingress(), FROM_CONTROLLER))[1:] == ["outside: web TCP/8080 a.example unknown"]
    out = policy("out", spec="{podSelector: {}, policyTypes: [Egress]}")
    assert told(found(WEB, service(), ingress(), out))[1:] == ["outside: web TCP/8080 a.example open"]


def test_the_class_says_which_controller() -> None:
    traefik = controller("traefik", "traefik")
    front = service("front", "ingress", type="LoadBalancer", selector={"app.kubernetes.io/name": "traefik"})
    parts = WEB, service(), NGINX, traefik, front, FROM_CONTROLLER
    public = thing(V1, "IngressClass", "public", "{controller: traefik.io/ingress-controller}", "")
    exposed = found(*parts, public, ingress(head="ingressClassName: public, "))
    assert exposed.exposed[-1].way.sources == ("ingress/Deployment/traefik",)
    old = ingress(head="")
    old["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "traefik"}
    assert found(*parts, old).exposed[-1].way.sources == ("ingress/Deployment/traefik",)
    default = {
        **public,
        "metadata": {**public["metadata"], "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
    }
    assert found(*parts, default, ingress(head="")).exposed[-1].way.sources == ("ingress/Deployment/traefik",)
    assert found(*parts, public, ingress(head="")).exposed[-1].way.sources == ()


def test_the_default_backend_answers_to_any_name() -> None:
    default = thing(V1, "Ingress", "in", "{defaultBackend: {service: {name: web, port: {name: h}}}}")
    named = service(ports=[{"port": 80, "name": "h", "targetPort": 8080}])
    assert told(found(WEB, named, default))[1:] == ["outside: web TCP/8080 any open"]


@pytest.mark.parametrize(
    ("backend", "code", "field"),
    [
        ("{service: {name: wob, port: {number: 80}}}", "backend", "name"),
        ("{service: {name: web, port: {number: 8080}}}", "backend-port", "port.number"),
        ("{service: {name: web, port: {name: http}}}", "backend-port", "port.name"),
    ],
)
def test_backends_that_are_not_there(backend: str, code: str, field: str) -> None:
    exposed = found(WEB, service(), ingress(backend))
    where = f"spec.rules[0].http.paths[0].backend.service.{field}"
    assert problems(exposed) == [(code, "Ingress shop/in", where)]


def test_a_service_that_an_operator_may_make_is_not_missed() -> None:
    operated = thing("example.com/v1", "Shop", "s", "{}")
    assert problems(found(WEB, operated, ingress("{service: {name: wob, port: {number: 80}}}"))) == []


def test_a_backend_that_is_no_service_is_passed_over() -> None:
    assert told(found(WEB, service(), ingress("{resource: {kind: Bucket, name: b}}")))[1:] == []


def test_routes_of_openshift() -> None:
    def route(spec: str) -> dict[str, Any]:
        return thing("route.openshift.io/v1", "Route", "r", spec)

    named = service(
        ports=[{"port": 80, "name": "h", "targetPort": "http"}, {"port": 81, "name": "m", "targetPort": 9000}]
    )
    exposed = found(WEB, named, route("{host: a.example, to: {name: web}, port: {targetPort: m}}"))
    assert told(exposed)[2:] == ["outside: web TCP/9000 a.example open"]
    assert told(found(WEB, named, route("{to: {name: web}, port: {targetPort: http}}")))[2:] == [
        "outside: web TCP/8080 any open"
    ]
    assert told(found(WEB, named, route("{to: {name: web}}")))[2:] == ["outside: web TCP/8080 any open"]
    wrong = found(WEB, named, route("{to: {name: web}, port: {targetPort: 5}, alternateBackends: [{name: wob}]}"))
    assert problems(wrong) == [
        ("backend-port", "Route shop/r", "spec.port.targetPort"),
        ("backend", "Route shop/r", "spec.alternateBackends[0].name"),
    ]


def test_pods_of_namespaces_that_are_labelled() -> None:
    by_label = policy(
        "in", spec="{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {edge: 'yes'}}}]}]}"
    )
    parts = WEB, service(), ingress(), NGINX, service("front", "ingress", type="LoadBalancer", **FRONT), by_label
    assert told(found(*parts), "web")[1:] == ["outside: web TCP/8080 a.example closed"]
    assert told(found(*parts, namespace("ingress", edge="yes")), "web")[1:] == ["outside: web TCP/8080 a.example open"]
