"""Which HTTP methods pass on an open port, read from what rules ask of a request."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from conformance.network.connectivity import Edge
from conformance.network.ports import PortSet

#: The word of a limit that may name methods: `HTTP GET /path` of Cilium, `HTTP GET|POST` of an AuthorizationPolicy.
_WORD = re.compile(r"\bHTTP (\S+)")
_KNOWN = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


def methods(edge: Edge, ports: PortSet) -> frozenset[str] | None:
    """The methods that pass on ports of an edge; None where every method does.

    Rules of one direction and one tier add up, the two directions and the mesh must all agree. A rule that asks for a
    path or a header and names no method lets every method pass.
    """
    found: frozenset[str] | None = None
    for limited, words in edge.limits:
        if not limited & ports:
            continue
        named = [_named(word) for word in words]
        if all(named):
            these = frozenset(name for each in named for name in each)
            found = these if found is None else found & these
    return None if found is not None and found >= set(_KNOWN) else found


def _named(limit: str) -> frozenset[str]:
    """The methods of one limit; none where it names none. Cilium's are regular expressions, Istio's may begin or end
    with `*`.
    """
    word = _WORD.search(limit)
    found: set[str] = set()
    for part in word[1].split("|") if word else ():
        found |= {each for each in _KNOWN if _matches(part, each)}
        found |= {part} if part.isupper() and part.isalpha() else set()
    return frozenset(found)


def _matches(pattern: str, method: str) -> bool:
    try:
        return re.fullmatch(pattern, method) is not None or fnmatchcase(method, pattern)
    except re.error:
        return fnmatchcase(method, pattern)
