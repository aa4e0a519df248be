"""Versions as projects write them into tags: `v1.24.3`, `8.0`, `3.5.15-0`, `2.53.1-distroless`."""

from __future__ import annotations

import re

_VERSION = re.compile(r"(?:[a-z]+[-_])?v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?![\d.])")


def version_of(text: str) -> tuple[int, ...]:
    """The numbers of a version, two or three of them; empty for what is none, such as `latest` or a bare `8`.

    A leading `v` and whatever follows the numbers (`-alpine`, `+k3s1`) are ignored. A bare number may be a build.
    """
    found = _VERSION.match(text)
    if found is None or found.group(2) is None:
        return ()
    return tuple(int(each) for each in found.groups() if each is not None)


def minor_of(text: str) -> tuple[int, ...]:
    """Major and minor; empty for what is no version. `1.10` is not `1.1`."""
    return version_of(text)[:2]
