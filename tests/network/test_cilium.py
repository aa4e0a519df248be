"""Cilium's policies: where they differ from Kubernetes' own."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from conformance.network.connectivity import Connectivity
from tests.network.world import connectivity, deployment, edges, into, namespace, out_of, policy

DB = deployment("db", ports={"sql": 5432})
WEB = deployment("web", ports={"http": 8080}, app="web", tier="front")
FAR = deployment("far", "other", app="web")
AGENT = deployment("agent", host=True)
SPACES = (namespace("shop", team="a"), namespace("other", team="b"))


def cnp(spec: str, name: str = "c", space: str = "shop") -> dict[str, Any]:
    metadata = {"name": name, "namespace": space}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": metadata,
        "spec": yaml.safe_load(spec),
    }


def ccnp(spec: str, name: str = "cc") -> dict[str, Any]:
    kind = "CiliumClusterwideNetworkPolicy"
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": {"name": name}, "spec": yaml.safe_load(spec)}


def world(*policies: dict[str, Any]) -> Connectivity:
    found = connectivity(DB, WEB, FAR, AGENT, *SPACES, *policies)
    assert found.unreadable == []
    return found


def db_in(rules: str) -> dict[str, str]:
    return into(world(cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rules}}}")), "db")


def db_out(rules: str) -> dict[str, str]:
    return out_of(world(cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rules}}}")), "db")


def test_an_empty_endpoint_selector_of_a_peer_means_the_same_namespace() -> None:
    assert db_in("ingress: [{fromEndpoints: [{}]}]") == {"web": "any", "db": "any"}


def test_a_peer_without_a_namespace_is_in_the_policys_own() -> None:
    assert db_in("ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]") == {"web": "any"}


@pytest.mark.parametrize(
    "labels",
    [
        "{app: web, k8s:io.kubernetes.pod.namespace: other}",
        "{k8s:app: web, io.kubernetes.pod.namespace: other}",
        "{any:app: web, any:io.kubernetes.pod.namespace: other}",
        "{app: web, k8s:io.cilium.k8s.namespace.labels.team: b}",
    ],
)
def test_a_peer_names_another_namespace_by_a_label(labels: str) -> None:
    assert db_in(f"ingress: [{{fromEndpoints: [{{matchLabels: {labels}}}]}}]") == {"far": "any"}


def test_labels_of_another_source_are_not_those_of_kubernetes() -> None:
    assert db_in("ingress: [{fromEndpoints: [{matchLabels: {container:app: web}}]}]") == {}


def test_any_namespace_by_an_expression() -> None:
    peer = "{matchExpressions: [{key: k8s:io.kubernetes.pod.namespace, operator: Exists}]}"
    assert db_in(f"ingress: [{{fromEndpoints: [{peer}]}}]") == {"web": "any", "far": "any", "db": "any"}


def test_no_endpoints_mean_nobody_and_absent_ones_with_ports_anyone() -> None:
    assert db_in("ingress: [{fromEndpoints: []}]") == {}
    found = db_in("ingress: [{toPorts: [{ports: [{port: '5432', protocol: TCP}]}]}]")
    assert set(found) == {"web", "far", "db", "agent", "external"}
    assert set(found.values()) == {"TCP/5432"}


def test_an_empty_rule_isolates_and_allows_nothing() -> None:
    assert db_in("ingress: [{}]") == {}
    assert set(db_out("ingress: [{}]")) == {"web", "far", "agent", "external"}


def test_an_empty_list_isolates_nothing() -> None:
    assert set(db_in("ingress: [], egress: [{}]")) == {"web", "far", "agent", "external"}


def test_rules_of_one_direction_isolate_that_direction() -> None:
    assert db_out("egress: [{toEndpoints: [{matchLabels: {app: web}}]}]") == {"web": "any"}
    assert set(db_in("egress: [{toEndpoints: [{matchLabels: {app: web}}]}]")) == {"web", "far", "agent", "external"}


def test_default_deny_can_be_switched_off() -> None:
    found = db_in("enableDefaultDeny: {ingress: false}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}]")
    assert set(found) == {"far", "db", "agent", "external"}


def test_default_deny_can_be_switched_on_alone() -> None:
    assert db_in("enableDefaultDeny: {ingress: true}") == {}


def test_denying_alone_isolates_too() -> None:
    assert db_in("ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}]") == {}


def test_deny_wins_over_every_allow_whatever_policy_it_stands_in() -> None:
    native = policy(spec="{podSelector: {}, ingress: [{}]}")
    deny = "{toPorts: [{ports: [{port: '22'}]}]}"
    found = world(native, cnp(f"{{endpointSelector: {{}}, ingressDeny: [{deny}], ingress: [{{fromEntities: [all]}}]}}"))
    assert into(found, "db")["web"].startswith("TCP/1-21, TCP/23-65535, UDP/1-21")
    no = found.allows("web", "db", "TCP", 22)
    assert [(each.text, each.path) for each in no.because] == [
        (
            "CiliumNetworkPolicy shop/c denies it by spec.ingressDeny[0].toPorts[0]",
            ("spec", "ingressDeny", 0, "toPorts", 0),
        )
    ]


def test_rules_of_both_kinds_add_up() -> None:
    native = policy(spec="{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 1}]}]}")
    own = cnp(
        "{endpointSelector: {matchLabels: {app: db}}, ingress: [{toPorts: [{ports: [{port: '2', protocol: UDP}]}]}]}"
    )
    assert into(world(native, own), "db")["web"] == "TCP/1, UDP/2"


@pytest.mark.parametrize(
    ("entity", "ends"),
    [
        ("all", {"web", "far", "db", "agent", "external"}),
        ("world", {"external"}),
        ("cluster", {"web", "far", "db", "agent"}),
        ("host", {"agent"}),
        ("remote-node", {"agent"}),
        ("kube-apiserver", set()),
        ("health", set()),
    ],
)
def test_entities(entity: str, ends: set[str]) -> None:
    assert set(db_in(f"ingress: [{{fromEntities: [{entity}]}}]")) == ends


def test_the_api_server_is_an_end_of_its_own() -> None:
    found = world(cnp("{endpointSelector: {}, egress: [{toEntities: [kube-apiserver]}]}"))
    assert found.allows("db", "kube-apiserver", "TCP", 6443).allowed
    assert not found.allows("db", "nodes", "TCP", 6443).allowed
    assert not found.allows("db", "external", "TCP", 6443).allowed


def test_address_blocks_never_mean_pods_or_nodes() -> None:
    assert db_in("ingress: [{fromCIDR: [0.0.0.0/0]}]") == {"external": "any"}


def test_except_takes_addresses_away() -> None:
    rules = "{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.96.0.0/12]}]}]}"
    found = world(cnp(rules))
    assert found.allows("db", "external:10.1.1.1", "TCP", 443).allowed
    assert not found.allows("db", "external:10.96.0.1", "TCP", 443).allowed


def test_names_are_outside_and_known_by_name_alone() -> None:
    names = "toFQDNs: [{matchName: github.com}, {matchPattern: '*.example.com'}]"
    found = world(cnp(f"{{endpointSelector: {{}}, egress: [{{{names}, toPorts: [{{ports: [{{port: '443'}}]}}]}}]}}"))
    assert out_of(found, "db") == {"external": "TCP/443, UDP/443, SCTP/443"}
    (edge,) = [each for each in found.edges() if each.source.endswith("/db")]
    assert set(edge.outside[0].names) == {"github.com", "*.example.com"}
    assert found.allows("db", "external:github.com", "TCP", 443).allowed
    assert found.allows("db", "external:api.example.com", "TCP", 443).allowed
    assert not found.allows("db", "external:example.org", "TCP", 443).allowed
    assert not found.allows("db", "external:192.0.2.1", "TCP", 443).allowed


def test_the_world_includes_every_name() -> None:
    by_name = "{toFQDNs: [{matchName: github.com}], toPorts: [{ports: [{port: '22'}]}]}"
    found = world(cnp(f"{{endpointSelector: {{}}, egress: [{by_name}, {{toCIDR: [0.0.0.0/0]}}]}}"))
    assert found.allows("db", "external:github.com", "TCP", 80).allowed
    assert found.allows("db", "external:example.org", "TCP", 80).allowed


def test_ports_of_any_protocol_ranges_and_names() -> None:
    ports = "toPorts: [{ports: [{port: '53'}, {port: '80', endPort: 90, protocol: TCP}, {port: sql, protocol: TCP}]}]"
    assert db_in(f"ingress: [{{{ports}}}]")["web"] == "TCP/53, TCP/80-90, TCP/5432, UDP/53, SCTP/53"
    assert db_in("ingress: [{toPorts: [{ports: [{port: '0', protocol: UDP}]}]}]")["web"] == "UDP/1-65535"


def test_icmp_opens_no_port() -> None:
    assert db_in("ingress: [{fromEntities: [all], icmps: [{fields: [{type: 8}]}]}]") == {}


def test_services_are_their_pods() -> None:
    service = yaml.safe_load(
        "{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {selector: {tier: front}}}"
    )
    rules = "egress: [{toServices: [{k8sService: {serviceName: front, namespace: shop}}]}]"
    found = connectivity(DB, WEB, FAR, service, cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rules}}}"))
    assert out_of(found, "db") == {"web": "any"}


def test_http_rules_are_kept_as_limits() -> None:
    http = "{ports: [{port: '8080', protocol: TCP}], rules: {http: [{method: GET}, {method: POST, path: /a}]}}"
    found = world(cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, ingress: [{{toPorts: [{http}]}}]}}"))
    edge = next(each for each in found.edges() if (each.source[-3:], each.target[-2:]) == ("web", "db"))
    assert [(ports.words(), words) for ports, words in edge.limits] == [(["TCP/8080"], ("HTTP GET", "HTTP POST /a"))]
    assert found.allows("web", "db", "TCP", 8080).limits == ["HTTP GET", "HTTP POST /a"]


def test_another_rule_without_limits_lifts_them() -> None:
    http = "{ports: [{port: '8080', protocol: TCP}], rules: {http: [{method: GET}]}}"
    plain = "{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '8080', protocol: TCP}]}]}"
    rules = f"ingress: [{{toPorts: [{http}]}}, {plain}]"
    found = world(cnp(f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {rules}}}"))
    limits = {edge.source: edge.limits for edge in found.edges() if edge.target.endswith("/db")}
    assert limits["shop/Deployment/web"] == ()
    assert limits["other/Deployment/far"] != ()
    assert found.allows("web", "db", "TCP", 8080).limits == []


def test_a_cluster_wide_policy_selects_pods_of_every_namespace() -> None:
    found = world(ccnp("{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{}]}]}"))
    assert into(found, "web") == into(found, "far") == {"web": "any", "far": "any", "db": "any"}
    assert "external" in into(found, "db")


def test_a_policy_selects_its_own_namespace_whatever_its_selector_says() -> None:
    found = world(cnp("{endpointSelector: {}, ingress: [{}]}"))
    assert into(found, "web") == into(found, "db") == {}
    assert "web" in into(found, "far")


def test_a_part_for_nodes_is_named_and_passed_over() -> None:
    found = world(ccnp("{nodeSelector: {}, ingress: [{}]}"))
    assert [note for _, note in found.notes] == ["the part for nodes (nodeSelector) is not looked at"]
    assert into(found, "db") == into(world(), "db")


def test_several_specs_of_one_policy() -> None:
    both = cnp("{}", "many")
    del both["spec"]
    both["specs"] = [
        yaml.safe_load("{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]}"),
        yaml.safe_load("{endpointSelector: {}, ingress: [{fromEntities: [world]}]}"),
    ]
    assert into(world(both), "db") == {"web": "any", "external": "any"}


def test_reserved_labels_mean_no_pods() -> None:
    assert set(db_in("ingress: [{fromEndpoints: [{matchLabels: {reserved:host: ''}}]}]")) == {"agent"}
    assert set(db_in("ingress: [{fromEndpoints: [{matchLabels: {reserved:world: ''}}]}]")) == {"external"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{ingress: [{}]}", "endpointSelector"),
        ("{endpointSelector: {}, ingress: [{fromEntities: [moon]}]}", 0),
        ("{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '70000'}]}]}]}", "port"),
        ("{endpointSelector: {}, egress: [{toCIDR: [10.0.0.0/40]}]}", 0),
        ("{endpointSelector: {}, egress: [{toFQDNs: [{}]}]}", 0),
        ("{endpointSelector: {}, ingress: 3}", "ingress"),
    ],
)
def test_what_cilium_refuses_is_named_at_its_field(spec: str, field: str | int) -> None:
    found = connectivity(DB, cnp(spec))
    ((_, error),) = found.unreadable
    assert error.path[-1] == field
    assert edges(found)["db", "db"] == "any"


def test_groups_of_a_provider_are_some_addresses_outside() -> None:
    found = world(cnp("{endpointSelector: {}, egress: [{toGroups: [{aws: {securityGroupsIds: [sg-1]}}]}]}"))
    assert out_of(found, "db") == {"external": "any"}
    assert not found.allows("db", "external:192.0.2.1", "TCP", 443).allowed
