"""Which DestinationRule counts for a client, and which of its settings."""

from __future__ import annotations

import pytest

from conformance.kube.inventory import Inventory
from conformance.mesh import Mesh
from tests.mesh.tree import (
    PAIR,
    ask,
    created,
    found,
    mesh,
    namespace,
    objects,
    outcome,
    peer,
    rule,
    service,
    strict,
    tls,
    workload,
)

FULL = "api.shop.svc.cluster.local"
OTHER = (namespace("shop"), namespace("other"), workload("web", "other"), workload("api"), service("api"))


@pytest.mark.parametrize("host", ["api", FULL, '"*.shop.svc.cluster.local"', '"*.local"', '"*"'])
def test_a_host_is_short_full_or_a_wildcard(host: str) -> None:
    assert outcome(*PAIR, rule("r", tls(host, "DISABLE"))) == "plaintext"


@pytest.mark.parametrize("host", ["api.shop", "api.shop.svc", '"*.other.svc.cluster.local"', "ap"])
def test_a_host_with_a_dot_that_is_no_full_name_means_no_service(host: str) -> None:
    assert outcome(*PAIR, rule("r", tls(host, "DISABLE"))) == "mtls"


def test_a_partial_host_is_a_problem_that_says_what_to_write() -> None:
    world = mesh(*PAIR, rule("r", tls("api.shop", "DISABLE")))
    assert found(world, "rule-host") == [("r", "spec.host")]
    assert FULL in next(each.message for each in world.problems() if each.code == "rule-host")


def test_a_short_name_belongs_to_the_namespace_of_the_rule() -> None:
    assert outcome(*OTHER, rule("r", tls("api", "DISABLE"), "other")) == "mtls"
    assert outcome(*OTHER, rule("r", tls("api", "DISABLE"), "shop")) == "plaintext"


def test_the_most_specific_host_counts_alone() -> None:
    wide = rule("wide", tls('"*.local"', "DISABLE"))
    assert outcome(*PAIR, wide, rule("near", tls('"*.svc.cluster.local"', "ISTIO_MUTUAL"))) == "mtls"
    assert outcome(*PAIR, wide, rule("exact", "{host: api, trafficPolicy: {connectionPool: {}}}")) == "mtls"


def test_the_clients_namespace_is_before_the_services_and_that_before_the_root() -> None:
    root = rule("root", tls('"*.local"', "DISABLE"), "istio-system")
    of_service = rule("service", tls(FULL, "ISTIO_MUTUAL"), "shop")
    of_client = rule("client", tls(FULL, "DISABLE"), "other")
    assert outcome(*OTHER, root) == "plaintext"
    assert outcome(*OTHER, root, of_service) == "mtls"
    assert outcome(*OTHER, root, of_service, of_client) == "plaintext"


def test_a_rule_of_a_third_namespace_says_nothing() -> None:
    assert outcome(*OTHER, rule("r", tls(FULL, "DISABLE"), "third")) == "mtls"


def test_a_wildcard_of_the_client_is_before_an_exact_host_of_the_service() -> None:
    texts = rule("client", tls('"*.local"', "DISABLE"), "other"), rule("service", tls("api", "ISTIO_MUTUAL"), "shop")
    assert outcome(*OTHER, *texts) == "plaintext"


def test_a_client_in_the_root_namespace_looks_at_the_service_before_public_rules_of_its_own() -> None:
    pair = (
        namespace("shop"),
        namespace("istio-system"),
        workload("web", "istio-system"),
        workload("api"),
        service("api"),
    )
    root = "{{host: '*.local', {} trafficPolicy: {{tls: {{mode: DISABLE}}}}}}"
    of_service = rule("service", tls("api", "ISTIO_MUTUAL"))
    assert outcome(*pair, of_service, rule("root", root.format(""), "istio-system")) == "mtls"
    assert outcome(*pair, of_service, rule("root", root.format("exportTo: ['.'],"), "istio-system")) == "plaintext"


@pytest.mark.parametrize(
    ("export", "expected"),
    [("['.']", "mtls"), ("[shop]", "mtls"), ("['*']", "plaintext"), ("[other]", "plaintext"), ("[]", "plaintext"),
     ("[third]", "mtls"), ("['.', other]", "plaintext")],
)  # fmt: skip
def test_export_to_says_who_may_use_it(export: str, expected: str) -> None:
    text = f"{{host: api, exportTo: {export}, trafficPolicy: {{tls: {{mode: DISABLE}}}}}}"
    assert outcome(*OTHER, rule("r", text, "shop")) == expected


def test_a_rule_exported_only_to_others_is_not_for_its_own_namespace() -> None:
    text = "{host: api, exportTo: [other], trafficPolicy: {tls: {mode: DISABLE}}}"
    assert outcome(*PAIR, rule("r", text)) == "mtls"


