"""`$(NAME)` in the environment, command and arguments of a container, as the kubelet expands it.

https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/; the rules are
those of k8s.io/kubernetes third_party/forked/golang/expansion.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# In the order in which the kubelet looks: an escape, a reference up to the next bracket, whatever its name is.
_SIGN = re.compile(r"\$\$|\$\(([^)]*)\)")


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """A text with its references replaced by what `lookup` gives; a name it does not know stays as it is written.

    `$$` is one `$`, so `$$(NAME)` is the text `$(NAME)`. What is put in is not expanded again. `$NAME`, `${NAME}` and a
    bracket that is not closed are no references.
    """

    def put(found: re.Match[str]) -> str:
        if found.group(1) is None:
            return "$"
        value = lookup(found.group(1))
        return found.group(0) if value is None else value

    return _SIGN.sub(put, text)


def references(text: str) -> list[str]:
    """The names that a text refers to, in order."""
    return [found.group(1) for found in _SIGN.finditer(text) if found.group(1) is not None]
