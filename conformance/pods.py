"""`plumbline pods`: what really counts for each container: security, host, token, image, volumes, environment."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conformance import tree
from conformance.kube.naming import full_name, means

if TYPE_CHECKING:
    from conformance.kube.effective import Setting
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import FieldTypeError, Object
    from conformance.kube.podspec import Container
    from conformance.kube.variables import Variable

Row = dict[str, Any]
_COLUMNS = (
    "user", "non-root", "privileged", "escalation", "capabilities", "seccomp", "apparmor", "read-only", "host", "token",
    "image",
)  # fmt: skip
_PATH_COLUMNS = ("volume", "source", "inside", "read-only", "lasts", "mounts below")
_ENV_COLUMNS = ("variable", "from", "remarks")


def add_command(commands: Any) -> None:
    """Adds the command to a parser's subcommands."""
    text = "what counts for each container: security, host, token and image; volumes; environment"
    command = commands.add_parser("pods", help=text, description=text.capitalize() + ".")
    tree.add_options(command)
    add = command.add_argument
    add("--workload", default="", metavar="NAME", help="only of these: [NAMESPACE/][KIND/]NAME, globs")
    show = command.add_mutually_exclusive_group()
    show.add_argument("--path", default="", metavar="DIR", help="which volume a path in the containers lies on")
    show.add_argument("--env", action="store_true", help="the variables and where they come from, without values")
    add("--explain", action="store_true", help="from which field each value comes, with file and line")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, extra: Sequence[str] = ()) -> int:
    """Prints the table. 0; 1 where something cannot be read; 4 for wrong usage; 5 where there are no containers."""
    try:
        if options.path and not (options.path.startswith("/") or options.path[1:2] == ":"):
            raise ValueError(f"--path {options.path}: a path in a container starts with /")
        inventory = tree.read(options)
    except (ValueError, FileNotFoundError) as error:
        tree.say(str(error))
        return 4
    containers, wrong = _containers(inventory, options.workload)
    rows, more = _rows(containers, inventory, options)
    for thing, reason in [*wrong, *more]:
        tree.say(f"{thing.locate(reason.path)}: {thing} is left out: {reason}")
    faults = bool(inventory.rejected or wrong or more)
    if not containers and not faults:
        asked = f"no workload {options.workload}" if options.workload else "no containers there"
        tree.say(asked)
        return 4 if options.workload else 5
    tree.write(tree.as_json({"containers": rows}) if options.format == "json" else tree.as_lines(_table(rows, options)))
    return 1 if faults else 0


def _containers(inventory: Inventory, wanted: str) -> tuple[list[Container], list[tuple[Object, FieldTypeError]]]:
    from conformance.kube.object import FieldTypeError

    found: list[Container] = []
    wrong: list[tuple[Object, FieldTypeError]] = []
    for pod in inventory.pods():
        if wanted and not means(wanted, pod.owner):
            continue
        try:
            found += pod.containers
        except FieldTypeError as error:
            wrong.append((pod.owner, error))
    return sorted(found, key=lambda each: full_name(each.pod.owner)), wrong


def _rows(
    containers: Iterable[Container], inventory: Inventory, options: argparse.Namespace
) -> tuple[list[Row], list[tuple[Object, FieldTypeError]]]:
    from conformance.kube.effective import kind
    from conformance.kube.object import FieldTypeError

    rows: list[Row] = []
    wrong: list[tuple[Object, FieldTypeError]] = []
    for each in containers:
        try:
            head = {"workload": full_name(each.pod.owner), "container": each.name, "kind": kind(each)}
            rows += [{**head, **row} for row in _record(each, inventory, options)]
        except FieldTypeError as error:
            wrong.append((each.pod.owner, error))
    return rows, wrong


def _record(container: Container, inventory: Inventory, options: argparse.Namespace) -> Iterator[Row]:
    if options.path:
        yield _covered(container, inventory, options.path)
    elif options.env:
        yield {"variables": _environment(container, inventory)}
    else:
        from conformance.kube.effective import image_parts, settings

        found = settings(container, inventory)
        yield {"settings": {name: _shown(found[name]) for name in _COLUMNS}, "image": image_parts(container)}


def _shown(setting: Setting) -> Row:
    from conformance.kube.path import render

    return {
        "value": setting.words,
        "object": full_name(setting.subject),
        "field": render(setting.path),
        "written": setting.written,
        "note": setting.note,
        "location": setting.subject.locate(setting.path).record,
    }


