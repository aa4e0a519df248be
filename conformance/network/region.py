"""Which ports are open towards which peers: peers are bits of a whole number, so that thousands are handled at once."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.network.ports import ALL, NONE, PortSet

Mask = int


def bits(mask: Mask) -> Iterator[int]:
    """The numbers of the bits that are set, the smallest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class Region:
    """Peers by the ports that are open to them. Each peer stands under one port set; peers without a port are left out.

    A mutable accumulator: `add` and `take` change it.
    """

    __slots__ = ("by_ports",)

    def __init__(self, by_ports: dict[PortSet, Mask] | None = None) -> None:
        self.by_ports = by_ports or {}

    @classmethod
    def full(cls, everyone: Mask) -> Region:
        """Every port for everyone."""
        return cls({ALL: everyone} if everyone else {})

    def add(self, peers: Mask, ports: PortSet) -> None:
        """Open ports to peers."""
        if not ports:
            return
        changed: dict[PortSet, Mask] = {}
        for known, mask in self.by_ports.items():
            both = mask & peers
            _put(changed, known | ports, both)
            _put(changed, known, mask & ~peers)
            peers &= ~both
        _put(changed, ports, peers)
        self.by_ports = changed

    def take(self, peers: Mask, ports: PortSet) -> Region:
        """Close ports to peers; answers what was open of them."""
        taken: dict[PortSet, Mask] = {}
        changed: dict[PortSet, Mask] = {}
        for known, mask in self.by_ports.items():
            both = mask & peers
            _put(changed, known, mask & ~peers)
            if both:
                _put(taken, known & ports, both)
                _put(changed, known - ports, both)
        self.by_ports = changed
        return Region(taken)

    def merge(self, other: Region) -> None:
        """Open what another region has open."""
        for ports, mask in other.by_ports.items():
            self.add(mask, ports)

    def within(self, other: Region) -> Region:
        """What both have open."""
        found: dict[PortSet, Mask] = {}
        for ports, mask in self.by_ports.items():
            for others, other_mask in other.by_ports.items():
                if mask & other_mask:
                    _put(found, ports & others, mask & other_mask)
        return Region(found)

    def ports_of(self, peer: int) -> PortSet:
        """What is open to one peer, by the number of its bit."""
        return next((ports for ports, mask in self.by_ports.items() if mask >> peer & 1), NONE)


def _put(target: dict[PortSet, Mask], ports: PortSet, mask: Mask) -> None:
    if mask and ports:
        target[ports] = target.get(ports, 0) | mask
