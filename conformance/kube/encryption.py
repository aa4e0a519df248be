"""Values that are encrypted in Git: SOPS.

https://getsops.io/docs/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.kube.object import Node
from conformance.kube.path import Path

_RECIPIENTS = ("age", "azure_kv", "gcp_kms", "hc_vault", "hckms", "key_groups", "kms", "pgp")
_SECRET_FIELDS = ("data", "stringData")


def is_sops(document: Node) -> bool:
    """Whether a document is a SOPS file: it has a mapping `sops` at its top."""
    return isinstance(document.raw, dict) and isinstance(document.raw.get("sops"), dict)


def is_encrypted(value: Any) -> bool:
    """Whether a value is one that SOPS encrypted. Empty strings and nulls are left as they are."""
    return value in ("", None) or (isinstance(value, str) and value.startswith("ENC[") and value.endswith("]"))


def clear_values(document: Node) -> Iterator[Path]:
    """Fields of a Secret's `data` and `stringData` that SOPS left in clear text.

    Keys with the file's `unencrypted_suffix` are in clear text on purpose. Other kinds of documents keep most of their
    fields readable, so nothing is said about them.
    """
    suffix = document.get("sops.unencrypted_suffix", "_unencrypted")
    if document.raw.get("kind") != "Secret":
        return
    for field in _SECRET_FIELDS:
        for key, value in document.mapping(field).items():
            if not is_encrypted(value) and not str(key).endswith(str(suffix)):
                yield field, key


def faults(document: Node) -> Iterator[tuple[Path, str]]:
    """What is wrong with the metadata of a SOPS file: the MAC that shows edits, and who can decrypt."""
    if not is_encrypted(document.get("sops.mac")) or not document.get("sops.mac"):
        yield ("sops", "mac"), "has no encrypted MAC, so an edit by hand is not noticed"
    if not any(document.get(("sops", each)) for each in _RECIPIENTS):
        yield ("sops",), "names no key that can decrypt it"
