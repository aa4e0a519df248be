"""Everyone, as bits: the population inside the cluster, then the parts of the outside, then the names there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from conformance.network.addresses import Addresses, block, parts
from conformance.network.population import Population
from conformance.network.region import Mask, bits
from conformance.network.rule import Peers, Section

#: stands for every name that no rule speaks of
_UNSPOKEN = ""


class Universe:
    """Gives every rule its peers as bits. The outside is divided by the address blocks that the rules name."""

    def __init__(self, population: Population, sections: Sequence[Section]) -> None:
        rules = [rule for section in sections for rule in section.rules]
        sets = list(dict.fromkeys(rule.peers.outside for rule in rules))
        names = [*sorted({name for rule in rules for name in rule.peers.names} - {"*"}), _UNSPOKEN]
        self._first = population.inside.bit_length()
        #: the parts of the outside, each a bit
        self.outside = parts(sets)
        #: patterns of names, each a bit after them
        self.names = names
        self._by_set = {each: self._bits_of(number) for number, each in enumerate(sets)}
        self.addresses: Mask = self._shifted(range(len(self.outside)))
        self.everyone: Mask = population.inside | self.addresses | self._shifted(self._name_numbers(names))
        for rule in rules:
            rule.mask = self.mask(rule.peers)

    def _shifted(self, numbers: Iterable[int]) -> Mask:
        return sum(1 << self._first + number for number in numbers)

    def _bits_of(self, number: int) -> Mask:
        return self._shifted(index for index, (_, held) in enumerate(self.outside) if held >> number & 1)

    def _name_numbers(self, names: Iterable[str]) -> Iterable[int]:
        known = {name: len(self.outside) + index for index, name in enumerate(self.names)}
        return [known[name] for name in names]

    @property
    def external(self) -> Mask:
        """Everything outside of the cluster."""
        return self.addresses | self._shifted(self._name_numbers(self.names[:-1]))

    def mask(self, peers: Peers) -> Mask:
        """Bits of peers. A name stands for addresses that nobody knows yet, so only what has all of IPv4 has it."""
        found = peers.inside | self._by_set.get(peers.outside, 0)
        if peers.outside.covers(_IPV4) or "*" in peers.names:
            return found | self._shifted(self._name_numbers(self.names))
        covered = [name for name in self.names[:-1] if any(name_matches(name, each) for each in peers.names)]
        return found | self._shifted(self._name_numbers(covered))

    def describe(self, mask: Mask) -> tuple[Addresses, list[str]]:
        """Addresses and names behind outside bits."""
        found, names = Addresses(), []
        for number in (index - self._first for index in bits(mask & self.external)):
            if number < len(self.outside):
                found = found | self.outside[number][0]
            else:
                names.append(self.names[number - len(self.outside)])
        return found, names

    def at(self, where: str) -> Mask:
        """Bits of an address, a block or a name outside. A name that no rule speaks of may have any address."""
        try:
            wanted = block(where)
        except ValueError:
            covered = [name for name in self.names[:-1] if name_matches(where, name)]
            return self._shifted(self._name_numbers(covered or [_UNSPOKEN]))
        return self._shifted(index for index, (part, _) in enumerate(self.outside) if part & wanted)


_IPV4 = block("0.0.0.0/0")


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    words = pattern.lower().rstrip(".").split("*")
    return re.compile("[-a-z0-9_.*]*".join(re.escape(word) for word in words) + r"\Z")


def name_matches(name: str, pattern: str) -> bool:
    """Whether a name, or every name of a pattern, is among those of a pattern such as `*.example.com`."""
    return _pattern(pattern).match(name.lower().rstrip(".")) is not None
