"""A listing of backup files, as the command in docs/evidence.md prints it.

```yaml
taken: "2026-11-20T06:00:00Z"
files:
- {path: /opt/backup/vault/vault-snapshot-20261120-020000.gpg, type: f, size: 5120, mode: "600",
   modified: "2026-11-20T02:00:04Z", head: 85020c03a1b2c3d4}
```
`head` is the first eight bytes in hexadecimal, `intact` the verdict of `gzip -t` for archives. All ages are relative to
`taken`, so that a listing means the same whenever it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, FieldTypeError, Node

_FRACTION = re.compile(r"\.([0-9]{1,6})[0-9]*")
_GZIP = "1f8b"
_ARMOUR = b"-----BEG".hex()
_AGE = b"age-encr".hex()
#: tags of the OpenPGP packets that may begin an encrypted message (RFC 9580, section 4.3 and 10.3)
_OPENPGP_TAGS = frozenset({1, 3, 9, 18, 20})


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file or directory of a listing."""

    node: Node
    path: str
    is_directory: bool
    size: int
    mode: int
    modified: datetime
    head: str
    intact: bool | None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_gzip(self) -> bool:
        """Compressed and not encrypted, by content."""
        return self.head.startswith(_GZIP)

    @property
    def is_encrypted(self) -> bool:
        """An OpenPGP or age message by content, armoured or binary; never by name."""
        if self.head.startswith((_ARMOUR, _AGE)):
            return True
        first = int(self.head[:2] or "0", 16)
        tag = first & 0x3F if first & 0x40 else (first & 0x3C) >> 2
        return bool(first & 0x80) and tag in _OPENPGP_TAGS


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that was in the backup directories when the listing was taken."""

    document: Document
    taken: datetime
    artefacts: tuple[Artefact, ...]

    def age(self, artefact: Artefact) -> timedelta:
        """How old a file was; negative for a file dated in the future."""
        return self.taken - artefact.modified

    def below(self, directory: str, pattern: str = "*") -> list[Artefact]:
        """Files below a directory whose name matches a glob."""
        prefix = directory.rstrip("/") + "/"
        return [
            each
            for each in self.artefacts
            if not each.is_directory and each.path.startswith(prefix) and fnmatchcase(each.name, pattern)
        ]

    def finding(self, artefact: Artefact, field: str, message: str, observed: object) -> Finding:
        """What is said about one file, at a field of its line."""
        return Finding(self.document, (*artefact.node.path, field), f"{artefact.name} {message}", None, observed)


def listings(inventory: Inventory, path: str) -> tuple[list[Listing], list[Unjudged]]:
    """The listings at a path, and those that cannot be read."""
    listed: list[Listing] = []
    broken: list[Unjudged] = []
    for document in inventory.select_documents(Match(paths=(path,))):
        if isinstance(document.raw, dict) and "files" in document.raw:
            try:
                listed.append(read(document))
            except FieldTypeError as error:
                broken.append(Unjudged(document, error.path, str(error)))
    return listed, broken


def read(document: Document) -> Listing:
    """The listing in a document. Raises FieldTypeError at what is missing or malformed: nothing is guessed."""
    artefacts = tuple(_artefact(each) for each in document.sequence("files"))
    return Listing(document, moment(Node(document.raw), "taken"), artefacts)


def moment(node: Node, field: str) -> datetime:
    """A time such as `2026-11-20T02:00:04.1234567890Z`; without a zone it would mean nothing."""
    text = node.get(field)
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r".\1", text).replace("Z", "+00:00"))
    except (TypeError, ValueError, AttributeError):
        raise FieldTypeError((*node.path, field), "a time such as 2026-11-20T02:00:04Z", text) from None
    if found.tzinfo is None:
        raise FieldTypeError((*node.path, field), "a time with a zone", text)
    return found.astimezone(UTC)


def _artefact(node: Node) -> Artefact:
    mode = node.get("mode")
    text = f"{mode:o}" if isinstance(mode, int) and not isinstance(mode, bool) else mode
    if not isinstance(text, str) or not re.fullmatch(r"[0-7]{3,5}", text):
        raise FieldTypeError((*node.path, "mode"), 'an octal mode such as "600"', mode)
    size = node.number("size")
    if size is None:
        raise FieldTypeError((*node.path, "size"), "a number", None)
    head = node.text("head")
    if not re.fullmatch(r"(?:[0-9a-f]{2}){0,8}", head):
        raise FieldTypeError((*node.path, "head"), "up to eight bytes in hexadecimal", head)
    directory = node.text("type", "f") == "d"
    intact = node.flag("intact")
    return Artefact(node, node.text("path"), directory, size, int(text, 8), moment(node, "modified"), head, intact)
