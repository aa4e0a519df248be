"""What a client sends against what a server accepts."""

from __future__ import annotations

import pytest

from tests.mesh.tree import PAIR, ask, found, mesh, mesh_config, namespace, outcome, peer, rule, service, tls, workload

OFF = 'sidecar.istio.io/inject: "false"'
AMBIENT = namespace("calm", "{istio.io/dataplane-mode: ambient}")


def accepts(mode: str, space: str = "shop") -> str:
    return peer("default", f"{{mtls: {{mode: {mode}}}}}", space)


@pytest.mark.parametrize(
    ("sent", "accepted", "expected"),
    [
        ("DISABLE", "STRICT", "broken"),
        ("DISABLE", "PERMISSIVE", "plaintext"),
        ("DISABLE", "DISABLE", "plaintext"),
        ("ISTIO_MUTUAL", "STRICT", "mtls"),
        ("ISTIO_MUTUAL", "PERMISSIVE", "mtls"),
        ("ISTIO_MUTUAL", "DISABLE", "broken"),
        ("SIMPLE", "STRICT", "broken"),
        ("SIMPLE", "PERMISSIVE", "unknown"),
        ("SIMPLE", "DISABLE", "unknown"),
        ("MUTUAL", "STRICT", "unknown"),
        ("MUTUAL", "PERMISSIVE", "unknown"),
        ("", "STRICT", "mtls"),
        ("", "PERMISSIVE", "mtls"),
        ("", "DISABLE", "plaintext"),
    ],
)
def test_a_rules_mode_overrides_auto_mtls(sent: str, accepted: str, expected: str) -> None:
    texts = [rule("r", tls("api", sent))] if sent else []
    assert outcome(*PAIR, accepts(accepted), *texts) == expected


@pytest.mark.parametrize(
    ("accepted", "expected"), [("STRICT", "broken"), ("PERMISSIVE", "plaintext"), ("DISABLE", "plaintext")]
)
def test_a_client_outside_the_mesh_sends_plaintext(accepted: str, expected: str) -> None:
    outside = PAIR[0], workload("web", labels=OFF), *PAIR[2:], accepts(accepted)
    assert outcome(*outside) == expected
    assert outcome(*PAIR, accepts(accepted), client=None) == expected
    assert outcome(*outside, rule("r", tls("api", "ISTIO_MUTUAL"))) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("", "plaintext"), ("DISABLE", "plaintext"), ("ISTIO_MUTUAL", "broken"), ("SIMPLE", "unknown")],
)
def test_a_server_outside_the_mesh_takes_what_its_application_takes(sent: str, expected: str) -> None:
    texts = [rule("r", tls("api", sent))] if sent else []
    server = *PAIR[:2], workload("api", labels=OFF), PAIR[3]
    assert outcome(*server, accepts("STRICT"), *texts) == expected


def test_auto_mtls_goes_by_the_namespace_before_the_workload() -> None:
    own = peer("api", "{selector: {matchLabels: {app: api}}, mtls: {mode: STRICT}}")
    assert outcome(*PAIR, accepts("DISABLE"), own) == "broken"
    assert outcome(*PAIR, own) == "mtls"


def test_auto_mtls_can_be_switched_off() -> None:
    config = mesh_config("enableAutoMtls: false")
    assert outcome(*PAIR, config) == "plaintext"
    assert outcome(*PAIR, config, accepts("STRICT")) == "broken"
    operator = "{apiVersion: install.istio.io/v1alpha1, kind: IstioOperator, metadata: {name: i}, spec: %s}"
    assert outcome(*PAIR, operator % "{meshConfig: {enableAutoMtls: false}}") == "plaintext"


def test_pods_may_say_that_they_speak_no_mtls() -> None:
    server = workload("api", labels="security.istio.io/tlsMode: disabled")
    assert outcome(*PAIR[:2], server, PAIR[3]) == "plaintext"
    assert outcome(*PAIR[:2], server, PAIR[3], accepts("STRICT")) == "broken"


def test_a_sidecar_written_into_the_manifest_needs_the_label() -> None:
    spec = "containers: [{name: istio-proxy, image: p, ports: [{name: http, containerPort: 8080}]}]"
    assert outcome(*PAIR[:2], workload("api", spec=spec), PAIR[3]) == "plaintext"
    labelled = workload("api", spec=spec, labels="security.istio.io/tlsMode: istio")
    assert outcome(*PAIR[:2], labelled, PAIR[3]) == "mtls"