def test_the_mesh_may_make_rules_private_by_default() -> None:
    config = (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, "
        "data: {mesh: \"defaultDestinationRuleExportTo: ['.']\"}}"
    )
    assert outcome(*OTHER, rule("r", tls("api", "DISABLE"), "shop"), config) == "mtls"
    assert outcome(*PAIR, rule("r", tls("api", "DISABLE"), "shop"), config) == "plaintext"


def test_a_workload_selector_chooses_clients_of_its_own_namespace() -> None:
    text = "{host: %s, workloadSelector: {matchLabels: {app: %s}}, trafficPolicy: {tls: {mode: DISABLE}}}"
    assert outcome(*PAIR, rule("r", text % ("api", "web"))) == "plaintext"
    assert outcome(*PAIR, rule("r", text % ("api", "api"))) == "mtls"
    assert outcome(*OTHER, rule("r", text % (FULL, "web"), "shop")) == "mtls"


def test_a_rule_with_a_selector_is_before_one_without() -> None:
    chosen = "{host: api, workloadSelector: {matchLabels: {app: web}}, trafficPolicy: {tls: {mode: DISABLE}}}"
    texts = rule("all", tls("api", "ISTIO_MUTUAL")), rule("web", chosen)
    assert outcome(*PAIR, *texts) == "plaintext"
    assert outcome(*PAIR, *texts, client="api") == "mtls"


def test_a_rule_for_other_clients_still_hides_those_of_other_namespaces() -> None:
    chosen = (
        f"{{host: {FULL}, workloadSelector: {{matchLabels: {{app: x}}}}, trafficPolicy: {{tls: {{mode: SIMPLE}}}}}}"
    )
    assert outcome(*OTHER, rule("mine", chosen, "other"), rule("theirs", tls("api", "DISABLE"))) == "mtls"


LEVELS = """{host: api,
  trafficPolicy: {tls: {mode: %s}, portLevelSettings: [{port: {number: 80}, tls: {mode: %s}}]},
  subsets: [{name: v1, labels: {app: api}, trafficPolicy: {tls: {mode: %s},
    portLevelSettings: [{port: {number: 80}, tls: {mode: %s}}]}}]}"""


@pytest.mark.parametrize(
    ("modes", "subset", "expected"),
    [
        (("DISABLE", "ISTIO_MUTUAL", "DISABLE", "DISABLE"), "", "mtls"),
        (("ISTIO_MUTUAL", "DISABLE", "ISTIO_MUTUAL", "ISTIO_MUTUAL"), "", "plaintext"),
        (("DISABLE", "DISABLE", "DISABLE", "ISTIO_MUTUAL"), "v1", "mtls"),
        (("ISTIO_MUTUAL", "ISTIO_MUTUAL", "ISTIO_MUTUAL", "DISABLE"), "v1", "plaintext"),
    ],
)
def test_subset_and_port_is_before_subset_before_port_before_top(
    modes: tuple[str, ...], subset: str, expected: str
) -> None:
    assert outcome(*PAIR, rule("r", LEVELS % modes), subset=subset) == expected


def test_a_subset_is_before_the_port_of_the_top_level() -> None:
    text = """{host: api, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]},
      subsets: [{name: v1, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}, {name: v2}]}"""
    assert outcome(*PAIR, rule("r", text), subset="v1") == "mtls"
    assert outcome(*PAIR, rule("r", text), subset="v2") == "plaintext"


def test_port_settings_are_by_service_port_and_not_by_workload_port() -> None:
    text = "{host: api, trafficPolicy: {portLevelSettings: [{port: {number: %d}, tls: {mode: DISABLE}}]}}"
    assert outcome(*PAIR, rule("r", text % 80)) == "plaintext"
    assert outcome(*PAIR, rule("r", text % 8080)) == "mtls"
    path = "spec.trafficPolicy.portLevelSettings[0].port.number"
    assert found(mesh(*PAIR, rule("r", text % 8080)), "rule-port") == [("r", path)]
    assert found(mesh(*PAIR, rule("r", text % 80)), "rule-port") == []


@pytest.mark.parametrize(
    ("top", "expected"), [("DISABLE", "plaintext"), ("SIMPLE", "plaintext"), ("ISTIO_MUTUAL", "mtls")]
)
def test_a_port_without_tls_does_not_inherit_but_what_is_around_it_decides_what_is_offered(
    top: str, expected: str
) -> None:
    text = f"{{host: api, trafficPolicy: {{tls: {{mode: {top}}}, portLevelSettings: [{{port: {{number: 80}}}}]}}}}"
    assert outcome(*PAIR, rule("r", text)) == expected


