from __future__ import annotations

from typing import Any

import pytest

from conformance.access.powers import NAMES, administration, escalations, power_name
from conformance.kube.object import Object
from tests.access.tree import GROUP, binding, role, rule, world


def powers(given: Any, *objects: Object, namespace: str = "") -> list[str]:
    bound = binding("b", "ClusterRole/r", "User jane", namespace=namespace)
    found = world(role("r", given), bound, *objects)
    (grant,) = found.given_by(bound)
    return [each.name for each in escalations(grant, found)]


@pytest.mark.parametrize(
    ("given", "cluster", "namespaced"),
    [
        (rule("*", "*", "*"), "everything", "everything"),
        (rule("watch", "secrets"), "read-secrets", "read-secrets"),
        (rule("create", "pods"), "run-pods", "run-pods"),
        (rule("update", "pods"), "", ""),
        (rule("patch", "cronjobs", "batch"), "run-pods", "run-pods"),
        (rule("get", "pods/exec"), "enter-pods", "enter-pods"),
        (rule("create", "*/attach"), "enter-pods", "enter-pods"),
        (rule("patch", "pods/ephemeralcontainers"), "debug-pods", "debug-pods"),
        (rule("create", "serviceaccounts/token"), "token-request", "token-request"),
        (rule("impersonate", "groups"), "impersonate", ""),
        (rule("impersonate", "serviceaccounts"), "impersonate", "impersonate"),
        (rule("bind", "clusterroles", GROUP), "bind", "bind"),
        (rule("escalate", "clusterroles", GROUP), "escalate", ""),
        (rule("escalate", "roles", GROUP), "escalate", "escalate"),
        (rule("get", "nodes/proxy"), "node-proxy", ""),
        (rule("update", "certificatesigningrequests/approval", "certificates.k8s.io"), "approve-certificates", ""),
        (rule("patch", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"), "admission-webhooks", ""),
        (rule("create", "persistentvolumes"), "node-volumes", ""),
        (rule("patch", "namespaces"), "relabel-namespaces", "relabel-namespaces"),
        (rule("create update patch", "rolebindings clusterrolebindings", GROUP), "", ""),
        (rule("get list watch", "pods deployments", "*"), "", ""),
    ],
)
def test_each_power(given: Any, cluster: str, namespaced: str) -> None:
    assert " ".join(powers(given)) == cluster
    assert " ".join(powers(given, namespace="shop")) == namespaced


def test_every_power_has_a_case_above() -> None:
    (mark,) = (each for each in test_each_power.pytestmark if each.name == "parametrize")
    assert {case[1] for case in mark.args[1]} - {""} == set(NAMES)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rule("bind", "clusterroles", GROUP, "view"), []),
        (rule("bind", "clusterroles", GROUP, "view cluster-admin"), ["bind"]),
        (rule("bind", "clusterroles", GROUP, "not-here"), ["bind"]),
        (rule("impersonate", "users", names="jane"), []),
        (rule("impersonate", "users", names="root"), ["impersonate"]),
        (rule("impersonate", "groups", names="system:masters"), ["impersonate"]),
        (rule("impersonate", "serviceaccounts", names="robot"), ["impersonate"]),
        (rule("impersonate", "serviceaccounts", names="web"), []),
        (rule("create", "pods", names="one"), []),
        (rule("get", "secrets", names="one"), ["read-secrets"]),
    ],
)
def test_names_bound_a_power_unless_they_name_an_administrator(given: Any, expected: list[str]) -> None:
    admins = binding("admins", "ClusterRole/cluster-admin", "User root", "ServiceAccount ops/robot")
    assert powers(given, admins) == expected


@pytest.mark.parametrize(
    ("given", "namespace", "expected"),
    [
        (rule("*", "*"), "", "everything"),
        (rule("*", "*"), "shop", "everything"),
        (rule("bind", "clusterroles", GROUP), "", "bind"),
        (rule("bind", "clusterroles", GROUP), "shop", None),
        (rule("list", "secrets"), "", None),
    ],
)
def test_who_is_administrator(given: Any, namespace: str, expected: str | None) -> None:
    bound = binding("b", "ClusterRole/r", "User jane", namespace=namespace)
    found = world(role("r", given), bound)
    escalation = administration(found.given_by(bound)[0], found)
    assert (escalation.name if escalation else None) == expected


def test_words_that_are_no_power() -> None:
    assert power_name("run-pods") == "run-pods"
    with pytest.raises(ValueError, match="none of everything, read-secrets"):
        power_name("runpods")


def test_rights_that_are_cut_into_pieces() -> None:
    reads, writes = rule("get list watch", "*", "*"), rule("create update patch delete", "*", "*")
    bindings = [binding(name, f"ClusterRole/{name}", "User jane") for name in ("reads", "writes")]
    found = world(role("reads", reads), role("writes", writes), *bindings)
    assert [administration(found.given_by(each)[0], found) is not None for each in bindings] == [False, True]
    other = binding("writes", "ClusterRole/writes", "User joe")
    found = world(role("reads", reads), role("writes", writes), bindings[0], other)
    assert administration(found.given_by(other)[0], found) is None


def test_who_is_administrator_by_another_binding_is_so_by_that_alone() -> None:
    writes, whole = (binding(name, f"ClusterRole/{name}", "User jane") for name in ("writes", "cluster-admin"))
    found = world(role("writes", rule("create", "*", "*")), writes, whole)
    assert [administration(found.given_by(each)[0], found) is not None for each in (writes, whole)] == [False, True]
