"""Values that are encrypted in Git: SOPS.

https://getsops.io/docs/
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.kube.environment import PRODUCTION, environment_at
from conformance.kube.object import Document, FieldTypeError, Node
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


#: the file that says who may decrypt what, looked for upwards from the file that is encrypted
RULES_FILE = ".sops.yaml"


@dataclass(frozen=True, slots=True)
class Rule:
    """One creation rule. `recipients` are those named in the rule itself, by kind; empty when it has key groups."""

    document: Document
    path: Path
    pattern: str
    recipients: frozenset[tuple[str, str]]

    def covers(self, file: str) -> bool:
        """Whether sops takes this rule for a file: the expression is searched in the path from the rules file on."""
        below = posixpath.relpath(file, posixpath.dirname(self.document.origin.path) or ".")
        try:
            return re.search(self.pattern, below) is not None
        except re.error:  # Go's expressions are nearly Python's; one that is not is taken to match
            return True


def rules(document: Document) -> list[Rule]:
    """The creation rules of a `.sops.yaml`, in their order: the first that covers a file counts.

    https://getsops.io/docs/#using-sopsyaml-conf-to-select-kms-pgp-and-age-for-new-files
    """
    return [
        Rule(document, each.path, each.text("path_regex"), recipients(each))
        for each in document.sequence("creation_rules")
        if isinstance(each.raw, dict)
    ]


def recipients(node: Node) -> frozenset[tuple[str, str]]:
    """(kind, key) of those who can decrypt, as a rule names them (`age: a,b`) or a file (`age: [{recipient: a}]`)."""
    found: set[tuple[str, str]] = set()
    for kind, field in (("age", "recipient"), ("pgp", "fp"), ("kms", "arn"), ("gcp_kms", "resource_id")):
        value = node.get(kind)
        if isinstance(value, str):
            found.update((kind, each.strip()) for each in value.split(",") if each.strip())
        elif isinstance(value, list):
            keys = (each.get(field) if isinstance(each, dict) else each for each in value)
            found.update((kind, key) for key in keys if isinstance(key, str))
    return frozenset(found)


def rule_for(file: str, documents: Iterable[Document]) -> Rule | bool | None:
    """The rule that sops would take for a file; None when none of its rules file does, True when there is no such file.

    Only the nearest `.sops.yaml` above the file counts.
    """
    above = [each for each in documents if _is_above(posixpath.dirname(each.origin.path), file)]
    if not above:
        return True
    nearest = max(above, key=lambda each: len(posixpath.dirname(each.origin.path)))
    try:
        return next((each for each in rules(nearest) if each.covers(file)), None)
    except FieldTypeError:
        return True


def _is_above(folder: str, file: str) -> bool:
    return folder in ("", ".") or file.startswith(f"{folder}/")


def shared_with_production(found: Iterable[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Rules of other environments that name the very recipients of production's: whoever holds one key holds both."""
    named = [(environment_at(re.sub(r"[^a-zA-Z0-9/]+", "-", each.pattern)), each) for each in found]
    production = [rule for environment, rule in named if environment == PRODUCTION and rule.recipients]
    for environment, rule in named:
        for other in production:
            if environment and environment != PRODUCTION and rule.recipients == other.recipients:
                yield rule, other
