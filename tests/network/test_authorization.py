"""Istio's AuthorizationPolicy on top of the network."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.network.world import connectivity, deployment, into, policy

DB = deployment("db")
WEB = deployment("web")
WEB["spec"]["template"]["spec"]["serviceAccountName"] = "front"
FAR = deployment("far", "other")
TCP, REST = "TCP/1-65535", "UDP/1-65535, SCTP/1-65535"


def authz(spec: str, name: str = "z", space: str = "shop") -> dict[str, Any]:
    metadata = {"name": name, "namespace": space}
    kind = "AuthorizationPolicy"
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)}


def db_in(*policies: dict[str, Any]) -> dict[str, str]:
    world = connectivity(DB, WEB, FAR, *policies)
    assert world.unreadable == []
    found = {end: ports.removesuffix(REST).removesuffix(", ") for end, ports in into(world, "db").items()}
    return {end: "any" if ports == TCP else ports for end, ports in found.items() if ports}


def test_allow_without_rules_allows_nothing_and_an_empty_rule_everything() -> None:
    assert db_in(authz("{}")) == {}
    assert set(db_in(authz("{rules: [{}]}"))) == {"web", "far", "db", "external"}


def test_deny_without_rules_denies_nothing() -> None:
    assert set(db_in(authz("{action: DENY}"))) == {"web", "far", "db", "external"}


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("principals: [cluster.local/ns/shop/sa/front]", {"web"}),
        ("principals: ['*/sa/front']", {"web"}),
        ("principals: ['*']", {"web", "far", "db"}),
        ("namespaces: [other]", {"far"}),
        ("notNamespaces: [other]", {"web", "db", "external"}),
        ("serviceAccounts: [shop/front]", {"web"}),
        ("ipBlocks: [10.0.0.0/8]", {"external"}),
        ("namespaces: [shop], notPrincipals: ['*/sa/front']", {"db"}),
    ],
)
def test_sources(source: str, ends: set[str]) -> None:
    assert set(db_in(authz(f"{{rules: [{{from: [{{source: {{{source}}}}}]}}]}}"))) == ends


def test_ports_of_the_workload() -> None:
    assert db_in(authz("{rules: [{to: [{operation: {ports: ['80', '81']}}]}]}"))["web"] == "TCP/80-81"
    assert db_in(authz("{action: DENY, rules: [{to: [{operation: {notPorts: ['80']}}]}]}"))["web"] == "TCP/80"


def test_deny_wins_over_allow() -> None:
    deny = authz("{action: DENY, rules: [{from: [{source: {namespaces: [shop]}}]}]}", "deny")
    assert set(db_in(authz("{rules: [{}]}"), deny)) == {"far", "external"}


def test_other_protocols_pass_the_proxy_by() -> None:
    assert into(connectivity(DB, WEB, authz("{}")), "db")["web"] == REST


def test_a_deny_of_some_requests_closes_no_port() -> None:
    assert db_in(authz("{action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}"))["web"] == "any"


def test_methods_are_kept_as_limits() -> None:
    world = connectivity(DB, WEB, authz("{rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]}"))
    assert world.allows("web", "db", "TCP", 80).limits == ["HTTP GET"]
    assert not world.allows("web", "db", "TCP", 81).allowed
    assert world.allows("web", "db", "UDP", 81).allowed


def test_a_selector_chooses_pods_and_the_root_namespace_means_all() -> None:
    chosen = authz("{selector: {matchLabels: {app: web}}}")
    assert set(db_in(chosen)) == {"web", "far", "db", "external"}
    assert db_in(authz("{}", space="istio-system")) == {}


def test_the_network_is_asked_first() -> None:
    assert db_in(policy(spec="{podSelector: {}}"), authz("{rules: [{}]}")) == {}


def test_what_a_provider_decides_is_named() -> None:
    world = connectivity(DB, authz("{action: CUSTOM, provider: {name: oauth}, rules: [{}]}"))
    assert [note for _, note in world.notes] == ["the provider oauth decides, which no manifest tells"]
    assert "external" in into(world, "db")
