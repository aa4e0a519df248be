"""A shell script as the commands it would run, in order, with variables expanded as far as the text tells.

This reads, it does not run: both branches of an `if` are taken, a loop variable stands for all its values at once
(`{0,1,2}`), what only the environment knows stays as it is written (`$NAME`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from conformance.scripts.lexer import Token, substitution_end, tokens

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-=?+])(.*))?\}\Z", re.DOTALL)
_SUBSTITUTION = re.compile(r"\$\((?!\()")
_DATE = re.compile(r"""\$\(\s*date\s+(?:-u\s+|--utc\s+)?["']?\+["']?([^"')]+)["']?\s*\)""")
_CHOICE = re.compile(r"\{([^{}%]*,[^{}]*)\}")
_MOST_ALTERNATIVES = 2000
#: `$(…)` inside `$(…)`: nobody goes deeper, and reading goes one call deeper each time
_DEEPEST = 20
_KEYWORDS = {"if", "then", "elif", "else", "do", "while", "until", "!", "{", "}", "time", "fi", "done", "esac", "in"}
_DECLARING = {"export", "readonly", "local", "declare", "typeset"}
_CONTINUING = ("|", "|&", "&&", "||")
_SEPARATORS = {";", "&", "\n", "&&", "||", "|", "|&", "(", ")", ";;"}


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command. Words are expanded; `raw` are the same words before that, without quotes."""

    line: int
    words: tuple[str, ...]
    raw: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...]
    pipeline: int
    stage: int
    #: its failure does not end the script even under `set -e`: `|| …`, a condition, `!`
    tolerated: bool
    #: the operator that ends it: `;`, `|`, `&&`, `||`, `&`, a newline
    ends: str = "\n"

    @property
    def name(self) -> str:
        """The program, without its directory; `sudo` and `env` are looked through."""
        words = list(self.words)
        while len(words) > 1 and words[0] in ("sudo", "env", "exec", "command", "nice", "ionice"):
            words.pop(0)
        return words[0].rpartition("/")[2] if words else ""

    @property
    def text(self) -> str:
        """The words, joined by single spaces."""
        return " ".join(self.words)

    @property
    def line_text(self) -> str:
        """The words and then the redirections, as one would type them."""
        return " ".join((*self.words, *(f"{sign} {target}" for sign, target in self.redirects)))

    @property
    def outputs(self) -> list[str]:
        """Files that standard output is sent to."""
        return [target for sign, target in self.redirects if sign in (">", ">>", "1>", "1>>", ">|", "&>", "&>>")]

    def has(self, *words: str) -> bool:
        """Whether these words stand in the command in this order and next to each other."""
        size = len(words)
        return any(self.words[at : at + size] == words for at in range(len(self.words) - size + 1))

    def option(self, *names: str) -> str:
        """The value of an option written `-n VALUE`, `--name VALUE` or `--name=VALUE`; empty when it is absent."""
        for at, word in enumerate(self.words):
            if word in names and at + 1 < len(self.words):
                return self.words[at + 1]
            for name in names:
                if name.startswith("--") and word.startswith(name + "="):
                    return word[len(name) + 1 :]
        return ""


@dataclass
class Shell:
    """A script that was read. `text` is its content, of whatever line endings."""

    text: str
    #: last value of each variable, expanded
    variables: dict[str, str] = field(default_factory=dict)
    #: line of the last assignment of each variable
    assigned: dict[str, int] = field(default_factory=dict)

    @cached_property
    def commands(self) -> list[Command]:
        """Every command in the order of the text, those inside `$(…)` before the command that uses them."""
        return list(_Reader(self).read(self.text, 1))

    @property
    def stops_on_error(self) -> bool:
        """Whether a failing command ends the script: `set -e`, `-o errexit`, or `-e` in the first line."""
        return self._is_set("e", "errexit")

    @property
    def stops_on_pipe_error(self) -> bool:
        """Whether a failure inside a pipe counts: `set -o pipefail`."""
        return self._is_set("", "pipefail")

    def _is_set(self, letter: str, name: str) -> bool:
        first = self.text.split("\n", 1)[0]
        if letter and first.startswith("#!") and re.search(rf"\s-[a-z]*{letter}", first):
            return True
        return any(
            command.name == "set"
            and (name in command.words or any(letter and re.match(rf"-[a-z]*{letter}", w) for w in command.words[1:]))
            for command in self.commands
        )

    def value(self, name: str) -> str | None:
        """The last value that the script gives to a variable; None when it gives none."""
        _ = self.commands
        return self.variables.get(name)


def dated(text: str) -> str:
    """`$(date +%Y%m%d)` in any quoting as `{%Y%m%d}`, so that names of artefacts can be compared."""
    return _DATE.sub(lambda found: "{" + found.group(1) + "}", text)


def alternatives(text: str) -> list[str]:
    """What a text with braces stands for: `worker-{0,1}` gives two names. Beyond some thousands it is left as it is."""
    found = [text]
    while _CHOICE.search(found[0]) is not None and len(found) < _MOST_ALTERNATIVES:
        found = [
            each[: place.start()] + option + each[place.end() :]
            for each in found
            if (place := _CHOICE.search(each)) is not None
            for option in place.group(1).split(",")
        ]
    return found


class _Reader:
    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.pipeline = 0
        self.depth = 0

    def read(self, text: str, line: int) -> Iterator[Command]:
        """Split into simple commands; a separator decides whether the command before it may fail."""
        words: list[Token] = []
        stage, condition, unfinished = 0, False, False
        self.pipeline += 1
        for token in (*tokens(text, line), Token(0, "\n")):
            if token.operator not in _SEPARATORS:
                words.append(token)
                continue
            if token.operator == "\n" and not words and unfinished:
                continue  # a line may end behind `|`, `&&` and `||`
            unfinished = token.operator in _CONTINUING
            if words:
                condition = condition or words[0].raw in ("if", "elif", "while", "until")
                yield from self._command(words, stage, condition or token.operator == "||", token.operator)
                words = []
            if token.operator in ("|", "|&"):
                stage += 1
            else:
                stage = 0
                self.pipeline += 1
            if token.operator in (";", "\n"):
                condition = False

    def _command(self, found: list[Token], stage: int, tolerated: bool, ends: str) -> Iterator[Command]:
        plain = [token for token in found if not token.operator]
        if plain and plain[0].raw == "for":
            self._loop(plain)
            return
        while plain and plain[0].raw in _KEYWORDS:
            tolerated = tolerated or plain[0].raw == "!"
            plain.pop(0)
        kept = {id(token) for token in plain}
        words, redirects = self._words([token for token in found if token.operator or id(token) in kept])
        pipeline = self.pipeline
        for token in (*words, *(target for _, target in redirects)):
            yield from self._nested(token)
        self.pipeline = max(self.pipeline, pipeline)
        words = self._assign(words)
        if not words and not redirects:
            return
        yield Command(
            line=(words or [redirects[0][1]])[0].line,
            words=tuple(self.expand(token) for token in words),
            raw=tuple(token.raw for token in words),
            redirects=tuple((sign, self.expand(target)) for sign, target in redirects),
            pipeline=pipeline,
            stage=stage,
            tolerated=tolerated,
            ends=ends,
        )

    def _words(self, found: list[Token]) -> tuple[list[Token], list[tuple[str, Token]]]:
        words: list[Token] = []
        redirects: list[tuple[str, Token]] = []
        sign = ""
        for token in found:
            if token.operator:
                sign = token.operator
            elif sign:
                redirects.append((sign, token))
                sign = ""
            else:
                words.append(token)
        return words, redirects

    def _nested(self, token: Token) -> Iterator[Command]:
        for text, literal in token.pieces:
            at = 0
            while not literal and self.depth < _DEEPEST and (start := _SUBSTITUTION.search(text, at)) is not None:
                at = substitution_end(text, start.start())
                outer, self.pipeline = self.pipeline, self.pipeline + 1000
                self.depth += 1
                yield from self.read(text[start.end() : at - 1], token.line)
                self.depth -= 1
                self.pipeline = outer

    def _assign(self, words: list[Token]) -> list[Token]:
        """Take the assignments off the front; `export A=b` is one too. `A=b command` counts as if it stayed."""
        rest = list(words)
        while rest:
            if rest[0].raw in _DECLARING:
                rest.pop(0)
                while rest and rest[0].raw.startswith("-"):
                    rest.pop(0)
                continue
            found = _ASSIGNMENT.match(rest[0].raw)
            if found is None:
                return rest
            name = found.group(1)
            value = self.expand(rest[0])[found.end() :]
            self.shell.variables[name] = value
            self.shell.assigned[name] = rest[0].line
            rest.pop(0)
        return rest

    def _loop(self, words: list[Token]) -> None:
        values = [self.expand(token) for token in words[3:]] if len(words) > 3 else []
        if len(words) > 1:
            self.shell.variables[words[1].raw] = "{" + ",".join(values) + "}" if len(values) > 1 else "".join(values)
            self.shell.assigned[words[1].raw] = words[1].line

    def expand(self, token: Token) -> str:
        """The word with the variables known so far; command substitutions stay, their variables expanded."""
        return "".join(text if literal else _expand(text, self.shell.variables) for text, literal in _joined(token))


def _joined(token: Token) -> list[tuple[str, bool]]:
    """Neighbouring pieces of one kind as one, so that `$NAME` is whole again."""
    found: list[tuple[str, bool]] = []
    for text, literal in token.pieces:
        if found and found[-1][1] == literal and (not literal) and text:
            found[-1] = (found[-1][0] + text, literal)
        else:
            found.append((text, literal))
    return found


def _expand(text: str, variables: Mapping[str, str]) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] != "$":
            out.append(text[at])
            at += 1
            continue
        if text[at + 1 : at + 2] == "{":
            end = substitution_end(text, at)
            out.append(_braced(text[at:end], variables))
            at = end
        elif (name := _NAME.match(text, at + 1)) is not None:
            out.append(variables.get(name.group(), name.group(0).join(("$", ""))))
            at = name.end()
        else:
            out.append("$")
            at += 1
    return "".join(out)


def _braced(text: str, variables: Mapping[str, str]) -> str:
    found = _BRACED.match(text)
    if found is None:
        return text
    name, sign, default = found.groups()
    if variables.get(name):
        return variables[name]
    if sign in (":-", "-", ":=", "=") and default is not None:
        return _expand(default.strip("\"'"), variables)
    return variables.get(name, "$" + name)
