"""The tree that a command shows something of: its options, how it is read, how the answer is written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.kube.inventory import Inventory


class QuestionError(ValueError):
    """What is asked for is not in the tree, or cannot be asked for like this."""


def add_options(command: Any, *formats: str) -> None:
    """Adds what every such command takes; `formats` are those beside text and JSON."""
    add = command.add_argument
    add("paths", nargs="*", default=["."], metavar="PATH", help="files or directories (default: this directory)")
    add("--format", choices=("text", "json", *formats), default="text")
    add("--exclude", action="append", default=[], metavar="GLOB", help="paths that are left out")
    add("--no-render", action="store_true", help="do not run helm or kustomize")
    add("--allow-network", action="store_true", help="let helm and kustomize fetch what they refer to")


def read(options: argparse.Namespace, paths: Sequence[str] = (), *, namespace: str = "") -> Inventory:
    """The inventory of the paths (those of the options by default), rendered as `check` renders them.

    Objects whose namespace nothing tells get `namespace`. What cannot be read is said on standard error and stays in
    `rejected`. Raises FileNotFoundError.
    """
    from pathlib import Path

    from conformance.kube.inventory import Inventory
    from conformance.sources import load as sources
    from conformance.sources.render import RenderOptions, RenderPlan

    paths = list(paths or options.paths)
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: no such file or directory")
    rendering = RenderOptions(render=not options.no_render, allow_network=options.allow_network)
    loaded = sources.load(paths, plan=RenderPlan(rendering, sources.read_file), exclude=options.exclude)
    for each in loaded.objects if namespace else ():
        each.namespace = namespace if each.namespace is None else each.namespace
    for rejected in loaded.rejected:
        say(f"{rejected.location}: {rejected.reason}")
    return Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)


def say(text: str) -> None:
    """A word to a person, beside the output."""
    sys.stderr.write(f"plumbline: {text}\n")


def write(text: str) -> None:
    """The output itself, on a terminal of whatever encoding."""
    from conformance.report.terminal import encodable

    sys.stdout.write(encodable(text, sys.stdout.encoding))


def as_lines(lines: Iterable[str]) -> str:
    """Lines as a text."""
    return "\n".join(lines) + "\n"


def as_json(value: Any) -> str:
    """A value as JSON, indented."""
    import orjson

    from conformance.report.json import dumps

    return dumps(value, orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2).decode()
