"""The words that all writers share."""

from __future__ import annotations

import pytest

from conformance.report import wording
from conformance.report.record import ResultRecord
from tests.report import records
from tests.report.records import error, finding, result, where, who


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web", "web"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("\u2067x\u2069", "\\u2067x\\u2069"),
        ("line\u2028break", "line\\u2028break"),
        ("\udcff", "\\udcff"),
        ("\ufffe", "\\ufffe"),
        ("über 🦊 한국어", "über 🦊 한국어"),
    ],
)
def test_plain_spells_what_could_harm(text: str, shown: str) -> None:
    assert wording.plain(text) == shown


def test_prose_joins_lines_and_still_spells_controls() -> None:
    assert wording.prose(" first \r\n  second\x07 ") == "first second\\x07"


def test_a_place_names_line_and_column_only_where_they_are_certain() -> None:
    assert wording.place(where("a.yaml", 4, 2)) == "a.yaml:4:2"
    assert wording.place(where("a.yaml", 4, 0)) == "a.yaml:4"
    assert wording.place(where("a.yaml", 0, 0)) == "a.yaml"
    assert wording.place(None) == ""


def test_an_object_without_namespace_is_not_put_into_default() -> None:
    assert wording.object_name(who("Deployment", "web", "shop")) == "Deployment shop/web"
    assert wording.object_name(who("Deployment", "web", None)) == "Deployment web"
    assert wording.object_name(who("StorageClass", "fast", "")) == "StorageClass fast"
    assert wording.object_name(None) == ""


def test_a_sentence_leaves_out_what_is_not_known() -> None:
    assert wording.sentence(finding(expected="", observed="")) == "reclaimPolicy: data is deleted with the claim"
    assert wording.sentence(finding(field="", expected="Retain", observed="")).endswith("claim (expected Retain)")


def test_long_values_are_cut_visibly() -> None:
    said = wording.sentence(finding(observed="x" * 500), 20)
    assert said.endswith("observed " + "x" * 19 + "…)")
    assert "x" * 500 in wording.sentence(finding(observed="x" * 500))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("11-20", "Guide, 1, lines 11-20"),
        ("606", "Guide, 1, line 606"),
        ("6, 8", "Guide, 1, lines 6, 8"),
        ("", "Guide, 1"),
    ],
)
def test_source_names_document_section_and_lines(lines: str, expected: str) -> None:
    assert wording.source_text({"document": "Guide", "section": "1", "lines": lines, "quote": ""}) == expected


def test_worst_first_then_by_name_then_by_target() -> None:
    mixed = [
        result(id="p-c", severity="low"),
        result(id="p-b", severity="critical", target="prod"),
        result(id="p-b", severity="critical", target="dev"),
        result(id="p-a", severity="medium"),
        result(id="p-z", severity="unheard-of"),
    ]
    assert [wording.label(each) for each in wording.worst_first(mixed)] == ["p-b@dev", "p-b@prod", "p-a", "p-c", "p-z"]


def test_waived_findings_do_not_stand() -> None:
    kept = finding(message="kept")
    assert wording.standing(result(findings=[finding(waived="until May"), kept])) == [kept]


def test_not_checked_is_told_apart_from_nothing_to_judge() -> None:
    assert wording.not_checked(result(outcome="skipped", check=""))
    assert not wording.not_checked(result(outcome="skipped", check="reclaim_policy"))
    assert not wording.not_checked(result(outcome="failed", check=""))


def test_reading_files_alone_is_no_judgement() -> None:
    assert wording.nothing_judged(records.empty())
    assert wording.nothing_judged(records.run())
    assert not wording.nothing_judged(records.clean())


@pytest.mark.parametrize(
    "loud",
    [
        result(outcome="failed", evaluated=0, findings=[finding()]),
        result(outcome="error", evaluated=0, errors=[records.error()]),
        result(outcome="warned", evaluated=1, findings=[finding()]),
    ],
)
def test_a_run_that_says_something_judged_something(loud: ResultRecord) -> None:
    assert not wording.nothing_judged(records.run(loud))


def test_formats_that_demand_a_path_get_the_real_one() -> None:
    live = records.run(kind="cluster", paths=[])
    assert wording.some_path(where("über uns/a\x1b.yaml"), None, live) == "über uns/a\x1b.yaml"
    assert wording.some_path(None, who(), records.run()) == "manifests"
    assert wording.some_path(None, who("Deployment", "web", "shop"), live) == "cluster/Deployment/shop/web"
    assert wording.some_path(None, None, live) == "."


@pytest.mark.parametrize(
    ("message", "expected", "observed", "said"),
    [
        ("image nginx has no tag", "a tag", "nginx", "image nginx has no tag (expected a tag)"),
        ("2 replicas, but 3 are asked for", "3", "2", "2 replicas, but 3 are asked for"),
        ("12 replicas", "", "1", "12 replicas (observed 1)"),
        ("uses hostPath, nfs", "", "[nfs, hostPath]", "uses hostPath, nfs"),
        ("spec is missing", "", "absent", "spec is missing"),
        ("uses hostPath", "", "[nfs, hostPath]", "uses hostPath (observed [nfs, hostPath])"),
    ],
)
def test_a_value_that_the_message_names_is_not_said_twice(
    message: str, expected: str, observed: str, said: str
) -> None:
    assert wording.sentence(finding(field="", message=message, expected=expected, observed=observed)) == said


def test_a_reason_that_begins_with_the_field_stands_alone() -> None:
    assert wording.error_sentence(error(field="spec.a", reason="spec.a is a list")) == "spec.a is a list"
    assert wording.error_sentence(error(field="spec.a", reason="spec.ab is a list")) == "spec.a: spec.ab is a list"
