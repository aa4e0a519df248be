"""RBAC read aloud: slow, without indexes, and written without looking at the engine."""

from __future__ import annotations

from typing import Any

from conformance.access import Action, Identity
from conformance.access.builtin import builtin


def allowed(objects: list[dict[str, Any]], who: Identity, action: Action, namespace: str) -> bool | None:
    """None where a role that is named does not exist and nothing else allows it."""
    if "system:masters" in who.groups:
        return True
    everything = objects + [each.raw for each in builtin()]
    unknown = False
    for binding in everything:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        home = binding["metadata"].get("namespace", "")
        if binding["kind"] == "RoleBinding" and (home != namespace or action.url or not namespace):
            continue
        if not any(_is(each, who, home) for each in binding.get("subjects") or ()):
            continue
        rules = _rules(everything, binding["roleRef"]["kind"], binding["roleRef"]["name"], home, ())
        if rules is None:
            unknown = True
        elif any(_allows(each, action) for each in rules):
            return True
    return None if unknown else False


def _is(subject: dict[str, Any], who: Identity, home: str) -> bool:
    name = subject["name"]
    if subject["kind"] == "Group":
        return name in who.groups
    if subject["kind"] == "User":
        return bool(name == who.user)
    return who.user == f"system:serviceaccount:{subject.get('namespace') or home}:{name}"


def _rules(objects: list[dict[str, Any]], kind: str, name: str, home: str, seen: tuple[str, ...]) -> Any:
    for each in objects:
        if each["kind"] != kind or each["metadata"]["name"] != name:
            continue
        if kind == "Role" and each["metadata"].get("namespace") != home:
            continue
        if "aggregationRule" not in each:
            return each.get("rules") or []
        collected: list[Any] = []
        for other in objects:
            label = other["metadata"].get("labels") or {}
            fits = any(_selects(s, label) for s in each["aggregationRule"]["clusterRoleSelectors"])
            if other["kind"] == "ClusterRole" and fits and other["metadata"]["name"] not in (*seen, name):
                collected += _rules(objects, kind, other["metadata"]["name"], "", (*seen, name))
        return collected or each.get("rules") or []
    return None


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", ()))


def _allows(rule: dict[str, Any], action: Action) -> bool:
    if action.verb not in rule["verbs"] and "*" not in rule["verbs"]:
        return False
    if action.url:
        paths = rule.get("nonResourceURLs") or ()
        return any(p in ("*", action.url) or (p[-1] == "*" and action.url.startswith(p[:-1])) for p in paths)
    if action.group not in rule.get("apiGroups", ()) and "*" not in rule.get("apiGroups", ()):
        return False
    wanted = {"*", action.resource if not action.subresource else f"{action.resource}/{action.subresource}"}
    if action.subresource:
        wanted.add(f"*/{action.subresource}")
    names = rule.get("resourceNames")
    return bool(wanted & set(rule.get("resources", ()))) and (not names or action.name in names)
