"""Our answers against the authorizer of a real API server: SubjectAccessReview over generated sets of RBAC objects.

PLUMBLINE_API_SERVER names the kubeconfig of an API server of Kubernetes 1.34 that authorizes by RBAC; without it these
tests are skipped, or fail when PLUMBLINE_REQUIRE_API_SERVER is 1. What they apply is deleted again.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.access import Access, Action, Answer, Identity
from conformance.access.builtin import builtin
from conformance.access.subject import MASTERS
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from tests.access.generated import World
from tests.access.server import Authorizer
from tests.kube.no_file import NoFile
from tests.pod_security.admission import kubeconfig

pytestmark = pytest.mark.api_server

SETS = 120
QUESTIONS = 40  # for each set
PATIENCE = 30.0  # seconds until the server has seen all objects, and its controller has aggregated
Question = tuple[Identity, Action, str]


@pytest.fixture(scope="module")
def server() -> Iterator[Authorizer]:
    config = kubeconfig()
    if config is None:
        reason = "PLUMBLINE_API_SERVER does not name the kubeconfig of an API server"
        if os.environ.get("PLUMBLINE_REQUIRE_API_SERVER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    found = Authorizer(config)
    yield found
    found.close()


def difference(server: Authorizer, world: Access, question: Question) -> str:
    """What the two sides do not agree on; also which binding allows."""
    ours = world.can(*question)
    theirs = server.review(*question)
    if theirs.allowed != (ours.answer is Answer.YES):
        return f"we say {ours}, the server {theirs}"
    if (ours.answer is Answer.UNKNOWN) and "not found" not in theirs.reason:
        return f"we miss a role, the server does not: {ours}, {theirs}"
    if theirs.allowed and MASTERS not in question[0].groups:
        bindings = {_words(each.grant.binding) for each in ours.reasons}
        if not any(theirs.reason.startswith(f"RBAC: allowed by {each} ") for each in bindings):
            return f"we name {sorted(bindings)}, the server {theirs.reason}"
    return ""


def _words(binding: Object) -> str:
    where = f"{binding.name}/{binding.namespace}" if binding.namespace else binding.name
    return f'{binding.kind} "{where}"'


def disagreements(server: Authorizer, world: Access, questions: list[Question]) -> list[tuple[Question, str]]:
    """What is left when the server has had time to see everything."""
    left = [(each, "") for each in questions]
    until = time.monotonic() + PATIENCE
    while True:
        left = [(each, said) for each, _ in left if (said := difference(server, world, each))]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.5)


def test_generated_sets_are_judged_alike(server: Authorizer) -> None:
    run = uuid.uuid4().hex[:8]
    sets = [World(seed, run) for seed in range(SETS)]
    objects = [each for world in sets for each in world.objects()]
    questions = [each for world in sets for each in world.questions(QUESTIONS)]
    ours = Access(Inventory([Object(each, NoFile(), each["metadata"].get("namespace", "")) for each in objects]))
    counts = Counter(ours.can(*each).answer for each in questions)
    assert min(counts[Answer.YES], counts[Answer.NO], counts[Answer.UNKNOWN]) > 100, counts
    with server.holding(objects, run):
        left = disagreements(server, ours, questions)
    assert left == []


def test_the_built_in_roles_and_bindings_are_those_of_the_server(server: Authorizer) -> None:
    for kind in ("clusterroles", "clusterrolebindings", "roles", "rolebindings"):
        listed = server.call("GET", f"/apis/rbac.authorization.k8s.io/v1/{kind}")[1]["items"]
        known = [each for each in builtin() if f"{each.kind.lower()}s" == kind]
        assert {_key(each.raw): _meaning(each.raw) for each in known} == {
            _key(each): _meaning(each)
            for each in listed
            if each["metadata"].get("labels", {}).get("kubernetes.io/bootstrapping") == "rbac-defaults"
        }


def _key(thing: dict[str, Any]) -> tuple[str, str]:
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


def _meaning(thing: dict[str, Any]) -> Any:
    """Without what the aggregation controller writes."""
    aggregated = thing.get("aggregationRule")
    return aggregated or [thing.get(field) for field in ("rules", "roleRef", "subjects")]
