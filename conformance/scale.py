"""`plumbline scale`: how many pods there are, what is left of them when something goes away, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance import tree
from conformance.kube.naming import full_name

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Object
    from conformance.scaling import Event, Left, Place
    from conformance.scaling.events import Prospect
    from conformance.scaling.totals import Demand

_HEAD = ("WORKLOAD", "REPLICAS", "DRAIN", "ROLLOUT", "NODE LOSS", "ZONE LOSS", "REQUESTS AT LEAST", "AT MOST", "")


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "what drains, rollouts and the loss of a node or zone leave of each workload, and what all of them ask for"
    command = commands.add_parser("scale", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    add = command.add_argument
    add("--nodes", type=int, default=0, metavar="N", help="how many nodes there are (default: the Nodes of the tree)")
    add("--zones", type=int, default=0, metavar="N", help="over how many zones these nodes are spread")
    add("--explain", action="store_true", help="why, with file and line")
    command.set_defaults(run=run)


@dataclass(frozen=True)
class Row:
    """One workload: at its fewest replicas, what each event leaves, and what it asks for."""

    prospect: Prospect
    left: dict[Event, Left | None]
    demand: Demand

    @property
    def owner(self) -> Object:
        """The workload itself."""
        return self.prospect.workload.owner

    @property
    def replicas(self) -> str:
        """`2..10`, `3`, or that one runs on each node."""
        found = self.prospect.workload.range
        if found is None:
            return "one a node"
        return str(found.least) if found.least == found.most else f"{found.least}..{found.most}"

    @property
    def blocked(self) -> list[tuple[str, str]]:
        """Events that cannot come to their end, and pods that find no node."""
        stuck: list[tuple[str, str]] = [
            (event, each.blocked) for event, each in self.left.items() if each is not None and each.blocked
        ]
        return [*stuck, *([("start", self.prospect.pending)] if self.prospect.pending else [])]


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the answer. 0; 1 where a drain or a rollout cannot come to its end, pods stay Pending or something cannot
    be read; 4 for wrong usage; 5 where there is no workload.
    """
    from conformance.scaling.nodes import LARGEST

    if not 0 <= options.zones <= (options.nodes or LARGEST) <= LARGEST:
        tree.say(f"--nodes is between 1 and {LARGEST}, and every one of --zones has a node")
        return 4
    try:
        inventory = tree.read(options)
    except FileNotFoundError as error:
        tree.say(str(error))
        return 4
    rows, errors = _rows(inventory, options)
    for each in errors:
        tree.say(each)
    if not rows and not errors:
        tree.say("no workloads there")
        return 5
    if options.format == "json":
        tree.write(tree.as_json({"workloads": [_record(each, options.explain) for each in rows]}))
    else:
        tree.write(_text(rows, options.explain))
    return 1 if errors or inventory.rejected or any(each.blocked for each in rows) else 0


def _rows(inventory: Inventory, options: argparse.Namespace) -> tuple[list[Row], list[str]]:
    from conformance.kube.object import FieldTypeError

    rows: list[Row] = []
    errors: list[str] = []
    for thing in inventory.objects:
        try:
            row = _row(thing, inventory, options)
        except FieldTypeError as error:
            errors.append(f"{thing.locate(error.path)}: {thing} is left out: {error}")
            continue
        except OverflowError as error:
            errors.append(f"{thing.locate(('spec', 'replicas'))}: {thing} is left out: {error}")
            continue
        rows += [row] if row is not None else []
    return sorted(rows, key=lambda each: full_name(each.owner)), errors


def _row(thing: Object, inventory: Inventory, options: argparse.Namespace) -> Row | None:
    from conformance.scaling import EVENTS, Prospect, workload
    from conformance.scaling.totals import demand

    found = workload(thing, inventory)
    if found is None:
        return None
    count = found.range.least if found.range is not None else 0
    places = _places(inventory, options, found.range.most if found.range is not None else 1)
    prospect = Prospect(found, inventory, places, count)
    left = {event: prospect.left(event) for event in EVENTS}
    return Row(prospect, left, demand(found, inventory, places))


def _places(inventory: Inventory, options: argparse.Namespace, pods: int) -> list[Place]:
    """Nodes that are given, else those of the tree, else one for each pod, and never fewer than two."""
    from conformance.scaling import nodes

    if options.nodes:
        return nodes.documented(options.nodes, options.zones)
    return nodes.known(inventory, None, options.zones, pods)


def _text(rows: Sequence[Row], explain: bool) -> str:
    from conformance.scaling.shown import listed
    from conformance.scaling.totals import total

    table: list[tuple[str, ...]] = [_HEAD]
    for row in rows:
        cells = [str(each.pods) if each is not None else "-" for each in row.left.values()]
        sums = [listed(_compute(row.demand.at(n))) for n in (row.demand.least, row.demand.most)]
        stuck = ", ".join(f"{event} blocked" if event != "start" else "Pending" for event, _ in row.blocked)
        table.append((full_name(row.owner), row.replicas, *cells, *sums, stuck))
    least, most = (
        listed(total(_compute(row.demand.at(n)) for row, n in zip(rows, counts, strict=True)))
        for counts in ([row.demand.least for row in rows], [row.demand.most for row in rows])
    )
    table.append(("total", "", "", "", "", "", least, most, ""))
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    if explain:
        lines += ["", *(line for row in rows for line in _explained(row))]
    else:
        lines += ["" for row in rows[:1] if any(each.blocked for each in rows)]
        lines += [f"{full_name(row.owner)}: {event}: {why}" for row in rows for event, why in row.blocked]
    return "\n".join(lines) + "\n"


def _compute(amounts: Any) -> Any:
    return {name: each for name, each in amounts.items() if name in ("cpu", "memory")}


def _explained(row: Row) -> list[str]:
    found = row.prospect.workload.range
    lines = [f"{full_name(row.owner)}: {found.why if found is not None else 'one pod runs on each node that takes it'}"]
    for event, each in row.left.items():
        if each is not None:
            where = each.subject.locate(each.path)
            lines.append(f"  {event} leaves {each.pods}: {each.why}  ({where})")
            lines += [f"  {event} is blocked: {each.blocked}"] if each.blocked else []
    lines += [f"  {row.prospect.pending}"] if row.prospect.pending else []
    return lines


def _record(row: Row, explain: bool) -> dict[str, Any]:
    found = row.prospect.workload.range
    record: dict[str, Any] = {
        "workload": full_name(row.owner),
        "replicas": {"least": row.demand.least, "most": row.demand.most, "per_node": found is None},
        "left": {event: each.pods if each is not None else None for event, each in row.left.items()},
        "blocked": dict(row.blocked),
        "requests": {
            which: {name: f"{each.normalize():f}" for name, each in row.demand.at(count).items()}
            for which, count in (("least", row.demand.least), ("most", row.demand.most))
        },
    }
    if explain:
        record["because"] = {event: _because(each) for event, each in row.left.items() if each is not None}
    return record


def _because(left: Left) -> dict[str, Any]:
    location = left.subject.locate(left.path).record
    return {"why": left.why, "object": full_name(left.subject), "location": location}
