from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from conformance.access.approval import approvals, entry
from conformance.kube.object import FieldTypeError, Node
from conformance.kube.path import render
from tests.access.tree import binding, world

WEB = {"subject": "ServiceAccount:shop/*", "role": "ClusterRole/view"}


@pytest.mark.parametrize(
    ("namespace", "bound_in", "covered"),
    [("", "", True), ("", "shop", False), ("*", "", False), ("shop*", "shop-test", True), ("shop", "test", False)],
)
def test_cluster_wide_is_approved_by_itself_only(namespace: str, bound_in: str, covered: bool) -> None:
    bound = binding("b", "ClusterRole/view", "ServiceAccount shop/web", namespace=bound_in)
    (grant,) = world(bound).given_by(bound)
    assert entry({**WEB, "namespace": namespace}).covers(grant) == covered


def test_the_role_counts() -> None:
    bound = binding("b", "ClusterRole/edit", "ServiceAccount shop/web")
    (grant,) = world(bound).given_by(bound)
    assert not entry(WEB).covers(grant)
    assert entry({**WEB, "role": "ClusterRole/*"}).covers(grant)


@pytest.mark.parametrize("until", ["2026-12-31", date(2026, 12, 31), datetime(2026, 12, 31, 12)])
def test_dates_as_yaml_reads_them(until: Any) -> None:
    assert entry({**WEB, "until": until}).until == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"subject": ""}, "bindings[0].subject"),
        ({"subject": "ServiceAccount:web"}, "bindings[0].subject"),
        ({"role": "view"}, "bindings[0].role"),
        ({"role": "ClusterRole/"}, "bindings[0].role"),
        ({"until": "soon"}, "bindings[0].until"),
        ({"namepsace": "shop"}, "bindings[0].namepsace"),
    ],
)
def test_a_slip_of_the_pen_is_told(wrong: Any, field: str) -> None:
    with pytest.raises(FieldTypeError) as caught:
        approvals(Node({"bindings": [{**WEB, **wrong}]}).sequence("bindings"))
    assert render(caught.value.path) == field
    with pytest.raises(ValueError, match=field.rpartition(".")[2]):
        entry({**WEB, **wrong})
