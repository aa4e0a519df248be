"""VirtualServices, Gateways and DestinationRules that lead to nothing, and what their values are."""

from __future__ import annotations

import pytest

from conformance.mesh.outlier import outlier_detection
from conformance.mesh.routes import Retries, Route, gateway_key
from tests.mesh.tree import PAIR, ask, codes, found, mesh, namespace, objects, rule, service, virtual, workload

SUBSETS = rule("r", "{host: api, subsets: [{name: v1, labels: {app: api}}]}")
DESTINATION = "spec.http[0].route[0].destination"


def to(destination: str, more: str = "") -> str:
    return virtual("v", f"{{hosts: [api], http: [{{route: [{{destination: {destination}}}]{more}}}]}}")


def route(*texts: str) -> Route:
    return next(iter(mesh(*PAIR, *texts).routes.all))


@pytest.mark.parametrize("host", ["api", "api.shop.svc.cluster.local"])
def test_a_route_to_a_service_is_right(host: str) -> None:
    assert codes(mesh(*PAIR, to(f"{{host: {host}}}"))) == set()


def test_a_route_to_no_service_names_the_host() -> None:
    assert found(mesh(*PAIR, to("{host: nothing}")), "route-host") == [("v", f"{DESTINATION}.host")]


def test_a_short_name_is_of_the_routes_own_namespace() -> None:
    world = mesh(*PAIR, namespace("other"), service("x", "other"), virtual("v", to_other("api"), "other"))
    assert found(world, "route-host") == [("v", f"{DESTINATION}.host")]


def to_other(host: str) -> str:
    return f"{{hosts: [x], http: [{{route: [{{destination: {{host: {host}}}}}]}}]}}"


def test_a_partial_name_means_no_service() -> None:
    world = mesh(*PAIR, to("{host: api.shop}"))
    assert found(world, "route-host") == [("v", f"{DESTINATION}.host")]


def test_a_namespace_that_the_tree_does_not_show_is_not_accused() -> None:
    assert codes(mesh(*PAIR, to("{host: x.elsewhere.svc.cluster.local}"))) == set()


def test_a_namespace_with_an_operator_may_have_services_that_nobody_sees() -> None:
    made = "{apiVersion: example.org/v1, kind: Database, metadata: {name: d, namespace: shop}}"
    assert codes(mesh(*PAIR, made, to("{host: nothing}"))) == set()


def test_an_outside_host_needs_a_service_entry() -> None:
    route_out = to("{host: api.example.org}")
    assert found(mesh(*PAIR, route_out), "route-external") == [("v", f"{DESTINATION}.host")]
    for host in ("api.example.org", '"*.example.org"'):
        entry = rule("e", f"{{hosts: [{host}]}}", kind="ServiceEntry")
        assert codes(mesh(*PAIR, route_out, entry)) == set()


def test_a_subset_must_be_defined_by_a_rule_for_the_host() -> None:
    wanted = to("{host: api, subset: v1}")
    assert found(mesh(*PAIR, wanted), "route-subset") == [("v", f"{DESTINATION}.subset")]
    assert codes(mesh(*PAIR, wanted, SUBSETS)) == set()
    other = rule("r", "{host: web, subsets: [{name: v1}]}")
    assert found(mesh(*PAIR, service("web"), wanted, other), "route-subset") == [("v", f"{DESTINATION}.subset")]


def test_the_labels_of_a_subset_must_match_a_pod_of_the_service() -> None:
    text = "{host: api, subsets: [{name: v1, labels: {app: api}}, {name: v2, labels: {app: api, version: v2}}]}"
    assert found(mesh(*PAIR, rule("r", text)), "subset-empty") == [("r", "spec.subsets[1].labels")]


def test_labels_that_a_rollout_adds_are_not_asked_for() -> None:
    text = "{host: api, subsets: [{name: canary, labels: {app: api, rollouts-pod-template-hash: abc}}]}"
    assert codes(mesh(*PAIR, rule("r", text))) == set()


