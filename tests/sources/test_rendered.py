"""Places of rendered fields."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.object import Document, Location
from conformance.kube.path import Path, parse
from conformance.sources.rendered import PlaceOrigin, RenderedOrigin, Source, certain_place, find_source, sources_in


class Printed:
    """An origin that prints the path it was asked for instead of a line."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list[Path] = []

    def locate(self, path: Path) -> Location:
        self.asked.append(path)
        return Location(self.path, len(path) + 1, 1)


def deployment(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def source(raw: dict[str, Any], path: str = "base/web.yaml") -> Source:
    return Source(Document(raw, Printed(path)), (), raw)


def place(rendered: Any, original: Any, field: str) -> Path | None:
    return certain_place(rendered, original, parse(field), lambda a, b: bool(a == b))


CONTAINERS = [{"name": "side", "image": "side:1"}, {"name": "app", "image": "app:2"}]


def test_an_equal_value_at_the_same_path_is_certain() -> None:
    assert place({"spec": {"replicas": 2}}, {"spec": {"replicas": 2}}, "spec.replicas") == ("spec", "replicas")


def test_a_changed_value_has_no_place() -> None:
    assert place({"spec": {"replicas": 3}}, {"spec": {"replicas": 2}}, "spec.replicas") is None


def test_an_added_value_has_no_place() -> None:
    assert place({"spec": {"replicas": 3}}, {"spec": {}}, "spec.replicas") is None


def test_list_elements_are_the_same_by_name_not_by_position() -> None:
    rendered, original = {"containers": CONTAINERS}, {"containers": CONTAINERS[1:]}
    assert place(rendered, original, "containers[1].image") == ("containers", 0, "image")
    assert place(rendered, original, "containers[0].image") is None


def test_two_elements_of_one_name_are_not_told_apart() -> None:
    twice = [{"name": "http", "port": 80}, {"name": "http", "port": 80}]
    assert place({"ports": twice}, {"ports": twice}, "ports[0].port") is None


def test_elements_without_a_name_need_position_and_content() -> None:
    original = {"args": ["a", "b"]}
    assert place({"args": ["a", "b"]}, original, "args[1]") == ("args", 1)
    assert place({"args": ["b"]}, original, "args[0]") is None


def test_a_missing_field_belongs_below_its_parent_even_when_that_was_patched() -> None:
    rendered = {"containers": [{"name": "app", "image": "app:3"}]}
    original = {"containers": [{"name": "app", "image": "app:2"}]}
    assert place(rendered, original, "containers[0].resources.limits") == ("containers", 0)


def test_a_field_that_a_patch_deleted_has_no_place() -> None:
    assert place({"spec": {"a": 1}}, {"spec": {"a": 1, "b": 2}}, "spec.b") is None


def test_a_missing_field_below_an_added_parent_has_no_place() -> None:
    assert place({"spec": {"resources": {"requests": {}}}}, {"spec": {}}, "spec.resources.limits") is None


def test_the_object_itself_is_at_its_source_whatever_changed() -> None:
    assert place({"a": 1}, {"a": 2}, "") == ()


def test_the_only_object_of_a_kind_is_the_source_whatever_its_name() -> None:
    found = find_source(deployment("prod-web-v2"), [source(deployment("web")), source({"kind": "Service"})])
    assert found is not None
    assert found.name == "web"


def test_of_several_the_exact_name_wins_over_a_contained_one() -> None:
    candidates = [source(deployment("web")), source(deployment("web-admin"))]
    found = find_source(deployment("web-admin"), candidates)
    assert found is not None
    assert found.name == "web-admin"


def test_several_possible_sources_are_none() -> None:
    candidates = [source(deployment("web")), source(deployment("web-admin"))]
    assert find_source(deployment("prod-web-admin"), candidates) is None
    assert find_source(deployment("other"), candidates) is None


def test_another_version_of_the_api_is_another_kind() -> None:
    old = {**deployment(), "apiVersion": "extensions/v1beta1"}
    assert find_source(deployment(), [source(old)]) is None


def test_elements_of_lists_are_sources() -> None:
    raw = {"apiVersion": "v1", "kind": "List", "items": [deployment("web"), "odd", deployment("api")]}
    found = list(sources_in([Document(raw, Printed("all.yaml"))]))
    assert [(each.name, each.prefix) for each in found] == [("web", ("items", 0)), ("api", ("items", 2))]


def test_a_field_is_located_in_its_source() -> None:
    raw = deployment(replicas=2)
    origin = RenderedOrigin("base/web.yaml", "rendered by prod", raw, lambda: [source(raw)])
    assert origin.locate(("spec", "replicas")) == Location("base/web.yaml", 3, 1)


def test_a_changed_field_is_located_in_the_patch_that_changed_it() -> None:
    patch = source(deployment(replicas=5), "prod/patch.yaml")
    origin = RenderedOrigin(
        "base/web.yaml",
        "rendered by prod",
        deployment(replicas=5),
        lambda: [source(deployment(replicas=2))],
        lambda: [patch],
    )
    assert origin.locate(("spec", "replicas")) == Location("prod/patch.yaml", 3, 1)


@pytest.mark.parametrize(
    "patches",
    [
        [],
        [deployment(replicas=4)],
        [deployment("other", replicas=5)],
        [{**deployment(replicas=5), "kind": "StatefulSet"}],
        [deployment(replicas=5), deployment(replicas=5)],
    ],
)
def test_without_one_certain_patch_only_the_file_is_known(patches: list[dict[str, Any]]) -> None:
    origin = RenderedOrigin(
        "base/web.yaml",
        "rendered by prod",
        deployment(replicas=5),
        lambda: [source(deployment(replicas=2))],
        lambda: [source(patch) for patch in patches],
    )
    assert origin.locate(("spec", "replicas")) == Location("base/web.yaml", 0, 0)


def test_an_unknown_source_leaves_the_file() -> None:
    origin = RenderedOrigin("base/web.yaml", "rendered by prod", deployment(), list)
    assert origin.locate(()) == Location("base/web.yaml")


def test_a_place_is_the_same_for_every_field() -> None:
    origin = PlaceOrigin("kustomization.yaml", "rendered by prod", lambda: Location("kustomization.yaml", 4, 3))
    assert origin.locate(("data", "a")) == origin.locate(()) == Location("kustomization.yaml", 4, 3)
    assert PlaceOrigin("kustomization.yaml", "").locate(()) == Location("kustomization.yaml")
