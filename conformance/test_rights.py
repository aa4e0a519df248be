"""The rights of one subject against a table of what it is meant to have."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.access import access, subject
from conformance.access.rule import Rule
from conformance.access.subject import matches
from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

#: a subject as in `plumbline access --who`
Who = Annotated[str, subject]


@check
def test_rights_limited(
    binding: Object,
    inventory: Inventory,
    *,
    who: Who,
    namespaces: list[str],
    allowed: dict[str, list[str]] = {},  # noqa: B006
    never: dict[str, list[str]] = {},  # noqa: B006
) -> Iterator[Said]:
    """A subject has no rights but those of a table, and only in its namespaces (globs; `""` is the whole cluster).

    `allowed` maps resources, as in `pods/exec`, to verbs; when it is given, every other right is a finding. `never`
    maps resources (globs) to verbs that it must not have, whatever else it has; `*` of a rule is each of them. What
    Kubernetes gives everybody is left out.
    https://kubernetes.io/docs/reference/access-authn-authz/rbac/
    """
    grants = [each for each in access(inventory).given_by(binding) if matches(each.subject, who)]
    if not grants:
        yield NotApplicable(f"gives {who} nothing")
    for grant in grants:
        if not any(fnmatchcase(grant.namespace or "", each) for each in namespaces):
            message = f"{grant.subject} has {grant.role} {grant.where}"
            yield Finding(binding, (*grant.node.path, "name"), message, namespaces, grant.namespace or "cluster-wide")
        if grant.fault:
            yield Unjudged(binding, "roleRef.name", f"nobody can say what {grant.role} gives: {grant.fault.value}")
        for rule in grant.rules:
            for said in _beyond(rule, allowed, never):
                where = (*grant.node.path, "name")
                yield Finding(binding, where, f"{grant.subject} may {said}, by {grant.role}", allowed or None, said)


def _beyond(rule: Rule, allowed: dict[str, list[str]], never: dict[str, list[str]]) -> Iterator[str]:
    for resource in sorted(rule.resources):
        for verb in sorted(rule.verbs):
            forbidden = any(_forbids(pattern, verbs, resource, verb) for pattern, verbs in never.items())
            if forbidden or (allowed and verb not in allowed.get(resource, ())):
                yield f"{verb} {resource}"


def _forbids(pattern: str, verbs: list[str], resource: str, verb: str) -> bool:
    return (resource == "*" or fnmatchcase(resource, pattern)) and (verb == "*" or "*" in verbs or verb in verbs)
