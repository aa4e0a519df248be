"""`plumbline mtls`: what is encrypted between the workloads of a tree, and why."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Location, Object
    from conformance.kube.podspec import PodSpec
    from conformance.mesh import Edge, Mesh, Problem
    from conformance.mesh.reason import Reason

_OUTSIDE = "outside"


class QuestionError(ValueError):
    """What is asked for is not in the tree, or cannot be asked for like this."""


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "what is encrypted between the workloads of an Istio mesh, and why"
    command = commands.add_parser("mtls", help=text, description=text.capitalize() + ".")
    add = command.add_argument
    add("paths", nargs="*", default=["."], metavar="PATH", help="files or directories (default: this directory)")
    add("--from", dest="client", default="", metavar="WORKLOAD", help=f"[NAMESPACE/][KIND/]NAME, or {_OUTSIDE}")
    add("--to", dest="service", default="", metavar="SERVICE[:PORT]", help="[NAMESPACE/]NAME, with a port or its name")
    add("--explain", action="store_true", help="everything that has a say, with file and line")
    add("--format", choices=("text", "json"), default="text")
    add(
        "--root-namespace",
        default="",
        metavar="NAME",
        help="of the mesh (default: what the tree says, or istio-system)",
    )
    add("--namespace", default="", metavar="NAME", help="of objects whose namespace nothing tells, as in kubectl -n")
    add("--injected", action="store_true", help="take namespaces that the tree does not show as labelled for injection")
    add("--exclude", action="append", default=[], metavar="GLOB", help="paths that are left out")
    add("--no-render", action="store_true", help="do not run helm or kustomize")
    add("--allow-network", action="store_true", help="let helm and kustomize fetch what they refer to")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the answer. 0; 1 where something cannot work or be read; 4 for wrong usage; 5 where there is no Service.

    With `--from` or `--to` only the answer counts: 1 where a connection that was asked for is broken.
    """
    from conformance.mesh import Mesh

    try:
        inventory = _load(options)
        mesh = Mesh(inventory, options.root_namespace, unseen_injected=options.injected)
        edges = _edges(mesh, options)
    except (QuestionError, FileNotFoundError) as error:
        _say(str(error))
        return 4
    asked = bool(options.client or options.service)
    problems = [] if asked else list(mesh.problems())
    show = _json if options.format == "json" else _text
    _write(show(edges, problems, inventory, options.explain))
    for each in inventory.rejected:
        _say(f"{each.location}: {each.reason}")
    broken = asked and any(each.verdict.outcome == "broken" for each in edges)
    if problems or inventory.rejected or broken:
        return 1
    return 0 if edges else 5


def _load(options: argparse.Namespace) -> Inventory:
    from pathlib import Path

    from conformance.kube.inventory import Inventory
    from conformance.sources import load as sources
    from conformance.sources.render import RenderOptions, RenderPlan

    for path in options.paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: no such file or directory")
    rendering = RenderOptions(render=not options.no_render, allow_network=options.allow_network)
    plan = RenderPlan(rendering, sources.read_file)
    loaded = sources.load(options.paths, plan=plan, exclude=options.exclude)
    for each in loaded.objects if options.namespace else ():
        each.namespace = options.namespace if each.namespace is None else each.namespace
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)


def _edges(mesh: Mesh, options: argparse.Namespace) -> list[Edge]:
    name, _, port = options.service.partition(":")
    services = [each for each in mesh.services.all if not name or _is(name, each)]
    if name and not services:
        raise QuestionError(f"--to {name}: there is no such Service{_near(name, mesh.services.all)}")
    clients: list[PodSpec | None] = [*mesh.clients]
    if options.client == _OUTSIDE:
        clients = [None]
    elif options.client:
        clients = [each for each in mesh.clients if _is(options.client, each.owner)]
        if not clients:
            near = _near(options.client, [each.owner for each in mesh.clients])
            raise QuestionError(f"--from {options.client}: there is no such workload{near}")
    edges = [each for each in mesh.matrix(clients, services) if port in ("", str(each.port.number), each.port.name)]
    if port and not edges:
        raise QuestionError(f"--to {options.service}: {', '.join(map(str, services))} has no such port")
    return edges


def _is(wanted: str, obj: Object) -> bool:
    """`name`, `namespace/name`, `Kind/name` or `namespace/Kind/name`."""
    words = wanted.split("/")
    known = [obj.namespace or "", obj.kind, obj.name]
    if words[-1] != obj.name:
        return False
    return len(words) == 1 or words in (known, [known[0], known[2]], known[1:])


def _near(wanted: str, objects: Sequence[Object]) -> str:
    name = wanted.rpartition("/")[2]
    found = sorted({_name(each) for each in objects if name in each.name or each.name in name})[:5]
    return f"; did you mean {', '.join(found)}?" if found else ""


def _name(obj: Object) -> str:
    """`namespace/Kind/name`; `?` for a namespace that is not known, none for objects of the whole cluster."""
    where = "?/" if obj.namespace is None else f"{obj.namespace}/" if obj.namespace else ""
    return f"{where}{obj.kind}/{obj.name}"


def _client(edge: Edge) -> str:
    return _name(edge.client.owner) if edge.client is not None else _OUTSIDE


def _target(edge: Edge) -> str:
    subset = f" subset {edge.subset}" if edge.subset else ""
    return f"{_name(edge.port.service)}:{edge.port.number}{subset}"


def _text(edges: Sequence[Edge], problems: Sequence[Problem], inventory: Inventory, explain: bool) -> str:
    lines = []
    for edge in sorted(edges, key=lambda each: (_client(each), _target(each))):
        lines.append(f"{edge.verdict.outcome:<10}{_client(edge)} -> {_target(edge)}  {edge.verdict.why}")
        lines += [f"{'':10}{_link(each)}" for each in edge.verdict.reasons] if explain else []
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


def _json(edges: Sequence[Edge], problems: Sequence[Problem], inventory: Inventory, explain: bool) -> str:
    import orjson

    from conformance.report.json import dumps

    value = {
        "edges": [
            {
                "from": _client(each),
                "to": _name(each.port.service),
                "port": each.port.number,
                "subset": each.subset,
                "server": _name(each.verdict.server.owner) if each.verdict.server is not None else "",
                "verdict": each.verdict.outcome.value,
                "reasons": [_reason(reason) for reason in each.verdict.reasons],
            }
            for each in edges
        ],
        "problems": [
            {
                "code": each.code,
                "object": _name(each.subject),
                "field": each.field,
                "message": each.message,
                "location": _location(each.locate()),
            }
            for each in problems
        ],
        "rejected": [{"location": _location(each.location), "reason": each.reason} for each in inventory.rejected],
    }
    return dumps(value, orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2).decode()


def _reason(reason: Reason) -> dict[str, Any]:
    subject = _name(reason.subject) if reason.subject is not None else ""
    return {"text": reason.text, "object": subject, "field": reason.field, "location": _location(reason.locate())}


def _location(location: Location | None) -> dict[str, Any] | None:
    return {"path": location.path, "line": location.line, "column": location.column} if location else None


def _say(text: str) -> None:
    sys.stderr.write(f"plumbline: {text}\n")


def _write(text: str) -> None:
    from conformance.report.terminal import encodable

    sys.stdout.write(encodable(text, sys.stdout.encoding))
