"""Unseal keys and tokens of Vault in text, told from ordinary values by their shape and by what they are called.

A key share of the default Shamir seal is 33 bytes: 44 characters of base64 or 66 hexadecimal digits. A SHA-256 sum is
44 characters of base64 too, so the shape counts only beside a telling name.
https://developer.hashicorp.com/vault/docs/concepts/seal and https://developer.hashicorp.com/vault/docs/concepts/tokens
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from conformance.kube.object import Object
from conformance.kube.path import Path

_TELLING = re.compile(r"unseal|root[._-]?token|vault[._-]?keys|key[._-]?shares?|recovery[._-]?keys?", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:key|share)[._-]?\d*\Z", re.IGNORECASE)
_SHARE = re.compile(r"[A-Za-z0-9+/]{43}[A-Za-z0-9+/=]|[0-9a-f]{66}")
_TOKEN = re.compile(r"(?<![\w.])(?:hv[sbr]\.[\w-]{24,}|s\.[A-Za-z0-9]{24}(?![\w.-]))")


def is_telling(name: str) -> bool:
    """Whether a name says that unseal keys or a root token are behind it."""
    return _TELLING.search(name) is not None


def has_token(text: str) -> bool:
    """Whether a Vault token stands in a text: `hvs.…` since Vault 1.10, `s.…` before."""
    return _TOKEN.search(text) is not None


def has_share(text: str) -> bool:
    """Whether something of the shape of a key share stands in a text; only a telling name makes it one."""
    return _SHARE.search(text) is not None


def in_object(thing: Object) -> Iterator[Path]:
    """Fields of a Secret, a ConfigMap or any other object that hold key material, Secret data decoded first.

    What a Secret keeps under a name such as `unseal-key` counts whatever its shape, unless it is empty.
    """
    for field, key, value in _entries(thing):
        telling = is_telling(key) or (is_telling(thing.name) and (_NUMBERED.match(key) or has_share(value)))
        if value.strip() and (has_token(value) or telling or _names_shares(value)):
            yield (field, key)
    if thing.kind not in ("Secret", "ConfigMap"):
        yield from _tokens(thing.raw, ())


def _entries(thing: Object) -> Iterator[tuple[str, str, str]]:
    if thing.kind not in ("Secret", "ConfigMap"):
        return
    for field in ("data", "stringData"):
        for key, value in thing.mapping(field).items():
            if isinstance(value, str):
                yield field, str(key), _decoded(value) if thing.kind == "Secret" and field == "data" else value


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return value


def _names_shares(value: str) -> bool:
    """The output of `vault operator init`, as JSON or as it is printed."""
    return "unseal_keys_" in value or re.search(r"Unseal Key \d+: *\S{20,}", value) is not None


def _tokens(node: Any, path: Path) -> Iterator[Path]:
    if isinstance(node, str):
        if has_token(node):
            yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _tokens(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _tokens(value, (*path, index))