def test_a_subset_speaks_of_pods_and_not_of_labels_elsewhere() -> None:
    two = workload("web", labels="version: v2")
    text = "{host: api, subsets: [{name: v2, labels: {version: v2}}]}"
    assert found(mesh(PAIR[0], two, *PAIR[2:], rule("r", text)), "subset-empty") == [("r", "spec.subsets[0].labels")]


def test_a_subset_without_pods_has_no_verdict() -> None:
    text = rule("r", "{host: api, subsets: [{name: v2, labels: {app: x}}]}")
    assert ask(mesh(*PAIR, text), subset="v2").outcome == "unknown"


def test_a_route_names_service_ports() -> None:
    assert found(mesh(*PAIR, to("{host: api, port: {number: 8080}}")), "route-port") == [
        ("v", f"{DESTINATION}.port.number")
    ]
    assert codes(mesh(*PAIR, to("{host: api, port: {number: 80}}"))) == set()


def test_a_service_with_several_ports_needs_one_to_be_named() -> None:
    several = *PAIR[:3], service("api", ports="[{name: a, port: 80}, {name: b, port: 81}]")
    assert found(mesh(*several, to("{host: api}")), "route-port-needed") == [("v", DESTINATION)]
    assert codes(mesh(*several, to("{host: api, port: {number: 81}}"))) == set()


def test_a_rule_for_no_service_is_a_problem() -> None:
    assert found(mesh(*PAIR, rule("r", "{host: nothing}")), "rule-host") == [("r", "spec.host")]
    assert found(mesh(*PAIR, rule("r", "{host: example.org}")), "rule-external") == [("r", "spec.host")]
    assert codes(mesh(*PAIR, rule("r", '{host: "*.example.org"}'))) == set()


def test_mirrors_lead_to_hosts_and_subsets_that_exist() -> None:
    world = mesh(*PAIR, to("{host: api}", ", mirror: {host: gone}"))
    assert found(world, "route-host") == [("v", "spec.http[0].mirror.host")]
    world = mesh(*PAIR, to("{host: api}", ", mirrors: [{destination: {host: api, subset: v9}}]"))
    assert found(world, "route-subset") == [("v", "spec.http[0].mirrors[0].destination.subset")]


def test_a_mirror_to_where_everything_goes_happens_twice() -> None:
    assert found(mesh(*PAIR, to("{host: api}", ", mirror: {host: api}")), "mirror-self") == [
        ("v", "spec.http[0].mirror")
    ]
    assert codes(mesh(*PAIR, SUBSETS, to("{host: api}", ", mirror: {host: api, subset: v1}"))) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mirror: {host: api}", 100.0),
        ("mirror: {host: api}, mirrorPercentage: {value: 12.5}", 12.5),
        ("mirror: {host: api}, mirrorPercentage: {}", 0.0),
        ("mirror: {host: api}, mirrorPercent: 5", 5.0),
        ("mirrors: [{destination: {host: api}}]", 100.0),
        ("mirrors: [{destination: {host: api}, percentage: {value: 1}}]", 1.0),
    ],
)
def test_an_absent_percentage_mirrors_everything(text: str, expected: float) -> None:
    assert [each.percentage for each in route(to("{host: api}", f", {text}")).mirrors] == [expected]


def test_a_mirror_of_nothing_is_a_problem() -> None:
    text = ", mirror: {host: api, subset: v1}, mirrorPercentage: {value: 0}"
    assert found(mesh(*PAIR, SUBSETS, to("{host: api}", text)), "mirror-nothing") == [("v", "spec.http[0].mirror")]


def test_retries_and_timeouts_are_read_as_written() -> None:
    text = ", timeout: 10s, retries: {attempts: 3, perTryTimeout: 2s, retryOn: '5xx, reset'}"
    one = route(to("{host: api}", text))
    assert one.timeout == "10s"
    assert one.retries == Retries(3, "2s", ("5xx", "reset"), ("spec", "http", 0, "retries"))
    assert route(to("{host: api}")).retries is None


