"""What a schedule may lose at most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.drill.schedule import worst_loss
from conformance.drilling import manifests_folder
from conformance.kube.cron import CronError


def cron_job(schedule: str, **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"schedule": schedule, "startingDeadlineSeconds": 30}
    return spec | {"jobTemplate": {"spec": {"activeDeadlineSeconds": 240}}} | more


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        ("*/10 * * * *", 600 + 30 + 240),
        ("0 2 * * *", 86400 + 30 + 240),
        ("*/7 * * * *", 420 + 30 + 240),
        ("0 2 * * 1-5", 3 * 86400 + 30 + 240),
    ],
)
def test_the_longest_gap_the_latest_start_and_the_longest_run_add_up(schedule: str, seconds: float) -> None:
    assert worst_loss(cron_job(schedule)) == seconds


@pytest.mark.parametrize(
    "spec",
    [
        cron_job("0 0 31 2 *"),
        cron_job("*/10 * * * *", suspend=True),
        cron_job("*/10 * * * *", startingDeadlineSeconds=None),
        cron_job("*/10 * * * *", jobTemplate={"spec": {}}),
    ],
    ids=["never fires", "suspended", "may start any time later", "may take any time"],
)
def test_without_a_bound_everything_may_be_lost(spec: dict[str, Any]) -> None:
    assert worst_loss(spec) == float("inf")


def test_what_is_no_schedule_is_said_to_be_none() -> None:
    with pytest.raises(CronError):
        worst_loss(cron_job("every day"))


def test_the_schedule_of_the_drill_keeps_fifteen_minutes_with_every_bound_that_it_has() -> None:
    file: Path = manifests_folder() / "database-restored" / "schedule.yaml"
    (found,) = [each for each in yaml.safe_load_all(file.read_text()) if each["kind"] == "CronJob"]
    spec = found["spec"] | {"schedule": "*/10 * * * *"}
    assert worst_loss(spec) <= 900
