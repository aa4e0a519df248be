"""What holds inside of running pods: databases and caches that answer."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object

NOT_ASKED = "needs --inside: commands are run in pods only when that is said"


@check
def test_inside_postgres(
    inventory: Inventory, *, namespace: str, labels: dict[str, str], container: str = ""
) -> Iterator[Said]:
    """PostgreSQL accepts connections and answers a query in every pod; exactly one of them is no standby.

    A standby answers SELECT 1 as well, so the number of primaries is asked for, too.
    """
    facts: list[Object] = []
    for each in _facts(inventory, "postgres", namespace, labels):
        if isinstance(each, Object):
            facts.append(each)
        else:
            yield each
    for fact in facts:
        if fact.flag("said.ready") is not True:
            reason = fact.text("said.reason") or "no reason given"
            yield Finding(fact, "said.ready", f"it does not answer a query: {reason}", expected=True, observed=False)
    ready = [each for each in facts if each.flag("said.ready") is True]
    primaries = [each for each in ready if each.flag("said.recovering") is False]
    if ready and len(primaries) != 1:
        yield Finding(ready[0], "said.recovering", "not exactly one of them takes writes", 1, len(primaries))


@check
def test_inside_redis(
    inventory: Inventory, *, namespace: str, labels: dict[str, str], container: str = ""
) -> Iterator[Said]:
    """Redis answers PONG in every pod, not only in the first; NOAUTH and LOADING are answers, too."""
    for each in _facts(inventory, "redis", namespace, labels):
        if not isinstance(each, Object):
            yield each
        elif each.text("said.answer") != "PONG":
            yield Finding(each, "said.answer", "Redis does not answer PONG", "PONG", each.text("said.answer"))


def _facts(inventory: Inventory, fact: str, namespace: str, labels: dict[str, str]) -> Iterator[Object | Said]:
    """The answers of all pods that were asked; that nobody could be asked is a finding, and no answer no verdict."""
    asked = list(inventory.of_kind("PodFact"))
    if inventory.lacks("PodFact"):
        yield NotApplicable(NOT_ASKED)
        return
    found = [
        each
        for each in asked
        if each.namespace == namespace and each.text("fact") == fact and dict(each.mapping("labels")) == labels
    ]
    if not found:
        said = ",".join(f"{key}={value}" for key, value in labels.items())
        yield Finding(None, "", f"no pod labelled {said} is running in {namespace}")
    for each in found:
        yield Unjudged(each, "error", f"the pod was not asked: {each.text('error')}") if each.text("error") else each
