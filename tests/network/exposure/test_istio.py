"""Istio's Gateways and VirtualServices, from the load balancer to the pods behind them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.network.exposure import exposure
from tests.network.exposure.parts import WEB, Raw, chain, found, problems, service, thing, told
from tests.network.world import deployment, inventory, policy

V1 = "networking.istio.io/v1"
PODS = deployment("ingress", "istio-system", istio="ingressgateway")
TO_PODS: dict[str, Any] = {"selector": {"istio": "ingressgateway"}, "ports": [{"port": 80, "targetPort": 8080}]}
FRONT = service("ingress", "istio-system", type="LoadBalancer", **TO_PODS)
TO_WEB = "http: [{route: [{destination: {host: web}}]}]"


def gateway(hosts: str = "['*']", selector: str = "{istio: ingressgateway}") -> Raw:
    server = f"{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: {hosts}}}"
    return thing(V1, "Gateway", "gw", f"{{selector: {selector}, servers: [{server}]}}")


def routes(rest: str = TO_WEB, hosts: str = "[a.example]", gateways: str = "[gw]") -> Raw:
    return thing(V1, "VirtualService", "v", f"{{hosts: {hosts}, gateways: {gateways}, {rest}}}")


def exposed(*parts: Raw) -> list[str]:
    """How the web is exposed, apart from its own Service."""
    return told(found(WEB, service(), PODS, FRONT, *parts), "web")[1:]


def test_the_way_from_the_load_balancer_to_the_pods() -> None:
    system = found(WEB, service(), PODS, FRONT, gateway(), routes())
    assert told(system, "ingress") == ["outside: ingress TCP/8080 any open"]
    assert told(system, "web")[1:] == ["outside: web TCP/8080 a.example open"]
    last = system.exposed[-1]
    assert chain(last) == "Gateway shop/gw -> VirtualService shop/v -> Service shop/web"
    assert last.way.sources == ("istio-system/Deployment/ingress",)
    assert problems(system) == []


def test_policies_on_either_side_close_it() -> None:
    closed = policy("closed", spec="{podSelector: {}, policyTypes: [Ingress]}")
    assert exposed(gateway(), routes(), closed) == ["outside: web TCP/8080 a.example closed"]
    silent = policy("silent", "istio-system", spec="{podSelector: {}, policyTypes: [Egress]}")
    assert exposed(gateway(), routes(), silent) == ["outside: web TCP/8080 a.example closed"]
    shut = policy("shut", "istio-system", spec="{podSelector: {}, policyTypes: [Ingress]}")
    assert exposed(gateway(), routes(), shut) == ["outside: web TCP/8080 a.example closed"]


@pytest.mark.parametrize(
    ("hosts", "own", "expected"),
    [
        ("['*.example']", "[a.example]", "a.example"),
        ("[a.example]", "['*.example']", "a.example"),
        ("[a.example]", "['*']", "a.example"),
        ("['shop/a.example']", "[a.example]", "a.example"),
        ("['*']", "['*']", "any"),
    ],
)
def test_names_are_those_of_both(hosts: str, own: str, expected: str) -> None:
    assert exposed(gateway(hosts), routes(hosts=own)) == [f"outside: web TCP/8080 {expected} open"]


@pytest.mark.parametrize(
    ("hosts", "own", "gateways", "code"),
    [
        ("[b.example]", "[a.example]", "[gw]", "gateway-host"),
        ("['other/a.example']", "[a.example]", "[gw]", "gateway-host"),
        ("['*']", "[a.example]", "[mesh]", "gateway-host"),
        ("['*']", "[a.example]", "[gwx]", "gateway-host"),
    ],
)
def test_a_gateway_and_routes_that_do_not_meet(hosts: str, own: str, gateways: str, code: str) -> None:
    parts = gateway(hosts), routes(hosts=own, gateways=gateways)
    assert exposed(*parts) == []
    assert code in {each for each, _, _ in problems(found(WEB, service(), PODS, FRONT, *parts))}


@pytest.mark.parametrize(
    ("rest", "code", "field"),
    [
        ("http: [{route: [{destination: {host: wob}}]}]", "route-host", "destination.host"),
        (
            "http: [{route: [{destination: {host: web, port: {number: 8080}}}]}]",
            "route-port",
            "destination.port.number",
        ),
    ],
)
def test_routes_to_nothing(rest: str, code: str, field: str) -> None:
    found_ = problems(found(WEB, service(), PODS, FRONT, gateway(), routes(rest)))
    assert (code, "VirtualService shop/v", f"spec.http[0].route[0].{field}") in found_


def test_routes_for_the_mesh_alone_and_destinations_without_weight() -> None:
    only = "http: [{match: [{gateways: [mesh]}], route: [{destination: {host: web}}]}]"
    assert exposed(gateway(), routes(only, gateways="[gw, mesh]")) == []
    either = "http: [{match: [{gateways: [mesh]}, {uri: {prefix: /a}}], route: [{destination: {host: web}}]}]"
    assert len(exposed(gateway(), routes(either, gateways="[gw, mesh]"))) == 1
    weights = "http: [{route: [{destination: {host: web}, weight: 0}, {destination: {host: web.far}, weight: 100}]}]"
    assert exposed(gateway(), routes(weights)) == []


def test_as_wide_as_the_pods_of_the_gateway() -> None:
    inner = {**FRONT, "spec": {**FRONT["spec"], "type": "ClusterIP"}}
    assert (
        told(found(WEB, service(), PODS, inner, gateway(), routes()), "web")[1]
        == "cluster: web TCP/8080 a.example open"
    )
    # The pods of the gateway come from a chart that is not here.
    assert told(found(WEB, service(), gateway(), routes()))[1:] == ["outside: web TCP/8080 a.example open"]


def test_a_virtual_service_that_cannot_be_read_is_named() -> None:
    system = exposure(inventory(WEB, service(), PODS, FRONT, gateway(), routes("http: 3")))
    assert [(str(each.subject), each.text) for each in system.unreadable] == [
        ("VirtualService shop/v", "spec.http is a number, not a list")
    ]
