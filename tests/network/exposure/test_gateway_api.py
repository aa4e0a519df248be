"""Gateways and routes of the Gateway API: who attaches where, and what they lead to."""

from __future__ import annotations

import pytest

from tests.network.exposure.parts import WEB, Raw, chain, found, problems, service, thing, told
from tests.network.world import deployment, namespace, policy

V1 = "gateway.networking.k8s.io/v1"
ANY = "{gatewayClassName: any, listeners: [{name: web, port: 80, protocol: HTTP%s}]}"
TO_WEB = "rules: [{backendRefs: [{name: web, port: 80}]}]"
FROM_EDGE = "from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}]"
GRANT = f"{{{FROM_EDGE}, to: [{{group: '', kind: Service%s}}]}}"


def gateway(listener: str = "", space: str = "shop", protocol: str = "HTTP") -> Raw:
    return thing(V1, "Gateway", "gw", (ANY % listener).replace("HTTP", protocol), space)


def route(rest: str = TO_WEB, parent: str = "{name: gw}", kind: str = "HTTPRoute", space: str = "shop") -> Raw:
    return thing(V1, kind, "r", f"{{parentRefs: [{parent}], {rest}}}", space)


def exposed(*parts: Raw) -> list[str]:
    """What is exposed to the outside, apart from the Service itself."""
    return [each for each in told(found(WEB, service(), *parts)) if not each.startswith("cluster")]


def wrong(*parts: Raw) -> list[tuple[str, str, str]]:
    return problems(found(WEB, service(), *parts))


def test_a_route_leads_from_the_listener_to_the_pods() -> None:
    system = found(WEB, service(), gateway(), route())
    assert told(system)[1:] == ["outside: web TCP/8080 any open"]
    assert chain(system.exposed[1]) == "Gateway shop/gw -> HTTPRoute shop/r -> Service shop/web"
    assert problems(system) == []


@pytest.mark.parametrize(
    ("listener", "route_hosts", "hosts"),
    [
        ("", "[a.example]", "a.example"),
        (", hostname: a.example", "[]", "a.example"),
        (", hostname: '*.example'", "[a.example, b.test]", "a.example"),
        (", hostname: a.example", "['*.example']", "a.example"),
        (", hostname: '*.example'", "['*.a.example']", "*.a.example"),
    ],
)
def test_names_are_those_of_both(listener: str, route_hosts: str, hosts: str) -> None:
    rest = f"hostnames: {route_hosts}, {TO_WEB}"
    assert exposed(gateway(listener), route(rest)) == [f"outside: web TCP/8080 {hosts} open"]


@pytest.mark.parametrize(
    ("listener", "rest", "parent"),
    [
        (", hostname: a.example", f"hostnames: [b.example], {TO_WEB}", "{name: gw}"),
        (", allowedRoutes: {kinds: [{kind: GRPCRoute}]}", TO_WEB, "{name: gw}"),
        ("", TO_WEB, "{name: gw, sectionName: other}"),
        ("", TO_WEB, "{name: gw, port: 443}"),
    ],
)
def test_a_route_that_no_listener_takes(listener: str, rest: str, parent: str) -> None:
    assert exposed(gateway(listener), route(rest, parent)) == []
    assert wrong(gateway(listener), route(rest, parent)) == [
        ("route-unattached", "HTTPRoute shop/r", "spec.parentRefs[0]"),
        ("listener-unused", "Gateway shop/gw", "spec.listeners[0]"),
    ]


@pytest.mark.parametrize(
    ("kind", "protocol", "taken"),
    [
        ("HTTPRoute", "HTTPS", True),
        ("HTTPRoute", "TCP", False),
        ("GRPCRoute", "HTTP", True),
        ("TCPRoute", "TCP", True),
        ("TCPRoute", "HTTP", False),
        ("TLSRoute", "TLS", True),
        ("UDPRoute", "UDP", True),
        ("UDPRoute", "TCP", False),
        ("TCPRoute", "example.com/own", True),
    ],
)
def test_the_protocol_of_a_listener_says_which_routes_it_takes(kind: str, protocol: str, taken: bool) -> None:
    assert bool(exposed(gateway(protocol=protocol), route(kind=kind))) == taken


@pytest.mark.parametrize(
    ("allowed", "labels", "taken"),
    [
        ("", {}, False),
        ("from: Same", {}, False),
        ("from: All", {}, True),
        ("from: Selector, selector: {matchLabels: {edge: 'yes'}}", {"edge": "yes"}, True),
        ("from: Selector, selector: {matchLabels: {edge: 'yes'}}", {}, False),
        ("from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}", {}, True),
    ],
)
def test_routes_of_other_namespaces_need_leave(allowed: str, labels: dict[str, str], taken: bool) -> None:
    listener = f", allowedRoutes: {{namespaces: {{{allowed}}}}}" if allowed else ""
    parts = gateway(listener, "edge"), route(parent="{name: gw, namespace: edge}"), namespace("shop", **labels)
    assert bool(exposed(*parts)) == taken


@pytest.mark.parametrize(
    ("grant", "space", "granted"),
    [(", name: web", "shop", True), ("", "shop", True), (", name: db", "shop", False), ("", "edge", False)],
)
def test_a_service_of_another_namespace_needs_a_grant(grant: str, space: str, granted: bool) -> None:
    rest = "rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]"
    parts = [gateway(space="edge"), route(rest, space="edge")]
    parts.append(thing("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", "g", GRANT % grant, space))
    assert bool(exposed(*parts)) == granted
    where = ("reference-grant", "HTTPRoute edge/r", "spec.rules[0].backendRefs[0].namespace")
    assert wrong(*parts) == ([] if granted else [where])


