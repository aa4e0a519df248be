"""The string formats an API server insists on, judged as its own libraries judge them.

Built-in types know quantities, base64 and times; custom resources may ask for the formats of
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation.
A format that is not listed here is not enforced, neither by the server nor by us.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import date
from ipaddress import AddressValueError, IPv4Address, IPv6Address, NetmaskValueError, ip_interface

from conformance.kube import duration, quantity

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,]([0-9]+))?"
    r"(?:Z|[+-]([01][0-9]|2[0-4]):([0-5][0-9]|60))\Z"
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_AMOUNT_OF_TIME = re.compile(r"[0-9]+\s*([A-Za-zµ]+)")
_TIME_UNITS = frozenset(["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"])
_LONG_TIME_UNITS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\Z", re.IGNORECASE)
_MAC = re.compile(
    r"([0-9a-f]{2}([:-][0-9a-f]{2}){5}(([:-][0-9a-f]{2}){2}|([:-][0-9a-f]{2}){14})?"
    r"|[0-9a-f]{4}(\.[0-9a-f]{4}){2}((\.[0-9a-f]{4})|(\.[0-9a-f]{4}){7})?)\Z",
    re.IGNORECASE,
)
_HOSTNAME = re.compile(r"([^\W_](-?[^\W_]{0,62})?|([^\W_]([^\W_]|-){0,61}[^\W_]\.|[^\W_]\.)+[^\W\d_]{2,63})\Z")
_URI = re.compile(r"(/|[A-Za-z][A-Za-z0-9+.-]*:(?!//[^/?#]*[\s<>\"]))[^\x00-\x1f\x7f]*\Z")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EMAIL = re.compile(r"([^<>]*<)?[^\s<>@,]+@[^\s<>@,]+>?\s*\Z")


def is_quantity(text: str) -> bool:
    """`100m`, `1.5Gi`; the server trims surrounding spaces before it reads a quantity out of JSON."""
    try:
        quantity.parse(text.strip())
    except quantity.QuantityError:
        return False
    return True


def is_byte(text: str) -> bool:
    """Standard base64 with padding, as Go's encoding/json reads it into bytes: line breaks do not count."""
    try:
        binascii.a2b_base64(text.replace("\r", "").replace("\n", ""), strict_mode=True)
    except (binascii.Error, ValueError):
        return False
    return True


def is_encoded(text: str) -> bool:
    """`byte` of a custom resource: base64 that is neither empty nor broken into lines."""
    return bool(text) and "\n" not in text and "\r" not in text and is_byte(text)


def is_time(text: str) -> bool:
    """RFC 3339 with a zone; `2024-01-01` and a time without zone are errors."""
    found = _RFC3339.match(text)
    return found is not None and _is_day(found)


def is_micro_time(text: str) -> bool:
    """`metav1.MicroTime`, as in a Lease: a time with exactly six digits behind the second."""
    found = _RFC3339.match(text)
    return found is not None and _is_day(found) and len(found.group(5) or "") == 6


def is_written_time(text: str) -> bool:
    """`date-time` of a custom resource: RFC 3339 in which `t` and `z` may be small."""
    return is_time(text.upper())


def is_date(text: str) -> bool:
    """A day, `2024-01-31`."""
    found = _DATE.match(text)
    return found is not None and _is_day(found)


def _is_day(found: re.Match[str]) -> bool:
    year, month, day = (int(found.group(number)) for number in (1, 2, 3))
    try:
        # The calendar repeats after 400 years; Go knows a year 0, Python does not.
        date(year or 400, month, day)
    except ValueError:
        return False
    return True


def is_duration(text: str) -> bool:
    """Go's `1h30m`, or anything with a number and a unit of time in it: `3 weeks`, `P1D`. `1y` and `5` are errors."""
    try:
        duration.parse_go(text)
    except ValueError:
        units = (found.lower() for found in _AMOUNT_OF_TIME.findall(text))
        return any(unit in _TIME_UNITS or unit.startswith(_LONG_TIME_UNITS) for unit in units)
    return True


def is_ipv4(text: str) -> bool:
    """Dotted IPv4; the server takes leading zeros."""
    try:
        IPv4Address(re.sub(r"\b0+(?=[0-9])", "", text))
    except AddressValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """IPv6 without a zone."""
    try:
        return "%" not in text and bool(IPv6Address(text))
    except AddressValueError:
        return False


def is_cidr(text: str) -> bool:
    """An address and a prefix length; bits may be set behind the prefix."""
    address, slash, length = text.partition("/")
    try:
        return bool(slash) and length.isdecimal() and bool(ip_interface(text)) and "%" not in address
    except (AddressValueError, NetmaskValueError, ValueError):
        return False


def is_uri(text: str) -> bool:
    """What an HTTP request may ask for: an absolute URI or an absolute path, never a bare name."""
    return bool(_URI.match(text)) and not _ESCAPE.search(text)


_CUSTOM: dict[str, Callable[[str], bool]] = {
    "byte": is_encoded,
    "date": is_date,
    "date-time": is_written_time,
    "datetime": is_written_time,
    "duration": is_duration,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "cidr": is_cidr,
    "uri": is_uri,
    "email": lambda text: bool(_EMAIL.match(text)),
    "uuid": lambda text: bool(_UUID.match(text)),
    "hostname": lambda text: bool(_HOSTNAME.match(text)),
    "mac": lambda text: bool(_MAC.match(text)),
}
_PREFIX = "custom-"
#: Every format that a schema of ours may name. Those of custom resources have names of their own, because the same word
#: means a little less or more there.
FORMATS: dict[str, Callable[[str], bool]] = {
    "quantity": is_quantity,
    "byte": is_byte,
    "date-time": is_time,
    "micro-time": is_micro_time,
} | {_PREFIX + name: judge for name, judge in _CUSTOM.items()}

_WORDS = {
    "quantity": "a quantity such as 100m or 1.5Gi",
    "byte": "base64",
    "date": "a day such as 2024-01-31",
    "date-time": "a time such as 2024-01-31T12:00:00Z",
    "micro-time": "a time such as 2024-01-31T12:00:00.000000Z",
    "datetime": "a time such as 2024-01-31T12:00:00Z",
    "duration": "a duration such as 1h30m",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "cidr": "an address range such as 10.0.0.0/8",
    "uri": "an absolute URI or path",
    "email": "an e-mail address",
    "uuid": "a UUID",
    "hostname": "a host name",
    "mac": "a MAC address",
}


def custom(name: str) -> str | None:
    """The format of ours that judges a format of a custom resource; None when the server does not enforce it."""
    return _PREFIX + name if name in _CUSTOM else None


def words(name: str) -> str:
    """What a format asks for, in words."""
    return _WORDS.get(name.removeprefix(_PREFIX), name)
