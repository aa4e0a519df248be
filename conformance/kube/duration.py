"""Durations: Go's `1h30m` and Prometheus' `30d`, as exact seconds.

Kubernetes fields of type metav1.Duration and most controllers (Argo CD, Flux, cert-manager, Velero) take Go durations,
which know no unit longer than the hour. Prometheus and what grew around it (rules, retention flags, Helm values of
Loki, Thanos, Mimir) take days, weeks and years too. `30d` in a Go field is an error, and so is `1.5h` in a rule.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_GO_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\N{MICRO SIGN}s": 10**3,
    "\N{GREEK SMALL LETTER MU}s": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DAY = 24 * 3600 * 10**9
# From the longest to the shortest, the only order that Prometheus accepts. A year has 365 days.
_PROMETHEUS_UNITS = {
    "y": 365 * _DAY,
    "w": 7 * _DAY,
    "d": _DAY,
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
}
_GO_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]+)")
_PROMETHEUS_PART = re.compile(r"([0-9]+)([^0-9]+)")
_LONGEST = 2**63 - 1


class DurationError(ValueError):
    """Not a duration in the notation that was asked for."""


def parse(text: object) -> Decimal:
    """Seconds of a duration in either notation: `720h`, `30d` and `2592000s` are equal.

    For comparing by meaning, where the field's own parser is not known. Where both notations accept a text they agree
    on it. Use `parse_go` or `parse_prometheus` to learn whether one certain reader would accept it.

    Raises `DurationError`; a bare number has no unit and is no duration, except `0`.
    """
    if isinstance(text, str) and (nanoseconds := _prometheus(text)) is not None:
        return _seconds(nanoseconds)
    if isinstance(text, str) and (nanoseconds := _go(text)) is not None:
        return _seconds(nanoseconds)
    raise DurationError(f"not a duration: {_shown(text)}")


def parse_go(text: object) -> Decimal:
    """Seconds of a Go duration, exactly as time.ParseDuration reads it: `1h30m`, `500ms`, `1.5h`, `-2m`, `0`.

    Units are ns, us (µs), ms, s, m and h, in any order; there is no day. Up to about 292 years.
    Source of the rule: metav1.Duration, https://pkg.go.dev/time#ParseDuration

    Raises `DurationError`.
    """
    nanoseconds = _go(text) if isinstance(text, str) else None
    if nanoseconds is None:
        raise DurationError(f"not a Go duration: {_shown(text)}")
    return _seconds(nanoseconds)


def parse_prometheus(text: object) -> Decimal:
    """Seconds of a Prometheus duration: `30d`, `2w`, `1y`, `1h30m`; `m` is a minute, `ms` a millisecond, `y` 365 days.

    Whole numbers only, each unit once, longer units first, no sign. Up to about 292 years.
    Source of the rule: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#duration

    Raises `DurationError`.
    """
    nanoseconds = _prometheus(text) if isinstance(text, str) else None
    if nanoseconds is None:
        raise DurationError(f"not a Prometheus duration: {_shown(text)}")
    return _seconds(nanoseconds)


def equal(left: object, right: object) -> bool:
    """Whether two durations are equally long: `30d` and `720h` are.

    Raises `DurationError` when either is no duration.
    """
    return parse(left) == parse(right)


def _seconds(nanoseconds: int) -> Decimal:
    return Decimal(nanoseconds).scaleb(-9)


def _shown(text: object) -> str:
    return repr(text)[:60]


@lru_cache(maxsize=2048)
def _go(text: str) -> int | None:
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = position = 0
    while position < len(rest):
        found = _GO_PART.match(rest, position)
        if found is None:
            return None
        position = found.end()
        part = _go_part(found.group(1), (found.group(2) or "")[1:], found.group(3))
        if part is None:
            return None
        total += part
        if total > _LONGEST + 1:
            return None
    # The most negative duration is one nanosecond longer than the most positive one.
    return None if not rest or total > _LONGEST + (sign < 0) else sign * total


def _go_part(whole: str, fraction: str, unit: str) -> int | None:
    nanoseconds = _GO_UNITS.get(unit)
    if nanoseconds is None or not (whole or fraction) or len(whole.lstrip("0")) > 19:
        return None
    amount = int(Decimal(whole or "0")) * nanoseconds
    if fraction:
        amount += _fraction(fraction, nanoseconds)
    return amount if amount <= _LONGEST + 1 else None


def _fraction(digits: str, nanoseconds: int) -> int:
    # Go computes this in float64 and cuts; digits that no longer fit into 63 bits are dropped.
    kept, scale = 0, 1.0
    for digit in digits:
        if kept > _LONGEST // 10 or kept * 10 + int(digit) > _LONGEST + 1:
            break
        kept, scale = kept * 10 + int(digit), scale * 10
    return int(float(kept) * (float(nanoseconds) / scale))


@lru_cache(maxsize=2048)
def _prometheus(text: str) -> int | None:
    if text == "0":
        return 0
    total = position = 0
    allowed = list(_PROMETHEUS_UNITS)
    while position < len(text):
        found = _PROMETHEUS_PART.match(text, position)
        if found is None or found.group(2) not in allowed or len(found.group(1).lstrip("0")) > 19:
            return None
        position = found.end()
        allowed = allowed[allowed.index(found.group(2)) + 1 :]
        total += int(Decimal(found.group(1))) * _PROMETHEUS_UNITS[found.group(2)]
    return total if text and total <= _LONGEST else None
