"""What an audit says of the one before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from conformance import history
from conformance.report.record import ResultRecord
from conformance.settings import UsageError


def result(identifier: str, *names: str, message: str = "is old", errors: int = 0) -> ResultRecord:
    findings = [
        {
            "object": {"apiVersion": "v1", "kind": "Pod", "namespace": "a", "name": name} if name else None,
            "field": "spec" if name else "",
            "message": message,
            "waived": "W" if name == "waived" else "",
        }
        for name in names
    ]
    outcome = "error" if errors else "failed" if findings else "passed"
    raw: dict[str, Any] = {"id": identifier, "outcome": outcome, "findings": findings, "errors": [{}] * errors}
    return cast("ResultRecord", raw)


def audit(folder: Path, taken: str, *results: ResultRecord) -> dict[str, list[str]]:
    changes = history.compare(folder, results, taken, "https://c")
    history.remember(folder, changes, taken, "https://c")
    told = changes.describe()
    return {
        part: [f"{each['about']} {each['since']}" for each in told[part]]
        for part in ("new", "fixed", "still", "unknown")
    }


def test_new_still_and_fixed(tmp_path: Path) -> None:
    assert audit(tmp_path, "1", result("r", "x", "y"))["new"] == ["Pod/a/x spec 1", "Pod/a/y spec 1"]
    second = audit(tmp_path, "2", result("r", "y", "z", "waived"))
    assert second == {
        "new": ["Pod/a/z spec 2"],
        "fixed": ["Pod/a/x spec 1"],
        "still": ["Pod/a/y spec 1"],
        "unknown": [],
    }
    third = audit(tmp_path, "3", result("r"))
    assert sorted(third["fixed"]) == ["Pod/a/y spec 1", "Pod/a/z spec 2"]


@pytest.mark.parametrize("results", [[], [result("r", errors=1)]])
def test_what_was_not_judged_is_neither_fixed_nor_forgotten(results: list[ResultRecord], tmp_path: Path) -> None:
    audit(tmp_path, "1", result("r", "x"))
    assert audit(tmp_path, "2", *results) == {"new": [], "fixed": [], "still": [], "unknown": ["Pod/a/x spec 1"]}
    assert audit(tmp_path, "3", result("r", "x"))["still"] == ["Pod/a/x spec 1"]


def test_a_message_with_another_number_is_the_same_finding(tmp_path: Path) -> None:
    audit(tmp_path, "1", result("r", "x", "", message="is 3 days old"))
    assert audit(tmp_path, "2", result("r", "x", "", message="is 4 days old"))["still"] == [
        "Pod/a/x spec 1",
        "is … days old 1",
    ]


def test_lines(tmp_path: Path) -> None:
    first = history.compare(tmp_path, [result("r", "x")], "1", "https://c")
    assert next(iter(first.lines())) == "History: the first audit here; 1 findings from now on"
    history.remember(tmp_path, first, "1", "https://c")
    second = history.compare(tmp_path, [result("r", "x", "y")], "2", "https://c")
    assert list(second.lines()) == [
        "Since 1: 1 new, 0 fixed, 1 still failing",
        "  new  r  Pod/a/y spec",
        "  since 1  r  Pod/a/x spec",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "this is no history of audits"),
        ("[]", "this is no history of audits"),
        ('{"version": 9}', "of version 9; this plumbline reads version 1"),
        (
            '{"version": 1, "cluster": "https://d", "taken": "1", "findings": []}',
            "it remembers https://d, not https://c",
        ),
    ],
)
def test_what_cannot_be_compared_with(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / history.FILE).write_text(content)
    with pytest.raises(UsageError, match=said):
        history.compare(tmp_path, [], "2", "https://c")
    with pytest.raises(UsageError, match="there is no such folder"):
        history.compare(tmp_path / "none", [], "2", "https://c")
