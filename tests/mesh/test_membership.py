from __future__ import annotations

import pytest

from conformance.mesh.membership import Dataplane
from tests.mesh.tree import INJECTED, ask, mesh, namespace, outcome, service, workload

TRUE, FALSE = 'sidecar.istio.io/inject: "true"', 'sidecar.istio.io/inject: "false"'
AMBIENT = "{istio.io/dataplane-mode: ambient}"


def plane(*texts: str) -> str:
    world = mesh(*texts)
    return world.member(world.clients[0]).dataplane.value


def why(*texts: str) -> tuple[str, str]:
    world = mesh(*texts)
    reason = world.member(world.clients[0]).reasons[0]
    assert reason.subject is not None
    return reason.subject.kind, reason.field


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (INJECTED, "sidecar"),
        ("{istio-injection: disabled}", "none"),
        ('{istio-injection: "true"}', "none"),
        ("{istio.io/rev: canary}", "sidecar"),
        ('{istio.io/rev: ""}', "none"),
        ("{}", "none"),
        ("{istio-injection: enabled, istio.io/rev: canary}", "sidecar"),
        ("{istio-injection: disabled, istio.io/rev: canary}", "none"),
    ],
)
def test_the_namespace_decides_where_the_pods_say_nothing(labels: str, expected: str) -> None:
    assert plane(namespace("shop", labels), workload("web")) == expected


@pytest.mark.parametrize(
    ("labels", "annotations", "expected"),
    [
        (FALSE, "{}", "none"),
        ("", f"{{{FALSE}}}", "none"),
        (TRUE, f"{{{FALSE}}}", "sidecar"),
        (FALSE, f"{{{TRUE}}}", "none"),
        ('sidecar.istio.io/inject: "yes"', f"{{{FALSE}}}", "sidecar"),
        ("", '{sidecar.istio.io/inject: "no"}', "sidecar"),
    ],
)
def test_the_pods_label_wins_over_their_annotation_and_both_over_the_namespace(
    labels: str, annotations: str, expected: str
) -> None:
    assert plane(namespace("shop"), workload("web", labels=labels, annotations=annotations)) == expected


def test_a_label_injects_into_a_namespace_without_labels_and_an_annotation_does_not() -> None:
    assert plane(namespace("shop", "{}"), workload("web", labels=TRUE)) == "sidecar"
    assert plane(namespace("shop", "{}"), workload("web", labels="istio.io/rev: canary")) == "sidecar"
    assert plane(namespace("shop", "{}"), workload("web", annotations=f"{{{TRUE}}}")) == "none"


def test_a_namespace_that_is_disabled_is_stronger_than_the_pods_label() -> None:
    texts = namespace("shop", "{istio-injection: disabled}"), workload("web", labels=TRUE)
    assert plane(*texts) == "none"
    assert why(*texts) == ("Namespace", "metadata.labels.istio-injection")


def test_labels_of_the_workload_itself_mean_nothing() -> None:
    assert plane(namespace("shop", "{}"), workload("web", meta=f", labels: {{{TRUE}}}")) == "none"


def test_pods_on_the_hosts_network_are_never_injected() -> None:
    texts = namespace("shop"), workload("web", labels=TRUE, spec="hostNetwork: true, containers: [{name: app}]")
    assert plane(*texts) == "none"
    assert why(*texts) == ("Deployment", "spec.template.spec.hostNetwork")


def test_pods_on_the_hosts_network_are_not_in_ambient_mode() -> None:
    spec = "hostNetwork: true, containers: [{name: app}]"
    assert plane(namespace("shop", AMBIENT), workload("web", spec=spec)) == "none"


def test_system_namespaces_are_never_injected() -> None:
    assert plane(namespace("kube-system"), workload("web", "kube-system", labels=TRUE)) == "none"


