"""A comparison for people: a text for the terminal, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.drift.record import ChangedRecord, DriftRecord, FieldRecord, OneSideRecord, VerdictRecord
from conformance.report.markdown_text import code, inline
from conformance.report.record import LocationRecord, ObjectRecord

_HELD = ("passed", "waived")


def text(found: DriftRecord, *, verbose: bool = False) -> str:
    """What differs first, then what may matter, then what could not be told, and one line that sums it up."""
    return "\n".join([*_text(found, verbose), ""])


def _text(found: DriftRecord, verbose: bool) -> Iterator[str]:
    about = found["cluster"]
    server = f", {about['server']}" if about.get("server") else ""
    yield f"{', '.join(found['paths'])} against cluster {about.get('context') or '?'}{server}, {about.get('taken', '')}"
    for each in found["changed"]:
        yield from _object_text(each, verbose)
    yield from _section("In Git and not in the cluster", found["only_git"])
    yield from _section("Could not be compared", found["unread"])
    yield from _section("In the cluster and not in Git (a hint; --strict makes it count)", found["only_cluster"])
    if verbose:
        yield from _section("Not expected in the cluster", found["passed_over"])
    if found["requirements"]:
        yield from _verdicts(found["requirements"], verbose)
    for note in found["notes"]:
        yield f"note: {note}"
    yield ""
    yield summary(found)


def _object_text(changed: ChangedRecord, verbose: bool) -> Iterator[str]:
    hints = changed["hints"]
    if not (changed["differences"] or hints or (verbose and changed["accepted"])):
        return
    yield ""
    yield _name(changed["object"])
    for each in changed["differences"]:
        yield from _field_text(each)
    for each in hints:
        yield from _field_text(each, "only in the cluster; Git leaves it alone")
    for each in changed["accepted"] if verbose else ():
        yield from _field_text(each, f"no drift: {each['reason']}")


def _field_text(field: FieldRecord, remark: str = "") -> Iterator[str]:
    yield f"  {field['field']}{f'  ({remark})' if remark else ''}"
    where = f"   {_place(field['location'])}" if field["location"] else ""
    yield f"      git      {_side(field, 'git')}{where}"
    yield f"      cluster  {_side(field, 'cluster')}"


def _side(field: FieldRecord, side: str) -> str:
    absent = "missing" if side == "cluster" else "added"
    if field["what"] == absent:
        return "(not set)"
    value = field["git"] if side == "git" else field["cluster"]
    return value or '""'


def _section(title: str, entries: Sequence[OneSideRecord]) -> Iterator[str]:
    if not entries:
        return
    yield ""
    yield f"{title} ({len(entries)})"
    for each in entries:
        name = _name(each["object"]) if each["object"] else ""
        said = "" if each["reason"] in ("not in the cluster", "not in Git") else each["reason"]
        parts = [name, _place(each["location"]) if each["location"] else "", said]
        yield "  " + "   ".join(part for part in parts if part)


def _verdicts(verdicts: Sequence[VerdictRecord], verbose: bool) -> Iterator[str]:
    shown = [each for each in verdicts if verbose or _worth(each)]
    yield ""
    yield f"Requirements ({len(verdicts)}; {len(verdicts) - len(shown)} hold on both sides or are not judged)"
    width = max((len(each["id"]) for each in shown), default=0)
    if shown:
        yield f"  {'':{width}}  document  git        cluster"
    for each in shown:
        mark = "defect" if each["defects"] else each["keyword"]
        apart = "   <- they differ" if _apart(each) else ""
        yield f"  {each['id']:{width}}  {mark:8}  {each['git']:9}  {each['cluster']}{apart}"


def _worth(verdict: VerdictRecord) -> bool:
    bad = ("failed", "error", "warned")
    return _apart(verdict) or verdict["git"] in bad or verdict["cluster"] in bad


def _apart(verdict: VerdictRecord) -> bool:
    """Whether one side holds what the other does not."""
    both = (verdict["git"], verdict["cluster"])
    judged = all(each not in ("skipped", "not asked") for each in both)
    return judged and (both[0] in _HELD) != (both[1] in _HELD)


def summary(found: DriftRecord) -> str:
    """One sentence."""
    counts = found["summary"]
    compared = f"{_count(counts['compared'], 'object')} compared"
    hints = counts["hints"] + counts["only_cluster"]
    differ = "differs" if counts["fields"] == 1 else "differ"
    parts = [
        f"{_count(counts['fields'], 'field')} of {_count(counts['changed'], 'object')} {differ}"
        if counts["fields"]
        else "",
        f"{counts['only_git']} not in the cluster" if counts["only_git"] else "",
        f"{counts['unread']} not comparable" if counts["unread"] else "",
    ]
    said = [part for part in parts if part] or ["no drift"]
    return f"{compared}: " + ", ".join([*said, *([_count(hints, "hint")] if hints else [])])


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _name(thing: ObjectRecord) -> str:
    inside = f"{thing['namespace']}/" if thing["namespace"] else ""
    return f"{thing['kind']} {inside}{thing['name']}"


def _place(where: LocationRecord | None) -> str:
    if where is None:
        return ""
    return f"{where['path']}:{where['line']}" if where["line"] else where["path"]


def markdown(found: DriftRecord) -> str:
    """For a pull request or a job's summary."""
    return "\n".join([*_markdown(found), ""])


def _markdown(found: DriftRecord) -> Iterator[str]:
    yield "## Drift"
    yield ""
    yield f"{inline(summary(found))} (cluster {code(str(found['cluster'].get('context', '?')))})"
    rows = [(each, field) for each in found["changed"] for field in each["differences"]]
    if rows:
        yield from ("", "| object | field | git | cluster | where |", "|---|---|---|---|---|")
        for each, field in rows:
            cells = (_name(each["object"]), field["field"], _side(field, "git"), _side(field, "cluster"))
            shown = " | ".join(code(cell) for cell in cells)
            yield f"| {shown} | {inline(_place(field['location']))} |"
    for title, entries in (
        ("In Git and not in the cluster", found["only_git"]),
        ("Could not be compared", found["unread"]),
        ("In the cluster and not in Git (hints)", found["only_cluster"]),
    ):
        if entries:
            yield from ("", f"### {title}", "")
            for one in entries:
                name = code(_name(one["object"])) if one["object"] else ""
                yield "- " + " ".join(part for part in (name, inline(one["reason"])) if part)
    apart = [each for each in found["requirements"] if _worth(each)]
    if apart:
        yield from ("", "### Requirements", "", "| requirement | document | git | cluster |", "|---|---|---|---|")
        for verdict in apart:
            says = f"{verdict['keyword']}{', has a defect' if verdict['defects'] else ''}"
            yield f"| {code(verdict['id'])} | {says} | {verdict['git']} | {verdict['cluster']} |"
    if found["notes"]:
        yield from ("", *(f"- note: {inline(note)}" for note in found["notes"]))
