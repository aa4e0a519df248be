"""Waivers: what they cover, and how they go stale."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from conformance import waiver
from conformance.finding import Finding
from conformance.kube.object import Document, Location, Object, TextFile
from conformance.kube.path import Path, render

TODAY = datetime.date(2027, 1, 15)


class Here:
    path = "waivers.yaml"

    def locate(self, path: Path) -> Location:
        return Location(f"{self.path}#{render(path)}", 1, 1)


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "requirement": "pod-security-baseline-host-namespaces",
        "object": "DaemonSet/monitoring/node-exporter",
        "reason": "reads the node's network counters",
        "owner": "observability@example.com",
        "expires": "2027-06-30",
    } | changes


def load(*entries: Any) -> waiver.Waivers:
    return waiver.load([Document(list(entries), Here())], TODAY)


def finding(field: str = "spec.template.spec.hostNetwork", name: str = "node-exporter") -> Finding:
    raw = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "monitoring"}}
    return Finding(Object(raw, Here()), field, "shares the node's network")


def applied(waivers: waiver.Waivers, each: Finding, requirement: str = "pod-security-baseline-host-namespaces") -> bool:
    waivers.apply(requirement, [each])
    return each.waived_by is not None


def test_a_waiver_covers_the_finding_it_names() -> None:
    each = finding()
    assert applied(load(entry()), each)
    assert each.waived_by == "reads the node's network counters (until 2027-06-30, observability@example.com)"


@pytest.mark.parametrize(
    "changes",
    [
        {"requirement": "pod-security-baseline-host-ports"},
        {"object": "DaemonSet/monitoring/other"},
        {"object": "DaemonSet/node-exporter"},
        {"object": "DaemonSet/default/node-exporter"},
        {"field": "spec.template.spec.hostPID"},
        {"expires": "2027-01-14"},
    ],
)
def test_a_waiver_covers_nothing_else(changes: dict[str, str]) -> None:
    assert not applied(load(entry(**changes)), finding())


def test_globs_and_the_last_day_count() -> None:
    assert applied(load(entry(object="*/monitoring/node-*", field="spec.*", expires="2027-01-15")), finding())


def test_files_and_missing_things_have_names_too() -> None:
    script = Finding(TextFile("ops/backup.sh", "x"), (1,), "no umask")
    assert waiver.name_of(script) == "ops/backup.sh"
    assert waiver.name_of(Finding(None, "", "nothing there")) == "-"


def rotten(waivers: waiver.Waivers, *names: str) -> list[str]:
    known = {"pod-security-baseline-host-namespaces"}
    judged = {"pod-security-baseline-host-namespaces": [(name, "spec.template.spec.hostNetwork") for name in names]}
    return [each.reason for each in waivers.rotten(known, judged)]


def test_a_needed_waiver_in_force_is_sound() -> None:
    assert rotten(load(entry()), "DaemonSet/monitoring/node-exporter") == []


def test_an_expired_waiver_is_rotten_even_when_it_is_needed() -> None:
    reasons = rotten(load(entry(expires="2026-12-31")), "DaemonSet/monitoring/node-exporter")
    assert reasons == ["the waiver for pod-security-baseline-host-namespaces expired on 2026-12-31"]


def test_an_unused_waiver_is_rotten() -> None:
    assert rotten(load(entry()), "DaemonSet/monitoring/other") == [
        "nothing needs the waiver for pod-security-baseline-host-namespaces on DaemonSet/monitoring/node-exporter"
        " any more: remove it"
    ]


def test_a_waiver_for_what_this_run_did_not_ask_is_left_alone() -> None:
    assert list(load(entry()).rotten({"pod-security-baseline-host-namespaces"}, {})) == []


def test_a_waiver_for_no_requirement_is_rotten() -> None:
    assert [each.reason for each in load(entry()).rotten(set(), {})] == [
        "there is no requirement pod-security-baseline-host-namespaces"
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry(expires="soon"), "expires is 'soon', not a date such as 2027-01-31"),
        (entry(expires="2027-02-30"), "expires is '2027-02-30', not a date such as 2027-01-31"),
        (entry(owner=""), "the waiver has no owner"),
        (entry(reason=3), "reason is not a string"),
        (entry(until="x"), "a waiver has no field until; it has requirement, object, field, reason, owner, expires"),
        ("text", "a waiver is a mapping"),
    ],
)
def test_an_unreadable_waiver_is_a_problem_and_waives_nothing(bad: Any, reason: str) -> None:
    waivers = load(bad)
    assert [(each.reason, each.location.path) for each in waivers.rotten(set(), {})] == [(reason, "waivers.yaml#[0]")]
    assert not applied(waivers, finding())


def test_a_file_that_holds_no_list_is_a_problem() -> None:
    waivers = waiver.load([Document({"waiver": []}, Here())], TODAY)
    assert [each.reason for each in waivers.problems] == ["a waiver file is a list of waivers"]


def test_a_mapping_with_waivers_is_a_waiver_file() -> None:
    waivers = waiver.load([Document({"waivers": [entry(), "x"]}, Here())], TODAY)
    assert len(waivers.entries) == 1
    assert waivers.problems[0].location.path == "waivers.yaml#waivers[1]"
