"""Ends of a connection as people name them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property

from conformance.kube.naming import fits
from conformance.kube.object import Object
from conformance.network.addresses import block
from conformance.network.population import Population, workload_id
from conformance.network.ports import NONE, PortSet, parse
from conformance.network.region import Mask, bits
from conformance.network.universe import Universe

NODES = "nodes"
API_SERVER = "kube-apiserver"
EXTERNAL = "external"


class Ends:
    """Names to bits."""

    def __init__(self, population: Population, universe: Universe) -> None:
        self._population = population
        self._universe = universe
        #: further names, each for some workloads
        self.aliases: Mapping[str, list[str]] = {}

    @cached_property
    def workloads(self) -> Mapping[str, Mask]:
        """`namespace/Kind/name` to bits."""
        found: dict[str, Mask] = defaultdict(int)
        for index, pod in self._population.members(self._population.inside):
            found[workload_id(pod)] |= 1 << index
        return dict(found)

    @cached_property
    def owners(self) -> Mapping[str, list[Object]]:
        """`namespace/Kind/name` to the objects."""
        found: dict[str, list[Object]] = defaultdict(list)
        for _, pod in self._population.members(self._population.inside):
            found[workload_id(pod)].append(pod.owner)
        return dict(found)

    def find(self, name: str) -> Mask:
        """Bits of an end, never none. `db`, `StatefulSet/db` and `shop/db` do where they are clear; with a `*` in it a
        name stands for every workload that it fits: `shop/*`, `*`.

        Raises ValueError, which says what is near, for an end that is not there or not clear.
        """
        special = {NODES: self._population.node, API_SERVER: self._population.api_server}
        if name in special:
            return special[name]
        if name == EXTERNAL:
            return self._universe.external
        if name.startswith(f"{EXTERNAL}:"):
            return self._universe.at(name.partition(":")[2])
        found: Mask = 0
        for each in self.meant(name):
            found |= self.workloads[each]
        return found

    def meant(self, name: str) -> list[str]:
        """The workloads that a name stands for: one, or with a `*` in it several. Raises ValueError as `find` does."""
        ids = self.aliases.get(name) or self.matching(name)
        if len(ids) == 1 or (ids and ("*" in name or name in self.aliases)):
            return ids
        if ids:
            raise ValueError(f"{name} is not clear: {', '.join(ids[:5])}{' …' if len(ids) > 5 else ''}")
        near = [each for each in self.workloads if name.rpartition("/")[2] in each][:5]
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(f"there is no workload {name}{hint}")

    def with_port(self, text: str) -> tuple[str, PortSet | None]:
        """`WORKLOAD:PORT` apart; None where no port is said. A port is a number, a range, `UDP/53`, or the name of a
        container's port. `external:443` is a port outside, `external:192.0.2.1` an address, and
        `external:192.0.2.1:443` both. Raises ValueError for what is no port.
        """
        if text.startswith(f"{EXTERNAL}:"):
            return _outside_port(text)
        name, colon, port = text.rpartition(":")
        if not colon:
            return text, None
        try:
            return name, parse(port)
        except ValueError:
            named = self._named(name, port)
            if named:
                return name, named
            raise

    def _named(self, name: str, port: str) -> PortSet:
        groups, found = self._population.groups, NONE
        for index in bits(self.find(name)):
            found = found | (groups[index].named.get(port, NONE) if index < len(groups) else NONE)
        return found

    def matching(self, name: str) -> list[str]:
        """Workloads that a name may mean: the whole of it, or parts of it that are left out at the front or middle."""
        if name in self.workloads:
            return [name]
        return sorted(each for each in self.workloads if fits(name, *each.split("/")))

    def names(self, mask: Mask) -> Iterable[str]:
        """Names of the ends behind bits; the outside is one."""
        yield from sorted({workload_id(pod) for _, pod in self._population.members(mask)})
        for name, bit in ((NODES, self._population.node), (API_SERVER, self._population.api_server)):
            if mask & bit:
                yield name
        if next(bits(mask & self._universe.external), None) is not None:
            yield EXTERNAL


def _outside_port(text: str) -> tuple[str, PortSet | None]:
    where = text.partition(":")[2]
    try:
        block(where)
    except ValueError:
        name, _, port = where.rpartition(":")
        try:
            return f"{EXTERNAL}:{name}" if name else EXTERNAL, parse(port)
        except ValueError:
            return text, None
    return text, None
