"""What is asked comes from requirements; without its option a kind of facts is absent and skips, never passes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conformance import cli
from conformance.cluster import snapshot
from conformance.cluster.facts import PodQuestion, fact, questions, replayed, with_facts
from conformance.cluster.kinds import replay
from conformance.cluster.snapshot import Kind

WANTED: list[tuple[str, dict[str, Any]]] = [
    ("endpoint_answers", {"urls": ["https://a/", "https://b/"]}),
    ("endpoint_answers", {"urls": ["https://a/"], "within": "1s"}),
    ("prometheus_answer", {"queries": ["up"]}),
    ("inside_redis", {"namespace": "shop", "labels": {"app": "redis"}}),
    ("declared", {"expect": {}}),
]


def test_each_question_is_asked_once() -> None:
    found = questions(WANTED, inside=True, endpoints=False, prometheus="http://p")
    assert found.endpoints == ("https://a/", "https://b/")
    assert found.queries == ("up",)
    assert found.pods == (PodQuestion("redis", "shop", (("app", "redis"),)),)
    assert (found.inside, found.outside, found.prometheus) == (True, False, "http://p")


def test_a_kind_without_its_option_is_absent_and_others_are_listed() -> None:
    fetch = with_facts(lambda name: Kind(name, [{"kind": name}]), {"Endpoint": lambda: iter([{"a": 1}])}, lambda: None)
    assert fetch("Endpoint").objects == [{"a": 1}]
    assert fetch("PodFact").absent
    assert fetch("Pod").objects == [{"kind": "Pod"}]


def test_an_older_snapshot_lacks_facts_and_does_not_refuse_them() -> None:
    fetch = replayed({}, replay({}))
    assert fetch("Endpoint").absent
    assert fetch("Pod").refused.startswith("the snapshot does not hold the kind Pod")


@pytest.mark.parametrize(
    ("kinds", "outcome", "reason"),
    [
        ([], "skipped", "needs --endpoints: URLs are asked only when that is said"),
        ([fact("Endpoint", "https://api.hankook-smartsensor.com/health", status=500, seconds=[0.1])], "failed", ""),
    ],
)
def test_a_snapshot_replays_facts(
    kinds: list[dict[str, object]], outcome: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, report = tmp_path / "s.gz", tmp_path / "r.json"
    header = snapshot.Header({"context": "c", "server": "s", "user": "u", "version": "v1.34.2"}, datetime.now(UTC))
    with snapshot.Writer(kept, header) as writer:
        if kinds:
            writer.kind("Endpoint", iter(kinds))
    options = ["--profile", "smartsensor", "-k", "daily-endpoint-api", "--report", f"json={report}"]
    cli.main(["audit", "--snapshot", str(kept), *options])
    [found] = [each for each in json.loads(report.read_text())["results"] if "endpoint-api" in each["id"]]
    assert (found["outcome"], found["reason"]) == (outcome, reason)
