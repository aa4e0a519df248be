"""What to do after a run."""

from __future__ import annotations

from conformance.report.next_steps import steps
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result, where


def commands(report: Report) -> list[str]:
    return [each.command for each in steps(report) if each.command]


def test_what_cannot_be_read_comes_first() -> None:
    assert next(iter(steps(records.mixed()))).text.startswith("Fix apps/x.yaml:12:3 first")


def test_worst_failed_requirement_is_explained_and_run_alone() -> None:
    assert commands(records.mixed())[:2] == [
        "plumbline explain persistence-storageclass-retain",
        "plumbline check manifests -k persistence-storageclass-retain",
    ]


def test_an_error_without_a_file_still_has_a_step() -> None:
    report = records.run(result(id="p-x", outcome="error", errors=[error(location=None)]))
    assert commands(report)[0] == "plumbline explain p-x"


def test_warnings_alone_need_no_second_run() -> None:
    report = records.run(result(id="p-x", outcome="warned", findings=[finding()]))
    assert commands(report) == ["plumbline explain p-x", "plumbline check manifests --report html=plumbline.html"]


def test_waivers_alone_can_be_neither_explained_nor_run_again() -> None:
    report = records.run(result(id="sources-waivers-in-force", check="", outcome="failed", findings=[finding()]))
    assert commands(report) == ["plumbline check manifests --report html=plumbline.html"]


def test_the_same_question_is_asked_again() -> None:
    report = records.run(result(id="p-x", outcome="failed", findings=[finding()]), options=["--profile", "my own"])
    assert commands(report)[1] == "plumbline check manifests --profile 'my own' -k p-x"


def test_an_expression_that_selects_nothing_is_named_as_the_reason() -> None:
    assert "does -k match" in next(iter(steps(records.run(objects=0)))).text


def test_paths_can_be_pasted_into_a_shell() -> None:
    report = records.run(result(outcome="failed", findings=[finding()]), paths=["my files/$HOME", "b"])
    assert commands(report)[1].startswith("plumbline check 'my files/$HOME' b -k ")


def test_many_paths_are_not_repeated() -> None:
    report = records.run(result(outcome="failed", findings=[finding()]), paths=["a", "b", "c"])
    assert commands(report)[1].startswith("plumbline check PATH… -k ")


def test_a_cluster_is_audited() -> None:
    live = result(outcome="failed", findings=[finding(location=None)])
    report = records.run(live, kind="cluster", paths=[])
    assert commands(report)[1].startswith("plumbline audit -k ")
    report["target"] |= {"context": "the lab", "options": ["--profile", "homelab"]}
    assert commands(report)[1].startswith("plumbline audit --context 'the lab' --profile homelab -k ")
    report["target"]["snapshot"] = "lab.gz"
    assert commands(report)[1].startswith("plumbline audit --snapshot lab.gz --profile homelab -k ")


def test_nothing_judged_asks_for_path_and_profile() -> None:
    texts = [each.text for each in steps(records.empty())]
    assert texts[0].startswith("Nothing is known about manifests")
    assert any("is this the right path" in text for text in texts)
    assert commands(records.empty()) == ["plumbline list"]


def test_nothing_judged_among_objects_is_no_wrong_path() -> None:
    idle = result(outcome="skipped", evaluated=0, reason="no StorageClass among 7 objects")
    texts = [each.text for each in steps(records.run(idle, objects=7))]
    assert not any("is this the right path" in text for text in texts)
    assert any("no StorageClass among 7 objects (1 requirement)" in text for text in texts)


def test_a_place_is_shown_safely() -> None:
    report = records.run(result(outcome="error", errors=[error(location=where("a\x1b[2J", 1, 1))]))
    assert "\x1b" not in next(iter(steps(report))).text
