from __future__ import annotations

import time
from collections import Counter

import pytest

from conformance.access import Access, Answer, action, identity, subject
from conformance.access.subject import Identity
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from tests.access import literal
from tests.access.generated import World
from tests.access.tree import binding, role, rule, thing, world
from tests.kube.no_file import NoFile

WEB = subject("ServiceAccount:shop/web")
SECRETS = action("list:secrets")


def can(found: Access, who: str, what: str, namespace: str | None = None) -> str:
    return found.can(subject(who), action(what), namespace).answer.value


def test_a_role_binding_gives_in_its_namespace_only() -> None:
    reader = role("reader", rule("list", "secrets nodes"))
    found = world(reader, binding("b", "ClusterRole/reader", "ServiceAccount web", namespace="shop"))
    assert can(found, "ServiceAccount:shop/web", "list:secrets", "shop") == "yes"
    assert can(found, "ServiceAccount:shop/web", "list:secrets", "test") == "no"
    assert can(found, "ServiceAccount:shop/web", "list:secrets", "") == "no"
    assert found.can(WEB, SECRETS).where == ("shop",)
    assert can(found, "ServiceAccount:test/web", "list:secrets", "shop") == "no"
    assert can(found, "ServiceAccount:shop/web", "list:nodes") == "no"


def test_a_cluster_role_binding_gives_everywhere() -> None:
    found = world(role("reader", rule("list", "secrets nodes")), binding("b", "ClusterRole/reader", "User jane"))
    assert found.can(subject("jane"), SECRETS).where == ("",)
    assert can(found, "jane", "list:secrets", "shop") == "yes"
    assert can(found, "jane", "list:nodes") == "yes"


