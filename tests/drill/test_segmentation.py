"""The matrix of the requirements, what policies are computed to let through, and the twins' mistakes; no packets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import drilling
from conformance.drill.packets import Probe, StandIn, shown
from conformance.drills import segmentation
from conformance.drills.segmentation_matrix import Documented, computed, documented

OUTSIDE = {segmentation.OUTSIDE: "192.0.2.7"}
#: namespaces as an exercise names them
NAMES = {
    segmentation.SYSTEM: "system-x", segmentation.SECURITY: "security-x", segmentation.MONITORING: "monitoring-x",
    segmentation.INGRESS: "ingress-x", "default": "other-x", "kube-system": "kube-system",
}  # fmt: skip


@pytest.fixture(scope="module")
def matrix() -> Documented:
    return documented(segmentation.probes(), segmentation.ENDS, denying=segmentation.SYSTEM)


def policies(twin: str) -> list[dict[str, Any]]:
    text = (drilling.manifests_folder() / "segmentation/network-policies.yaml").read_text()
    names = {name: short for name, short in NAMES.items() if name != segmentation.INGRESS}
    return segmentation.spoiled(twin, [segmentation._renamed(each, names) for each in yaml.safe_load_all(text) if each])


def answers(applied: list[dict[str, Any]]) -> dict[Probe, bool]:
    spaces = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": short,
                "labels": {**segmentation.SPACES.get(name, {}), "kubernetes.io/metadata.name": short},
            },
        }
        for name, short in NAMES.items()
    ]
    pods = [StandIn(name, NAMES[space], labels, ports) for name, space, labels, ports in segmentation.PODS]
    dns = StandIn(segmentation.DNS, "kube-system", {"k8s-app": "kube-dns"}, ())
    objects = [*spaces, *(each.manifest("tools") for each in [*pods, dns]), *applied]
    return computed(objects, segmentation.probes(), OUTSIDE, segmentation.OUTSIDE)


def test_the_matrix_holds_what_the_document_names(matrix: Documented) -> None:
    assert ("api-server", "postgresql-cluster", "TCP", 5432) in matrix.needed
    assert ("ingress-nginx", "api-server", "TCP", 8000) in matrix.needed
    assert ("web-dashboard", "kube-dns", "UDP", 53) in matrix.needed
    for each in (
        ("stranger", "postgresql-cluster", "TCP", 5432),
        ("web-dashboard", "postgresql-cluster", "TCP", 5432),
        ("api-server", "outside", "TCP", 443),
        ("outsider", "api-server", "TCP", 8000),
        ("api-server", "kube-dns", "TCP", 9153),
    ):
        assert each in matrix.denied
    assert not set(matrix.needed) & set(matrix.denied)


def test_edges_that_may_be_open_are_neither(matrix: Documented) -> None:
    may = ("postgresql-backup", "postgresql-cluster", "TCP", 5432)
    assert may in segmentation.probes()
    assert may not in matrix.needed + matrix.denied


def test_without_policies_everything_is_computed_to_be_open() -> None:
    assert set(answers([]).values()) == {True}


def test_the_reference_policies_are_the_matrix(matrix: Documented) -> None:
    found = answers(policies(""))
    assert [each for each in matrix.needed if not found[each]] == []
    assert [each for each in matrix.denied if found[each]] == []


def test_the_guides_own_policies_close_what_it_documents(matrix: Documented) -> None:
    found = answers([each for each in policies("") if segmentation._is_literal(each)])
    closed = {each[1] for each in matrix.needed if each[0] == "api-server" and not found[each]}
    assert {"postgresql-cluster", "redis-cluster", "kube-dns"} <= closed


@pytest.mark.parametrize(
    ("twin", "probe", "is_open"),
    [
        ("default-deny-selects-nothing", ("outsider", "maintenance", "TCP", 9999), True),
        ("default-deny-selects-nothing", ("ingress-nginx", "postgresql-backup", "TCP", 9999), True),
        ("rule-removed", ("api-server", "redis-cluster", "TCP", 6379), False),
        ("peers-merged", ("web-dashboard", "api-server", "TCP", 8000), False),
        ("peers-merged", ("ingress-nginx", "api-server", "TCP", 8000), False),
    ],
)
def test_a_twin_changes_what_it_says(matrix: Documented, twin: str, probe: Probe, is_open: bool) -> None:
    right, spoiled = answers(policies("")), answers(policies(twin))
    assert (right[probe], spoiled[probe]) == (not is_open, is_open)
    (fails,) = [each.fails for each in drills_twins() if each.name == twin]
    closed = [each for each in matrix.needed if not spoiled[each]]
    surplus = [each for each in matrix.denied if spoiled[each]]
    assert fails == ("documented is open" if closed else "denied is closed")
    assert bool(closed) != bool(surplus), "a twin has one mistake"


def drills_twins() -> Any:
    from conformance.drill.registry import drills

    return drills()["segmentation"].twins


def test_the_table_says_what_is_documented_and_what_was_seen(matrix: Documented) -> None:
    text = segmentation.table(matrix, answers(policies("")))
    lines = text.splitlines()
    assert len(lines) == 1 + len(segmentation.probes())
    assert "api-server\tpostgresql-cluster\tTCP/5432\tdocumented\topen" in lines
    assert "api-server\toutside\tTCP/443\tdenied\tclosed" in lines
    assert "maintenance\tpostgresql-cluster\tTCP/5432\tneither\topen" in lines


def test_the_policies_are_those_of_the_reference_system() -> None:
    here = drilling.manifests_folder() / "segmentation/network-policies.yaml"
    reference = Path(__file__).parents[2] / "manifests/reference/smartsensor/network-policies.yaml"
    assert here.resolve() == reference.resolve()


def test_connections_are_shown_the_first_few() -> None:
    probes = [("a", "b", "TCP", port) for port in range(1, 5)]
    assert shown(probes, 2) == "a -> b TCP/1, a -> b TCP/2 and 2 more"
    assert shown(probes[:1]) == "a -> b TCP/1"


def test_a_stand_in_listens_on_each_of_its_ports() -> None:
    pod = StandIn("db", "shop", {"app": "db"}, (5432, 9187)).manifest("busybox:1.36")
    (container,) = pod["spec"]["containers"]
    assert pod["metadata"] == {"name": "db", "namespace": "shop", "labels": {"app": "db"}}
    assert container["command"][2].startswith("httpd -p 5432 -h /etc; httpd -p 9187 -h /etc;")
    assert [each["containerPort"] for each in container["ports"]] == [5432, 9187]
