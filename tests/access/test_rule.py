from __future__ import annotations

import pytest

from conformance.access.rule import Action, ActionError, action, rules
from tests.access.tree import role, rule


@pytest.mark.parametrize(
    ("verbs", "resources", "groups", "asked", "allowed"),
    [
        ("get", "pods", "core", "get:pods", True),
        ("get", "pods", "core", "list:pods", False),
        ("*", "pods", "core", "use:pods", True),
        ("get", "pods", "core", "get:pods/exec", False),
        ("get", "pods/exec", "core", "get:pods", False),
        ("get", "pods/exec", "core", "get:pods/exec", True),
        ("get", "*", "core", "get:pods/exec", True),
        ("get", "*/exec", "core", "get:pods/exec", True),
        ("get", "*/exec", "core", "get:pods/log", False),
        ("get", "*/exec", "core", "get:exec", False),
        ("get", "pods/*", "core", "get:pods/exec", False),
        ("get", "pods", "apps", "get:pods", False),
        ("get", "deployments", "apps", "get:deployments", True),
        ("get", "deployments", "*", "get:deployments", True),
        ("get", "deployments", "core", "get:deployments", False),
        ("get", "widgets", "example.com", "get:widgets.example.com", True),
        ("get", "widgets", "example.com", "get:widgets", False),
        ("", "pods", "core", "get:pods", False),
        ("get", "pods", "", "get:pods", False),
    ],
)
def test_what_a_rule_allows(verbs: str, resources: str, groups: str, asked: str, allowed: bool) -> None:
    (found,) = rules(role("r", rule(verbs, resources, groups)))
    assert found.allows(action(asked)) == allowed


@pytest.mark.parametrize(("name", "allowed"), [("a", True), ("b", False), ("", False)])
def test_names_allow_only_what_is_named(name: str, allowed: bool) -> None:
    (found,) = rules(role("r", rule("get list", "secrets", names="a")))
    assert found.allows(action("get:secrets", name)) == allowed


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("*", "/any", True),
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/etcd", False),
        ("/healthz/*", "/healthz/etcd", True),
        ("/healthz/*", "/healthz", False),
        ("/healthz*", "/healthzz", True),
        ("/a/*/c", "/a/b/c", False),
    ],
)
def test_paths(pattern: str, path: str, allowed: bool) -> None:
    (found,) = rules(role("r", rule("get", urls=pattern)))
    assert found.allows(action(f"get:{path}")) == allowed
    assert not found.allows(action(f"post:{path}"))


def test_words_of_an_action() -> None:
    assert action("patch:deployments/scale") == Action("patch", "deployments", "apps", "scale")
    assert action("get:events") == Action("get", "events")
    assert action("get:ingresses.extensions") == Action("get", "ingresses", "extensions")
    assert str(action("get:secrets", "tls")) == "get secrets named tls"
    assert str(action("patch:deployments/scale")) == "patch deployments.apps/scale"


@pytest.mark.parametrize("text", ["", "get", "get:", ":pods", "get:.apps", "get:/"[:4]])
def test_what_is_no_action(text: str) -> None:
    with pytest.raises(ActionError):
        action(text)


@pytest.mark.parametrize(
    ("verbs", "resources", "groups", "names", "whole"),
    [
        ("*", "*", "*", "", True),
        ("*", "*", "core", "", True),
        ("create delete get list patch update", "*", "*", "", True),
        ("get list watch", "*", "*", "", False),
        ("*", "*", "apps", "", False),
        ("*", "*", "*", "own", False),
        ("*", "pods", "*", "", False),
    ],
)
def test_what_is_everything(verbs: str, resources: str, groups: str, names: str, whole: bool) -> None:
    (found,) = rules(role("r", rule(verbs, resources, groups, names)))
    assert found.is_everything == whole


def test_a_rule_in_words() -> None:
    listed = rules(
        role(
            "r",
            rule("*", "*", "*"),
            rule("list get", "secrets", names="a"),
            rule("patch", "deployments/scale", "apps"),
            rule("get", "*", "apps"),
            rule("*", urls="*"),
        )
    )
    assert [str(each) for each in listed] == [
        "every verb on every resource",
        "get,list secrets named a",
        "patch deployments/scale.apps",
        "get every resource of apps",
        "every verb on every path",
    ]
