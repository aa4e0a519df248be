"""The catalogue for people and programs: `plumbline list`, `explain` and `defects`.

`listing(catalogue, "markdown")` is the page docs/catalogue.md.
"""

from __future__ import annotations

import datetime
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.catalogue import Catalogue, Profile, Requirement
from conformance.check import Check
from conformance.kube.inventory import Match
from conformance.kube.scope import is_cluster_kind
from conformance.report import wording
from conformance.report.catalogue_examples import Example, failing, passing
from conformance.report.record import SourceRecord

#: how long the waiver that `explain` proposes is in force
WAIVED_DAYS = 90
_LABEL = 12


def listing(catalogue: Catalogue, format: str = "text") -> str:  # noqa: A002 -- the command line says --format
    """Every requirement of every profile, in the order of the data.

    `format` is `text` (a table for each profile), `json` (everything, for programs) or `markdown` (the documentation
    page). Raises ValueError for any other.
    """
    formats: Mapping[str, Callable[[Catalogue], str]] = {"text": _table, "json": _json, "markdown": _markdown}
    if format not in formats:
        raise ValueError(f"{format}: there is no such format; there are {', '.join(formats)}")
    return formats[format](catalogue)


def explanation(
    requirement: Requirement,
    fixtures: Path,
    check: Check | None = None,
    *,
    width: int = 100,
    today: datetime.date | None = None,
) -> str:
    """All there is to know about one requirement: what it says and why, how it is judged, how to fix or waive it.

    `fixtures` is the folder with the proofs of the checks, `check` the requirement's check, whose docstring is shown:
    traps, defaults and reasons stand there and nowhere else. `width` is where prose is wrapped, `today` the day from
    which the proposed waiver counts (default: the current one, UTC).
    """
    today = today or datetime.datetime.now(datetime.UTC).date()
    lines = [f"{requirement.id}: {requirement.title}", ""]
    lines += [*textwrap.wrap(requirement.statement, width, initial_indent="  ", subsequent_indent="  "), ""]
    for name, text in _facts(requirement):
        lines += _fact(name, text, width)
    lines += _judging(requirement, check, width)
    lines += _fact("Fix", requirement.remediation, width)
    lines += _examples(requirement, fixtures)
    lines += _waiver(requirement, today + datetime.timedelta(days=WAIVED_DAYS))
    return "\n".join(lines) + "\n"


def defects(profile: Profile, *, width: int = 100) -> str:
    """The mistakes and contradictions inside a profile's own document, in the order of the data."""
    if not profile.defects:
        return f"{profile.document}: no mistake is on record.\n"
    number = wording.count(len(profile.defects), "mistake")
    lines = [f"{profile.document}: {number} on record", ""]
    widest = max(len(each.id) for each in profile.defects)
    for each in profile.defects:
        lines.append(f"{each.severity:<8}  {each.id:<{widest}}  {each.where}".rstrip())
        extra = [
            ("", each.statement),
            ("Evidence: ", each.evidence),
            ("Detect: ", each.detect),
            ("Concerns: ", ", ".join(each.requirements)),
        ]
        for name, text in extra:
            if text:
                lines += textwrap.wrap(name + " ".join(text.split()), width, initial_indent=" " * 10, **_HANGING)
        lines.append("")
    return "\n".join(lines)


_HANGING: dict[str, Any] = {
    "subsequent_indent": " " * 10,
    "break_long_words": False,
    "break_on_hyphens": False,
}


def _facts(requirement: Requirement) -> Iterator[tuple[str, str]]:
    fails = requirement.keyword == "MUST"
    meaning = "a violation fails the run" if fails else "a violation warns, and fails with --hardened"
    yield "Binding", f"{requirement.keyword} ({requirement.basis}), {requirement.severity}: {meaning}"
    yield "Document", wording.source_text(_source(requirement))
    if requirement.source.quote:
        yield "", f"“{' '.join(requirement.source.quote.split())}”"
    if requirement.why:
        yield "Why", requirement.why
    yield "Judged in", ", ".join(requirement.scope)


def _source(requirement: Requirement) -> SourceRecord:
    source = requirement.source
    return SourceRecord(document=source.document, section=source.section, lines=source.lines, quote=source.quote)


