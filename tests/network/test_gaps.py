"""Policies that do less than they look like."""

from __future__ import annotations

from typing import Any

from conformance.network.gaps import gaps
from tests.network.test_cilium import cnp
from tests.network.world import connectivity, deployment, policy

DB = deployment("db", ports={"sql": 5432})
WEB = deployment("web")


def told(*policies: dict[str, Any]) -> list[str]:
    return [str(each) for each in gaps(connectivity(DB, WEB, *policies))]


def test_a_policy_that_selects_nothing() -> None:
    found = told(policy(spec="{podSelector: {matchLabels: {app: dbb}}, policyTypes: [Ingress, Egress]}"))
    assert found == ["NetworkPolicy shop/p spec.podSelector: selects no pod"]
    assert told(cnp("{endpointSelector: {matchLabels: {app: dbb}}, ingress: [{}]}")) == [
        "CiliumNetworkPolicy shop/c spec.endpointSelector: selects no pod"
    ]


def test_peers_that_match_nothing() -> None:
    rule = "{from: [{podSelector: {matchLabels: {app: nobody}}}, {namespaceSelector: {matchLabels: {no: 'one'}}}]}"
    found = told(policy(spec=f"{{podSelector: {{}}, ingress: [{rule}]}}"))
    assert found == ["NetworkPolicy shop/p spec.ingress[0]: its peers match nothing"]


def test_ports_that_no_container_opens() -> None:
    found = told(
        policy(spec="{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 3306}, {port: mysql}]}]}")
    )
    assert found == ["NetworkPolicy shop/p spec.ingress[0]: no container has a port named mysql"]
    found = told(policy(spec="{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 3306}]}]}"))
    assert found == ["NetworkPolicy shop/p spec.ingress[0]: no container opens TCP/3306; they open TCP/5432"]


def test_ports_of_pods_that_declare_none_are_not_judged() -> None:
    assert told(policy(spec="{podSelector: {}, ingress: [{ports: [{port: 3306}]}]}")) == []


def test_egress_ports_are_those_of_the_peers() -> None:
    rule = "{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: %s}]}"
    spec = f"{{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Egress], egress: [{rule}]}}"
    assert told(policy(spec=spec % 5432)) == []
    assert told(policy(spec=spec % 80)) == [
        "NetworkPolicy shop/p spec.egress[0]: no container opens TCP/80; they open TCP/5432"
    ]


def test_denying_everything_is_no_gap() -> None:
    assert told(policy(spec="{podSelector: {}, policyTypes: [Ingress, Egress]}")) == []
