"""Sets of ports: which protocol, which numbers.

All three protocols lie on one line of numbers, so that one kind of range serves them all. ICMP has no ports and is not
modelled: a rule that speaks of ICMP alone opens no port.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from conformance.network.intervals import Ranges, contains, difference, intersection, normal

PROTOCOLS = ("TCP", "UDP", "SCTP")
LAST = 65535
_SPAN = LAST + 1
_START = {name: index * _SPAN for index, name in enumerate(PROTOCOLS)}
_TEXT = re.compile(r"(?:([A-Za-z]+)/)?(\d+)(?:-(\d+))?(?:/([A-Za-z]+))?\Z")


class PortSet:
    """An immutable set of (protocol, port). Equal sets are equal objects to a dict."""

    __slots__ = ("_hash", "ranges")

    def __init__(self, ranges: Ranges = ()) -> None:
        #: normal ranges on the line of all protocols; make sets with `ports`, `span` or `parse`
        self.ranges = ranges
        self._hash = hash(ranges)

    def __or__(self, other: PortSet) -> PortSet:
        return _union(self, other)

    def __and__(self, other: PortSet) -> PortSet:
        return _intersection(self, other)

    def __sub__(self, other: PortSet) -> PortSet:
        return _difference(self, other)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PortSet) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return self._hash

    def covers(self, other: PortSet) -> bool:
        """Whether every port of the other set is in this one."""
        return not other - self

    def has(self, protocol: str, port: int) -> bool:
        """Whether a port is in the set."""
        return contains(self.ranges, _START[protocol] + port)

    def words(self) -> list[str]:
        """`TCP/80`, `TCP/8000-8010`, in the order TCP, UDP, SCTP."""
        return [
            f"{name}/{low}" if low == high else f"{name}/{low}-{high}"
            for name in PROTOCOLS
            for low, high in self.of(name)
        ]

    def of(self, protocol: str) -> Ranges:
        """The port numbers of one protocol."""
        start = _START[protocol]
        return tuple((low - start, high - start) for low, high in self.ranges if start <= low < start + _SPAN)

    def __str__(self) -> str:
        return "every port" if self == ALL else ", ".join(self.words()) or "no port"

    __repr__ = __str__


# The sets of one run are few and meet again and again.
@lru_cache(maxsize=100_000)
def _union(one: PortSet, other: PortSet) -> PortSet:
    return PortSet(normal((*one.ranges, *other.ranges)))


@lru_cache(maxsize=100_000)
def _intersection(one: PortSet, other: PortSet) -> PortSet:
    return PortSet(intersection(one.ranges, other.ranges))


@lru_cache(maxsize=100_000)
def _difference(one: PortSet, other: PortSet) -> PortSet:
    return PortSet(difference(one.ranges, other.ranges))


def span(protocol: str, low: int = 1, high: int = LAST) -> PortSet:
    """Ports of one protocol, both ends included; raises KeyError for a protocol without ports."""
    start = _START[protocol]
    return PortSet(normal([(start + max(low, 1), start + min(high, LAST))]))


def ports(*words: str) -> PortSet:
    """A set from words such as `TCP/80`; see `parse`."""
    return union(parse(each) for each in words)


def union(sets: Iterable[PortSet]) -> PortSet:
    """Everything that one of the sets has."""
    return PortSet(normal(each for one in sets for each in one.ranges))


def parse(text: str) -> PortSet:
    """`TCP/80`, `53/UDP`, `8000-8010`: TCP where no protocol is said. Raises ValueError."""
    found = _TEXT.match(text)
    if found is None or (found[1] and found[4]):
        raise ValueError(f"{text!r} is no port such as 5432, TCP/5432 or UDP/8000-8010")
    protocol, low = (found[1] or found[4] or "TCP").upper(), int(found[2])
    high = int(found[3]) if found[3] else low
    if protocol not in PROTOCOLS:
        raise ValueError(f"{text!r}: the protocol is none of {', '.join(PROTOCOLS)}")
    if not 1 <= low <= high <= LAST:
        raise ValueError(f"{text!r}: ports lie between 1 and {LAST}, the smaller first")
    return span(protocol, low, high)


NONE = PortSet()
ALL = union(span(name) for name in PROTOCOLS)
