"""Secrets are compared by salted digests: no value leaves memory, neither Git's nor the cluster's."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from conformance.drift.meaning import content

#: digest of a base64 text, with the salt of the one look at the cluster
Digest = Callable[[Any], str]


def digested(raw: dict[str, Any], digest: Digest | None) -> dict[str, Any]:
    """Git's Secret in the form that the cluster's is kept in: `stringData` laid over `data`, digests for values.

    Without a digest (a snapshot does not hold its salt) only the size of each value is left to compare.
    https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data
    """
    data = raw.get("data") if isinstance(raw.get("data"), dict) else {}
    texts = raw.get("stringData") if isinstance(raw.get("stringData"), dict) else {}
    values = dict(data or {})
    for key, value in (texts or {}).items():
        values[key] = base64.b64encode(str(value).encode()).decode()
    kept = {key: value for key, value in raw.items() if key not in ("data", "stringData")}
    if values or "data" in raw or "stringData" in raw:
        kept["data"] = {
            key: digest(_joined(value)) if digest else f"{_size(value)} bytes" for key, value in values.items()
        }
    return kept


def sized(raw: dict[str, Any]) -> dict[str, Any]:
    """The cluster's Secret with the size of each value in the place of its digest."""
    data = raw.get("data")
    if not isinstance(data, dict):
        return raw
    return raw | {"data": {key: f"{str(value).rpartition(':')[2]} bytes" for key, value in data.items()}}


def shown(digest: str) -> str:
    """A digest in words: its size, and its first digits, by which two values can be told apart."""
    what, _, rest = digest.partition(":")
    digits, _, size = rest.partition(":")
    return f"a value of {size} bytes, digest {digits[:8]}" if what == "hmac-sha256" else f"a value of {digest}"


def _joined(value: Any) -> str:
    """Base64 without its line breaks, which mean nothing."""
    return str(value).replace("\n", "").replace("\r", "")


def _size(value: Any) -> int:
    found = content(value)
    return len(found if found is not None else str(value).encode())
