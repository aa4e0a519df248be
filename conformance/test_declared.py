"""Requirements that fields and operators express by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from conformance.check import check
from conformance.declared import compare, validate
from conformance.finding import Finding
from conformance.kube.object import Document, Node, Object


@check
def test_declared(thing: Object, *, expect: Annotated[dict[str, Any], validate]) -> Iterator[Finding]:
    """The object has the declared fields; an absent field is a finding, whatever the API default would be."""
    yield from _findings(thing, expect)


@check
def test_declared_in_file(document: Document, *, expect: Annotated[dict[str, Any], validate]) -> Iterator[Finding]:
    """The file (Helm values, a compose file, a workflow) has the declared fields; selected by `match.path`."""
    yield from _findings(document, expect)


def _findings(thing: Document, expect: dict[str, Any]) -> Iterator[Finding]:
    for mismatch in compare(Node(thing.raw), expect):
        yield Finding(thing, mismatch.path, mismatch.message, mismatch.expected, mismatch.observed)
