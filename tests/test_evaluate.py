"""Outcomes never blur."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from conformance.catalogue import Requirement, Source
from conformance.check import Check, NotApplicable, check
from conformance.evaluate import Policy, evaluate
from conformance.finding import Finding, Outcome, Unjudged
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, Location, Object
from conformance.kube.path import Path, render
from conformance.kube.podspec import Container
from conformance.waiver import Waiver, Waivers


class Here:
    path = "a.yaml"

    def locate(self, path: Path) -> Location:
        return Location(f"{self.path}#{render(path)}", 1, 1)


def thing(**spec: Any) -> Object:
    return Object({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}, Here())


def requirement(**changes: Any) -> Requirement:
    entry = Requirement(
        id="x-one",
        profile="x",
        title="One",
        statement="It MUST.",
        source=Source("Guide", "1", "1-2", "must"),
        keyword="MUST",
        basis="explicit",
        severity="high",
        scope=("manifests",),
        match=Match(kinds=("Thing",)),
        require="optional",
        check="flagged",
        options={},
        remediation="Mend it.",
        reason="",
        why="",
        document=Document([], Here()),
        path=(0,),
    )
    return dataclasses.replace(entry, **changes)


def made(function: Any) -> Check:
    found: Check = check(function).plumbline_check  # type: ignore[attr-defined]
    return found


def flagged(each: Object) -> Iterator[Finding | NotApplicable | Unjudged]:
    if each.get("spec.other"):
        yield NotApplicable("it is another thing")
    elif each.get("spec.opaque"):
        yield Unjudged(each, "spec.opaque", "cannot be read")
    elif each.get("spec.crash"):
        raise KeyError("lost")
    elif each.get("spec.huge"):
        _ = Decimal("1e99999").quantize(Decimal("0.1"))
    elif not each.flag("spec.ok", default=False):
        yield Finding(each, "spec.ok", "is not ok", True, each.get("spec.ok"))


def outcome(*things: Object, policy: Policy | None = None, waivers: Waivers | None = None, **changes: Any) -> Any:
    return evaluate(requirement(**changes), made(flagged), Inventory(things), waivers, policy)


def test_passed_means_that_something_was_looked_at() -> None:
    result = outcome(thing(ok=True), thing(ok=True))
    assert (result.outcome, result.evaluated) == (Outcome.PASSED, 2)


def test_nothing_to_judge_is_skipped_with_what_was_looked_for() -> None:
    result = outcome(match=Match(kinds=("Other",), names=("a",), namespaces=("b",)))
    assert (result.outcome, result.evaluated) == (Outcome.SKIPPED, 0)
    assert result.reason == "no Other a in namespace b among 0 objects"


def test_what_must_be_present_and_is_not_is_a_finding() -> None:
    result = outcome(require="present")
    assert result.outcome is Outcome.FAILED
    assert [(f.subject, f.message) for f in result.findings] == [(None, "no Thing is declared")]


def test_findings_fail() -> None:
    result = outcome(thing(ok=True), thing())
    assert (result.outcome, result.evaluated) == (Outcome.FAILED, 2)
    assert [f.field_text for f in result.findings] == ["spec.ok"]


@pytest.mark.parametrize(
    ("things", "field", "reason"),
    [
        ([thing(ok="true")], ("spec", "ok"), "spec.ok is a string, not a boolean"),
        ([thing(opaque=1)], "spec.opaque", "cannot be read"),
        ([thing(crash=1)], (), "the check crashed: KeyError: 'lost'"),
        ([thing(huge=1)], (), "a number in it is too large to be calculated with"),
    ],
)
def test_what_cannot_be_judged_is_an_error_and_hides_nothing(things: list[Object], field: Any, reason: str) -> None:
    result = outcome(*things, thing())
    assert result.outcome is Outcome.ERROR
    assert [(e.field, e.reason) for e in result.errors] == [(field, reason)]
    assert len(result.findings) == 1


def test_a_subject_that_a_check_has_nothing_to_say_about_does_not_count() -> None:
    result = outcome(thing(other=1))
    assert (result.outcome, result.evaluated, result.reason) == (Outcome.SKIPPED, 0, "it is another thing")
    mixed = outcome(thing(other=1), thing(ok=True))
    assert (mixed.evaluated, mixed.reason) == (1, "")


def test_an_entry_without_a_check_is_skipped_with_its_reason() -> None:
    result = evaluate(requirement(check=None, reason="needs a cluster"), None, Inventory())
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "not checked: needs a cluster")


def test_advice_warns_and_fails_only_when_hardened() -> None:
    assert outcome(thing(), keyword="SHOULD").outcome is Outcome.WARNED
    assert outcome(thing(), keyword="SHOULD", policy=Policy(hardened=True)).outcome is Outcome.FAILED


def test_less_severe_than_fail_on_warns() -> None:
    assert outcome(thing(), severity="high", policy=Policy(fail_on="critical")).outcome is Outcome.WARNED
    assert outcome(thing(), severity="critical", policy=Policy(fail_on="critical")).outcome is Outcome.FAILED


def test_what_is_advisory_in_this_run_warns_unless_hardened() -> None:
    assert outcome(thing(), policy=Policy(advisory=("x-*",))).outcome is Outcome.WARNED
    assert outcome(thing(), policy=Policy(advisory=("y-*",))).outcome is Outcome.FAILED
    assert outcome(thing(), policy=Policy(advisory=("x-*",), hardened=True)).outcome is Outcome.FAILED


def test_an_error_stays_an_error_however_little_it_matters() -> None:
    result = outcome(thing(opaque=1), keyword="MAY", severity="info", policy=Policy(fail_on="critical"))
    assert result.outcome is Outcome.ERROR


def test_a_waiver_covers_findings_and_never_errors() -> None:
    def waivers() -> Waivers:
        import datetime

        until = datetime.date(2999, 1, 1)
        return Waivers([Waiver("x-one", "Thing/t", "known", "me", until, Location("w.yaml"))])

    assert outcome(thing(), waivers=waivers()).outcome is Outcome.WAIVED
    assert outcome(thing(), thing(opaque=1), waivers=waivers()).outcome is Outcome.ERROR


def everything(things: list[Object]) -> Iterator[Finding]:
    yield Finding(things[-1], "metadata.name", f"the last of {len(things)}")


def world(inventory: Inventory) -> Iterator[Finding]:
    if len(inventory.objects) > 1:
        yield Finding(None, "", "too many")


def test_a_check_of_all_subjects_counts_each() -> None:
    result = evaluate(requirement(), made(everything), Inventory([thing(), thing()]))
    assert (result.evaluated, result.findings[0].message) == (2, "the last of 2")


def test_a_check_of_the_inventory_is_called_once() -> None:
    assert evaluate(requirement(), made(world), Inventory([thing()])).outcome is Outcome.PASSED
    assert evaluate(requirement(), made(world), Inventory([thing(), thing()])).outcome is Outcome.FAILED


def ports(container: Container) -> Iterator[Finding]:
    if container.get("hostPort"):
        yield Finding(container.pod.owner, (*container.path, "hostPort"), "uses a host port")


def pod(containers: Any) -> Object:
    spec = {"containers": containers}
    return Object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, Here())


def test_a_pod_whose_containers_are_no_list_costs_nobody_else_a_verdict() -> None:
    world = Inventory([pod("nginx"), pod([{"name": "a", "hostPort": 80}]), pod([{"name": "b"}])])
    result = evaluate(requirement(match=Match()), made(ports), world)
    assert result.outcome is Outcome.ERROR
    assert [e.reason for e in result.errors] == ["spec.containers is a string, not a list"]
    assert [f.field_text for f in result.findings] == ["spec.containers[0].hostPort"]
    assert result.evaluated == 2


def test_labels_of_the_wrong_type_are_an_error_of_that_object_alone() -> None:
    odd = Object({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "o", "labels": ["a"]}}, Here())
    result = outcome(odd, thing(ok=True), match=Match(kinds=("Thing",), labels=(("a", "*"),)))
    assert [e.reason for e in result.errors] == ["metadata.labels is a list, not a mapping"]
    assert result.outcome is Outcome.ERROR
