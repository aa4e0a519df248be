from __future__ import annotations

import pytest

from conformance.kube.cron import Schedule
from conformance.kube.cron_gap import longest, told


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("0 3 * * *", None, 24),
        ("0 3 * * *", "Asia/Seoul", 24),
        # Clocks are put back in October: the day has 25 hours.
        ("0 3 * * *", "Europe/Berlin", 25),
        # 02:30 does not exist on the last Sunday of March.
        ("30 2 * * *", "Europe/Berlin", 47),
        ("0 * * * *", "Europe/Berlin", 1),
        ("0 2 * * 1-5", None, 72),
        ("@every 6h", "Europe/Berlin", 6),
        ("0 0 31 2 *", "Europe/Berlin", None),
    ],
)
def test_the_longest_real_time_between_two_runs(text: str, zone: str | None, hours: int | None) -> None:
    found = longest(Schedule.parse(text, zone))
    assert (found.total_seconds() / 3600 if found else None) == hours


def test_a_gap_in_words() -> None:
    gaps = [longest(Schedule.parse(text)) for text in ("0 3 * * *", "30 */12 * * *", "0 2 * * 1-5")]
    assert [told(each) for each in gaps if each is not None] == ["24 hours", "12 hours", "3 days"]
