"""Fields of any type: what cannot be read is named, nothing raises."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings

from conformance import registry
from conformance.network.exposure import Exposure, listing
from tests.network.exposure.parts import DB, WEB, Raw, service, thing
from tests.network.test_odd_input import damaged
from tests.network.world import inventory, policy

API = "gateway.networking.k8s.io/v1"
TO_WEB = "rules: [{backendRefs: [{name: web, namespace: shop, port: 80, weight: 1}]}]"
SEEDS: list[Raw] = [
    WEB,
    DB,
    policy(spec="{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}"),
    service(type="LoadBalancer", loadBalancerSourceRanges=["192.0.2.0/24"], externalIPs=["192.0.2.1"]),
    thing("networking.k8s.io/v1", "IngressClass", "public", "{controller: k8s.io/ingress-nginx}", ""),
    *yaml.safe_load_all(
        """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: in, namespace: shop, annotations: {a: b}}
spec:
  ingressClassName: public
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules: [{host: a.example, http: {paths: [{path: /, backend: {service: {name: web, port: {name: h}}}}]}}]
---
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: r, namespace: shop}
spec: {host: a.example, to: {name: web, weight: 1}, alternateBackends: [{name: db}], port: {targetPort: http}}
"""
    ),
    thing(
        API,
        "Gateway",
        "gw",
        "{listeners: [{name: web, port: 80, protocol: HTTP, hostname: a.example, allowedRoutes: "
        "{kinds: [{kind: HTTPRoute}], namespaces: {from: Selector, selector: {matchLabels: {a: b}}}}}]}",
    ),
    thing(API, "HTTPRoute", "h", f"{{parentRefs: [{{name: gw, sectionName: web}}], hostnames: [a.example], {TO_WEB}}}"),
    thing(API, "HTTPRoute", "far", f"{{parentRefs: [{{name: gw, namespace: shop}}], {TO_WEB}}}", "far"),
    thing(API, "ReferenceGrant", "g", "{from: [{group: a, kind: b, namespace: c}], to: [{group: '', kind: Service}]}"),
    thing(
        "networking.istio.io/v1",
        "Gateway",
        "gw",
        "{selector: {app: web}, servers: [{port: {number: 80}, hosts: ['*/a.example'], tls: {mode: SIMPLE}}]}",
    ),
    thing(
        "networking.istio.io/v1",
        "VirtualService",
        "v",
        "{hosts: [a.example], gateways: [gw], http: [{match: [{gateways: [gw]}], "
        "route: [{destination: {host: web, port: {number: 80}}, weight: 1}]}]}",
    ),
]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(SEEDS))
def test_nothing_raises(objects: list[Raw]) -> None:
    own = inventory(*objects)
    found = Exposure(own)
    assert all(each.subject and each.text for each in found.unreadable)
    assert listing.record(found)["exposed"] is not None
    assert list(listing.listing(found, explain=True))
    options: dict[str, Any] = {"services": [], "hosts": [], "workloads": []}
    check = registry.find("exposed_only")
    assert check is not None
    assert list(check.function(own, **options)) is not None


def test_the_seeds_themselves_are_read() -> None:
    found = Exposure(inventory(*SEEDS))
    assert found.unreadable == []
    assert {link.subject.kind for each in found.exposed for link in each.way.chain if link.subject} == {
        "Service", "Ingress", "Route", "Gateway", "HTTPRoute", "VirtualService"
    }  # fmt: skip
