"""Periods as people write them into tables: `15분 이내`, `within 2 hours`, `30m`."""

from __future__ import annotations

import re

from conformance.kube import duration

_UNITS = {
    "분": 1, "시간": 60, "일": 1440, "주": 10080,
    "minute": 1, "minutes": 1, "min": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440,
}  # fmt: skip
_PERIOD = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([^\W\d_]+)")
_WITHIN = re.compile(r"\s*(?:이내|내|within)\s*")


def minutes(text: object) -> float | None:
    """The minutes of a period; None for what is no period. `이내` and `within` change nothing; a bare number is none.

    Parts add up: `1시간 30분` is 90.
    """
    if not isinstance(text, str):
        return None
    plain = _WITHIN.sub(" ", text).strip()
    parts = _PERIOD.findall(plain)
    if parts and not _PERIOD.sub("", plain).strip() and all(unit in _UNITS for _, unit in parts):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        return float(duration.parse(plain)) / 60 if parts else None
    except ValueError:
        return None
