"""What a fresh API server has of itself is no finding; what somebody adds to it is one."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import pytest

from conformance.access.builtin import builtin
from conformance.catalogue import Requirement
from conformance.finding import Outcome, Result
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests import fixture_cases
from tests.access.tree import rule
from tests.kube.no_file import NoFile

LIVE = ("access-cluster-admin", "access-secret-readers", "access-escalation-paths", "access-binding-targets")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Requirement]:
    return fixture_cases.catalogue()


def judged(name: str, raws: list[dict[str, Any]]) -> Result:
    objects = [Object(each, NoFile(), "") for each in raws]
    return fixture_cases.judge(catalogue()[name], Inventory(objects))


def listed() -> list[dict[str, Any]]:
    """As a snapshot of a fresh cluster holds them, with the ServiceAccounts that the bindings name."""
    raws = [copy.deepcopy(each.raw) for each in builtin()]
    accounts = {
        (each["namespace"], each["name"])
        for raw in raws
        for each in raw.get("subjects", ())
        if each["kind"] == "ServiceAccount"
    }
    for namespace, name in sorted(accounts):
        raws.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
    return raws


@pytest.mark.parametrize("name", LIVE)
def test_a_fresh_cluster_holds(name: str) -> None:
    result = judged(name, listed())
    assert [each.message for each in result.findings] == []
    assert (result.outcome, result.evaluated) == (Outcome.PASSED, 56)


def changed(kind: str, name: str, **more: Any) -> list[dict[str, Any]]:
    raws = listed()
    (one,) = (each for each in raws if (each["kind"], each["metadata"]["name"]) == (kind, name))
    for field, value in more.items():
        one[field] = [*one.get(field, ()), value]
    return raws


def test_a_subject_that_is_added_to_a_built_in_binding() -> None:
    mallory = {"kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io"}
    raws = changed("ClusterRoleBinding", "cluster-admin", subjects=mallory)
    for name in ("access-cluster-admin", "access-secret-readers", "access-escalation-paths"):
        assert [each.observed for each in judged(name, raws).findings] == ["User mallory"], name


def test_a_rule_that_is_added_to_a_role_of_everybody() -> None:
    raws = changed("ClusterRole", "system:discovery", rules=rule("list", "secrets"))
    assert [each.observed for each in judged("access-secret-readers", raws).findings] == ["Group system:authenticated"]
    assert judged("access-cluster-admin", raws).outcome is Outcome.PASSED


def test_a_right_to_more_rights_that_is_added_to_a_controller() -> None:
    raws = changed(
        "ClusterRole", "system:kube-dns", rules=rule("escalate", "clusterroles", "rbac.authorization.k8s.io")
    )
    accounts = [each.observed for each in judged("access-cluster-admin", raws).findings]
    assert accounts == ["ServiceAccount kube-system/kube-dns"]


def test_another_version_of_a_controllers_role_is_no_finding() -> None:
    raws = changed("ClusterRole", "system:kube-dns", rules=rule("list", "secrets"))
    assert judged("access-secret-readers", raws).outcome is Outcome.PASSED
