"""Which HTTP methods pass on an open port, read from what rules ask of a request."""

from __future__ import annotations

import re

from conformance.network.connectivity import Edge
from conformance.network.ports import PortSet

#: The word of a limit that names methods: `HTTP GET /path` of Cilium, `HTTP GET|POST` of an AuthorizationPolicy.
_METHODS = re.compile(r"\bHTTP ([A-Z]+(?:\|[A-Z]+)*)\b")


def methods(edge: Edge, ports: PortSet) -> frozenset[str] | None:
    """The methods that pass on ports of an edge; None where every method does.

    Rules of one direction and one tier add up, the two directions and the mesh must all agree. A rule that asks for a
    path or a header and names no method lets every method pass.
    """
    found: frozenset[str] | None = None
    for limited, words in edge.limits:
        if not limited & ports:
            continue
        named = [_METHODS.search(word) for word in words]
        if all(named):
            these = frozenset(name for match in named if match for name in match[1].split("|"))
            found = these if found is None else found & these
    return found
