"""Why a document does not load, in one line that a person can act on."""

from __future__ import annotations

from yaml.error import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

#: libyaml's words -> ours; what is not listed is said in libyaml's words
_REASONS = {
    "mapping values are not allowed in this context": 'a second ": " in one value, or a wrongly indented key',
    "block sequence entries are not allowed in this context": 'a "- " list item cannot start here',
    "mapping keys are not allowed in this context": 'a "? " key cannot start here',
    "did not find expected key": "a key was expected here: the indentation or a quote is wrong",
    "did not find expected '-' indicator": 'a "- " list item was expected here: the indentation is wrong',
    "did not find expected ',' or ']'": 'a [list] is not closed, or a "," is missing',
    "did not find expected ',' or '}'": 'a {mapping} is not closed, or a "," is missing',
    "did not find expected node content": "a value is missing here",
    "could not find expected ':'": 'a key without ":" after it, or a wrongly indented line',
    "found unexpected end of stream": "a quoted string is not closed",
    "found unexpected document indicator": "a quoted string is not closed before the next document",
    "found unknown escape character": 'an unknown \\ escape in a "double-quoted" string',
    "did not find expected hexdecimal number": 'an unknown \\ escape in a "double-quoted" string',
    "found invalid Unicode character escape code": "an escape that is no character",
    "did not find expected <document start>": 'text after the end of the document, without a "---" line',
    "found undefined tag handle": "a tag whose prefix no %TAG line declares",
    "found duplicate %YAML directive": "two %YAML lines in one document",
    "found incompatible YAML document": "a %YAML version other than 1.1 or 1.2",
    "found unknown directive name": "a line that starts with % and is neither %YAML nor %TAG",
    "found a tab character that violates indentation": "a tab in the indentation, where YAML allows only spaces",
    "found a tab character where an indentation space is expected": "a tab in the indentation, where YAML allows only "
    "spaces",
    "found invalid UTF-8": "bytes that are not UTF-8",
}
_UNCLOSED = frozenset(("found unexpected end of stream", "found unexpected document indicator"))


class Fault(Exception):  # noqa: N818 - a fault of the document, not of ours
    """A document that cannot be loaded. Lines and columns count from 1, inside the text that was being read."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def from_libyaml(error: YAMLError, text: str) -> Fault:
    """The parser's own error in our words, at the place where a person has to look.

    What is not closed is reported where it was opened: libyaml points at the end of the text.
    """
    if isinstance(error, ReaderError):
        return _at(text, error.position, "a character that YAML does not allow")
    if not isinstance(error, MarkedYAMLError) or error.problem is None:
        return Fault("not YAML")
    problem, mark, context = error.problem, error.problem_mark, error.context_mark
    reason = _REASONS.get(problem, problem)
    if context is not None and (mark is None or problem in _UNCLOSED or _is_end(text, mark.line)):
        mark = context
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if _is_end(text, line):
        content = text.rstrip()
        line, column = content.count("\n"), max(0, len(content) - content.rfind("\n") - 2)
    if problem == "found character that cannot start any token":
        reason = _bad_start(text, line, column)
    return Fault(reason, line + 1, column + 1)


def _is_end(text: str, line: int) -> bool:
    """Whether only blank lines follow the lines above `line`."""
    return line > text.rstrip().count("\n")


def _bad_start(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    here = lines[line][column : column + 1] if line < len(lines) else ""
    if here == "\t":
        return "a tab where YAML allows only spaces"
    return f"a value cannot start with {here}: quote it" if here else "a value cannot start here"


def _at(text: str, position: int, reason: str) -> Fault:
    before = text.encode("utf-8", "replace")[:position].decode("utf-8", "replace")
    line = before.count("\n")
    return Fault(reason, line + 1, len(before) - (before.rfind("\n") + 1) + 1)