def test_a_proxy_in_the_manifest_is_a_sidecar() -> None:
    container = "containers: [{name: app}, {name: istio-proxy, image: istio/proxyv2}]"
    native = "containers: [{name: app}], initContainers: [{name: istio-proxy, image: p, restartPolicy: Always}]"
    for spec in (container, native):
        assert plane(namespace("shop", "{}"), workload("web", spec=spec)) == "sidecar"


def test_a_proxy_that_only_changes_what_is_injected_is_none() -> None:
    spec = "containers: [{name: app}, {name: istio-proxy, image: auto}]"
    assert plane(namespace("shop", "{}"), workload("web", spec=spec)) == "none"
    assert plane(namespace("shop"), workload("web", spec=spec)) == "sidecar"


def test_an_init_container_that_ends_is_no_sidecar() -> None:
    spec = "containers: [{name: app}], initContainers: [{name: istio-proxy, image: p}]"
    assert plane(namespace("shop", "{}"), workload("web", spec=spec)) == "none"


def test_gateways_are_told_from_sidecars() -> None:
    written = "containers: [{name: istio-proxy, image: p, args: [proxy, router]}]"
    assert plane(namespace("shop", "{}"), workload("gw", spec=written)) == "gateway"
    assert plane(namespace("shop"), workload("gw", annotations="{inject.istio.io/templates: gateway}")) == "gateway"


def test_an_agent_for_grpc_is_no_sidecar() -> None:
    assert plane(namespace("shop"), workload("web", annotations="{inject.istio.io/templates: grpc-agent}")) == "unknown"


@pytest.mark.parametrize(
    ("labels", "own", "expected"),
    [
        (AMBIENT, "", "ambient"),
        (AMBIENT, "istio.io/dataplane-mode: none", "none"),
        ("{}", "istio.io/dataplane-mode: ambient", "ambient"),
        ("{istio.io/dataplane-mode: ambient, istio-injection: enabled}", "", "sidecar"),
        ("{istio.io/dataplane-mode: ambient, istio-injection: enabled}", FALSE, "ambient"),
        ("{istio.io/dataplane-mode: none}", "", "none"),
    ],
)
def test_ambient_mode_is_of_the_namespace_or_the_pods_and_gives_way_to_a_sidecar(
    labels: str, own: str, expected: str
) -> None:
    assert plane(namespace("shop", labels), workload("web", labels=own)) == expected


def test_a_namespace_that_the_tree_does_not_show_leaves_it_open_unless_the_pods_say() -> None:
    assert plane(workload("web")) == "unknown"
    assert plane(workload("web", labels=FALSE)) == "none"
    assert plane(workload("web", annotations=f"{{{FALSE}}}")) == "none"
    assert plane(workload("web", labels=TRUE)) == "sidecar"
    assert plane(workload("web", annotations=f"{{{TRUE}}}")) == "unknown"


def test_an_unseen_namespace_may_be_ambient_only_where_ambient_is_used() -> None:
    assert plane(workload("web", labels=FALSE), namespace("other", AMBIENT)) == "unknown"
    assert plane(workload("web", labels=FALSE), namespace("other")) == "none"


def test_what_nobody_knows_is_no_matter_where_every_case_ends_the_same() -> None:
    unseen = workload("web"), workload("api"), service("api")
    assert outcome(*unseen, client=None) == "plaintext"
    assert outcome(*unseen) == "unknown"


def test_a_label_that_is_no_string_is_unknown_at_its_field() -> None:
    verdict = ask(mesh(namespace("shop", "{istio-injection: true}"), workload("web"), service("web")), "web", "web")
    assert verdict.outcome == "unknown"
    assert "metadata.labels.istio-injection is a boolean" in verdict.why


def test_every_dataplane_has_a_word() -> None:
    world = mesh(namespace("shop"), workload("web"))
    told = world.member(world.clients[0]).told("client")[0].text
    assert told == "the client has a sidecar: Namespace shop has istio-injection: enabled"
    assert {each.value for each in Dataplane} == {"sidecar", "gateway", "ambient", "none", "unknown"}