def _covered(container: Container, inventory: Inventory, path: str) -> Row:
    from conformance.kube.coverage import coverage
    from conformance.kube.path import render

    found = coverage(container, path, _lookup(container, inventory))
    volume, mount, owner = found.volume, found.mount, container.pod.owner
    return {
        "path": path,
        "volume": mount.text("name") if mount is not None else "",
        "source": volume.source if volume is not None else ("" if mount is None else "no such volume"),
        "inside": found.inside,
        "read_only": found.read_only,
        "lasts": found.lasts,
        "nested": [each.text("mountPath") for each in found.nested],
        "field": render(mount.path) if mount is not None else "",
        "location": owner.locate(mount.path).record if mount is not None else None,
    }


def _lookup(container: Container, inventory: Inventory) -> Callable[[str], str | None]:
    from conformance.kube.variables import variables

    known = variables(container, inventory)

    def value(name: str) -> str | None:
        found = known.get(name)
        return found.value if found is not None and not found.unknown else None

    return value


def _environment(container: Container, inventory: Inventory) -> list[Row]:
    from conformance.kube.path import render
    from conformance.kube.variables import variables

    return [
        {
            "name": each.name,
            "from": _origin(container, each),
            "remarks": _remarks(each),
            "field": render(each.path),
            "location": container.pod.owner.locate(each.path).record,
        }
        for each in sorted(variables(container, inventory).values(), key=lambda each: each.name)
    ]


def _origin(container: Container, variable: Variable) -> str:
    if variable.kind:
        return f"{variable.kind} {variable.source}" + (f" key {variable.key}" if variable.key else "")
    if variable.path[-1] == "valueFrom":
        source = container.pod.owner.mapping(variable.path)
        return next(iter(source), "valueFrom")
    return "literal"


def _remarks(variable: Variable) -> list[str]:
    said = [f"refers to {name}, which nothing before it sets" for name in sorted(variable.missing)]
    said += [f"refers to {name}, whose value is not here" for name in sorted(variable.unknown)]
    return said + (["optional"] if variable.optional else []) + (["all keys"] if variable.whole else [])


def _table(rows: Sequence[Row], options: argparse.Namespace) -> Iterator[str]:
    columns = _PATH_COLUMNS if options.path else _ENV_COLUMNS if options.env else _COLUMNS
    head = ("workload", "container", "kind", *columns)
    cells: list[tuple[Sequence[str], list[str]]] = [([each.upper() for each in head], [])]
    for row in rows:
        start = [row["workload"], row["container"], row["kind"]]
        for values, because in _cells(row):
            cells.append(([*start, *values], because))
    widths = [max(len(line[column]) for line, _ in cells) for column in range(len(head) - 1)]
    for line, because in cells:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        yield "  ".join([*padded, line[-1]]).rstrip()
        if options.explain:
            yield from (f"    {each}" for each in because)


def _cells(row: Row) -> Iterator[tuple[list[str], list[str]]]:
    """The columns of one line, and what explains them."""
    if "settings" in row:
        found = row["settings"]
        because = [_because(name, found[name]) for name in _COLUMNS]
        yield (
            [found[name]["value"] or "-" for name in _COLUMNS],
            [*because[:-1], f"{because[-1]}; {_parts(row['image'])}"],
        )
    elif "variables" in row:
        for each in row["variables"]:
            yield [each["name"], each["from"], ", ".join(each["remarks"])], [_at(each["field"], each["location"])]
    else:
        inside = "?" if row["inside"] is None else f"/{row['inside']}" if row["volume"] else ""
        values = [row["volume"] or "-", row["source"] or "-", inside or "-", "yes" if row["read_only"] else "no"]
        because = [_at(row["field"], row["location"])] if row["field"] else []
        yield [*values, row["lasts"], ", ".join(row["nested"]) or "-"], because


def _parts(image: Row) -> str:
    if image["error"]:
        return str(image["error"])
    return ", ".join(f"{name} {image[name] or 'none'}" for name in ("registry", "repository", "tag", "digest"))


def _because(name: str, setting: Row) -> str:
    default = "" if setting["written"] else "default, "
    note = f"; {setting['note']}" if setting["note"] else ""
    return f"{name}: {default}{setting['object']} {_at(setting['field'], setting['location'])}{note}"


def _at(field: str, location: Row | None) -> str:
    return f"{field} ({location['path']}:{location['line']})" if location else field
