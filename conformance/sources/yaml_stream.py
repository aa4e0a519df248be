"""The documents of a YAML or JSON file, with everything that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.kube.path import render
from conformance.sources import json_text, yaml_block
from conformance.sources.decode import Part, decode, forbidden, parts
from conformance.sources.fault import Fault
from conformance.sources.marks import Repeat, repeats
from conformance.sources.unrendered import template_line
from conformance.sources.yaml_events import Builder

#: line and column from 1 (0 when the whole file is meant), reason, and what was lost, as `Rejected.what`
Problem = tuple[int, int, str, str]
_REPEATS_SHOWN = 20


@dataclass(slots=True)
class Stream:
    """What one file holds. Only plain values, so that it can be sent between processes and kept in a cache."""

    #: number of the document in the file, counting empty ones, and its value
    documents: list[tuple[int, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    #: documents that hold more than comments, whether they load or not
    found: int = 0
    #: whether libyaml had to be asked: what the line reader reads is read again as fast as from a cache
    slow: bool = False


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of one document in its file."""

    text: str
    #: lines before it, and characters before it on its first line
    above: int
    left: int = 0
    is_json: bool = False

    @property
    def yaml(self) -> str:
        """Text in which libyaml finds the same lines and columns."""
        return json_text.masked(self.text, self.left) if self.is_json else self.text


def read(data: bytes, *, json: bool = False) -> Stream:
    """Every document of a file. Nothing is raised: what does not load is a problem.

    `json` says that the file's name ends in .json: then a syntax error is told in JSON's terms. Documents that are null
    count as empty, as kubectl treats them.
    """
    stream = Stream()
    try:
        text, ordinary = decode(data)
    except Fault as fault:
        stream.found = 1
        stream.problems.append((fault.line, fault.column, fault.reason, "file"))
        return stream
    if (json or text[:1] in ("{", "[")) and _read_json(text, stream, json):
        return stream
    for number, part in enumerate(parts(text)):
        if part.filled:
            _read_part(part, number, ordinary, stream)
    return stream


def texts(data: bytes, *, json: bool = False) -> list[DocumentText]:
    """Text of each document, split and numbered as `read` does. Raises `Fault`."""
    text, _ = decode(data)
    if json or text[:1] in ("{", "["):
        try:
            found = json_text.read(text, lenient=json)
            return [DocumentText(part.text, part.above, part.left, is_json=True) for part in found]
        except json_text.NotJson:
            pass
    return [DocumentText(part.text, part.above) for part in parts(text)]


def _read_json(text: str, stream: Stream, named: bool) -> bool:
    try:
        documents = json_text.read(text, lenient=named)
    except json_text.NotJson as error:
        if not named or text.lstrip()[:1] not in ("{", "["):
            return False
        stream.found = 1
        line = template_line(text, Fault(error.reason, error.line, error.column), _json_fault)
        reason = f"looks like a template, not JSON: line {line}" if line else error.reason
        stream.problems.append((line or error.line, 1 if line else error.column, reason, "document"))
        return True
    for number, document in enumerate(documents):
        if document.value is None:
            continue
        stream.found += 1
        stream.documents.append((number, document.value))
        if document.repeated:
            _report_repeats(json_text.masked(document.text, document.left), document.above, stream)
    return True


def _json_fault(text: str) -> None:
    try:
        json_text.read(text)
    except json_text.NotJson as error:
        raise Fault(error.reason, error.line, error.column) from None


def _read_part(part: Part, number: int, ordinary: bool, stream: Stream) -> None:
    stream.found += 1
    found = yaml_block.build(part.text) if ordinary else None
    if found is not None:
        value = found[0]
    else:
        if not ordinary and (wrong := forbidden(part.text)) is not None:
            stream.problems.append((part.above + wrong.line, wrong.column, wrong.reason, "document"))
            return
        stream.slow = True
        builder = Builder(part.text)
        try:
            value = builder.build()
        except Fault as fault:
            stream.problems.append(_problem(fault, part))
            return
        if builder.repeated:
            _report_repeats(part.text, part.above, stream)
    if value is None:
        stream.found -= 1
    else:
        stream.documents.append((number, value))


def _problem(fault: Fault, part: Part) -> Problem:
    line = template_line(part.text, fault, lambda text: Builder(text).build())
    if line:
        above = part.above + line
        return above, 1, f"looks like a template, not YAML: line {above}", "document"
    return part.above + fault.line, fault.column, fault.reason, "document"


def _report_repeats(text: str, above: int, stream: Stream) -> None:
    found = repeats(text)
    for repeat in found[:_REPEATS_SHOWN]:
        first, line = above + repeat.first, above + repeat.line
        where = f"on lines {first} and {line}" if first != line else f"on line {line}"
        reason = f'key "{render(repeat.path)}" stands twice, {where}; the last one counts'
        stream.problems.append((line, repeat.column, reason, "duplicate key"))
    if len(found) > _REPEATS_SHOWN:
        last: Repeat = found[_REPEATS_SHOWN]
        reason = f"{len(found) - _REPEATS_SHOWN} more keys stand twice in this document"
        stream.problems.append((above + last.line, last.column, reason, "duplicate key"))
