from __future__ import annotations

import pytest

from conformance.access.subject import Identity, Subject, SubjectError, identity, matches, of_binding, subject
from conformance.kube.object import Node
from tests.access.tree import binding


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ServiceAccount:shop/web", Subject("ServiceAccount", "web", "shop")),
        ("ServiceAccount shop/web", Subject("ServiceAccount", "web", "shop")),
        ("system:serviceaccount:shop:web", Subject("ServiceAccount", "web", "shop")),
        ("User:system:serviceaccount:shop:web", Subject("ServiceAccount", "web", "shop")),
        ("User:system:serviceaccount:shop:a:b", Subject("User", "system:serviceaccount:shop:a:b")),
        ("User:system:serviceaccount:shop", Subject("User", "system:serviceaccount:shop")),
        ("jane", Subject("User", "jane")),
        ("system:kube-scheduler", Subject("User", "system:kube-scheduler")),
        ("system:masters", Subject("Group", "system:masters")),
        ("system:serviceaccounts:shop", Subject("Group", "system:serviceaccounts:shop")),
        ("Group:oidc:devs", Subject("Group", "oidc:devs")),
    ],
)
def test_words_for_a_subject(text: str, expected: Subject) -> None:
    assert subject(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "User:", "Group:", "ServiceAccount:web", "ServiceAccount:/web", "ServiceAccount:shop/"]
)
def test_what_is_no_subject(text: str) -> None:
    with pytest.raises(SubjectError):
        subject(text)


def test_groups_that_the_api_server_adds() -> None:
    assert identity(subject("ServiceAccount:shop/web")) == Identity(
        "system:serviceaccount:shop:web",
        frozenset({"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}),
    )
    assert identity(subject("jane")).groups == {"system:authenticated"}
    assert identity(subject("system:anonymous")).groups == {"system:unauthenticated"}
    assert identity(subject("system:unauthenticated")) == Identity("", frozenset({"system:unauthenticated"}))
    assert identity(subject("system:serviceaccounts:shop")).groups == {
        "system:serviceaccounts:shop", "system:serviceaccounts", "system:authenticated",
    }  # fmt: skip


def test_an_account_without_a_namespace_is_of_the_role_binding_s_own() -> None:
    node = Node({"kind": "ServiceAccount", "name": "web"})
    assert of_binding(node, binding("b", "Role/r", namespace="shop")) == Subject("ServiceAccount", "web", "shop")
    assert of_binding(node, binding("b", "ClusterRole/r")) == Subject("ServiceAccount", "web", None)
    assert str(of_binding(node, binding("b", "ClusterRole/r"))) == "ServiceAccount ?/web"


@pytest.mark.parametrize(
    ("pattern", "who", "expected"),
    [
        ("ServiceAccount:shop/*", "ServiceAccount:shop/web", True),
        ("ServiceAccount:*/web", "ServiceAccount:shop/web", True),
        ("ServiceAccount:shop/web", "ServiceAccount:shop2/web", False),
        ("Group:team-*", "Group:team-a", True),
        ("Group:team-*", "User:team-a", False),
        ("system:serviceaccount:shop:web", "ServiceAccount:shop/web", True),
    ],
)
def test_patterns(pattern: str, who: str, expected: bool) -> None:
    assert matches(subject(who), pattern) == expected


@pytest.mark.parametrize(
    ("who", "everybody"),
    [
        ("system:authenticated", True),
        ("system:unauthenticated", True),
        ("system:anonymous", True),
        ("system:serviceaccounts", True),
        ("system:serviceaccounts:shop", True),
        ("system:masters", False),
        ("Group:devs", False),
        ("ServiceAccount:shop/web", False),
    ],
)
def test_everybody(who: str, everybody: bool) -> None:
    assert subject(who).is_everybody == everybody
