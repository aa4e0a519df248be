"""Incident playbooks and post-mortems: the numbers, the order, and whether the people named can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.evidence.periods import minutes
from conformance.finding import Finding
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, Node, TextFile

_NUMBER = re.compile(r"[0-9]+")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}")
_ROUND_THE_CLOCK = re.compile(r"24\s*[/x×]\s*7|24시간\s*365일|연중무휴")


def _under(node: Node, key: str) -> Node | None:
    """The first value of a key, however deep it stands; what a playbook calls its parts is its own affair."""
    if isinstance(node.raw, dict):
        for name in node.raw:
            found = node.at((name,)) if name == key else _under(node.at((name,)), key)
            if found is not None:
                return found
    return None


@check
def test_response_times(document: Document, *, field: str, levels: dict[str, str], above: str = "") -> Iterator[Said]:
    """Each level of a playbook has the documented time, compared by meaning: `15분 이내` is 15 minutes.

    `above` is another field of the level that must be shorter: nobody escalates before anybody had to answer.
    """
    for level, documented in levels.items():
        found = _under(document, level)
        if found is None:
            yield Finding(document, (), f"has no level {level}", level, None)
            continue
        path, said = (*found.path, field), found.get(field)
        if minutes(said) is None:
            yield Finding(document, path, "is no period", documented, said)
        elif minutes(said) != minutes(documented):
            yield Finding(document, path, "is another time than documented", documented, said)
        elif above and (minutes(found.get(above)) or 0) >= (minutes(said) or 0):
            yield Finding(document, path, f"is not longer than {above}", found.get(above), said)


@check
def test_teams_reachable(
    document: Document, inventory: Inventory, *, levels: list[str], response: str, teams: str, tiers: str
) -> Iterator[Said]:
    """Everybody whom a level calls answers within its response time, at any hour.

    A tier does when it, or its `on_call`, works around the clock and its `response_time` is not longer.
    `tiers` is the path of the table of tiers. Stand-by without a time is no answer.
    """
    tables = inventory.select_documents(Match(paths=(tiers,)))
    table = next((each for each in tables if isinstance(each.raw, dict)), None)
    if table is None:
        yield NotApplicable(f"there is no {tiers}")
        return
    for level in levels:
        found = _under(document, level)
        within = minutes(found.get(response)) if found is not None else None
        if found is None or within is None:
            continue
        for team in found.sequence(teams):
            tier = _under(table, str(team.raw))
            message = "is in no table of tiers" if tier is None else _late(tier, within)
            if message:
                yield Finding(document, team.path, f"{team.raw} {message}", found.get(response), team.raw)


def _late(tier: Node, within: float) -> str:
    for duty in (tier, tier.at("on_call")):
        answer = minutes(duty.get("response_time"))
        around = _ROUND_THE_CLOCK.search(str(duty.get("hours", "")))
        if around and answer is not None and answer <= within:
            return ""
    return "does not answer within that time at any hour"


@check
def test_procedure_steps(document: Document, *, steps: list[str]) -> Iterator[Said]:
    """A procedure has its steps, in the order of the numbers in their names, and each says what to do."""
    found = {step: _under(document, step) for step in steps}
    for step, node in found.items():
        if node is None:
            yield Finding(document, (), f"lacks {step}", step, None)
        elif not node.raw or not isinstance(node.raw, list | dict | str):
            yield Finding(document, node.path, "says nothing to do", "at least one action", node.raw)
    parent = next((node.path[:-1] for node in found.values() if node is not None), ())
    for name, number in _numbered(document.mapping(parent)):
        if name not in steps and number in {_order(step) for step in steps}:
            yield Finding(document, (*parent, name), "takes the place of another step", None, name)


def _numbered(steps: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    for name in steps:
        yield str(name), _order(str(name))


def _order(step: str) -> int | None:
    found = _NUMBER.search(step)
    return int(found.group()) if found else None


@check
def test_postmortem(file: TextFile, *, fields: list[str], start: str, end: str, total: str) -> Iterator[Said]:
    """A post-mortem has every field, and the duration it states is the time between start and end."""
    found = {name: _line(file, name) for name in fields}
    for name, line in found.items():
        if not line:
            yield Finding(file, (), f"lacks {name}", name, None)
    begun, done = (_moment(file, found.get(name, 0)) for name in (start, end))
    line = found.get(total, 0)
    if begun and done and line:
        text = file.lines[line - 1].split(":", 1)[-1].strip(" *|")
        real = (done - begun).total_seconds() / 60
        if minutes(text) != real:
            yield Finding(file, (line,), "is not the time between start and end", f"{real:.0f} minutes", text)


def _line(file: TextFile, name: str) -> int:
    return next((number for number, line in enumerate(file.lines, start=1) if name in line), 0)


def _moment(file: TextFile, line: int) -> datetime | None:
    found = _MOMENT.search(file.lines[line - 1]) if line else None
    return datetime.fromisoformat(found.group()) if found else None