@pytest.mark.parametrize(
    ("backend", "code", "field"),
    [
        ("name: wob, port: 80", "backend", ".name"),
        ("name: web, port: 8080", "backend-port", ".port"),
        ("name: web", "backend-port", ""),
    ],
)
def test_backends_that_are_not_there(backend: str, code: str, field: str) -> None:
    parts = gateway(), route(f"rules: [{{backendRefs: [{{{backend}}}]}}]")
    assert wrong(*parts) == [(code, "HTTPRoute shop/r", f"spec.rules[0].backendRefs[0]{field}")]


def test_what_has_no_weight_gets_nothing_and_other_kinds_are_passed_over() -> None:
    refs = "[{name: web, port: 80, weight: 0}, {kind: Bucket, group: example.com, name: b}]"
    assert exposed(gateway(), route(f"rules: [{{backendRefs: {refs}}}]")) == []


def test_a_parent_that_is_not_there_and_one_that_is_a_service() -> None:
    other = {**gateway(), "metadata": {"name": "other", "namespace": "shop"}}
    assert ("route-parent", "HTTPRoute shop/r", "spec.parentRefs[0].name") in wrong(other, route())
    assert wrong(route(parent="{kind: Service, group: '', name: web}")) == []
    # A namespace of which nothing is shown may have the Gateway.
    assert wrong(route(parent="{name: gw, namespace: platform}")) == []


def test_each_listener_counts_by_itself() -> None:
    listeners = "[{name: a, port: 80, protocol: HTTP}, {name: b, port: 81, protocol: HTTP}]"
    two = thing(V1, "Gateway", "gw", f"{{listeners: {listeners}}}")
    assert wrong(two, route(parent="{name: gw, sectionName: b}")) == [
        ("listener-unused", "Gateway shop/gw", "spec.listeners[0]")
    ]


@pytest.mark.parametrize(
    ("listener", "protocol", "missed"),
    [("", "HTTP", True), (", allowedRoutes: {namespaces: {from: All}}", "HTTP", False), ("", "HBONE", False)],
)
def test_a_listener_whose_routes_may_be_elsewhere_is_not_missed(listener: str, protocol: str, missed: bool) -> None:
    found_ = wrong(gateway(listener, protocol=protocol))
    assert found_ == ([("listener-unused", "Gateway shop/gw", "spec.listeners[0]")] if missed else [])


def test_the_pods_of_a_gateway_are_let_in_or_not() -> None:
    pods = deployment("gw-any")
    pods["spec"]["template"]["metadata"]["labels"] = {"gateway.networking.k8s.io/gateway-name": "gw"}
    front = service("gw-any", type="LoadBalancer", selector={"gateway.networking.k8s.io/gateway-name": "gw"})
    from_gateway = policy(
        "in",
        spec="{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: "
        "{gateway.networking.k8s.io/gateway-name: gw}}}]}]}",
    )
    closed = policy("in", spec="{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}")
    front["spec"]["ports"] = [{"port": 80}]
    assert "outside: web TCP/8080 any open" in exposed(gateway(), route(), pods, front, from_gateway)
    assert "outside: web TCP/8080 any closed" in exposed(gateway(), route(), pods, front, closed)
    # Without the pods nobody can tell whom a policy would have to let in.
    assert exposed(gateway(), route(), closed) == ["outside: web TCP/8080 any unknown"]


def test_a_gateway_of_an_unknown_namespace_may_be_the_one_that_is_named() -> None:
    parent = "{name: gw, namespace: network, sectionName: web}"
    unplaced = gateway()
    del unplaced["metadata"]["namespace"]
    assert wrong(unplaced, route(parent=parent)) == []
    other = gateway(space="other")
    assert wrong(other, route(parent=parent)) == [("listener-unused", "Gateway other/gw", "spec.listeners[0]")]


def test_a_route_of_an_unknown_namespace_may_need_no_grant() -> None:
    backend = "rules: [{backendRefs: [{name: web, port: 80, namespace: shop}]}]"
    unplaced = route(backend, "{name: gw, namespace: shop}")
    del unplaced["metadata"]["namespace"]
    assert wrong(gateway(", allowedRoutes: {namespaces: {from: All}}"), unplaced) == []


def test_routes_for_listeners_of_all_namespaces_may_stand_in_charts() -> None:
    listeners = "[{name: web, port: 80, protocol: HTTP}, {name: all, port: 81, protocol: HTTP, %s}]"
    everywhere = "allowedRoutes: {namespaces: {from: All}}"
    two = thing(V1, "Gateway", "gw", f"{{gatewayClassName: any, listeners: {listeners % everywhere}}}", "shop")
    only = route(parent="{name: gw, sectionName: web}")
    release = thing("helm.toolkit.fluxcd.io/v2", "HelmRelease", "app", "{chart: {}}", "other")
    assert wrong(two, only) == [("listener-unused", "Gateway shop/gw", "spec.listeners[1]")]
    assert wrong(two, only, release) == []
    only["spec"]["parentRefs"][0]["sectionName"] = "all"
    assert wrong(two, only, release) == [("listener-unused", "Gateway shop/gw", "spec.listeners[0]")]
