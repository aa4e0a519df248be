"""Shell text to tokens: words with their quoting kept, and operators. Comments and here-documents are left out.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATOR = re.compile(r"&&|\|\||;;|\|&|&>>|&>|[0-9]*(?:<<-|<<<|<<|<>|>>|>\||>&|<&|<|>)|[;&|()\n]")
_HEREDOC = re.compile(r"<<-?\Z")
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """A word or an operator. `pieces` are (text, literal): single-quoted and escaped text is never expanded."""

    line: int
    operator: str
    pieces: tuple[tuple[str, bool], ...] = ()

    @property
    def raw(self) -> str:
        """The word without its quotes, nothing expanded."""
        return "".join(text for text, _ in self.pieces)


def tokens(text: str, line: int = 1) -> Iterator[Token]:
    """The tokens of a script. An unclosed quote ends with the text: a wrong script is read as far as it goes."""
    yield from _Lexer(text.replace("\r\n", "\n")[:_LONGEST], line).run()


class _Lexer:
    def __init__(self, text: str, line: int) -> None:
        self.text, self.line, self.at = text, line, 0
        self.pieces: list[tuple[str, bool]] = []
        self.started = 0
        self.heredocs: list[str] = []
        self.awaiting = False

    def run(self) -> Iterator[Token]:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t":
                yield from self._end()
                self._skip(1)
            elif char == "#" and not self.pieces:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text.startswith("\\\n", self.at):
                self._skip(2)
            elif (found := self._operator()) is not None:
                yield from self._end(found)
                yield Token(self.line, found)
                self._skip(len(found))
                self.awaiting = bool(_HEREDOC.search(found))
                if found == "\n":
                    self._skip_heredocs()
            else:
                self._word_part(char)
        yield from self._end()

    def _operator(self) -> str | None:
        found = _OPERATOR.match(self.text, self.at)
        # A number is part of a redirection only where a word begins: `2>` but not `file2>`.
        if found is None or (found.group()[0].isdigit() and self.pieces):
            return None
        return found.group()

    def _end(self, _operator: str = "") -> Iterator[Token]:
        if not self.pieces:
            return
        token = Token(self.started, "", tuple(self.pieces))
        self.pieces = []
        if self.awaiting:
            self.heredocs.append(token.raw)
            self.awaiting = False
        yield token

    def _skip(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

    def _add(self, text: str, literal: bool) -> None:
        if not self.pieces:
            self.started = self.line
        self.pieces.append((text, literal))

    def _word_part(self, char: str) -> None:
        if char == "'":
            end = self.text.find("'", self.at + 1)
            end = len(self.text) if end < 0 else end
            self._add(self.text[self.at + 1 : end], True)
            self._skip(end + 1 - self.at)
        elif char == '"':
            self._double_quoted()
        elif char == "\\":
            self._add(self.text[self.at + 1 : self.at + 2], True)
            self._skip(2)
        elif char in "$`":
            end = substitution_end(self.text, self.at)
            self._add(self.text[self.at : end], False)
            self._skip(end - self.at)
        else:
            self._add(char, False)
            self._skip(1)

    def _double_quoted(self) -> None:
        self._add("", False)
        at = self.at + 1
        start = at
        while at < len(self.text) and self.text[at] != '"':
            if self.text[at] == "\\":
                at += 2
            elif self.text[at] in "$`":
                at = substitution_end(self.text, at)
            else:
                at += 1
        self._add(self.text[start:at].replace('\\"', '"'), False)
        self._skip(at + 1 - self.at)

    def _skip_heredocs(self) -> None:
        for word in self.heredocs:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end + 1
                closing = self.text[self.at : end].strip() == word
                self._skip(end - self.at)
                if closing:
                    break
        self.heredocs = []


def substitution_end(text: str, start: int) -> int:
    """Where a `$(…)`, `${…}`, `` `…` `` or `$NAME` that starts here ends; never beyond the text."""
    if text[start] == "`":
        end = text.find("`", start + 1)
        return len(text) if end < 0 else end + 1
    opening = text[start + 1 : start + 2]
    if opening not in ("(", "{"):
        return start + 1
    closing, depth, at = {"(": ")", "{": "}"}[opening], 0, start + 1
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'" and opening == "(":
            end = text.find("'", at + 1)
            at = len(text) if end < 0 else end
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return len(text)
