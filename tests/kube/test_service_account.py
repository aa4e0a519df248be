from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import render
from conformance.kube.podspec import PodSpec
from conformance.kube.service_account import account_name, account_of, automount, projected_tokens
from tests.kube.no_file import NoFile


def world(spec: Any, *accounts: tuple[str, str, Any]) -> tuple[PodSpec, Inventory]:
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}
    objects = [Object(raw, NoFile())]
    for namespace, name, token in accounts:
        metadata = {"name": name, "namespace": namespace}
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata,
            "automountServiceAccountToken": token,
        }
        objects.append(Object(account, NoFile()))
    inventory = Inventory(objects)
    return next(iter(inventory.pods())), inventory


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "default"),
        ({"serviceAccountName": "web"}, "web"),
        ({"serviceAccount": "old"}, "old"),
        ({"serviceAccountName": "web", "serviceAccount": "old"}, "web"),
        ({"serviceAccountName": ""}, "default"),
    ],
)
def test_the_name(spec: Any, name: str) -> None:
    assert account_name(world(spec)[0]) == name


def test_the_account_is_that_of_the_namespace() -> None:
    pod, inventory = world({"serviceAccountName": "web"}, ("test", "web", True), ("shop", "web", False))
    found = account_of(pod, inventory)
    assert found is not None
    assert found.namespace == "shop"
    assert account_of(*world({}, ("test", "default", False))) is None


@pytest.mark.parametrize(
    ("pods", "accounts", "mounted", "kind", "field"),
    [
        (None, None, True, "Pod", "spec.automountServiceAccountToken"),
        (None, False, False, "ServiceAccount", "automountServiceAccountToken"),
        (None, True, True, "ServiceAccount", "automountServiceAccountToken"),
        (True, False, True, "Pod", "spec.automountServiceAccountToken"),
        (False, True, False, "Pod", "spec.automountServiceAccountToken"),
    ],
)
def test_the_pod_counts_before_its_account(pods: Any, accounts: Any, mounted: bool, kind: str, field: str) -> None:
    found, thing, node = automount(*world({"automountServiceAccountToken": pods}, ("shop", "default", accounts)))
    assert (found, thing.kind, render(node.path)) == (mounted, kind, field)


def test_tokens_that_volumes_project() -> None:
    sources = [{"configMap": {"name": "ca"}}, {"serviceAccountToken": {"path": "token", "audience": "vault"}}]
    pod, _ = world({"volumes": [{"name": "v", "projected": {"sources": sources}}, {"name": "w", "emptyDir": {}}]})
    (token,) = projected_tokens(pod)
    assert token.text("audience") == "vault"
    assert render(token.path) == "spec.volumes[0].projected.sources[1].serviceAccountToken"


def test_a_string_is_no_boolean() -> None:
    with pytest.raises(FieldTypeError) as caught:
        automount(*world({"automountServiceAccountToken": "false"}))
    assert render(caught.value.path) == "spec.automountServiceAccountToken"