@pytest.mark.parametrize("group", ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"])
def test_accounts_have_what_their_groups_have(group: str) -> None:
    found = world(role("reader", rule("list", "secrets")), binding("b", "ClusterRole/reader", f"Group {group}"))
    assert can(found, "ServiceAccount:shop/web", "list:secrets") == "yes"
    assert can(found, "jane", "list:secrets") == ("yes" if group == "system:authenticated" else "no")


def test_the_user_of_an_account_is_the_account() -> None:
    name = "User system:serviceaccount:shop:web"
    found = world(role("reader", rule("list", "secrets")), binding("b", "ClusterRole/reader", name))
    assert can(found, "ServiceAccount:shop/web", "list:secrets") == "yes"
    assert list(map(str, found.subjects)) == ["ServiceAccount shop/web"]


def test_several_bindings_count_together() -> None:
    found = world(
        role("a", rule("get", "secrets")),
        role("b", rule("list", "secrets")),
        binding("a", "ClusterRole/a", "User jane"),
        binding("b", "ClusterRole/b", "Group devs"),
    )
    asking = Identity("jane", frozenset({"devs"}))
    assert found.can(asking, action("get:secrets")).answer is Answer.YES
    assert found.can(asking, action("list:secrets")).reasons[0].grant.binding.name == "b"
    assert can(found, "jane", "list:secrets") == "no"


def test_a_missing_role_leaves_it_open() -> None:
    found = world(binding("b", "Role/gone", "User jane", namespace="shop"), binding("c", "Role/view", "User joe"))
    verdict = found.can(subject("jane"), SECRETS, "shop")
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.reasons[0].rule is None
    assert verdict.reasons[0].grant.fault.value == "its role is not here"
    assert can(found, "jane", "list:secrets", "test") == "no"
    assert can(found, "joe", "list:secrets") == "unknown", "a ClusterRoleBinding cannot name a Role"


def test_a_role_of_another_namespace_is_another_role() -> None:
    reader = role("reader", rule("list", "secrets"), namespace="test")
    found = world(reader, binding("b", "Role/reader", "User jane", namespace="shop"))
    assert can(found, "jane", "list:secrets", "shop") == "unknown"


def test_an_unknown_namespace_of_a_binding_leaves_it_open() -> None:
    raw = binding("b", "ClusterRole/edit", "User jane", namespace="shop").raw
    del raw["metadata"]["namespace"]
    found = world(Object(raw, NoFile(), None))
    assert can(found, "jane", "list:secrets", "shop") == "unknown"
    assert can(found, "jane", "list:secrets", "") == "no"
    assert found.can(subject("jane"), SECRETS).where == ("?",)


def test_a_cluster_role_binding_never_names_a_role() -> None:
    unplaced = [role("r", rule("list", "secrets"), namespace="x").raw, binding("b", "Role/r", "User jane").raw]
    del unplaced[0]["metadata"]["namespace"]
    found = world(*(Object(each, NoFile(), None) for each in unplaced))
    assert can(found, "jane", "list:secrets") == "unknown"


class Rendered(NoFile):
    via = "a chart"


def test_a_role_that_something_else_rendered_counts_where_there_is_no_other() -> None:
    bound = Object(binding("b", "ClusterRole/system:monitoring", "User jane").raw, Rendered(), "")
    plain = role("system:monitoring", rule("list", "pods"))
    own = Object(role("system:monitoring", rule("list", "nodes")).raw, Rendered(), "")
    assert can(world(bound, plain), "jane", "list:pods") == "yes"
    both = world(bound, plain, own)
    assert [can(both, "jane", what) for what in ("list:pods", "list:nodes", "get:/metrics")] == ["no", "yes", "yes"]


def test_a_built_in_binding_without_its_subjects_stays_so_where_it_says_so() -> None:
    fixed = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    for said, expected in ((fixed, "no"), (None, "yes")):
        emptied = binding("system:discovery", "ClusterRole/system:discovery", annotations=said)
        assert can(world(emptied), "jane", "get:/api") == expected


def test_a_role_binding_gives_no_paths() -> None:
    found = world(binding("b", "ClusterRole/cluster-admin", "User jane", namespace="shop"))
    assert [can(found, "jane", "get:/metrics", where) for where in ("shop", "", None)] == ["no"] * 3


def test_masters_may_everything() -> None:
    verdict = world().can(subject("system:masters"), action("delete:nodes"), "")
    assert (verdict.answer, verdict.unconditional, verdict.where) == (Answer.YES, True, ("",))


def test_what_kubernetes_gives_everybody() -> None:
    found = world()
    assert can(found, "jane", "create:selfsubjectaccessreviews") == "yes"
    assert can(found, "jane", "get:/healthz") == "yes"
    assert can(found, "system:anonymous", "get:/version") == "yes"
    assert can(found, "system:anonymous", "get:/api") == "no"
    assert found.subjects == []


@pytest.mark.parametrize(
    ("name", "what", "expected"),
    [
        ("cluster-admin", "delete:widgets.example.com", "yes"),
        ("cluster-admin", "get:/metrics", "yes"),
        ("admin", "create:rolebindings", "yes"),
        ("admin", "list:secrets", "yes"),
        ("edit", "list:secrets", "yes"),
        ("edit", "create:rolebindings", "no"),
        ("edit", "create:pods/exec", "yes"),
        ("view", "list:pods", "yes"),
        ("view", "list:secrets", "no"),
        ("system:monitoring", "get:/metrics", "yes"),
    ],
)
def test_built_in_roles(name: str, what: str, expected: str) -> None:
    assert can(world(binding("b", f"ClusterRole/{name}", "User jane")), "jane", what) == expected


def test_a_role_may_be_aggregated_to_a_built_in_one() -> None:
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    widgets = role("widgets", rule("list", "widgets", "example.com"), labels=label)
    for name in ("view", "edit", "admin"):
        found = world(widgets, binding("b", f"ClusterRole/{name}", "User jane"))
        assert can(found, "jane", "list:widgets.example.com") == "yes", name


def test_a_manifest_of_a_built_in_name_loses_nothing_unless_it_says_so() -> None:
    bound = binding("b", "ClusterRole/system:monitoring", "User jane")
    mine = rule("list", "pods")
    both = world(role("system:monitoring", mine), bound)
    assert [can(both, "jane", what) for what in ("list:pods", "get:/metrics")] == ["yes", "yes"]
    fixed = {"rbac.authorization.kubernetes.io/autoupdate": "false"}
    alone = world(role("system:monitoring", mine, annotations=fixed), bound)
    assert [can(alone, "jane", what) for what in ("list:pods", "get:/metrics")] == ["yes", "no"]


def test_who_can() -> None:
    found = world(
        role("reader", rule("list", "secrets")),
        binding("a", "ClusterRole/reader", "Group devs"),
        binding("b", "ClusterRole/reader", "ServiceAccount web", namespace="shop"),
        binding("c", "ClusterRole/gone", "User jane"),
        binding("d", "ClusterRole/view", "User joe"),
    )
    listed = {
        str(who): verdict for who, verdict in found.who_can(SECRETS, "test") if not who.name.startswith("system:")
    }
    mine = {who: verdict.answer.value for who, verdict in listed.items() if "kube-system" not in who}
    assert mine == {"Group devs": "yes", "User jane": "unknown"}
    assert "ServiceAccount shop/web" in {str(who) for who, _ in found.who_can(SECRETS)}


def test_wrong_types_are_told_and_give_nothing() -> None:
    wrong = thing(
        "ClusterRoleBinding", "b", roleRef={"kind": "ClusterRole", "name": 1}, subjects=[{"kind": "User", "name": "x"}]
    )
    broken = role("broken", {"verbs": "get", "apiGroups": [""], "resources": ["pods"]})
    found = world(wrong, broken, binding("c", "ClusterRole/broken", "User jane"))
    assert can(found, "jane", "get:pods") == "unknown"
    assert {each.name for each, _ in found.unreadable} == {"b", "broken"}
    with pytest.raises(FieldTypeError):
        found.given_by(wrong)


def test_generated_worlds_are_judged_as_by_reading_aloud() -> None:
    counts: Counter[bool | None] = Counter()
    for seed in range(200, 260):
        generated = World(seed, "x")
        objects = list(generated.objects())
        found = Access(Inventory([Object(each, NoFile(), each["metadata"].get("namespace", "")) for each in objects]))
        for who, what, namespace in generated.questions(40):
            expected = literal.allowed(objects, who, what, namespace)
            wanted = Answer.UNKNOWN if expected is None else Answer.YES if expected else Answer.NO
            assert found.can(who, what, namespace).answer is wanted, (seed, who, what, namespace)
            counts[expected] += 1
    assert min(counts.values()) > 50, counts


def test_ten_thousand_bindings_take_about_a_second() -> None:
    objects = [role(f"r{n}", rule("get list", "secrets pods"), namespace=f"ns{n % 500}") for n in range(2000)]
    for n in range(10_000):
        to = f"Role/r{n % 2000}" if n % 2 else "ClusterRole/edit"
        objects.append(binding(f"b{n}", to, f"ServiceAccount s{n % 50}", f"User u{n % 1000}", namespace=f"ns{n % 500}"))
    started = time.process_time()
    found = world(*objects)
    assert len(list(found.who_can(SECRETS))) > 1000
    assert found.can(identity(subject("u1")), SECRETS, "ns1").answer is Answer.YES
    assert time.process_time() - started < 5, "about a second on a quiet machine"
