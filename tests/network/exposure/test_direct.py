"""Services of every type, and ports on nodes."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.network.exposure import exposure
from tests.network.exposure.parts import DB, WEB, found, problems, service, told
from tests.network.world import deployment, inventory, policy

CLOSED = policy("closed", spec="{podSelector: {}, policyTypes: [Ingress]}")


def from_block(cidr: str) -> dict[str, Any]:
    return policy("block", spec=f"{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]}}")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "cluster: web TCP/8080 any unknown"),
        ({"type": "ClusterIP", "clusterIP": "None"}, "cluster: web TCP/8080 any unknown"),
        ({"type": "NodePort"}, "nodes: web TCP/8080 any open"),
        ({"type": "LoadBalancer"}, "outside: web TCP/8080 any open"),
        ({"externalIPs": ["192.0.2.9"]}, "outside: web TCP/8080 any open"),
        ({"ports": [{"port": 8080}]}, "cluster: web TCP/8080 any unknown"),
        ({"ports": [{"port": 80, "targetPort": 9000, "protocol": "UDP"}]}, "cluster: web UDP/9000 any unknown"),
    ],
)
def test_the_type_says_to_whom(spec: dict[str, Any], expected: str) -> None:
    assert told(found(WEB, DB, service(**spec))) == [expected]


def test_an_external_name_exposes_nothing() -> None:
    assert told(found(WEB, service(type="ExternalName", externalName="a.example"))) == []


def test_a_service_without_a_selector_exposes_nothing() -> None:
    assert told(found(WEB, service(type="LoadBalancer", selector={}))) == []


def test_a_named_target_port_is_that_of_each_pod() -> None:
    other = deployment("other", ports={"http": 9090}, app="web")
    assert told(found(WEB, other, service())) == [
        "cluster: web TCP/8080 any unknown",
        "cluster: other TCP/9090 any unknown",
    ]
    wrong = found(WEB, service(ports=[{"port": 80, "targetPort": "htttp"}]))
    assert told(wrong) == []
    assert problems(wrong) == [("target-port", "Service shop/web", "spec.ports[0].targetPort")]


def test_policies_close_what_a_service_opens() -> None:
    assert told(found(WEB, CLOSED, service(type="LoadBalancer"))) == ["outside: web TCP/8080 any closed"]
    assert told(found(WEB, CLOSED, service(type="NodePort"))) == ["nodes: web TCP/8080 any closed"]


def test_a_block_of_the_outside_opens_to_those_clients() -> None:
    opened = found(WEB, from_block("192.0.2.0/24"), service(type="LoadBalancer", externalTrafficPolicy="Local"))
    assert told(opened) == ["outside: web TCP/8080 any open"]
    (each,) = opened.exposed
    assert each.way.sources == ("external",)


def test_the_source_ranges_of_a_load_balancer_are_the_clients() -> None:
    ranges: dict[str, Any] = {
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "loadBalancerSourceRanges": ["198.51.100.0/24"],
    }
    assert told(found(WEB, from_block("192.0.2.0/24"), service(**ranges))) == ["outside: web TCP/8080 any closed"]
    assert told(found(WEB, from_block("198.51.100.0/25"), service(**ranges))) == ["outside: web TCP/8080 any open"]


def test_forwarded_connections_come_from_a_node() -> None:
    (each,) = found(WEB, service(type="NodePort")).exposed
    assert each.way.sources == ("nodes", "external")


def test_what_a_chain_says_of_a_service() -> None:
    def text(**spec: Any) -> str:
        (each,) = found(WEB, service(**spec)).exposed
        return each.way.chain[0].text.partition("(")[2].rstrip(")")

    assert text(type="LoadBalancer") == "LoadBalancer, a node port too"
    assert text(type="LoadBalancer", allocateLoadBalancerNodePorts=False) == "LoadBalancer"
    ports = [{"port": 80, "targetPort": "http", "nodePort": 30080}]
    assert text(type="NodePort", ports=ports) == "NodePort, node port 30080"
    assert text(externalIPs=["192.0.2.9"]) == "ClusterIP, external address 192.0.2.9"
    assert text(clusterIP="None", publishNotReadyAddresses=True) == "headless, also before pods are ready"


def test_ports_on_nodes() -> None:
    pod = deployment("web")
    pod["spec"]["template"]["spec"]["containers"][0]["ports"] = [
        {"containerPort": 8080, "hostPort": 80},
        {"containerPort": 9090},
    ]
    assert told(found(pod)) == ["nodes: web TCP/8080 any open"]
    assert told(found(pod, CLOSED)) == ["nodes: web TCP/8080 any closed"]
    host = deployment("web", ports={"http": 80, "metrics": 9090}, host=True)
    assert told(found(host, CLOSED)) == ["nodes: web TCP/80 any open", "nodes: web TCP/9090 any open"]


def test_a_live_pod_stands_for_itself_only_where_its_owner_is_not_shown() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}
    metadata = {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, "ownerReferences": [owner]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": WEB["spec"]["template"]["spec"]}
    assert told(found(pod, service(type="NodePort"))) == ["nodes: web-1 TCP/8080 any open"]
    assert told(found(pod, WEB, service(type="NodePort"))) == ["nodes: web TCP/8080 any open"]


def test_what_cannot_be_read_is_left_out_as_a_whole_and_named() -> None:
    exposed = exposure(
        inventory(WEB, DB, service(ports=[{"port": "eighty"}]), service("db", app="db", ports=[{"port": 5432}]))
    )
    assert [(str(each.subject), each.text) for each in exposed.unreadable] == [
        ("Service shop/web", "spec.ports[0].port is a string, not a number")
    ]
    assert told(exposed) == ["cluster: db TCP/5432 any unknown"]


def test_a_policy_that_cannot_be_read_makes_the_answer_incomplete() -> None:
    broken = policy("broken", spec="{podSelector: 3}")
    assert [str(each.subject) for each in exposure(inventory(WEB, broken)).unreadable] == ["NetworkPolicy shop/broken"]