@pytest.mark.parametrize(
    ("annotation", "client", "auto"),
    [
        ('excludeInboundPorts: "8080"', "plaintext", "broken"),
        ('excludeInboundPorts: "80"', "broken", "mtls"),
        ('excludeInboundPorts: "9, 8080"', "plaintext", "broken"),
        ('includeInboundPorts: ""', "plaintext", "broken"),
        ('includeInboundPorts: "8080"', "broken", "mtls"),
        ('includeInboundPorts: "9090"', "plaintext", "broken"),
        ('includeInboundPorts: "*"', "broken", "mtls"),
    ],
)
def test_inbound_ports_outside_the_sidecar_are_workload_ports_and_know_no_policy(
    annotation: str, client: str, auto: str
) -> None:
    server = workload("api", annotations=f"{{traffic.sidecar.istio.io/{annotation}}}")
    world = (*PAIR[:2], server, PAIR[3], accepts("STRICT"))
    assert outcome(*world, client=None) == client
    assert outcome(*world) == auto


def test_a_list_of_included_ports_makes_exclusions_meaningless() -> None:
    notes = (
        '{traffic.sidecar.istio.io/includeInboundPorts: "8080", traffic.sidecar.istio.io/excludeInboundPorts: "8080"}'
    )
    assert outcome(*PAIR[:2], workload("api", annotations=notes), PAIR[3], accepts("STRICT"), client=None) == "broken"


def test_outbound_ports_outside_the_sidecar_are_service_ports() -> None:
    for port, expected in (("80", "plaintext"), ("8080", "mtls")):
        client = workload("web", annotations=f'{{traffic.sidecar.istio.io/excludeOutboundPorts: "{port}"}}')
        assert outcome(PAIR[0], client, *PAIR[2:]) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ('includeOutboundIPRanges: ""', "plaintext"),
        ('includeOutboundIPRanges: "10.0.0.0/8"', "unknown"),
        ('includeOutboundIPRanges: "*"', "mtls"),
        ('excludeOutboundIPRanges: "10.0.0.0/8"', "unknown"),
        ('excludeOutboundIPRanges: "169.254.169.254/32"', "mtls"),
        ('includeOutboundIPRanges: "", traffic.sidecar.istio.io/includeOutboundPorts: "80"', "mtls"),
    ],
)
def test_outbound_addresses_are_known_only_where_all_or_none_are_meant(annotation: str, expected: str) -> None:
    client = workload("web", annotations=f"{{traffic.sidecar.istio.io/{annotation}}}")
    assert outcome(PAIR[0], client, *PAIR[2:]) == expected


def test_a_port_that_is_no_number_is_unknown_at_its_annotation() -> None:
    server = workload("api", annotations='{traffic.sidecar.istio.io/excludeInboundPorts: "all"}')
    verdict = ask(mesh(*PAIR[:2], server, PAIR[3]))
    assert verdict.outcome == "unknown"
    assert verdict.reasons[-1].field.endswith("[traffic.sidecar.istio.io/excludeInboundPorts]")


@pytest.mark.parametrize("accepted", ["STRICT", "PERMISSIVE", "DISABLE"])
def test_ambient_workloads_reach_each_other_by_the_tunnel_whatever_the_mode_is(accepted: str) -> None:
    world = AMBIENT, workload("web", "calm"), workload("api", "calm"), service("api", "calm"), accepts(accepted, "calm")
    assert outcome(*world) == "mtls"
    assert outcome(*world, rule("r", tls("api", "DISABLE"), "calm")) == "mtls"


def test_an_ambient_server_refuses_plaintext_only_when_strict() -> None:
    world = AMBIENT, workload("api", "calm"), service("api", "calm")
    assert outcome(*world, accepts("STRICT", "calm"), client=None) == "broken"
    assert outcome(*world, accepts("PERMISSIVE", "calm"), client=None) == "plaintext"
    assert outcome(*world, accepts("DISABLE", "calm"), client=None) == "plaintext"


def test_sidecars_and_ambient_workloads_reach_each_other_by_the_tunnel() -> None:
    there = namespace("shop"), AMBIENT, workload("web"), workload("api", "calm"), service("api", "calm")
    back = namespace("shop"), AMBIENT, workload("web", "calm"), workload("api"), service("api")
    assert outcome(*there, accepts("STRICT", "calm")) == "mtls"
    assert outcome(*back, accepts("STRICT")) == "mtls"


def test_an_ambient_client_sends_plaintext_to_what_is_outside() -> None:
    world = AMBIENT, workload("web", "calm"), namespace("shop", "{}"), workload("api"), service("api")
    assert outcome(*world) == "plaintext"


def test_ztunnel_reads_no_destination_rule() -> None:
    world = AMBIENT, workload("web", "calm"), namespace("shop", "{}"), workload("api"), service("api")
    assert outcome(*world, rule("r", tls("api", "ISTIO_MUTUAL"))) == "plaintext"


