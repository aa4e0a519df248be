"""The ClusterRole of an audit: enough, and no rule too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import cli
from conformance.asked import asked_by_checks
from conformance.cluster import role
from tests.cluster import applying, asked_kinds
from tests.control_plane import ControlPlane
from tests.reference.system import REFERENCES

PROFILES = ["--profile", "pod-security", "--profile", "smartsensor"]
#: kinds that a check asks for only when it finds something else, which this system does not have
ONLY_SOMETIMES = {"applications"}
_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def test_the_table_of_kinds_is_fresh() -> None:
    """Else a check asks for a kind that its role lacks: `python -m tests.cluster.asked_kinds`."""
    known = {check: set(kinds) for check, kinds in asked_by_checks().items()}
    asked = json.loads(asked_kinds.text())
    missing = {check: set(kinds) - known.get(check, set()) - {"@pods"} for check, kinds in asked.items()}
    assert {check: kinds for check, kinds in missing.items() if kinds} == {}


def test_every_kind_that_a_check_asks_for_has_a_group() -> None:
    kinds = {kind for kinds in asked_by_checks().values() for kind in kinds}
    assert role.rules(kinds)[1] == []


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("Pod", "pods"), ("NetworkPolicy", "networkpolicies"), ("Ingress", "ingresses"), ("Endpoints", "endpoints"),
        ("StorageClass", "storageclasses"), ("Gateway", "gateways"), ("Prometheus", "prometheuses"),
    ],
)  # fmt: skip
def test_plural(kind: str, plural: str) -> None:
    assert role.plural(kind) == plural


@pytest.fixture(scope="module")
def bound(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The user auditor has the role plumbline-audit and nothing else."""
    applying.define(plane)
    beside = Path(__file__).parent / "systems" / "smartsensor.yaml"
    applying.apply(plane, [*applying.read(REFERENCES / "smartsensor"), *applying.read(beside)])
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plumbline-audit"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "auditor"}
    binding = {"metadata": {"name": "plumbline-audit"}, "roleRef": ref, "subjects": [subject]}
    plane.request("POST", f"{_ROLES[:-5]}rolebindings", binding)
    yield plane
    plane.request("DELETE", f"{_ROLES[:-5]}rolebindings/plumbline-audit")


def written(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert cli.main(["rbac", *PROFILES, *options]) == 0
    rules: list[dict[str, Any]] = yaml.safe_load(capsys.readouterr().out)["rules"]
    return rules


def give(plane: ControlPlane, rules: list[dict[str, Any]]) -> None:
    applying.restore(plane, f"{_ROLES}/plumbline-audit", {"metadata": {"name": "plumbline-audit"}, "rules": rules})


def refused(plane: ControlPlane, report: Path) -> set[str]:
    """The kinds, by their names in addresses, that the auditor was not allowed to list."""
    config = str(plane.kubeconfig("auditor"))
    assert cli.main(["audit", "--kubeconfig", config, *PROFILES, "--report", f"json={report}"]) in (0, 1)
    reasons = {error["reason"] for each in json.loads(report.read_text())["results"] for error in each["errors"]}
    start = "not allowed to list "
    return {each.removeprefix(start).partition(":")[0] for each in reasons if each.startswith(start)}


@pytest.mark.parametrize("asks", [False, True])
def test_the_role_is_enough(
    asks: bool, bound: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--kubeconfig", str(bound.kubeconfig())] if asks else []
    give(bound, written(capsys, *options))
    assert refused(bound, tmp_path / "r.json") == set()


def test_without_any_one_resource_exactly_that_kind_is_refused(
    bound: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = written(capsys, "--kubeconfig", str(bound.kubeconfig()))
    names = [(rule["apiGroups"][0], name) for rule in whole for name in rule["resources"]]
    unnoticed = set()
    for group, name in names:
        rest = [rule for rule in whole if rule["apiGroups"] != [group]]
        left = [each for rule in whole if rule["apiGroups"] == [group] for each in rule["resources"] if each != name]
        give(bound, rest + [{"apiGroups": [group], "resources": left, "verbs": ["list"]}] * bool(left))
        said = refused(bound, tmp_path / "r.json")
        assert said <= {f"{name}.{group}" if group else name}
        unnoticed |= set() if said else {name}
    assert unnoticed == ONLY_SOMETIMES


def test_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert {verb for rule in written(capsys) for verb in rule["verbs"]} == {"list"}
    inside = written(capsys, "--inside")
    assert {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]} in inside
