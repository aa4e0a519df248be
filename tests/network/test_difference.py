"""What a change opens and closes."""

from __future__ import annotations

from conformance.network.difference import difference
from conformance.network.listing import changes
from tests.network.test_cilium import cnp
from tests.network.world import connectivity, deployment, policy

DB, WEB = deployment("db"), deployment("web")


def told(*, old: str, new: str, kind: str = "native") -> list[str]:
    make = policy if kind == "native" else (lambda spec: cnp(spec))
    before, after = connectivity(DB, WEB, make(spec=old)), connectivity(DB, WEB, make(spec=new))
    return [each.replace("shop/Deployment/", "") for each in changes(difference(before.edges(), after.edges()))]


def test_ports_that_are_opened_and_closed() -> None:
    old = (
        "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 1}, {port: 2}]}]}"
    )
    assert told(old=old, new=old.replace("port: 2", "port: 3")) == [
        "opened: db -> db TCP/3",
        "opened: web -> db TCP/3",
        "closed: db -> db TCP/2",
        "closed: web -> db TCP/2",
    ]


def test_nothing() -> None:
    assert told(old="{podSelector: {}}", new="{podSelector: {}, policyTypes: [Ingress]}") == [
        "nothing is opened or closed"
    ]


def test_addresses_that_are_opened() -> None:
    old = "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/9}}]}]}"
    assert told(old=old, new=old.replace("/9", "/8")) == [
        "opened: external -> db every port of 10.128.0.0/9",
        "opened: external -> web every port of 10.128.0.0/9",
    ]


def test_names_that_are_opened() -> None:
    old = "{endpointSelector: {matchLabels: {app: db}}, egress: [{toFQDNs: [{matchName: a.example}]}]}"
    new = old.replace("a.example", "b.example")
    assert told(old=old, new=new, kind="cilium") == [
        "opened: db -> external every port of b.example",
        "closed: db -> external every port of a.example",
    ]


def test_a_limit_that_is_lifted_opens() -> None:
    limited = (
        "ingress: [{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '80', protocol: TCP}]%s}]}]"
    )
    frame = "{endpointSelector: {matchLabels: {app: db}}, %s}"
    old, new = frame % limited % ", rules: {http: [{method: GET}]}", frame % limited % ""
    assert told(old=old, new=new, kind="cilium") == ["opened: web -> db TCP/80"]
    assert told(old=new, new=old, kind="cilium") == ["closed: web -> db TCP/80"]