def test_a_headless_service_gets_mtls_only_if_every_pod_has_a_sidecar() -> None:
    headless = service("api", more="clusterIP: None")
    assert outcome(*PAIR[:3], headless) == "mtls"
    other = workload("old", labels=f"{OFF}, part: api").replace("app: old", "app: api")
    mixed = ask(mesh(*PAIR[:3], headless, other, accepts("STRICT")))
    assert mixed.outcome == "broken"
    assert outcome(*PAIR, other) == "plaintext"


def test_a_port_that_disables_mtls_behind_a_headless_service_breaks() -> None:
    own = peer("api", "{selector: {matchLabels: {app: api}}, portLevelMtls: {8080: {mode: DISABLE}}}")
    assert outcome(*PAIR, own) == "plaintext"
    assert outcome(*PAIR[:3], service("api", more="clusterIP: None"), own) == "broken"


def test_the_worst_of_several_workloads_counts_and_is_named() -> None:
    other = workload("old", labels="part: api").replace("app: old", "app: api")
    world = mesh(*PAIR, other.replace("containers:", "hostNetwork: true, containers:"), accepts("STRICT"))
    verdict = ask(world)
    assert verdict.outcome == "plaintext"
    assert verdict.server is not None
    assert verdict.server.owner.name == "old"


def test_a_gateway_is_a_client_like_a_sidecar_and_no_server_of_peer_authentication() -> None:
    gateway = workload("web", annotations="{inject.istio.io/templates: gateway}")
    assert outcome(PAIR[0], gateway, *PAIR[2:], accepts("STRICT")) == "mtls"
    assert outcome(PAIR[0], gateway, *PAIR[2:], service("web"), client="api", to="web") == "unknown"


def test_udp_passes_no_proxy() -> None:
    ports = "[{name: dns, port: 53, protocol: UDP}]"
    verdict = ask(mesh(*PAIR[:3], service("api", ports=ports), accepts("STRICT")), port="dns")
    assert (verdict.outcome, verdict.reasons[-1].field) == ("plaintext", "spec.ports[0].protocol")


@pytest.mark.parametrize(("target", "keyed"), [("targetPort: http", 8080), ("targetPort: 9000", 9000), ("name: x", 80)])
def test_a_target_port_is_a_name_a_number_or_the_same_number(target: str, keyed: int) -> None:
    ports = f"{{{keyed}: {{mode: DISABLE}}}}"
    own = f"{{selector: {{matchLabels: {{app: api}}}}, mtls: {{mode: STRICT}}, portLevelMtls: {ports}}}"
    world = *PAIR[:3], service("api", ports=f"[{{port: 80, {target}}}]"), peer("api", own)
    assert outcome(*world, client=None) == "plaintext"


def test_one_number_may_be_a_tcp_and_a_udp_port() -> None:
    ports = "[{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]"
    world = mesh(*PAIR[:3], service("api", ports=ports), accepts("STRICT"))
    found = {(each.port.name, each.verdict.outcome.value) for each in world.matrix()}
    assert found == {("udp", "plaintext"), ("tcp", "mtls")}


def test_what_cannot_be_read_is_missing_from_the_matrix_and_a_problem() -> None:
    odd = service("odd", ports="[{port: http}]"), workload("weird", meta=", ownerReferences: x")
    world = mesh(*PAIR, *odd)
    assert {each.port.service.name for each in world.matrix()} == {"api"}
    assert sorted(found(world, "unreadable")) == [("odd", "spec.ports[0].port"), ("weird", "metadata.ownerReferences")]
    assert ask(world, to="odd").outcome == "unknown"


def test_an_external_name_leads_out_of_the_mesh() -> None:
    external = service("out", more="type: ExternalName, externalName: example.org")
    assert {each.port.service.name for each in mesh(*PAIR, external).matrix()} == {"api"}


def test_a_target_port_that_no_container_has_is_unknown() -> None:
    verdict = ask(mesh(*PAIR[:3], service("api", ports="[{port: 80, targetPort: grpc}]")))
    assert (verdict.outcome, verdict.reasons[-1].field) == ("unknown", "spec.ports[0].targetPort")


def test_what_is_not_in_the_tree_is_unknown() -> None:
    assert outcome(*PAIR[:2], PAIR[3]) == "unknown"
    assert outcome(*PAIR, port=81) == "unknown"


