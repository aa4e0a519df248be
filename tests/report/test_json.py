"""The canonical report and its published schema."""

from __future__ import annotations

import copy
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, get_origin

import jsonschema_rs
import orjson
import pytest
from jsonschema import Draft202012Validator

from conformance.catalogue import Requirement
from conformance.finding import Finding, Outcome, Result, Unjudged
from conformance.kube.object import Object
from conformance.report import record, write
from conformance.report.record import Report
from tests.report import catalogues, records
from tests.report.records import result

SCHEMA = orjson.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_bytes())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def read(report: Report) -> Any:
    return orjson.loads(write(report, "json"))


def problems(document: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("make", [records.mixed, records.clean, records.empty, records.nasty, records.run])
def test_reports_fit_the_schema(make: Callable[[], Report]) -> None:
    assert problems(read(make())) == []


def test_a_report_is_the_record_itself() -> None:
    assert read(records.mixed()) == records.mixed()


def test_bytes_that_are_no_utf8_are_spelled() -> None:
    document = read(records.nasty())
    assert "\\udcff" in document["results"][0]["findings"][0]["observed"]
    assert document["results"][0]["findings"][0]["observed"].startswith("a\x00b\x1b[2J <b>")


def broken(change: Callable[[Any], object]) -> Any:
    document = copy.deepcopy(typing.cast(Any, records.mixed()))
    change(document)
    return document


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(version=2),
        lambda d: d.update(extra=1),
        lambda d: d.pop("summary"),
        lambda d: d["summary"].update(objects=-1),
        lambda d: d["target"].update(kind="moon"),
        lambda d: d["results"][0].update(outcome="maybe"),
        lambda d: d["results"][0].update(outcome="passed"),
        lambda d: d["results"][0].update(severity="awful"),
        lambda d: d["results"][0].update(target=""),
        lambda d: d["results"][0]["findings"][0].pop("fingerprint"),
        lambda d: d["results"][0]["findings"][0].update(fingerprint="x"),
        lambda d: d["results"][0]["findings"][0]["location"].update(line=-1),
        lambda d: d["results"][0]["findings"][0]["object"].update(uid="x"),
        lambda d: d["results"][2].update(errors=[]),
        lambda d: d["results"][7].update(evaluated=0),
    ],
)
def test_schema_refuses_anything_else(change: Callable[[Any], object]) -> None:
    assert problems(broken(change))


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (record.LocationRecord, "location"),
        (record.ObjectRecord, "object"),
        (record.FindingRecord, "finding"),
        (record.ErrorRecord, "error"),
        (record.SourceRecord, "source"),
        (record.ResultRecord, "result"),
        (record.Summary, "summary"),
        (record.Report, ""),
    ],
)
def test_schema_and_types_name_the_same_fields(of: type, name: str) -> None:
    schema = SCHEMA["$defs"][name] if name else SCHEMA
    hints = typing.get_type_hints(of, include_extras=True)
    assert set(schema["properties"]) == set(hints)
    assert set(schema["required"]) == {key for key, hint in hints.items() if get_origin(hint) is not NotRequired}
    assert schema["additionalProperties"] is False


def judged(requirement: Requirement, outcome: Outcome) -> Result:
    raw = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local-path"}}
    thing = Object(raw, catalogues.Place("a.yaml"), namespace="")
    found = [Finding(thing, "reclaimPolicy", "gone", expected=True, observed=["x", {"y": None}])]
    unread = [Unjudged(thing, "spec", "no mapping")] if outcome is Outcome.ERROR else []
    return Result(requirement.id, outcome, evaluated=1, findings=found, errors=unread)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ERROR])
def test_what_the_evaluation_records_fits_the_schema(outcome: Outcome) -> None:
    requirement = catalogues.requirement()
    made = records.run(record.record(requirement, judged(requirement, outcome), "prod"))
    assert problems(read(made)) == []
    found = read(made)["results"][0]["findings"][0]
    assert (found["expected"], found["observed"]) == ("true", "[x, {y: }]")
    assert found["location"] == {"path": "a.yaml", "line": 1, "column": 1}


def test_ten_thousand_findings_are_all_there() -> None:
    assert len(read(records.huge())["results"][0]["findings"]) == 10_000


def test_order_is_that_of_the_run() -> None:
    made = records.run(result(id="p-z"), result(id="p-a"))
    assert [each["id"] for each in read(made)["results"]] == ["p-z", "p-a"]
