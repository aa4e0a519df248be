"""A documented matrix asked of one end's policies alone, or of some ends only."""

from __future__ import annotations

from typing import Any

from conformance.network.connectivity import Connectivity
from conformance.network.matrix import Side, compare, documented
from tests.network.world import connectivity, deployment, policy

API, DB, CACHE = deployment("api"), deployment("db"), deployment("cache")
API_OUT = policy(
    "api-out",
    spec="{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], "
    "egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]}",
)
WIDE = policy(
    "db-in",
    spec="{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}]}]}",
)
SHUT = policy("shut", spec="{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}")
EDGE = {"from": "api", "to": "db", "port": 5432}
WORLD = connectivity(API, DB, CACHE, API_OUT, WIDE, SHUT)


def told(world: Connectivity, *entries: dict[str, Any], side: Side, others: tuple[str, ...] = ()) -> list[str]:
    found = compare(world, [documented(each) for each in entries], ["db"], side=side, others=others)
    return [f"{each} at {each.place[0]} {'.'.join(map(str, each.place[1]))}" for each in found]


def test_ports_that_one_policy_opens_are_hidden_by_that_of_the_other_end() -> None:
    assert told(WORLD, EDGE, side="both") == []


def test_its_own_ingress_is_asked_whatever_the_other_end_may() -> None:
    (found,) = told(WORLD, EDGE, side="ingress")
    assert found.startswith("shop/Deployment/api -> shop/Deployment/db TCP/1-5431")
    assert found.endswith(
        "is open, but not documented at NetworkPolicy shop/db-in spec.ingress[0]".replace("[0]", ".0")
    )


def test_its_own_egress_leads_nowhere() -> None:
    assert told(WORLD, EDGE, side="egress") == []
    wanted = {"from": "db", "to": "cache", "port": 1}
    (found,) = told(WORLD, wanted, side="egress")
    assert found.endswith("is documented, but closed at NetworkPolicy shop/shut spec.policyTypes")


def test_an_open_egress_leads_to_the_nodes_and_the_api_server() -> None:
    found = told(connectivity(API, DB), side="egress")
    assert {each.split()[2] for each in found} == {
        "shop/Deployment/api",
        "shop/Deployment/db",
        "nodes",
        "kube-apiserver",
        "external",
    }


def test_own_is_both_directions() -> None:
    assert told(WORLD, EDGE, side="own") == told(WORLD, EDGE, side="ingress")


def test_only_the_ends_asked_for_count() -> None:
    assert told(WORLD, EDGE, side="ingress", others=("cache",)) == []
    assert len(told(WORLD, EDGE, side="ingress", others=("api",))) == 1


def test_what_is_not_needed_may_be_closed_or_open() -> None:
    spare = {"from": "cache", "to": "db", "port": 5432, "needed": False}
    rest = {"from": "api", "to": "db", "needed": False}
    assert told(WORLD, EDGE, spare, rest, side="ingress") == []
