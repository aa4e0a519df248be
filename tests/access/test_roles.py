from __future__ import annotations

from typing import Any

from conformance.access import Access, Answer, action, subject
from conformance.kube.object import Object
from tests.access.tree import binding, role, rule, world
from tests.kube.no_file import NoFile

PODS, NODES, SECRETS = (rule("get", each) for each in ("pods", "nodes", "secrets"))


def collecting(name: str, *selectors: Any, own: Any = (), labels: Any = None) -> Object:
    return role(name, *own, labels=labels, aggregationRule={"clusterRoleSelectors": list(selectors)})


def label(**labels: str) -> dict[str, Any]:
    return {"matchLabels": labels}


def gives(name: str, *objects: Object) -> str:
    found = world(*objects, binding("b", f"ClusterRole/{name}", "User jane"))
    return " ".join(each for each in ("pods", "nodes", "secrets") if _can(found, each))


def _can(found: Access, resource: str) -> bool:
    return found.can(subject("jane"), action(f"get:{resource}")).answer is Answer.YES


def test_any_selector_selects_and_own_rules_do_not_count() -> None:
    objects = (
        collecting("all", label(to="x"), label(to="y", more="1"), own=[SECRETS]),
        role("a", PODS, labels={"to": "x"}),
        role("b", NODES, labels={"to": "y", "more": "1"}),
        role("c", SECRETS, labels={"to": "y"}),
    )
    assert gives("all", *objects) == "pods nodes"


def test_own_rules_stay_where_nothing_is_selected() -> None:
    assert gives("all", collecting("all", label(to="x"), own=[SECRETS]), role("a", PODS)) == "secrets"
    empty = role("a", labels={"to": "x"})
    assert gives("all", collecting("all", label(to="x"), own=[SECRETS]), empty) == "secrets"


def test_collections_are_collected() -> None:
    inner = collecting("inner", label(to="inner"), labels={"to": "outer"}, own=[SECRETS])
    outer = collecting("outer", label(to="outer"), own=[NODES])
    assert gives("outer", outer, inner, role("a", PODS, labels={"to": "inner"})) == "pods"
    assert gives("outer", outer, inner) == "secrets", "what stays in the inner one is collected"


def test_circles_end() -> None:
    one = collecting("one", label(to="one"), labels={"to": "two"})
    two = collecting("two", label(to="two"), labels={"to": "one"})
    assert gives("one", one, two, role("a", PODS, labels={"to": "two"})) == "pods"
    assert gives("one", collecting("one", label(to="one"), labels={"to": "one"}, own=[NODES])) == "nodes"


def test_an_empty_selector_selects_every_cluster_role() -> None:
    found = world(collecting("all", {}), binding("b", "ClusterRole/all", "User jane"))
    verdict = found.can(subject("jane"), action("delete:widgets.example.com"))
    assert verdict.answer is Answer.YES, "cluster-admin is among them"


def test_a_role_is_never_aggregated() -> None:
    objects = (collecting("all", label(to="x")), role("a", PODS, labels={"to": "x"}, namespace="shop"))
    assert gives("all", *objects) == ""


def test_an_unreadable_part_leaves_the_whole_open() -> None:
    part = role("a", {"verbs": ["get"], "apiGroups": "", "resources": ["pods"]}, labels={"to": "x"})
    found = world(collecting("all", label(to="x")), part, binding("b", "ClusterRole/all", "User jane"))
    assert found.can(subject("jane"), action("get:pods")).answer is Answer.UNKNOWN
    selector = collecting("all", {"matchLabels": "x"})
    found = world(selector, binding("b", "ClusterRole/all", "User jane"))
    assert found.can(subject("jane"), action("get:pods")).answer is Answer.UNKNOWN


def test_of_roles_of_one_name_the_one_beside_the_binding_is_meant() -> None:
    """Controllers that are rendered with a prefix of their own all call theirs `manager-role`."""

    def at(path: str, thing: Object) -> Object:
        origin = NoFile()
        origin.path = path
        return Object(thing.raw, origin, thing.namespace)

    own, other = at("a/role.yaml", role("r", PODS)), at("b/role.yaml", role("r", SECRETS))
    bound = binding("b", "ClusterRole/r", "User jane")
    found = world(own, other, at("a/binding.yaml", bound))
    assert [each for each in ("pods", "secrets") if _can(found, each)] == ["pods"]
    found = world(own, other, at("c/binding.yaml", bound))
    assert [each for each in ("pods", "secrets") if _can(found, each)] == ["pods", "secrets"]
