"""What makes a Secret, and which keys it will have."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.secret_source import keys_of, sources_of
from tests.kube.no_file import NoFile


def thing(api: str, kind: str, name: str = "mysql", namespace: str = "blog", **fields: Any) -> Object:
    return Object(
        {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}, NoFile()
    )


ESO = "external-secrets.io/v1"
SEALED = "bitnami.com/v1alpha1"


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        (thing("v1", "Secret", data={"a": "eA=="}, stringData={"b": "x"}), {"a", "b"}),
        (thing(SEALED, "SealedSecret", spec={"encryptedData": {"a": "AgB"}}), {"a"}),
        (
            thing(SEALED, "SealedSecret", "x", spec={"template": {"metadata": {"name": "mysql"}, "data": {"b": ""}}}),
            {"b"},
        ),
        (thing(ESO, "ExternalSecret", "x", spec={"target": {"name": "mysql"}, "data": [{"secretKey": "a"}]}), {"a"}),
        (thing(ESO, "ExternalSecret", spec={"data": [{"secretKey": "a"}]}), {"a"}),
        (
            thing(
                ESO,
                "ExternalSecret",
                spec={"target": {"template": {"data": {"url": "…"}}}, "data": [{"secretKey": "a"}]},
            ),
            {"url"},
        ),
        (thing(ESO, "ExternalSecret", spec={"dataFrom": [{"extract": {"key": "blog"}}]}), None),
    ],
)
def test_keys(source: Object, keys: set[str] | None) -> None:
    found = sources_of(Inventory([source]), "blog", "mysql")
    assert found == [source]
    assert keys_of(found) == keys


def test_others_make_other_secrets() -> None:
    others = [
        thing("v1", "Secret", namespace="other"),
        thing(ESO, "ExternalSecret", spec={"target": {"name": "postgres"}}),
        thing("example.org/v1", "SealedSecret"),
    ]
    assert sources_of(Inventory(others), "blog", "mysql") == []
