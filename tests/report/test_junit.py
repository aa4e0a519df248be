"""JUnit XML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from conformance.report import write
from conformance.report.record import Report
from tests.report import records
from tests.report.records import error, finding, result

JENKINS = xmlschema.XMLSchema(str(Path(__file__).parents[1] / "schemas" / "junit-10.xsd"))


def read(report: Report) -> ElementTree.Element:
    return ElementTree.fromstring(write(report, "junit"))


def case(report: Report, name: str) -> ElementTree.Element:
    found = read(report).find(f".//testcase[@name='{name}']")
    assert found is not None
    return found


def text(element: ElementTree.Element, tag: str) -> str:
    found = element.find(tag)
    assert found is not None
    return found.text or ""


@pytest.mark.parametrize(
    "make", [records.mixed, records.clean, records.empty, records.nasty, records.run, records.huge]
)
def test_structure_is_that_of_jenkins(make: Callable[[], Report]) -> None:
    root = read(make())
    for each in root.iter("testcase"):
        for properties in each.findall("properties"):  # pytest's extension, which the schema does not know
            each.remove(properties)
    JENKINS.validate(root)


def test_one_test_case_for_each_requirement_in_the_suite_of_its_profile() -> None:
    suites = {suite.get("name"): [each.get("name") for each in suite] for suite in read(records.mixed())}
    assert suites == {
        "persistence": [
            "persistence-storageclass-retain",
            "persistence-backup-offsite",
            "persistence-restore-drill",
            "persistence-vault-audit",
            "persistence-held",
        ],
        "gitops": ["gitops-image-tag", "gitops-probes-liveness"],
        "sources": ["sources-documents-load"],
    }
    assert {each.get("classname") for each in read(records.mixed()).iter("testcase")} == set(suites)


def test_numbers_add_up() -> None:
    root = read(records.mixed())
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "8",
        "failures": "2",
        "errors": "1",
    }
    suite = root.find("testsuite[@name='persistence']")
    assert suite is not None
    assert suite.attrib == {
        "name": "persistence",
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "3",
        "time": "0.062",
    }


def test_properties_tell_requirement_and_document() -> None:
    found = {each.get("name"): each.get("value") for each in case(records.mixed(), "gitops-image-tag").iter("property")}
    assert found == {
        "id": "gitops-image-tag",
        "outcome": "failed",
        "severity": "high",
        "keyword": "MUST",
        "document": "Persistence guide",
        "section": "1. StorageClass",
        "evaluated": "9",
    }


def test_failure_names_path_and_line_so_that_viewers_link_it() -> None:
    failure = case(records.mixed(), "gitops-image-tag").find("failure")
    assert failure is not None
    assert failure.get("message", "").startswith("8 findings: spec.template.spec.containers[0].image: the tag can")
    assert failure.get("type") == "high"
    assert "\napps/web 3.yaml:23:9: Deployment shop/web-3 spec.template" in (failure.text or "")


def test_error_is_no_failure() -> None:
    found = case(records.mixed(), "sources-documents-load")
    assert found.find("failure") is None
    assert "apps/x.yaml:12:3: document: no mapping" in text(found, "error")


def test_warned_passes_and_still_tells() -> None:
    found = case(records.mixed(), "gitops-probes-liveness")
    assert [each.tag for each in found] == ["properties", "system-out"]
    assert "apps/a.yaml:7:5: StorageClass local-path reclaimPolicy: no probe" in text(found, "system-out")


def test_waived_is_skipped_with_its_reason() -> None:
    skipped = case(records.mixed(), "persistence-backup-offsite").find("skipped")
    assert skipped is not None
    assert skipped.get("type") == "waived"
    assert skipped.get("message") == "waived: moving in May (until 2027-06-01, ops@example.com)"


def test_skipped_says_why() -> None:
    skipped = case(records.mixed(), "persistence-vault-audit").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "no StatefulSet vault"


def test_passed_is_nothing_but_properties() -> None:
    assert [each.tag for each in case(records.mixed(), "persistence-held")] == ["properties"]


def test_targets_have_suites_of_their_own() -> None:
    root = read(records.run(result(target="prod"), result(target="dev")))
    assert [suite.get("name") for suite in root] == ["prod/persistence", "dev/persistence"]


def test_control_characters_are_spelled_and_nothing_else_is_lost() -> None:
    failure = text(case(records.nasty(), "persistence-storageclass-retain"), "failure")
    assert "a\\x00b\\x1b[2J <b>&amp;</b> ]]> |" in failure
    assert "🦊" in failure
    assert "über uns/" in failure


def test_an_error_beside_findings_shows_both() -> None:
    both = result(outcome="error", errors=[error()], findings=[finding(message="also this")])
    assert "also this" in text(case(records.run(both), both["id"]), "error")