@pytest.mark.parametrize(("timeout", "fits"), [("8s", True), ("7999ms", False), ("0s", True), ("1m", True)])
def test_retries_count_after_the_first_try_and_must_fit_into_the_timeout(timeout: str, fits: bool) -> None:
    world = mesh(*PAIR, to("{host: api}", f", timeout: {timeout}, retries: {{attempts: 3, perTryTimeout: 2s}}"))
    expected = [] if fits else [("v", "spec.http[0].retries.perTryTimeout")]
    assert found(world, "retry-timeout") == expected


def test_a_duration_that_is_none_is_a_problem() -> None:
    world = mesh(*PAIR, to("{host: api}", ", timeout: 1d, retries: {attempts: 3, perTryTimeout: 2s}"))
    assert found(world, "route-duration") == [("v", "spec.http[0]")]


def test_several_destinations_need_a_weight() -> None:
    text = "{hosts: [api], http: [{route: [{destination: {host: api}%s}, {destination: {host: api}}]}]}"
    assert found(mesh(*PAIR, virtual("v", text % "")), "route-weights") == [("v", "spec.http[0].route")]
    assert codes(mesh(*PAIR, virtual("v", text % ", weight: 100"))) == set()


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_tcp_and_tls_routes_are_looked_at_too(kind: str) -> None:
    text = f"{{hosts: [api], {kind}: [{{route: [{{destination: {{host: gone}}}}]}}]}}"
    assert found(mesh(*PAIR, virtual("v", text)), "route-host") == [("v", f"spec.{kind}[0].route[0].destination.host")]


def test_outlier_detection_has_istios_defaults() -> None:
    (given,) = objects(rule("r", "{host: api, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}"))
    one = outlier_detection(given)
    assert one is not None
    assert (one.consecutive_5xx, one.interval, one.base_ejection_time, one.max_ejection_percent) == (
        3,
        "10s",
        "30s",
        10,
    )
    (old,) = objects(rule("r", "{host: api, trafficPolicy: {outlierDetection: {consecutiveErrors: 7}}}"))
    two = outlier_detection(old)
    assert two is not None
    assert two.consecutive_5xx == 7
    assert outlier_detection(objects(rule("r", "{host: api}"))[0]) is None


GATEWAY = rule("gw", "{servers: [{port: {number: 80}, hosts: [%s]}]}", kind="Gateway")


def served(host: str, gateways: str = "[gw]", space: str = "shop") -> str:
    return virtual("v", f"{{hosts: [{host}], gateways: {gateways}}}", space)


@pytest.mark.parametrize(
    ("taken", "host", "meets"),
    [
        ("blog.example.org", "blog.example.org", True),
        ('"*.example.org"', "blog.example.org", True),
        ('"*.example.org"', "example.org", False),
        ('"*"', "blog.example.org", True),
        ("blog.example.org", '"*"', True),
        ("./blog.example.org", "blog.example.org", True),
        ("shop/blog.example.org", "blog.example.org", True),
        ("other/blog.example.org", "blog.example.org", False),
        ('"*/blog.example.org"', "blog.example.org", True),
        ("blog.example.org", "shop.example.org", False),
    ],
)
def test_a_gateways_host_needs_a_virtual_service(taken: str, host: str, meets: bool) -> None:
    world = mesh(GATEWAY % taken, served(host))
    assert found(world, "gateway-host") == ([] if meets else [("gw", "spec.servers[0].hosts[0]")])
    assert found(world, "route-gateway-host") == ([] if meets else [("v", "spec.gateways[0]")])


@pytest.mark.parametrize("gateways", ["[mesh]", "[other/gw]", "[]"])
def test_a_virtual_service_must_name_the_gateway(gateways: str) -> None:
    world = mesh(GATEWAY % "a.org", served("a.org", gateways))
    assert found(world, "gateway-host") == [("gw", "spec.servers[0].hosts[0]")]


def test_a_gateway_of_another_namespace_is_named_with_it() -> None:
    assert codes(mesh(GATEWAY % "a.org", served("a.org", "[shop/gw]", "other"))) == set()
    world = mesh(GATEWAY % "a.org", namespace("other"), workload("x", "other"), served("a.org", "[gw]", "other"))
    assert found(world, "route-gateway") == [("v", "spec.gateways[0]")]


