"""The checks `exposed_only` and `exposure_problems`: which fields they name, and what they leave alone."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import registry
from conformance.check import NotApplicable
from conformance.finding import Finding, Unjudged
from tests.network.exposure.parts import WEB, Raw, service, thing
from tests.network.world import deployment, inventory

INGRESS = "{rules: [{host: a.example, http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]}"


def judged(check: str, *parts: Raw, **options: Any) -> list[tuple[str, str]]:
    """Subject and field of each finding; `error` and `skipped` for anything else."""
    found = registry.find(check)
    assert found is not None
    said = []
    for each in found.function(inventory(*parts), **found.options(options)):
        if isinstance(each, Finding):
            said.append((str(each.subject), each.field_text))
        else:
            said.append(("error" if isinstance(each, Unjudged) else "skipped", ""))
            assert isinstance(each, Unjudged | NotApplicable)
    return said


@pytest.mark.parametrize(
    ("spec", "allowed", "field"),
    [
        ({}, [], ""),
        ({"type": "NodePort"}, [], "spec.type"),
        ({"type": "LoadBalancer"}, [], "spec.type"),
        ({"externalIPs": ["192.0.2.1"]}, [], "spec.externalIPs"),
        ({"type": "NodePort"}, ["shop/web"], ""),
        ({"type": "NodePort"}, ["shop/web NodePort"], ""),
        ({"type": "LoadBalancer"}, ["shop/web NodePort"], "spec.type"),
        ({"type": "NodePort"}, ["other/web", "shop/we"], "spec.type"),
        ({"type": "NodePort"}, ["shop/*"], ""),
    ],
)
def test_services_that_are_not_listed(spec: dict[str, Any], allowed: list[str], field: str) -> None:
    found = judged("exposed_only", WEB, service(**spec), services=allowed)
    assert found == ([("Service shop/web", field)] if field else [])


def test_ports_of_a_service_may_be_listed() -> None:
    ports = [{"port": 80, "nodePort": 30080}, {"port": 81, "nodePort": 30081}]
    node, balancer = service(type="NodePort", ports=ports), service(type="LoadBalancer", ports=ports)
    both = ["shop/web NodePort 30080", "shop/web NodePort 30081"]
    assert judged("exposed_only", WEB, node, services=both) == []
    assert judged("exposed_only", WEB, node, services=both[:1]) == [("Service shop/web", "spec.ports[1].nodePort")]
    assert judged("exposed_only", WEB, node, services=["shop/web NodePort 1"]) == [
        ("Service shop/web", "spec.ports[0].nodePort"),
        ("Service shop/web", "spec.ports[1].nodePort"),
    ]
    assert judged("exposed_only", WEB, balancer, services=["* LoadBalancer 80"]) == [
        ("Service shop/web", "spec.ports[1].port")
    ]
    assert judged("exposed_only", WEB, balancer, services=both) == [("Service shop/web", "spec.type")]


def test_namespaces_that_are_looked_at() -> None:
    agent = deployment("agent", "system", ports={"metrics": 9100}, host=True)
    front = thing("networking.k8s.io/v1", "Ingress", "in", INGRESS)
    parts = WEB, service(type="NodePort"), front, agent
    lists: dict[str, Any] = {"services": [], "hosts": [], "workloads": []}
    assert len(judged("exposed_only", *parts, **lists)) == 3
    assert judged("exposed_only", *parts, **lists, namespaces=["sys*"]) == [
        ("Deployment system/agent", "spec.template.spec.hostNetwork")
    ]
    assert len(judged("exposed_only", *parts, **lists, namespaces=["shop"])) == 2


def test_a_list_that_is_not_given_is_not_judged() -> None:
    parts = WEB, service(type="NodePort"), thing("networking.k8s.io/v1", "Ingress", "in", INGRESS)
    assert judged("exposed_only", *parts, workloads=[]) == []
    assert judged("exposed_only", *parts, hosts=[]) == [("Ingress shop/in", "spec.rules[0].host")]
    assert judged("exposed_only", *parts, hosts=["a.example"]) == []
    assert judged("exposed_only", *parts, hosts=["*.example"], services=["shop/web"]) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "field"),
    [
        ("networking.k8s.io/v1", "Ingress", "{rules: [{http: {paths: []}}]}", "spec.rules[0].host"),
        ("networking.k8s.io/v1", "Ingress", "{defaultBackend: {service: {name: x}}}", "spec.defaultBackend"),
        ("route.openshift.io/v1", "Route", "{host: b.example, to: {name: web}}", "spec.host"),
        (
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            "{parentRefs: [{name: g}], hostnames: [b.example]}",
            "spec.hostnames[0]",
        ),
        ("gateway.networking.k8s.io/v1", "TCPRoute", "{parentRefs: [{name: g}]}", "spec"),
        ("networking.istio.io/v1", "VirtualService", "{gateways: [g], hosts: [a.example, b.example]}", "spec.hosts[1]"),
    ],
)
def test_names_that_are_not_listed(api_version: str, kind: str, spec: str, field: str) -> None:
    """Whether somebody stands behind a name or not: an operator may make the Service."""
    assert judged("exposed_only", thing(api_version, kind, "x", spec), hosts=["a.example"]) == [
        (f"{kind} shop/x", field)
    ]


@pytest.mark.parametrize(
    ("api_version", "kind", "spec"),
    [
        ("networking.istio.io/v1", "VirtualService", "{hosts: [web]}"),
        ("networking.istio.io/v1", "VirtualService", "{gateways: [mesh], hosts: [web]}"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "{parentRefs: [{kind: Service, name: web}]}"),
    ],
)
def test_routes_of_the_mesh_are_no_exposure(api_version: str, kind: str, spec: str) -> None:
    assert judged("exposed_only", thing(api_version, kind, "x", spec), hosts=[]) == []


def test_workloads_on_their_node() -> None:
    agent = deployment("agent", ports={"metrics": 9100, "web": 80}, host=True)
    port = deployment("port")
    port["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080}]
    found = judged("exposed_only", WEB, agent, port, workloads=[])
    assert found == [
        ("Deployment shop/agent", "spec.template.spec.hostNetwork"),
        ("Deployment shop/port", "spec.template.spec.containers[0].ports[0].hostPort"),
    ]
    assert judged("exposed_only", WEB, agent, port, workloads=["shop/agent", "shop/p*"]) == []
    assert judged("exposed_only", WEB, port, workloads=["shop/port 8080"]) == []
    assert len(judged("exposed_only", WEB, agent, port, workloads=["shop/agent 80", "shop/port 80"])) == 2


def test_what_cannot_be_read_is_an_error() -> None:
    assert judged("exposed_only", service(type=3), services=[]) == [("error", "")]
    assert judged("exposed_only", thing("networking.k8s.io/v1", "Ingress", "in", "{rules: 3}"), hosts=[]) == [
        ("error", "")
    ]
    assert ("error", "") in judged("exposure_problems", WEB, service(ports=3))


def test_what_leads_nowhere() -> None:
    wrong = thing("networking.k8s.io/v1", "Ingress", "in", INGRESS.replace("80", "81"))
    field = "spec.rules[0].http.paths[0].backend.service.port.number"
    assert judged("exposure_problems", WEB, service(), wrong) == [("Ingress shop/in", field)]
    assert judged("exposure_problems", WEB, service(), wrong, expected=["Ingress shop/*"]) == []
    assert judged("exposure_problems", WEB, service(), thing("networking.k8s.io/v1", "Ingress", "in", INGRESS)) == []
    assert judged("exposure_problems", WEB) == [("skipped", "")]
