"""Sets of addresses outside the cluster, and how all sets of a run divide the outside into parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range

from conformance.network.intervals import Ranges, contains, difference, intersection, normal

_V4_END = 2**32
#: IPv4 first, then IPv6, on one line
_END = _V4_END + 2**128


class Addresses:
    """An immutable set of IPv4 and IPv6 addresses."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: Ranges = ()) -> None:
        self.ranges = ranges

    def __or__(self, other: Addresses) -> Addresses:
        return Addresses(normal((*self.ranges, *other.ranges)))

    def __and__(self, other: Addresses) -> Addresses:
        return Addresses(intersection(self.ranges, other.ranges))

    def __sub__(self, other: Addresses) -> Addresses:
        return Addresses(difference(self.ranges, other.ranges))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Addresses) and self.ranges == other.ranges

    def __hash__(self) -> int:
        return hash(self.ranges)

    def covers(self, other: Addresses) -> bool:
        """Whether every address of the other set is in this one."""
        return not other - self

    def has(self, address: str) -> bool:
        """Whether an address is in the set; raises ValueError for what is no address."""
        found = ip_address(address)
        return contains(self.ranges, int(found) + (_V4_END if found.version == 6 else 0))

    def words(self) -> list[str]:
        """The fewest CIDR blocks that make up the set."""
        return [str(block) for low, high in self.ranges for block in _blocks(low, high)]

    def __str__(self) -> str:
        return ", ".join(self.words())

    __repr__ = __str__


EVERYWHERE = Addresses(((0, _END - 1),))
NOWHERE = Addresses()


def block(cidr: str, excepted: Iterable[str] = ()) -> Addresses:
    """A CIDR block without some others; host bits that are set are passed over, as the API server does.

    Raises ValueError for what is no block. An address alone is a block of one, as Cilium has it.
    """
    whole = _block(cidr)
    for each in excepted:
        whole = whole - _block(each)
    return whole


def _block(cidr: str) -> Addresses:
    network = ip_network(cidr, strict=False)
    start = _V4_END if network.version == 6 else 0
    return Addresses(((start + int(network.network_address), start + int(network.broadcast_address)),))


def _blocks(low: int, high: int) -> Iterator[object]:
    # EVERYWHERE and its like run over the border of the families.
    if low < _V4_END:
        yield from summarize_address_range(IPv4Address(low), IPv4Address(min(high, _V4_END - 1)))
    if high >= _V4_END:
        first = IPv6Address(max(low, _V4_END) - _V4_END)
        yield from summarize_address_range(first, IPv6Address(high - _V4_END))


#: A node has one of these addresses, as a rule; no manifest says which.
PRIVATE = block("10.0.0.0/8") | block("172.16.0.0/12") | block("192.168.0.0/16")


def parts(sets: Sequence[Addresses]) -> list[tuple[Addresses, int]]:
    """The outside divided so that each part lies wholly inside or outside of every set; with it the bits of the sets
    (bit N for `sets[N]`) that the part lies in. Every address belongs to exactly one part.
    """
    cuts = sorted({0, _END, *(cut for each in sets for low, high in each.ranges for cut in (low, high + 1))})
    place = {cut: index for index, cut in enumerate(cuts)}
    held = [0] * (len(cuts) - 1)
    for number, each in enumerate(sets):
        for low, high in each.ranges:
            for index in range(place[low], place[high + 1]):
                held[index] |= 1 << number
    pieces: dict[int, list[tuple[int, int]]] = {}
    for index, bits in enumerate(held):
        pieces.setdefault(bits, []).append((cuts[index], cuts[index + 1] - 1))
    return [(Addresses(normal(ranges)), bits) for bits, ranges in pieces.items()]