def _judging(requirement: Requirement, check: Check | None, width: int) -> Iterator[str]:
    """What is looked at, by which check, with which options."""
    if requirement.check is None:
        yield from _fact("Check", f"nothing judges this yet: {requirement.reason}", width)
        return
    if requirement.match != Match():
        absent = "a finding" if requirement.require == "present" else "skipped"
        yield from _fact("Looks at", f"{requirement.match} (none at all is {absent})", width)
    yield from _fact("Check", requirement.check, width)
    documentation = inspect.cleandoc(check.function.__doc__ or "") if check else ""
    for paragraph in documentation.split("\n\n"):
        yield from _fact("", paragraph, width)
    if requirement.options:
        options = textwrap.indent(_yaml(dict(requirement.options)), " " * _LABEL).rstrip()
        yield f"{'Options':<{_LABEL}}" + options[_LABEL:]


def _fact(name: str, text: str, width: int) -> list[str]:
    margin = " " * _LABEL
    return textwrap.wrap(
        " ".join(text.split()),
        width,
        initial_indent=f"{name:<{_LABEL}}",
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _examples(requirement: Requirement, fixtures: Path) -> Iterator[str]:
    for heading, example in (
        ("Holds", passing(requirement.id, fixtures)),
        ("Does not hold", failing(requirement.id, fixtures)),
    ):
        if example is not None:
            yield from _example(heading, example)


def _example(heading: str, example: Example) -> Iterator[str]:
    yield ""
    yield f"{heading} (fixture {example.path}):"
    yield ""
    yield textwrap.indent(example.text, "    ")


def _waiver(requirement: Requirement, expires: datetime.date) -> Iterator[str]:
    """A waiver to copy; a requirement that nothing judges has nothing to waive."""
    if requirement.check is None:
        return
    yield ""
    yield "Accept a finding for a while (in a file given with --waivers):"
    yield ""
    entry = {
        "requirement": requirement.id,
        "object": _waived_object(requirement.match),
        "reason": "why this is acceptable until then",
        "owner": "who answers for it",
        "expires": expires.isoformat(),
    }
    yield textwrap.indent(_yaml([entry]), "    ").rstrip()
    yield "    # object: Kind/namespace/name, a path for files, - for what is missing; globs are allowed"


def _waived_object(match: Match) -> str:
    """What the match names already; the rest is for the reader to fill in."""
    if not match.kinds:
        return match.paths[0] if match.paths else "KIND/NAMESPACE/NAME"
    kind, name = match.kinds[0], match.names[0] if match.names else "NAME"
    if is_cluster_kind(kind):
        return f"{kind}/{name}"
    return f"{kind}/{match.namespaces[0] if match.namespaces else 'NAMESPACE'}/{name}"


def _yaml(value: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=90)
    return text


def _table(catalogue: Catalogue) -> str:
    return "\n".join(line for profile in catalogue.profiles.values() for line in _profile_table(profile)) + "\n"


def _profile_table(profile: Profile) -> Iterator[str]:
    yield f"{profile.name}: {profile.title}"
    yield f"  {_summary(profile)}"
    if profile.defects:
        mistakes = wording.count(len(profile.defects), "mistake")
        yield f"  {mistakes} in the document itself: plumbline defects {profile.name}"
    yield ""
    rows = [("REQUIREMENT", "BINDING", "SEVERITY", "JUDGED IN", "CHECK", "TITLE")]
    rows += [
        (each.id, each.keyword, each.severity, ",".join(each.scope), each.check or "-", " ".join(each.title.split()))
        for each in profile.requirements
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row[:5], widths, strict=True)]
        yield "  " + "  ".join([*cells, row[5]])
    yield ""


def _summary(profile: Profile) -> str:
    judged = sum(each.check is not None for each in profile.requirements)
    number = wording.count(len(profile.requirements), "requirement")
    idle = len(profile.requirements) - judged
    yet = f", {idle:,} not checked by anything yet" if idle else ""
    return f"{number} of “{profile.document}”: {judged:,} judged{yet}"


def _json(catalogue: Catalogue) -> str:
    from conformance.report import catalogue_data

    return catalogue_data.write(catalogue)


def _markdown(catalogue: Catalogue) -> str:
    from conformance.report import catalogue_page

    return catalogue_page.write(catalogue)
