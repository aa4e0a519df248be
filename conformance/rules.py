"""`plumbline rules`: every alerting and recording rule of a tree, and what can be said of each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance import tree

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Location
    from conformance.promql.faults import Fault
    from conformance.promql.rules import Rule


@dataclass
class _Row:
    rule: Rule
    location: Location | None
    expr: str
    faults: list[Fault]
    unread: str = ""
    #: metrics with the exporter that provides them, "recorded" for series of rules, "" for nobody known
    metrics: dict[str, str] = field(default_factory=dict)


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "every alerting and recording rule: when it fires, and what is wrong with it"
    command = commands.add_parser("rules", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    command.add_argument("--name", default="*", metavar="GLOB", help="only rules with such a name")
    command.add_argument(
        "--explain", action="store_true", help="what each rule reads, who provides it, its one spelling"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the rules. 0; 1 where one is wrong or cannot be read; 4 for wrong usage; 5 where there is none."""
    from fnmatch import fnmatchcase

    from conformance.promql.faults import Verdict
    from conformance.promql.rules import find

    try:
        inventory = tree.read(options)
    except FileNotFoundError as error:
        tree.say(str(error))
        return 4
    found = find(inventory)
    rows = [_row(each, inventory) for each in found.rules if fnmatchcase(each.name, options.name)]
    for each in found.unread:
        tree.say(f"{each.subject.locate(each.path)}: {each.reason}")
    if options.format == "json":
        tree.write(tree.as_json({"rules": [_record(each) for each in rows]}))
    else:
        tree.write(_text(rows, options.explain))
    wrong = any(each.unread or any(fault.verdict != Verdict.WEAK for fault in each.faults) for each in rows)
    if wrong or found.unread or inventory.rejected:
        return 1
    return 0 if rows else 5


def _row(rule: Rule, inventory: Inventory) -> _Row:
    from conformance.promql import exporters, scraping
    from conformance.promql.faults import faults
    from conformance.promql.meaning import normal
    from conformance.promql.rules import recordings
    from conformance.promql.syntax import read, selectors, show
    from conformance.promql.trial import UnsupportedError

    location = rule.locate("expr") or rule.subject.locate(rule.field("expr"))
    try:
        expr = read(rule.expr)
    except UnsupportedError as error:
        return _Row(rule, location, "", [], str(error))
    recorded = {each.name for each in recordings(inventory)}
    metrics = {}
    for each in selectors(expr):
        owner = exporters.owner(each.name)
        metrics[each.name] = "recorded" if each.name in recorded else owner.name if owner is not None else ""
    wrong = faults(expr, alert=rule.is_alert, scrape_interval=scraping.interval(inventory))
    return _Row(rule, location, show(normal(expr)), wrong, "", metrics)


def _text(rows: Sequence[_Row], explain: bool) -> str:
    lines = []
    for row in rows:
        rule = row.rule
        severity = f" {rule.labels['severity']}" if "severity" in rule.labels else ""
        what = f"alert{severity}" if rule.is_alert else "record"
        lines.append(f"{row.location}: {rule.name} [{what}]{_when(rule)}")
        lines.append(f"    {' '.join(rule.expr.split())}")
        if row.unread:
            lines.append(f"    unreadable: {row.unread}")
        lines += [f"    {each.verdict}: {each.message} [{each.code}]" for each in row.faults]
        if explain and not row.unread:
            lines.append(f"    means: {row.expr}")
            lines += [f"    reads: {name or 'any name'}{_provider(who)}" for name, who in row.metrics.items()]
            lines += [f"    part: {each.part} [{each.code}]" for each in row.faults]
    alerts = sum(row.rule.is_alert for row in rows)
    wrong = sum(bool(row.faults or row.unread) for row in rows)
    lines += ["", f"{alerts} alerts, {len(rows) - alerts} recording rules, {wrong} with something to say about"]
    return "\n".join(lines) + "\n" if rows else "there are no rules\n"


def _when(rule: Rule) -> str:
    if not rule.is_alert:
        return ""
    return f" fires after {rule.wait}" if rule.wait.strip("0smhd") else " fires at once"


def _provider(who: str) -> str:
    return f" (of {who})" if who and who != "recorded" else " (recorded here)" if who else ""


def _record(row: _Row) -> dict[str, Any]:
    rule = row.rule
    return {
        "name": rule.name,
        "kind": "alert" if rule.is_alert else "record",
        "group": rule.group,
        "for": rule.wait,
        "labels": dict(rule.labels),
        "expr": rule.expr,
        "meaning": row.expr,
        "metrics": row.metrics,
        "problems": [
            {"verdict": each.verdict.value, "code": each.code, "message": each.message, "part": each.part}
            for each in row.faults
        ],
        "unreadable": row.unread,
        "location": row.location.record if row.location else None,
    }
