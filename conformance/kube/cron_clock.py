"""The next time that matches a cron schedule, step for step as robfig/cron v3 finds it (spec.go, Next).

The steps matter where clocks are put forward or back: another way of searching gives other times there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from conformance.kube.cron_fields import Fields

# robfig/cron gives up after this; 29 February is at most four years away until 2096.
_YEARS = 5


def next_time(fields: Fields, moment: datetime) -> datetime | None:
    """The first match later than a moment, by the clock of the moment's zone; None when five years have none."""
    search = _Search(_later(moment.replace(microsecond=0), timedelta(seconds=1)))
    last_year = search.time.year + _YEARS
    while search.time.year <= last_year:
        # A step that runs over the end of its month, day or hour starts again with the month.
        if search.month(fields) and search.day(fields) and search.hour(fields) and search.minute(fields):
            return search.time
    return None


class _Search:
    """A time that only moves forward; `moved` once the fields below the one that moves have been set to their start."""

    __slots__ = ("moved", "time")

    def __init__(self, time: datetime) -> None:
        self.time = time
        self.moved = False

    def month(self, fields: Fields) -> bool:
        while not fields.months >> self.time.month & 1:
            if not self.moved:
                self.time = _wall(self.time, day=1, hour=0)
            self.moved = True
            self.time = _wall(self.time, month=self.time.month + 1, keep_clock=True)
            if self.time.month == 1:
                return False
        return True

    def day(self, fields: Fields) -> bool:
        while not fields.weekdays_of(self.time.day) >> self.time.isoweekday() % 7 & 1:
            if not self.moved:
                self.time = _wall(self.time, hour=0)
            self.moved = True
            self.time = _wall(self.time, day=self.time.day + 1, keep_clock=True)
            # Midnight may not exist where the clock is put forward at midnight.
            if self.time.hour:
                hours = 24 - self.time.hour if self.time.hour > 12 else -self.time.hour
                self.time = _later(self.time, timedelta(hours=hours))
            if self.time.day == 1:
                return False
        return True

    def hour(self, fields: Fields) -> bool:
        while not fields.hours >> self.time.hour & 1:
            if not self.moved:
                self.time = _wall(self.time)
            self.moved = True
            self.time = _later(self.time, timedelta(hours=1))
            if self.time.hour == 0:
                return False
        return True

    def minute(self, fields: Fields) -> bool:
        while not fields.minutes >> self.time.minute & 1:
            if not self.moved:
                self.time = _later(self.time, -timedelta(seconds=self.time.second))
            self.moved = True
            self.time = _later(self.time, timedelta(minutes=1))
            if self.time.minute == 0:
                return False
        if self.time.second == 0:
            return True
        self.moved = True
        self.time = _later(self.time, timedelta(seconds=60 - self.time.second))
        return False


def _later(time: datetime, by: timedelta) -> datetime:
    return (time.astimezone(UTC) + by).astimezone(time.tzinfo)


def _wall(
    time: datetime,
    month: int | None = None,
    day: int | None = None,
    hour: int | None = None,
    *,
    keep_clock: bool = False,
) -> datetime:
    """The same zone's time with other fields, on the full hour unless the clock is kept; 13 is the next January.

    A wall-clock time that does not exist, or exists twice, is resolved as Go's time.Date resolves it: with the offset
    that the zone has at that number of seconds in UTC, corrected once.
    """
    month = time.month if month is None else month
    start = datetime(time.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    clock = timedelta(hours=time.hour if hour is None else hour)
    if keep_clock:
        clock += timedelta(minutes=time.minute, seconds=time.second)
    wall = (start + timedelta(days=(time.day if day is None else day) - 1) + clock).replace(tzinfo=UTC)
    offset = _offset(wall, time.tzinfo)
    if offset:
        offset = _offset(wall - offset, time.tzinfo)
    return (wall - offset).astimezone(time.tzinfo)


def _offset(moment: datetime, zone: tzinfo | None) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
