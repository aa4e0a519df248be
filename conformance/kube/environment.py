"""Which environment a directory or namespace speaks of, by its name. Whole words only: `device` and `product` are none.

Nothing but names is known without a declaration, so only what is unmistakable counts.
"""

from __future__ import annotations

import posixpath
import re

PRODUCTION = "production"
_WORDS = {
    "dev": "development", "develop": "development", "development": "development",
    "stage": "staging", "staging": "staging", "stg": "staging",
    "prod": PRODUCTION, "prd": PRODUCTION, "production": PRODUCTION,
}  # fmt: skip


def environment_of(name: str) -> str:
    """The environment that a name speaks of; empty for none, or for several (`promote-dev-to-prod`)."""
    found = {_WORDS[word] for word in re.split(r"[^a-z0-9]+", name.lower()) if word in _WORDS}
    return found.pop() if len(found) == 1 else ""


def environment_at(path: str) -> str:
    """The environment of a file or directory: the nearest directory that speaks of one decides."""
    for part in reversed(path.split("/")):
        found = environment_of(part)
        if found:
            return found
    return ""


def other_environment(directory: str, reference: str) -> tuple[str, str]:
    """The environments of a directory and of what it refers to by a relative path, when they differ; else two empty
    strings. What both paths have in common speaks of neither.
    """
    target = posixpath.normpath(posixpath.join(directory, reference)).split("/")
    own = posixpath.normpath(directory).split("/")
    while own and target and own[0] == target[0]:
        del own[0], target[0]
    left, right = environment_at("/".join(own)), environment_at("/".join(target))
    return (left, right) if left and right and left != right else ("", "")
