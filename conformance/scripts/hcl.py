"""HCL as blocks and attributes: Vault's configuration, Terraform. Expressions stay text; nothing is evaluated.

https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z_][\w.-]*)"""
    r"""|(?P<sign>[{}=\[\](),:])|(?P<other>[^\s{}=\[\](),:"#]+|.)""",
    re.DOTALL,
)


@dataclass
class Block:
    """`type "label" { … }`; `attributes` maps a name to (text of the expression, line), strings without quotes."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: dict[str, tuple[str, int]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def all(self, kind: str, label: str = "") -> Iterator[Block]:
        """Blocks of a type at any depth, with a first label when one is asked for."""
        for block in self.blocks:
            if block.type == kind and (not label or block.labels[:1] == (label,)):
                yield block
            yield from block.all(kind, label)

    def get(self, name: str) -> str | None:
        """An attribute's text."""
        found = self.attributes.get(name)
        return found[0] if found else None


_Tokens = list[tuple[str, str, int]]


def parse(text: str) -> Block:
    """The whole text as one block without a type. What is not understood is skipped: this only finds."""
    found: _Tokens = []
    line = 1
    for token in _TOKEN.finditer(text.replace("\r\n", "\n")):
        kind = str(token.lastgroup)
        if kind != "skip":
            found.append((kind, token.group(), line))
        line += token.group().count("\n")
    root = Block("", (), 1)
    _body(found, 0, root)
    return root


def _body(tokens: _Tokens, at: int, block: Block) -> int:
    while at < len(tokens):
        kind, text, line = tokens[at]
        if text == "}":
            return at + 1
        if kind not in ("word", "string"):
            at += 1
            continue
        name = text.strip('"')
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if following == "=":
            value, at = _expression(tokens, at + 2, line)
            block.attributes[name] = (value, line)
            continue
        labels, at = _labels(tokens, at + 1)
        if at < len(tokens) and tokens[at][1] == "{":
            inner = Block(name, labels, line)
            block.blocks.append(inner)
            at = _body(tokens, at + 1, inner)
    return at


def _labels(tokens: _Tokens, at: int) -> tuple[tuple[str, ...], int]:
    labels = []
    while at < len(tokens) and tokens[at][0] in ("string", "word") and tokens[at][2] == tokens[at - 1][2]:
        labels.append(tokens[at][1].strip('"'))
        at += 1
    return tuple(labels), at


def _expression(tokens: _Tokens, at: int, line: int) -> tuple[str, int]:
    """To the end of the line, or of the brackets that are opened on it."""
    parts: list[str] = []
    depth = 0
    while at < len(tokens):
        _, text, here = tokens[at]
        if depth == 0 and (here != line or text == "}"):
            break
        depth += (text in "{[(") - (text in "}])")
        parts.append(text)
        at += 1
        if depth > 0 or text in "}])":
            line = here
    value = parts[0].strip('"') if len(parts) == 1 else " ".join(parts)
    return value, at