def test_a_sidecar_object_hides_services_and_their_rules() -> None:
    hides = rule("s", "{egress: [{hosts: ['istio-system/*']}]}", kind="Sidecar")
    assert outcome(*PAIR, hides, accepts("STRICT")) == "broken"
    assert outcome(*PAIR, hides) == "plaintext"
    for host in ("./*", "*/*", "shop/api.shop.svc.cluster.local", "./*.svc.cluster.local"):
        assert outcome(*PAIR, rule("s", f"{{egress: [{{hosts: ['{host}']}}]}}", kind="Sidecar")) == "mtls"


def test_a_sidecar_object_is_for_its_workloads_its_namespace_or_the_mesh() -> None:
    hides = "{%s egress: [{hosts: ['x/*']}]}"
    chosen = hides % "workloadSelector: {labels: {app: api}},"
    assert outcome(*PAIR, rule("s", chosen, kind="Sidecar")) == "mtls"
    assert outcome(*PAIR, rule("s", hides % "", "istio-system", kind="Sidecar")) == "plaintext"
    shows = rule("t", "{egress: [{hosts: ['*/*']}]}", kind="Sidecar")
    assert outcome(*PAIR, rule("s", hides % "", "istio-system", kind="Sidecar"), shows) == "mtls"


def test_unknown_traffic_may_be_blocked() -> None:
    only = "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}, egress: [{hosts: ['x/*']}]}"
    assert outcome(*PAIR, rule("s", only, kind="Sidecar")) == "broken"


def test_the_chain_goes_from_the_client_to_the_server() -> None:
    verdict = ask(mesh(*PAIR, accepts("STRICT"), rule("r", tls("api", "DISABLE"))))
    assert [each.subject.kind for each in verdict.reasons if each.subject] == [
        "Namespace", "DestinationRule", "Namespace", "PeerAuthentication",
    ]  # fmt: skip
    assert verdict.why == "the server is STRICT and refuses plaintext"


def test_conflicts_name_the_rule_and_not_the_intended_refusal_of_the_outside() -> None:
    outside = workload("old", labels=OFF)
    world = mesh(*PAIR, outside, accepts("STRICT"), rule("r", tls("api", "DISABLE")))
    assert found(world, "tls-conflict") == [("r", "spec.trafficPolicy.tls.mode")]
    assert found(mesh(*PAIR, outside, accepts("STRICT")), "tls-conflict") == []


def test_a_conflict_by_an_annotation_names_the_annotation() -> None:
    server = workload("api", annotations='{traffic.sidecar.istio.io/excludeInboundPorts: "8080"}')
    path = "spec.template.metadata.annotations[traffic.sidecar.istio.io/excludeInboundPorts]"
    assert found(mesh(*PAIR[:2], server, PAIR[3]), "tls-conflict") == [("api", path)]


def test_the_matrix_holds_every_client_port_and_subset() -> None:
    routes = rule(
        "v", "{hosts: [api], http: [{route: [{destination: {host: api, subset: v1}}]}]}", kind="VirtualService"
    )
    world = mesh(*PAIR, routes, rule("r", "{host: api, subsets: [{name: v1, labels: {app: api}}]}"))
    edges = {(each.client.owner.name if each.client else "", each.port.number, each.subset) for each in world.matrix()}
    assert edges == {("web", 80, "v1"), ("api", 80, "v1")}


def test_the_proxys_own_ports_know_no_policy() -> None:
    world = *PAIR[:3], service("api", ports="[{port: 80, targetPort: 15020}]"), accepts("STRICT")
    assert outcome(*world, client=None) == "plaintext"


def test_a_named_port_is_one_of_the_same_protocol_also_of_a_native_sidecar() -> None:
    ports = "[{port: 80, targetPort: http}]"
    own = "{selector: {matchLabels: {app: api}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"
    udp = "containers: [{name: a, ports: [{name: http, containerPort: 9, protocol: UDP}]}, {name: b, ports: %s}]"
    native = "containers: [{name: a}], initContainers: [{name: b, restartPolicy: Always, ports: %s}]"
    for spec in (udp, native):
        server = workload("api", spec=spec % "[{name: http, containerPort: 8080}]")
        world = *PAIR[:2], server, service("api", ports=ports), peer("api", own)
        assert outcome(*world, client=None) == "plaintext"
    over = native.replace("restartPolicy: Always, ", "") % "[{name: http, containerPort: 8080}]"
    assert outcome(*PAIR[:2], workload("api", spec=over), service("api", ports=ports)) == "unknown"


def test_a_server_in_an_unseen_namespace_is_unknown_where_it_matters() -> None:
    world = *PAIR[:2], workload("api", "unseen"), service("api", "unseen")
    assert outcome(*world) == "unknown"
    assert outcome(*world, client=None) == "plaintext"
    assert outcome(*world, accepts("STRICT", "unseen"), client=None) == "unknown"