def test_tls_without_a_mode_means_disable() -> None:
    assert outcome(*PAIR, rule("r", "{host: api, trafficPolicy: {tls: {sni: api}}}")) == "plaintext"


def test_rules_of_one_host_are_one_and_the_oldest_policy_counts() -> None:
    texts = [rule("a", tls("api", "DISABLE"), meta=created(2)), rule("b", tls("api", "ISTIO_MUTUAL"), meta=created(1))]
    assert outcome(*PAIR, *texts) == "mtls"
    subsets = rule("c", "{host: api, subsets: [{name: v1, labels: {app: api}}]}", meta=created(3))
    assert outcome(*PAIR, *texts, subsets, subset="v1") == "mtls"


def test_rules_of_one_host_that_disagree_in_files_are_ambiguous() -> None:
    texts = rule("a", tls("api", "DISABLE")), rule("b", tls("api", "ISTIO_MUTUAL"))
    verdict = ask(mesh(*PAIR, *texts))
    assert (verdict.outcome, verdict.why.split(":")[0]) == ("unknown", "ambiguous")
    assert outcome(*PAIR, rule("a", tls("api", "DISABLE")), rule("b", tls("api", "DISABLE"))) == "plaintext"


def test_a_subset_that_does_not_exist_breaks() -> None:
    assert outcome(*PAIR, rule("r", "{host: api}"), subset="v9") == "broken"
    assert outcome(*PAIR, subset="v9") == "broken"


def test_without_namespaces_a_subset_may_be_defined_where_nobody_can_tell() -> None:
    texts = [each.replace(", namespace: shop", "") for each in PAIR]
    world = Mesh(Inventory(objects(*texts)), unseen_injected=True)
    assert ask(world, subset="v9").outcome == "unknown"
    assert ask(world).outcome == "mtls"


def test_a_secret_by_credential_name_is_ignored_by_sidecars() -> None:
    text = "{host: api, %s trafficPolicy: {tls: {mode: SIMPLE, credentialName: c}}}"
    assert outcome(*PAIR, rule("r", text % "")) == "plaintext"
    assert outcome(*PAIR, rule("r", text % "workloadSelector: {matchLabels: {app: web}},")) == "unknown"
    gateway = workload("web", annotations="{inject.istio.io/templates: gateway}")
    assert outcome(PAIR[0], gateway, *PAIR[2:], rule("r", text % "")) == "unknown"


def test_the_field_that_decides_is_named() -> None:
    chain = ask(mesh(*PAIR, strict(), rule("r", LEVELS % ("ISTIO_MUTUAL", "DISABLE", "DISABLE", "DISABLE")))).reasons
    fields = [each.field for each in chain if each.subject is not None and each.subject.kind == "DestinationRule"]
    assert fields == ["spec.trafficPolicy.portLevelSettings[0].tls.mode"]


@pytest.mark.parametrize(
    "spec", ["{host: api, trafficPolicy: {tls: {mode: Disable}}}", "{host: api, trafficPolicy: {tls: x}}"]
)
def test_a_mode_that_is_none_is_unknown(spec: str) -> None:
    verdict = ask(mesh(*PAIR, rule("r", spec)))
    assert verdict.outcome == "unknown"
    assert verdict.reasons[-1].field.startswith("spec.trafficPolicy.tls")


def test_a_rule_whose_host_cannot_be_read_is_a_problem() -> None:
    assert found(mesh(*PAIR, rule("r", "{host: [api]}")), "unreadable") == [("r", "spec.host")]


def test_a_peer_of_one_port_is_met_by_a_rule_of_the_same_port() -> None:
    ports = "{8080: {mode: DISABLE}}"
    server = peer("api", f"{{selector: {{matchLabels: {{app: api}}}}, mtls: {{mode: STRICT}}, portLevelMtls: {ports}}}")
    own = "[{port: {number: 80}, tls: {mode: DISABLE}}]"
    client = f"{{host: api, trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL}}, portLevelSettings: {own}}}}}"
    assert outcome(*PAIR, server, rule("r", client)) == "plaintext"


def test_a_port_of_a_subset_without_tls_inherits_nothing_but_what_is_offered() -> None:
    text = """{host: api, trafficPolicy: {tls: {mode: %s}}, subsets: [{name: v1, labels: {app: api},
      trafficPolicy: {%s portLevelSettings: [{port: {number: 80}}]}}]}"""
    assert outcome(*PAIR, rule("r", text % ("SIMPLE", "")), subset="v1") == "plaintext"
    assert outcome(*PAIR, rule("r", text % ("DISABLE", "tls: {mode: ISTIO_MUTUAL},")), subset="v1") == "mtls"
