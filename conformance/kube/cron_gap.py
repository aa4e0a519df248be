"""The longest real time between two runs of a schedule, with the days on which clocks are put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from conformance.kube.cron import Schedule

_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_YEARS = 2


def longest(schedule: Schedule) -> timedelta | None:
    """The longest time between two runs; None when the schedule never fires.

    A daily run at 03:00 in Berlin has 25 hours in October. One at 02:30 has 48 hours less one in March, because that
    time does not exist on the day. Looked for around the changes of the next two years.
    """
    found = schedule.largest_gap()
    if found is None or schedule.zone is None:
        return found
    for change in _changes(schedule):
        before = change - found - timedelta(days=1)
        runs = [before]
        while runs[-1] <= change + found:
            following = schedule.next_after(runs[-1])
            if following is None:
                break
            runs.append(following.astimezone(UTC))
            if len(runs) > 5000:
                break
        gaps = [later - earlier for earlier, later in pairwise(runs[1:])]
        found = max([found, *gaps])
    return found


def told(gap: timedelta) -> str:
    """A time in hours, or in days where it is that long."""
    hours = gap.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 and hours % 24 == 0 else f"{hours:g} hours"


def _changes(schedule: Schedule) -> list[datetime]:
    days = [_FROM + timedelta(days=day) for day in range(366 * _YEARS)]
    offsets = [day.astimezone(schedule.zone).utcoffset() for day in days]
    return [later for later, left, right in zip(days[1:], offsets, offsets[1:], strict=False) if left != right]
