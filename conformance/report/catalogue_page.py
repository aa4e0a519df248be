"""docs/catalogue.md: every requirement with its statement, source and check, generated from the data."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.catalogue import Catalogue, Defect, Profile, Requirement
from conformance.report import wording
from conformance.report.markdown_text import code, inline

_HEAD = """# Catalogue

Every requirement that plumbline knows, by profile. This page is generated from `policies/` by
`plumbline list --format markdown`; a change by hand is lost.

A requirement that is not checked by anything yet stays in the list, with what it would take.
`plumbline explain REQUIREMENT` adds the reason, the quoted words, examples that hold and that do not, and a waiver.
"""


def write(catalogue: Catalogue) -> str:
    """The whole page; the same catalogue always gives the same text."""
    parts = [
        _HEAD,
        "\n".join(_contents(catalogue)),
        *("\n".join(_section(each)) for each in catalogue.profiles.values()),
    ]
    return "\n".join(parts)


def _contents(catalogue: Catalogue) -> Iterator[str]:
    yield "| Profile | Document | Requirements | Judged | Not checked yet | Mistakes in the document |"
    yield "|---|---|---:|---:|---:|---:|"
    for profile in catalogue.profiles.values():
        judged = sum(each.check is not None for each in profile.requirements)
        total = len(profile.requirements)
        yield (
            f"| [{inline(profile.name)}](#{profile.name}) | {inline(profile.document)} | {total:,} | {judged:,} | "
            f"{total - judged:,} | {len(profile.defects):,} |"
        )
    yield ""


def _section(profile: Profile) -> Iterator[str]:
    yield f"## {inline(profile.name)}"
    yield ""
    yield f"{inline(profile.title)}. Document: {inline(profile.document)}."
    if profile.generic:
        yield ""
        yield "Holds for any repository; nothing need be declared."
    yield ""
    yield "| Requirement | Statement | Binding | Judged in | Check | Source |"
    yield "|---|---|---|---|---|---|"
    for each in profile.requirements:
        yield _row(each)
    yield ""
    if profile.defects:
        yield f"### Mistakes in the document: {inline(profile.name)}"
        yield ""
        yield "| Mistake | Severity | Where | What | Concerns |"
        yield "|---|---|---|---|---|"
        for defect in profile.defects:
            yield _defect(defect)
        yield ""


def _row(requirement: Requirement) -> str:
    check = code(requirement.check) if requirement.check else f"not yet: {inline(requirement.reason)}"
    source = requirement.source
    where = wording.source_text({"document": "", "section": source.section, "lines": source.lines, "quote": ""})
    cells = (
        f"{code(requirement.id)}<br>{inline(requirement.title)}",
        inline(requirement.statement),
        f"{requirement.keyword}, {requirement.severity}",
        ", ".join(requirement.scope),
        check,
        inline(where),
    )
    return "| " + " | ".join(cells) + " |"


def _defect(defect: Defect) -> str:
    concerns = ", ".join(code(each) for each in defect.requirements)
    cells = (code(defect.id), defect.severity, inline(defect.where), inline(defect.statement), concerns)
    return "| " + " | ".join(cells) + " |"