@pytest.mark.parametrize("tls", ["{httpsRedirect: true}", "{mode: AUTO_PASSTHROUGH}"])
def test_servers_that_only_redirect_or_pass_through_need_none(tls: str) -> None:
    text = f"{{servers: [{{port: {{number: 80}}, hosts: [a.org], tls: {tls}}}]}}"
    assert codes(mesh(rule("gw", text, kind="Gateway"))) == set()


def test_a_gateway_whose_hosts_cannot_be_read_is_a_problem_and_hides_no_other() -> None:
    world = mesh(rule("bad", "{servers: [{hosts: [1]}]}", kind="Gateway"), GATEWAY % "a.org")
    assert found(world, "unreadable") == [("bad", "spec.servers[0].hosts[0]")]
    assert found(world, "gateway-host") == [("gw", "spec.servers[0].hosts[0]")]


def test_a_virtual_service_that_cannot_be_read_is_a_problem() -> None:
    world = mesh(*PAIR, virtual("v", "{hosts: [api], http: [{route: [{destination: {host: 1}}]}]}"))
    assert found(world, "unreadable") == [("v", f"{DESTINATION}.host")]


def test_names_of_gateways() -> None:
    assert gateway_key("mesh", "shop") == "mesh"
    assert gateway_key("gw", "shop") == "shop/gw"
    assert gateway_key("./gw", "shop") == "shop/gw"
    assert gateway_key("edge/gw", "shop") == "edge/gw"
    assert gateway_key("gw.edge.svc.cluster.local", "shop") == "edge/gw"


def test_routes_tell_which_subsets_are_reached() -> None:
    split = "{hosts: [%s], http: [{route: [{destination: {host: api, subset: v1}}, {destination: {host: api}}]}]}"
    one = "{hosts: [%s], http: [{route: [{destination: {host: api, subset: v1}}]}]}"
    host = "api.shop.svc.cluster.local"
    assert mesh(*PAIR, virtual("v", split % "api")).routes.subsets(host) == ["", "v1"]
    assert mesh(*PAIR, virtual("v", one % "api")).routes.subsets(host) == ["v1"]
    assert mesh(*PAIR, virtual("v", one % "other")).routes.subsets(host) == ["", "v1"]
    assert mesh(*PAIR).routes.subsets(host) == []


def test_of_two_services_of_one_host_a_route_means_the_one_that_it_fits() -> None:
    """Variants of a system stand side by side in one tree, without a namespace."""
    plain, other = service("api", "shop", "[{port: 8080}]"), service("api", "shop", "[{port: 80}]")
    third = service("api", "shop", "[{port: 81}, {port: 82}]")
    route = to("{host: api, port: {number: 80}}")
    assert codes(mesh(namespace("shop"), workload("api"), plain, other, route)) == set()
    assert codes(mesh(namespace("shop"), workload("api"), plain, other, to("{host: api}"))) == set()
    assert found(mesh(namespace("shop"), workload("api"), plain, third, route), "route-port") == [
        ("v", f"{DESTINATION}.port.number")
    ]
    both = mesh(namespace("shop"), workload("api"), third, third.replace("82", "83"), to("{host: api}"))
    assert found(both, "route-port-needed") == [("v", DESTINATION)]


def test_of_two_services_of_one_host_a_rule_means_the_one_that_it_fits() -> None:
    plain, other = service("api", "shop", "[{port: 8080}]"), service("api", "shop", "[{port: 80}]")
    settings = "{host: api, trafficPolicy: {portLevelSettings: [{port: {number: %d}, tls: {mode: ISTIO_MUTUAL}}]}}"
    world = [namespace("shop"), workload("api"), plain, other]
    assert codes(mesh(*world, rule("r", settings % 80))) == set()
    assert codes(mesh(*world, rule("r", settings % 81))) == {"rule-port"}
