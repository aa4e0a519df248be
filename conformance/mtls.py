"""`plumbline mtls`: what is encrypted between the workloads of a tree, and why."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conformance import tree
from conformance.kube.naming import full_name, means

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Object
    from conformance.kube.podspec import PodSpec
    from conformance.mesh import Edge, Mesh, Problem
    from conformance.mesh.reason import Reason

_OUTSIDE = "outside"
#: so many clients of one line are named
_NAMED = 6


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "what is encrypted between the workloads of an Istio mesh, and why"
    command = commands.add_parser("mtls", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    add = command.add_argument
    add("--from", dest="client", default="", metavar="WORKLOAD", help=f"[NAMESPACE/][KIND/]NAME, or {_OUTSIDE}")
    add("--to", dest="service", default="", metavar="SERVICE[:PORT]", help="[NAMESPACE/]NAME, with a port or its name")
    add("--explain", action="store_true", help="everything that has a say, with file and line")
    add(
        "--root-namespace",
        default="",
        metavar="NAME",
        help="of the mesh (default: what the tree says, or istio-system)",
    )
    add("--namespace", default="", metavar="NAME", help="of objects whose namespace nothing tells, as in kubectl -n")
    add("--injected", action="store_true", help="take namespaces that the tree does not show as labelled for injection")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the answer. 0; 1 where something cannot work or be read; 4 for wrong usage; 5 where there is no Service.

    With `--from` or `--to` only the answer counts: 1 where a connection that was asked for is broken.
    """
    from conformance.mesh import Mesh

    try:
        inventory = tree.read(options, namespace=options.namespace)
        mesh = Mesh(inventory, options.root_namespace, unseen_injected=options.injected)
        edges = _edges(mesh, options)
    except (tree.QuestionError, FileNotFoundError) as error:
        tree.say(str(error))
        return 4
    asked = bool(options.client or options.service)
    problems = [] if asked else list(mesh.problems())
    if options.format == "json":
        tree.write(_json(edges, problems, inventory))
    else:
        tree.write(_text(edges, problems, options.explain))
    broken = asked and any(each.verdict.outcome == "broken" for each in edges)
    if problems or inventory.rejected or broken:
        return 1
    return 0 if edges else 5


def _edges(mesh: Mesh, options: argparse.Namespace) -> list[Edge]:
    name, _, port = options.service.partition(":")
    services = [each for each in mesh.services.all if not name or means(name, each)]
    if name and not services:
        raise tree.QuestionError(f"--to {name}: there is no such Service{_near(name, mesh.services.all)}")
    clients: list[PodSpec | None] = [*mesh.clients]
    if options.client == _OUTSIDE:
        clients = [None]
    elif options.client:
        clients = [each for each in mesh.clients if means(options.client, each.owner)]
        if not clients:
            near = _near(options.client, [each.owner for each in mesh.clients])
            raise tree.QuestionError(f"--from {options.client}: there is no such workload{near}")
    edges = [each for each in mesh.matrix(clients, services) if port in ("", str(each.port.number), each.port.name)]
    if port and not edges:
        raise tree.QuestionError(f"--to {options.service}: {', '.join(map(str, services))} has no such port")
    return edges


def _near(wanted: str, objects: Sequence[Object]) -> str:
    name = wanted.rpartition("/")[2]
    found = sorted({full_name(each) for each in objects if name in each.name or each.name in name})[:5]
    return f"; did you mean {', '.join(found)}?" if found else ""


def _client(edge: Edge) -> str:
    return full_name(edge.client.owner) if edge.client is not None else _OUTSIDE


def _target(edge: Edge) -> str:
    subset = f" subset {edge.subset}" if edge.subset else ""
    return f"{full_name(edge.port.service)}:{edge.port.number}{subset}"


def _matrix(edges: Sequence[Edge], explain: bool) -> Iterator[str]:
    """One line for all the clients of a port that have the same answer for the same reason."""
    everybody = {_client(each) for each in edges if each.client is not None}
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for each in edges:
        because = [_link(reason) for reason in each.verdict.reasons] if explain else []
        found[_target(each), each.verdict.outcome, each.verdict.why, *because].add(_client(each))
    for (target, outcome, why, *because), clients in sorted(found.items(), key=lambda each: (each[0][0], min(each[1]))):
        whole = len(clients) > _NAMED and everybody <= clients
        shown = f"every workload ({len(everybody)})" if whole else _list(sorted(clients))
        yield f"{outcome:<10}{shown} -> {target}  {why}"
        yield from (f"{'':10}{each}" for each in because)


def _list(names: Sequence[str]) -> str:
    """Names, of long lists the first ones; `--from` shows each."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _text(edges: Sequence[Edge], problems: Sequence[Problem], explain: bool) -> str:
    lines = [*_matrix(edges, explain)]
    if edges:
        counts = Counter(each.verdict.outcome.value for each in edges)
        lines += ["", ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))]
    if not edges:
        lines.append("there is no port of a Service to judge")
    for problem in problems:
        where = problem.locate()
        lines.append(
            f"{f'{where}: ' if where else ''}{problem.subject} {problem.field}: {problem.message} [{problem.code}]"
        )
    return "\n".join(lines) + "\n"


def _link(reason: Reason) -> str:
    where = reason.locate()
    field = f" {reason.field}" if reason.subject is not None else ""
    return f"- {reason.text}" + (f"  ({where}{field})" if where else "")


def _json(edges: Sequence[Edge], problems: Sequence[Problem], inventory: Inventory) -> str:
    value = {
        "edges": [
            {
                "from": _client(each),
                "to": full_name(each.port.service),
                "port": each.port.number,
                "subset": each.subset,
                "server": full_name(each.verdict.server.owner) if each.verdict.server is not None else "",
                "verdict": each.verdict.outcome.value,
                "reasons": [_reason(reason) for reason in each.verdict.reasons],
            }
            for each in edges
        ],
        "problems": [
            {
                "code": each.code,
                "object": full_name(each.subject),
                "field": each.field,
                "message": each.message,
                **_at(each),
            }
            for each in problems
        ],
        "rejected": [{"location": each.location.record, "reason": each.reason} for each in inventory.rejected],
    }
    return tree.as_json(value)


def _reason(reason: Reason) -> dict[str, Any]:
    subject = full_name(reason.subject) if reason.subject is not None else ""
    return {"text": reason.text, "object": subject, "field": reason.field, **_at(reason)}


def _at(found: Reason | Problem) -> dict[str, Any]:
    where = found.locate()
    return {"location": where.record if where else None}
