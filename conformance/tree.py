"""The tree that a command shows something of: its options, and how it is read."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory
    from conformance.kube.object import Location


def add_options(command: Any) -> None:
    """Adds what every such command takes."""
    add = command.add_argument
    add("paths", nargs="*", default=["."], metavar="PATH", help="files or directories (default: this directory)")
    add("--format", choices=("text", "json"), default="text")
    add("--exclude", action="append", default=[], metavar="GLOB", help="paths that are left out")
    add("--no-render", action="store_true", help="do not run helm or kustomize")
    add("--allow-network", action="store_true", help="let helm and kustomize fetch what they refer to")


def read(options: argparse.Namespace) -> Inventory:
    """The inventory of the paths, rendered as `check` renders them. Raises FileNotFoundError.

    What cannot be read is said on standard error and stays in `rejected`.
    """
    from pathlib import Path

    from conformance.kube.inventory import Inventory
    from conformance.sources import load as sources
    from conformance.sources.render import RenderOptions, RenderPlan

    for path in options.paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: no such file or directory")
    rendering = RenderOptions(render=not options.no_render, allow_network=options.allow_network)
    loaded = sources.load(options.paths, plan=RenderPlan(rendering, sources.read_file), exclude=options.exclude)
    for each in loaded.rejected:
        say(f"{each.location}: {each.reason}")
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)


def say(text: str) -> None:
    """A word to a person, beside the output."""
    sys.stderr.write(f"plumbline: {text}\n")


def write(text: str) -> None:
    """The output itself, on a terminal of whatever encoding."""
    from conformance.report.terminal import encodable

    sys.stdout.write(encodable(text, sys.stdout.encoding))


def write_json(value: Any) -> None:
    """The output as JSON."""
    import orjson

    from conformance.report.json import dumps

    write(dumps(value, orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2).decode())


def place(location: Location | None) -> dict[str, Any] | None:
    """A location for JSON."""
    return {"path": location.path, "line": location.line, "column": location.column} if location else None
