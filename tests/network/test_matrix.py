"""A documented matrix against policies: each missing and each surplus edge, with the field to change."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.network.connectivity import Connectivity
from conformance.network.matrix import MatrixError, Mismatch, compare, documented
from tests.network.test_authorization import authz as authorization
from tests.network.test_cilium import cnp
from tests.network.world import connectivity, deployment, policy

WEB, API, DB = deployment("web"), deployment("api"), deployment("db", ports={"sql": 5432})
CLOSED = policy("closed", spec="{podSelector: {}, policyTypes: [Ingress, Egress]}")
API_OUT = policy(
    "api-out",
    spec="{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], "
    "egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]}",
)
DB_IN = policy(
    "db-in",
    spec="{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]}",
)
EDGE = {"from": "api", "to": "db", "port": 5432}


def held(
    world: Connectivity, *entries: dict[str, Any], subjects: tuple[str, ...] = (), deny: bool = True, **more: Any
) -> list[Mismatch]:
    return list(compare(world, [documented(each) for each in entries], subjects, deny_rest=deny, **more))


def places(found: list[Mismatch]) -> list[tuple[str, str, str]]:
    return [(str(each), str(each.place[0]), ".".join(map(str, each.place[1]))) for each in found]


def test_a_matrix_that_holds() -> None:
    assert held(connectivity(WEB, API, DB, CLOSED, API_OUT, DB_IN), EDGE) == []


def test_a_missing_edge_names_the_policy_that_closes_it() -> None:
    found = held(connectivity(WEB, API, DB, CLOSED, API_OUT), EDGE)
    assert places(found) == [
        (
            "shop/Deployment/api -> shop/Deployment/db TCP/5432 is documented, but closed",
            "NetworkPolicy shop/closed",
            "spec.policyTypes",
        )
    ]


def test_a_surplus_edge_names_the_rule_that_opens_it() -> None:
    out = policy("web-out", spec="{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{}]}")
    found = held(connectivity(WEB, API, DB, CLOSED, API_OUT, DB_IN, out), EDGE)
    assert places(found) == [
        (
            "shop/Deployment/web -> shop/Deployment/db TCP/5432 is open, but not documented",
            "NetworkPolicy shop/web-out",
            "spec.egress.0",
        )
    ]


def test_only_the_ports_that_are_too_many_are_surplus() -> None:
    rules = "ingress: [{}], egress: [{ports: [{port: 5432, endPort: 5433}]}]"
    wide = policy("wide", spec=f"{{podSelector: {{}}, policyTypes: [Ingress, Egress], {rules}}}")
    found = held(connectivity(API, DB, wide), EDGE, subjects=("api",))
    ends = "shop/Deployment/api", "shop/Deployment/db"
    texts = [str(each) for each in found if (each.edge.source, each.edge.target) == ends]
    assert texts == ["shop/Deployment/api -> shop/Deployment/db TCP/5433 is open, but not documented"]


def test_limits_of_requests_make_an_edge_neither_missing_nor_surplus() -> None:
    port = "{ports: [{port: '5432', protocol: TCP}], rules: {http: [{method: GET}]}}"
    rule = f"ingress: [{{fromEndpoints: [{{matchLabels: {{app: api}}}}], toPorts: [{port}]}}], egress: [{{}}]"
    world = connectivity(API, DB, API_OUT, cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rule}}}"))
    assert held(world, EDGE, subjects=("db",)) == []


def guarded(http: str, ports: str = "'5432'") -> Connectivity:
    port = f"{{ports: [{{port: {ports}, protocol: TCP}}], rules: {{http: {http}}}}}"
    rule = f"ingress: [{{fromEndpoints: [{{matchLabels: {{app: api}}}}], toPorts: [{port}]}}], egress: [{{}}]"
    return connectivity(API, DB, API_OUT, cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rule}}}"))


def test_documented_methods_are_exactly_those_that_pass() -> None:
    world = guarded("[{method: GET}, {method: POST, path: /a}]")
    assert held(world, {**EDGE, "methods": ["GET", "POST"]}, subjects=("db",)) == []
    found = places(held(world, {**EDGE, "methods": ["GET", "DELETE"]}, subjects=("db",)))
    where = "CiliumNetworkPolicy shop/c", "spec.ingress.0.toPorts.0"
    ends = "shop/Deployment/api -> shop/Deployment/db TCP/5432"
    assert found == [
        (f"{ends} is documented, but closed for DELETE", *where),
        (f"{ends} is open, but not documented for POST", *where),
    ]


@pytest.mark.parametrize("http", ["[{}]", "[{path: /a}]", "[{method: GET}, {path: /a}]"])
def test_a_rule_without_a_method_lets_every_method_pass(http: str) -> None:
    (found,) = held(guarded(http), {**EDGE, "methods": ["GET"]}, subjects=("db",))
    assert str(found).endswith("is open, but not documented for methods other than GET")


@pytest.mark.parametrize(
    ("http", "passing"),
    [
        ("[{method: 'GE.*'}]", ["GET"]),
        ("[{method: 'GET|HEAD', path: /a}]", ["GET", "HEAD"]),
        ("[{method: 'P.*'}]", ["PATCH", "POST", "PUT"]),
        ("[{method: PURGE}]", ["PURGE"]),
        ("[{method: GET, headers: [a]}]", ["GET"]),
        ("[{method: '('}]", []),
    ],
)
def test_methods_are_expressions(http: str, passing: list[str]) -> None:
    wanted = passing or ["GET"]
    found = held(guarded(http), {**EDGE, "methods": wanted}, subjects=("db",))
    assert [str(each) for each in found] == (
        []
        if passing
        else [
            "shop/Deployment/api -> shop/Deployment/db TCP/5432 is open, but not documented for methods other than GET"
        ]
    )


@pytest.mark.parametrize("side", ["ingress", "own"])
def test_methods_of_one_side(side: str) -> None:
    world = guarded("[{method: GET}]")
    assert held(world, {**EDGE, "methods": ["GET"]}, subjects=("db",), side=side, deny=False) == []
    (found,) = held(world, {**EDGE, "methods": ["PUT", "GET"]}, subjects=("db",), side=side, deny=False)
    assert str(found).endswith("is documented, but closed for PUT")


def test_rules_for_several_ports_add_up() -> None:
    rule = "{fromEndpoints: [{}], toPorts: [{ports: [%s], rules: {http: [{method: %s}]}}]}"
    ports = "{port: '5432', endPort: 5440, protocol: TCP}", "{port: '5432', protocol: TCP}"
    rules = [rule % (ports[0], "GET"), rule % (ports[1], "POST")]
    for order in (rules, rules[::-1]):
        spec = f"{{endpointSelector: {{matchLabels: {{app: db}}}}, ingress: [{', '.join(order)}]}}"
        world = connectivity(API, DB, cnp(spec))
        assert held(world, {**EDGE, "methods": ["GET", "POST"]}, deny=False) == []
        assert held(world, {**EDGE, "port": 5435, "methods": ["GET"]}, deny=False) == []


def test_methods_of_a_mesh_and_of_the_network_must_both_let_pass() -> None:
    rule = "{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET, PUT], ports: ['5432']}}]}"
    world = connectivity(API, DB, authorization(f"{{action: ALLOW, rules: [{rule}]}}"))
    assert held(world, {**EDGE, "methods": ["GET", "PUT"]}, deny=False) == []
    (found,) = held(world, {**EDGE, "methods": ["GET"]}, deny=False)
    assert str(found).endswith("not documented for PUT")
    assert str(found.place[0]) == "AuthorizationPolicy shop/z"


def test_a_star_stands_for_every_workload_that_it_fits() -> None:
    open_to_all = policy("in", spec="{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 5432}]}]}")
    world = connectivity(WEB, API, DB, deployment("x", "other"), open_to_all)
    everyone = {"from": "*", "to": "db", "port": 5432}, {"from": "external", "to": "db", "port": 5432}
    out = (*({"from": "db", "to": each} for each in ("web", "api", "other/*")), {"from": "db", "to": "external"})
    assert held(world, *everyone, *out, subjects=("db",)) == []
    found = held(world, {"from": "shop/*", "to": "db", "port": 5432}, *everyone[1:], *out, subjects=("db",))
    assert [str(each) for each in found] == [
        "other/Deployment/x -> shop/Deployment/db TCP/5432 is open, but not documented"
    ]


def test_one_workload_does_not_document_another_of_the_same_labels() -> None:
    world = connectivity(API, DB, deployment("copy", app="api"), CLOSED, API_OUT, DB_IN)
    assert [str(each) for each in held(world, EDGE)] == [
        "shop/Deployment/copy -> shop/Deployment/db TCP/5432 is open, but not documented"
    ]


def test_what_is_not_needed_may_be_open_or_closed() -> None:
    optional = {**EDGE, "needed": False}
    assert held(connectivity(API, DB, CLOSED), optional, subjects=("db",)) == []
    assert held(connectivity(API, DB, CLOSED, API_OUT, DB_IN), optional, subjects=("db",)) == []
    assert len(held(connectivity(API, DB, CLOSED), {"from": "api", "to": "kube-apiserver", "port": 443})) == 1
    assert (
        held(connectivity(API, DB, CLOSED), {"from": "api", "to": "kube-apiserver", "port": 443, "needed": False}) == []
    )


def test_one_side_is_asked_for_its_own_policies() -> None:
    # The policy of the database lets everybody in; that nobody's egress leads there is another matter.
    wide = policy("db-in", spec="{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 5432}]}]}")
    world = connectivity(WEB, API, DB, CLOSED, API_OUT, wide)
    own = {"from": "db", "to": "db", "port": 5432}
    assert held(world, EDGE, subjects=("db",)) != []
    found = {(each.edge.source, each.missing) for each in held(world, EDGE, own, subjects=("db",), side="ingress")}
    assert found == {("external", False), ("shop/Deployment/web", False)}
    # Its egress is closed, and no edge from it is documented.
    assert held(world, EDGE, subjects=("db",), side="egress") == []
    assert held(world, EDGE, subjects=("api",), side="egress") == []
    closed = connectivity(WEB, API, DB, CLOSED, wide)
    assert [each.missing for each in held(closed, EDGE, subjects=("api",), side="egress")] == [True]


def test_only_what_goes_between_subjects_and_others() -> None:
    world = connectivity(WEB, API, DB)
    ends = {(each.edge.source, each.edge.target) for each in held(world, subjects=("db",), others=("web",))}
    assert ends == {
        ("shop/Deployment/web", "shop/Deployment/db"),
        ("shop/Deployment/db", "shop/Deployment/web"),
    }


def test_without_any_policy_there_is_no_field_to_change() -> None:
    found = held(connectivity(API, DB), EDGE, subjects=("db",))
    surplus = {(each.edge.source, each.edge.target): each.place[0] for each in found}
    assert surplus["external", "shop/Deployment/db"] is None
    assert all(not each.missing for each in found)


def test_the_rest_need_not_be_denied() -> None:
    assert held(connectivity(WEB, API, DB), EDGE, deny=False) == []


def test_edges_of_others_are_not_the_matrixs_business() -> None:
    found = held(connectivity(WEB, API, DB, CLOSED, API_OUT, DB_IN, deployment("x", "other")), EDGE)
    assert found == []


def test_the_outside_as_a_whole_and_in_part() -> None:
    rule = "{to: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 443}]}"
    spec = f"{{podSelector: {{matchLabels: {{app: api}}}}, policyTypes: [Egress], egress: [{rule}]}}"
    world = connectivity(API, CLOSED, policy("out", spec=spec))
    part = {"from": "api", "to": "external:192.0.2.0/24", "port": 443}
    assert held(world, part) == []
    narrower = {"from": "api", "to": "external:192.0.2.0/25", "port": 443}
    assert [str(each) for each in held(world, narrower)] == [
        "shop/Deployment/api -> external TCP/443 of 192.0.2.128/25 is open, but not documented"
    ]
    (missing,) = held(world, {"from": "api", "to": "external", "port": 443})
    assert missing.missing
    assert "192.0.2.0/24" not in missing.edge.outside[0].addresses.words()


def test_the_api_server_may_be_documented() -> None:
    (missing,) = held(connectivity(API, CLOSED), {"from": "api", "to": "kube-apiserver", "port": 6443})
    assert str(missing) == "shop/Deployment/api -> kube-apiserver TCP/6443 is documented, but closed"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"from": "api"}, "an edge has from, to, port"),
        ({"from": "api", "to": "db", "prot": 1}, "an edge has from, to, port"),
        ({"from": "api", "to": "db", "port": "http"}, "is no port"),
        ({"from": "api", "to": "db", "methods": []}, "methods are a list"),
        ({"from": "api", "to": "db", "methods": "GET"}, "methods are a list"),
        ({"from": "api", "to": "database"}, "there is no workload database"),
    ],
)
def test_what_is_wrong_with_a_matrix(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(MatrixError, match=message):
        held(connectivity(API, DB), entry)
