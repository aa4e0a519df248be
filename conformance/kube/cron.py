"""CronJob schedules, read as the CronJob controller reads them: robfig/cron v3, ParseStandard.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from conformance.kube import cron_clock, cron_fields
from conformance.kube.cron_fields import CronError
from conformance.kube.duration import DurationError, parse_go

__all__ = ["CronError", "Schedule"]

_DAY_MINUTES = 24 * 60
# Weekdays and leap years repeat after 28 years. 2100, which is no leap year, is not looked at.
_CYCLE_YEARS = range(2001, 2029)
_CYCLE_DAYS = 28 * 365 + 7
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}\Z")


class Schedule:
    """When a CronJob runs. Make one with `Schedule.parse`.

    Two schedules are equal when they fire at the same times, whatever their text: `0 2 * * *`, `00 02 * * *` and
    `0 2 * * 0-6` are equal, and `0 3 * * *` in Asia/Seoul equals `0 18 * * *` in UTC. No time zone counts as UTC, the
    zone of nearly every kube-controller-manager. Zones with summer time are the same only under the same name. `@every`
    equals only another `@every`: it counts from the last run, not from the clock.
    """

    __slots__ = ("_days", "every", "fields", "text", "time_zone", "zone", "zone_in_text")

    def __init__(self, text: str, time_zone: str | None) -> None:
        self.text = text
        #: The API server refuses a new CronJob that names its zone in the schedule; `spec.timeZone` is the place.
        self.zone_in_text = text.startswith(("TZ=", "CRON_TZ="))
        if time_zone is not None:
            _check_zone_name(time_zone)
        if self.zone_in_text:
            prefix, space, text = text.partition(" ")
            if not space:
                raise CronError(f"not a schedule: {self.text[:60]!r} has nothing but a time zone")
            time_zone = prefix.partition("=")[2] or "UTC"
        #: Name of the zone that counts, None for the zone of the kube-controller-manager.
        self.time_zone = None if time_zone == "Local" else time_zone
        self.zone = None if self.time_zone is None else _load_zone(self.time_zone)
        #: Seconds between runs of an `@every`, which never fires more often than once a second.
        self.every: int | None = None
        self.fields = cron_fields.NOTHING
        self._days: tuple[int, ...] | None = None
        self._read(text.strip() if self.zone_in_text else text)

    @classmethod
    def parse(cls, text: object, time_zone: str | None = None) -> Schedule:
        """The schedule of a text such as `0 2 * * 1-5`, `@daily` or `@every 1h30m` and of `spec.timeZone`.

        Traps: Sunday is 0 and never 7; there are no seconds, no `L`, `#`, `W`, `@reboot`; ranges do not wrap (`5-1`);
        a step may be longer than its range (`*/61` is `0`); `?` is `*`. When both day fields are restricted, a day that
        matches either one fires (`0 2 1 * 1`: the first of the month and every Monday); a field counts as unrestricted
        only when it has a `*`, `?` or `*/1`, so `1-31` is a restriction, and so is `*/2`.

        A `TZ=` or `CRON_TZ=` in the text wins over the argument, as it does for the controller; see `zone_in_text`.

        Raises `CronError` for what the API server calls invalid, except that prefix. A date that never comes
        (31 February) is valid; see `never_fires`.
        """
        if not isinstance(text, str):
            raise CronError(f"a schedule is a string, not {text!r}")
        return _parse(text, time_zone)

    @classmethod
    def daily_at(cls, hour: int, minute: int = 0, time_zone: str | None = None) -> Schedule:
        """The schedule that fires once a day at this time, to compare others with."""
        return _parse(f"{minute} {hour} * * *", time_zone)

    @property
    def never_fires(self) -> bool:
        """Whether no date ever matches, as in `0 0 31 2 *`: the API server accepts that and the job never runs."""
        return self.every is None and not (self.fields.minutes and self.fields.hours and self.days)

    @property
    def days(self) -> tuple[int, ...]:
        """Ordinals of the days that fire, in a whole cycle of the calendar: 28 years from 2001. Empty for `@every`."""
        if self._days is None:
            self._days = tuple(_matching_days(self.fields)) if self.every is None else ()
        return self._days

    def next_after(self, moment: datetime) -> datetime | None:
        """The first run later than a moment, in the moment's own zone; None when there is none within five years.

        Where the clock is put forward, a time that does not exist is skipped that day; where it is put back, an hour
        that comes twice fires twice. That is what robfig/cron does. Raises `ValueError` for a moment without a zone.
        """
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        if self.every is not None:
            later = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=self.every)
            return later.astimezone(moment.tzinfo)
        if self.never_fires:
            return None
        found = cron_clock.next_time(self.fields, moment.astimezone(self.zone or moment.tzinfo))
        return None if found is None else found.astimezone(moment.tzinfo)

    def fires(self, after: datetime) -> Iterator[datetime]:
        """The runs after a moment, one by one; ends where `next_after` finds none."""
        following = self.next_after(after)
        while following is not None:
            yield following
            following = self.next_after(following)

    def gaps(self, after: datetime, count: int) -> list[timedelta]:
        """Real time between the next `count + 1` runs, summer time included; fewer when the schedule ends."""
        runs = [run.astimezone(UTC) for run, _ in zip(self.fires(after), range(count + 1), strict=False)]
        return [later - earlier for earlier, later in pairwise(runs)]

    def largest_gap(self) -> timedelta | None:
        """The longest time between two runs by the wall clock; None when the schedule never fires.

        `0 2 * * 1-5` has three days, `@yearly` 366, 29 February four years and a day less. Summer time is left out: by
        the real clock a gap may be an hour longer, and a whole period longer where the run falls into the hour that is
        skipped; `gaps` knows.
        """
        if self.every is not None:
            return timedelta(seconds=self.every)
        if self.never_fires:
            return None
        mask = self._minute_mask()
        times = [minute for minute in range(_DAY_MINUTES) if mask >> minute & 1]
        nights = max(later - earlier for earlier, later in pairwise((*self.days, self.days[0] + _CYCLE_DAYS)))
        longest = nights * _DAY_MINUTES + times[0] - times[-1]
        return timedelta(minutes=max([longest, *(later - earlier for earlier, later in pairwise(times))]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        if self.every is not None or other.every is not None:
            return self.every == other.every
        if self.never_fires or other.never_fires:
            return self.never_fires and other.never_fires
        if (self.time_zone or "UTC") == (other.time_zone or "UTC"):
            return self._minute_mask() == other._minute_mask() and self.days == other.days
        offset, other_offset = _fixed_offset(self.time_zone), _fixed_offset(other.time_zone)
        if offset is None or other_offset is None:
            return False
        return self._utc_minutes(offset) == other._utc_minutes(other_offset)

    def __hash__(self) -> int:
        # Shifting to another zone changes when a schedule fires, never how often.
        return hash((self.every, self._minute_mask().bit_count() * len(self.days)))

    def __repr__(self) -> str:
        return f"Schedule({self.text!r}, {self.time_zone!r})"

    def _read(self, text: str) -> None:
        if text.startswith("@every "):
            try:
                self.every = max(1, int(parse_go(text.removeprefix("@every "))))
            except DurationError as error:
                raise CronError(f"not a schedule: {self.text[:60]!r}: {error}") from None
            return
        self.fields = cron_fields.parse(text)

    def _minute_mask(self) -> int:
        """Minutes of a firing day as bits."""
        return sum(self.fields.minutes << 60 * hour for hour in range(24) if self.fields.hours >> hour & 1)

    def _utc_minutes(self, offset: int) -> dict[int, int]:
        """Minutes that fire in UTC as bits, by day of the cycle, for a zone so many minutes ahead of UTC."""
        shifted = self._minute_mask() << _DAY_MINUTES - offset
        found: dict[int, int] = {}
        for days_later in (-1, 0, 1):
            minutes = shifted >> (days_later + 1) * _DAY_MINUTES & (1 << _DAY_MINUTES) - 1
            for day in self.days if minutes else ():
                index = (day + days_later) % _CYCLE_DAYS
                found[index] = found.get(index, 0) | minutes
        return found


@lru_cache(maxsize=1024)
def _parse(text: str, time_zone: str | None) -> Schedule:
    return Schedule(text, time_zone)


def _matching_days(fields: cron_fields.Fields) -> Iterator[int]:
    by_day = [fields.weekdays_of(day) for day in range(1, 32)]
    for year in _CYCLE_YEARS:
        leap = year % 4 == 0
        for month, length in enumerate(_MONTH_LENGTHS, 1):
            if fields.months >> month & 1:
                first = date(year, month, 1).toordinal()
                days = length if month != 2 or leap else 28
                # date.toordinal() % 7 is the weekday with Sunday as 0, as cron counts.
                yield from (first + i for i in range(days) if by_day[i] >> (first + i) % 7 & 1)


def _check_zone_name(name: str) -> None:
    """The rules of CronJob validation, which are stricter than loading a zone."""
    parts = name.split("/")
    if name.lower() == "local" or any(part in (".", "..") or not _ZONE_PART.match(part) for part in parts):
        raise CronError(f"not a time zone: {name[:60]!r}")


@lru_cache(maxsize=256)
def _load_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A directory (`Europe`), a path outside of the database, a file that is no zone, an unknown name.
    except (OSError, ValueError, KeyError):
        raise CronError(f"not a time zone: {name[:60]!r}") from None


@lru_cache(maxsize=256)
def _fixed_offset(name: str | None) -> int | None:
    """Minutes ahead of UTC of a zone without summer time; None when its offset changes within a dozen years."""
    if name is None:
        return 0
    zone, start = _load_zone(name), datetime(2025, 1, 1, tzinfo=UTC)
    offsets = {(start + timedelta(days=10 * i)).astimezone(zone).utcoffset() for i in range(440)}
    offset = offsets.pop()
    return None if offsets or offset is None else int(offset.total_seconds()) // 60
