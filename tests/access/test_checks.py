"""The options of the checks, which no shipped requirement uses."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from conformance import test_rbac as checks
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests.access.tree import binding, role, rule, thing
from tests.kube.no_file import NoFile


def said(check: Any, subject: Any, *objects: Object, as_of: date | None = None, **options: Any) -> list[Any]:
    """What a check says of one object, or of a list: whom each finding speaks of."""
    things = subject if isinstance(subject, list) else [subject]
    world = Inventory([*things, *objects], as_of=as_of)
    about = subject
    if not isinstance(subject, list) and world.pod_spec(subject) is not None:
        about = world.pod_spec(subject)
    found = list(check.plumbline_check.function(about, world, **options))
    return [each.observed if isinstance(each, Finding) else each for each in found]


def test_the_approved_are_no_finding_but_everybody_always_is() -> None:
    bound = binding("b", "ClusterRole/cluster-admin", "Group admins", "Group system:authenticated", "User jane")
    everybody = "Group system:authenticated"
    check = checks.test_cluster_admin_subjects
    assert said(check, bound) == ["Group admins", everybody, "User jane"]
    assert said(check, bound, approved=("Group:admins", "User jane")) == [everybody]
    assert said(check, bound, approved=("Group:*",)) == [everybody, "User jane"]


def test_administrators_of_a_namespace_may_be_left_out() -> None:
    bound = binding("b", "ClusterRole/cluster-admin", "User jane", namespace="shop")
    assert said(checks.test_cluster_admin_subjects, bound) == ["User jane"]
    assert said(checks.test_cluster_admin_subjects, bound, namespaced=False) == []


def test_a_missing_role_cannot_be_judged_unless_its_subject_is_approved() -> None:
    bound = binding("b", "ClusterRole/gone", "User jane")
    cases: list[tuple[Any, dict[str, Any]]] = [
        (checks.test_cluster_admin_subjects, {}),
        (checks.test_secret_readers, {"namespaces": ["shop"]}),
        (checks.test_escalation_paths, {}),
    ]
    for check, options in cases:
        (unjudged,) = said(check, bound, **options)
        assert isinstance(unjudged, Unjudged)
        assert unjudged.field == "roleRef.name"
        name = "approved" if check is checks.test_cluster_admin_subjects else "allowed"
        options[name] = ("jane",)
        assert said(check, bound, **options) == []


def test_an_unreadable_role_cannot_be_judged() -> None:
    broken = role("broken", {"verbs": "get", "apiGroups": [""], "resources": ["pods"]})
    (unjudged,) = said(checks.test_cluster_admin_subjects, binding("b", "ClusterRole/broken", "User jane"), broken)
    assert unjudged.field == "roleRef"


@pytest.mark.parametrize(("namespace", "found"), [("shop-a", True), ("test", False), ("", True)])
def test_secret_readers_of_namespaces(namespace: str, found: bool) -> None:
    bound = binding("b", "ClusterRole/edit", "User jane", "ServiceAccount shop-a/web", namespace=namespace)
    options: dict[str, Any] = {"namespaces": ["shop-*"], "allowed": ("ServiceAccount:shop-a/*",)}
    assert said(checks.test_secret_readers, bound, **options) == (["User jane"] if found else [])


def test_only_some_paths() -> None:
    bound = binding("b", "ClusterRole/edit", "User jane")
    assert said(checks.test_escalation_paths, bound) == ["User jane"]
    assert said(checks.test_escalation_paths, bound, paths=("run-pods",)) == ["User jane"]
    assert said(checks.test_escalation_paths, bound, paths=("node-proxy",)) == []
    admin = binding("b", "ClusterRole/cluster-admin", "User jane")
    assert said(checks.test_escalation_paths, admin, paths=("node-proxy",)) == ["User jane"], (
        "everything is each of them"
    )


def test_accounts_must_exist_only_where_asked() -> None:
    bound = binding("b", "ClusterRole/view", "ServiceAccount web", namespace="shop")
    account = Object(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web", "namespace": "shop"}}, NoFile()
    )
    assert said(checks.test_binding_targets_exist, bound) == []
    assert said(checks.test_binding_targets_exist, bound, accounts=True) == ["ServiceAccount shop/web"]
    assert said(checks.test_binding_targets_exist, bound, account, accounts=True) == []


@pytest.mark.parametrize(("day", "found"), [(date(2026, 11, 20), False), (date(2026, 11, 21), True), (None, False)])
def test_an_approval_ends_after_its_last_day(day: date | None, found: bool) -> None:
    bound = binding("b", "ClusterRole/view", "User jane")
    approved = ({"subject": "jane", "role": "ClusterRole/view", "until": "2026-11-20"},)
    assert said(checks.test_approved_bindings, [bound], as_of=day, approved=approved) == (
        ["User jane"] if found else []
    )
    still = (*approved, {"subject": "jane", "role": "ClusterRole/*"})
    assert said(checks.test_approved_bindings, [bound], as_of=day, approved=still) == []


DEFAULT = {"kubernetes.io/bootstrapping": "rbac-defaults"}


@pytest.mark.parametrize(
    ("name", "to", "labels", "found"),
    [
        ("system:basic-user", "ClusterRole/system:basic-user", DEFAULT, False),
        ("system:basic-user", "ClusterRole/system:basic-user", {}, True),
        ("system:basic-user", "ClusterRole/cluster-admin", DEFAULT, True),
        ("system:mine", "ClusterRole/system:basic-user", DEFAULT, True),
    ],
)
def test_what_kubernetes_gives_itself_needs_no_approval(name: str, to: str, labels: Any, found: bool) -> None:
    bound = binding(name, to, "Group system:authenticated", labels=labels)
    everybody = ["Group system:authenticated"] if found else []
    assert said(checks.test_approved_bindings, [bound]) == everybody
    admin = everybody if to.endswith("admin") else []
    assert said(checks.test_cluster_admin_subjects, bound) == admin


def test_accounts_that_may_have_a_token_without_rights() -> None:
    metadata = {"name": "web", "namespace": "shop"}
    spec = {"serviceAccountName": "web", "containers": [{"name": "c"}]}
    pod = Object({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, NoFile())
    check = checks.test_token_mounted_only_when_used
    assert said(check, pod) == [None]
    assert said(check, pod, allowed=("ServiceAccount:shop/web",)) == []
    assert said(check, pod, allowed=("ServiceAccount:test/web",)) == [None]


def test_a_binding_that_cannot_be_read_is_an_error() -> None:
    wrong = thing("ClusterRoleBinding", "b", roleRef={"kind": "ClusterRole", "name": "view"}, subjects="jane")
    with pytest.raises(TypeError, match="subjects is a string"):
        said(checks.test_cluster_admin_subjects, wrong)


def test_a_rule_without_rights_is_no_finding() -> None:
    bound = binding("b", "ClusterRole/r", "User jane")
    assert said(checks.test_cluster_admin_subjects, bound, role("r", rule("get", "pods"))) == []
