"""The five fields of a cron schedule, read as robfig/cron v3 reads them (parser.go, getField and getRange)."""

from __future__ import annotations

import re
from typing import NamedTuple

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class CronError(ValueError):
    """Not a schedule, or not a time zone: the API server refuses the CronJob."""


class Fields(NamedTuple):
    """The five fields as bits: bit 0 is minute 0, hour 0 or Sunday; bit 1 is the first of the month or January."""

    minutes: int
    hours: int
    days: int
    months: int
    weekdays: int
    #: Whether a day field is `*`: then both must match, else either is enough.
    any_day: bool

    def weekdays_of(self, day: int) -> int:
        """Weekdays, as bits from Sunday, on which this day of a month fires."""
        matches = self.days >> day & 1
        if self.any_day:
            return self.weekdays if matches else 0
        return 0b1111111 if matches else self.weekdays


#: Fields that never match.
NOTHING = Fields(0, 0, 0, 0, 0, any_day=True)


class _Bounds(NamedTuple):
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_BOUNDS = (
    _Bounds("minute", 0, 59),
    _Bounds("hour", 0, 23),
    _Bounds("day of month", 1, 31),
    _Bounds("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Bounds("day of week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_STAR = 1 << 63


def parse(text: str) -> Fields:
    """The fields of `0 2 * * *` or of a descriptor such as `@daily`. Raises `CronError`."""
    words = _DESCRIPTORS.get(text, text).split()
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise CronError(f"not a schedule: unknown descriptor {text[:60]!r}")
    # Python takes four separator characters for spaces that Go does not.
    if len(words) != len(_BOUNDS) or any(mark in text for mark in "\x1c\x1d\x1e\x1f"):
        raise CronError(f"not a schedule: {text[:60]!r} has {len(words)} fields instead of 5")
    minutes, hours, days, months, weekdays = (_field(word, bounds) for word, bounds in zip(words, _BOUNDS, strict=True))
    any_day = bool((days | weekdays) & _STAR)
    return Fields(minutes & ~_STAR, hours & ~_STAR, days & ~_STAR, months & ~_STAR, weekdays & ~_STAR, any_day)


def _field(text: str, bounds: _Bounds) -> int:
    mask = 0
    for part in text.split(","):
        # Empty parts are skipped; a field of commas only is valid and matches nothing.
        if part:
            mask |= _range(part, bounds)
    return mask


def _range(text: str, bounds: _Bounds) -> int:
    """Bits of `*`, `N`, `N-M`, each with an optional `/step`. Whatever follows `*-` is ignored, as in the Go code."""
    span, slash, step_text = text.partition("/")
    first, hyphen, last = span.partition("-")
    star = first in ("*", "?")
    if star:
        low, high = bounds.lowest, bounds.highest
    else:
        low = _number(first, bounds)
        high = _number(last, bounds) if hyphen else bounds.highest if slash else low
    step = _integer(step_text, text) if slash else 1
    if low < bounds.lowest or high > bounds.highest or low > high or step == 0:
        raise CronError(
            f"not a schedule: {text[:60]!r} is no range of {bounds.lowest}-{bounds.highest} for the {bounds.name}"
        )
    mask = sum(1 << value for value in range(low, high + 1, step))
    return mask | _STAR if star and step == 1 else mask


def _number(text: str, bounds: _Bounds) -> int:
    name = text.lower()
    return bounds.names.index(name) + bounds.lowest if name in bounds.names else _integer(text, text)


def _integer(text: str, shown: str) -> int:
    # strconv.Atoi takes a plus sign, any number of leading zeros, and what fits into 63 bits.
    digits = text.lstrip("+0") or "0"
    if not re.fullmatch(r"\+?[0-9]+", text) or len(digits) > 19 or int(digits) >= 2**63:
        raise CronError(f"not a schedule: {shown[:60]!r} is no number")
    return int(digits)
