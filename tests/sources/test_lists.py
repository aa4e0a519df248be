from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.object import Document, Location, Object, Rejected
from conformance.kube.path import Path, render
from conformance.sources.lists import expand, is_object


class Here:
    path = "a.yaml"

    def locate(self, path: Path) -> Location:
        return Location(f"a.yaml#{render(path)}")


def expanded(raw: Any, namespace: str | None = None) -> list[tuple[str, str]]:
    """What comes out, and where its name would stand."""
    found = []
    for each in expand(Document(raw, Here()), namespace):
        if isinstance(each, Rejected):
            found.append((each.reason, each.location.path))
        else:
            what = f"{each.api_version} {each}" if isinstance(each, Object) else "document"
            found.append((what, each.locate("metadata.name").path))
    return found


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


def test_a_list_is_its_elements() -> None:
    pod = named("a", apiVersion="v1", kind="Pod")
    role = named("b", apiVersion="rbac.authorization.k8s.io/v1", kind="Role")
    assert expanded({"apiVersion": "v1", "kind": "List", "items": [pod, role]}, "web") == [
        ("v1 Pod web/a", "a.yaml#items[0].metadata.name"),
        ("rbac.authorization.k8s.io/v1 Role web/b", "a.yaml#items[1].metadata.name"),
    ]


def test_elements_of_a_typed_list_inherit_its_type() -> None:
    own = named("b", apiVersion="apps/v1beta1", kind="Scale")
    raw = {"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [named("a"), own]}
    assert expanded(raw) == [
        ("apps/v1 Deployment a", "a.yaml#items[0].metadata.name"),
        ("apps/v1beta1 Scale b", "a.yaml#items[1].metadata.name"),
    ]
    assert raw["items"] == [named("a"), own]


def test_lists_in_lists() -> None:
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [named("a")]}
    assert expanded({"apiVersion": "v1", "kind": "List", "items": [inner]}) == [
        ("v1 Pod a", "a.yaml#items[0].items[0].metadata.name")
    ]


def test_an_element_that_is_no_object_costs_no_other() -> None:
    items = [named("a"), 1, None, named("b", apiVersion="v1", kind="Pod")]
    assert expanded({"apiVersion": "v1", "kind": "List", "items": items}) == [
        ("element 0 of this List has no apiVersion and kind", "a.yaml#items[0]"),
        ("element 1 of this List is no object", "a.yaml#items[1]"),
        ("element 2 of this List is no object", "a.yaml#items[2]"),
        ("v1 Pod b", "a.yaml#items[3].metadata.name"),
    ]


@pytest.mark.parametrize("items", [None, []])
def test_an_empty_list_holds_nothing(items: list[Any] | None) -> None:
    assert expanded({"apiVersion": "v1", "kind": "List", "items": items}) == []


@pytest.mark.parametrize(
    "more", [{}, {"items": "x"}, {"items": ["10.0.0.0/8"]}, {"items": None}, {"spec": {"items": [{}]}}]
)
def test_a_kind_that_only_ends_in_list_is_an_object(more: dict[str, Any]) -> None:
    raw = named("a", apiVersion="example.org/v1", kind="AllowList", **more)
    assert expanded(raw) == [("example.org/v1 AllowList a", "a.yaml#metadata.name")]


@pytest.mark.parametrize(
    ("raw", "reason", "field"),
    [
        ({"apiVersion": 1, "kind": "Pod"}, "apiVersion must be text, not 1", "apiVersion"),
        ({"apiVersion": True, "kind": "Pod"}, "apiVersion must be text, not true", "apiVersion"),
        ({"apiVersion": {}, "kind": "Pod"}, "apiVersion must be text, not a mapping", "apiVersion"),
        ({"apiVersion": "v1", "kind": []}, "kind must be text, not a list", "kind"),
        ({"apiVersion": "v1", "kind": ""}, "kind must be text, not empty", "kind"),
        ({"apiVersion": "", "kind": "Pod"}, "apiVersion must be text, not empty", "apiVersion"),
    ],
)
def test_a_type_that_kubernetes_cannot_read(raw: dict[str, Any], reason: str, field: str) -> None:
    assert expanded(raw) == [(reason, f"a.yaml#{field}")]


@pytest.mark.parametrize(
    "raw",
    [{}, [], {"kind": "pipeline"}, {"apiVersion": "v2", "name": "chart"}, {"apiVersion": None, "kind": "x"}, "x", 1],
)
def test_other_documents_stay_what_they_are(raw: Any) -> None:
    assert not is_object(raw)
    assert [type(each) for each in expand(Document(raw, Here()))] == [Document]


def test_an_object_needs_no_metadata() -> None:
    assert [str(each) for each in expand(Document({"apiVersion": "v1", "kind": "Pod"}, Here()))] == ["Pod "]
