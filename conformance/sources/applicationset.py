"""Argo CD ApplicationSet: the parameters of generators that need no cluster, put into the template.

Source: https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators/
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.kube.object import FieldTypeError, Node, Object
from conformance.sources.delivery import Surroundings

#: A template expression of either flavour: `{{path}}` and, with goTemplate, `{{ .path.path }}`.
TEMPLATE = re.compile(r"\{\{-?\s*([^{}]*?)\s*-?\}\}")
_INDEX = re.compile(r"index\s+\.([\w.]+)\s+(\d+)\Z")

#: More Applications than this are not made from one ApplicationSet: a matrix can multiply without end.
LIMIT = 2000

Parameters = Mapping[str, Any]


def expand(obj: Object, around: Surroundings) -> Iterator[Node]:
    """The template, once for each set of parameters; once unchanged for a generator that cannot be known here."""
    template = obj.mapping("spec.template")
    for generator in obj.sequence("spec.generators"):
        known = _parameters(obj, generator, around)
        for parameters in itertools.islice(known if known is not None else [{}], LIMIT):
            yield Node(_fill(template, parameters))


def _parameters(obj: Object, generator: Node, around: Surroundings) -> list[Parameters] | None:
    if generator.get("selector") is not None or generator.get("template") is not None:
        return None
    if generator.get("list.elements") is not None:
        return [dict(node.mapping()) for node in generator.sequence("list.elements")]
    if generator.mapping("git"):
        return list(_git(obj, generator.at("git"), around))
    if generator.sequence("matrix.generators"):
        sides = [_parameters(obj, side, around) for side in generator.sequence("matrix.generators")]
        known = [side for side in sides if side is not None]
        if len(known) == len(sides):
            return [_merge(*chosen) for chosen in itertools.islice(itertools.product(*known), LIMIT)]
    return None


def _merge(*chosen: Parameters) -> Parameters:
    merged: dict[str, Any] = {}
    for parameters in chosen:
        merged.update(parameters)
    return merged


def _git(obj: Object, git: Node, around: Surroundings) -> Iterator[Parameters]:
    root = around.locate_root(obj, git.text("repoURL"))
    if root is None:
        return
    extra = {f"values.{name}": value for name, value in git.mapping("values").items()}
    wanted = [node.text("path") for node in git.sequence("directories") if not node.flag("exclude")]
    unwanted = [node.text("path") for node in git.sequence("directories") if node.flag("exclude")]
    for place in sorted({place for pattern in wanted for place in _glob(root, pattern) if place.is_dir()}):
        name = place.relative_to(root).as_posix()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in unwanted):
            yield _path_parameters(name) | extra
    for node in git.sequence("files"):
        for place in sorted(place for place in _glob(root, node.text("path")) if place.is_file()):
            name = place.parent.relative_to(root).as_posix()
            for content in around.documents(place):
                if isinstance(content, dict):
                    yield _path_parameters(name) | {"path.filename": place.name} | content | extra


def _glob(root: Path, pattern: str) -> Iterator[Path]:
    if pattern.strip("./"):
        yield from (place for place in glob(root, pattern.strip("/")) if ".git" not in place.parts)


def glob(directory: Path, pattern: str) -> list[Path]:
    """What matches a pattern below a directory, sorted; nothing for a pattern that leads out or makes no sense."""
    if ".." in pattern.split("/") or "\0" in pattern:
        return []
    try:
        return sorted(directory.glob(pattern))
    except (ValueError, NotImplementedError):
        return []


def _path_parameters(name: str) -> dict[str, Any]:
    segments = name.split("/")
    last = segments[-1]
    normal = re.sub(r"[^a-z0-9.-]", "-", last.lower())
    return {"path": name, "path.path": name, "path.basename": last, "path.basenameNormalized": normal} | {
        f"path[{index}]": segment for index, segment in enumerate(segments)
    }


def _fill(value: Any, parameters: Parameters) -> Any:
    """A copy of a template with the known expressions replaced; unknown ones stay as they are."""
    if isinstance(value, dict):
        return {key: _fill(entry, parameters) for key, entry in value.items()}
    if isinstance(value, list):
        return [_fill(entry, parameters) for entry in value]
    if not isinstance(value, str):
        return value
    return TEMPLATE.sub(lambda found: _evaluate(found, parameters), value)


def _evaluate(found: re.Match[str], parameters: Parameters) -> str:
    expression = found.group(1)
    index = _INDEX.match(expression)
    if index and index.group(1) == "path.segments":
        expression = f"path[{index.group(2)}]"
    name = expression.removeprefix(".")
    if expression.startswith(".") and name == "path":
        name = "path.path"
    value: Any = parameters.get(name)
    if value is None:
        try:
            value = Node(dict(parameters)).get(name) if re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) else None
        except FieldTypeError:
            value = None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else found.group(0)
