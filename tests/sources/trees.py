"""Trees written to a temporary directory and read without the loader, which has its own tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from conformance.kube.object import Document, Location, Object
from conformance.kube.path import Path as FieldPath
from conformance.sources.decode import Part
from conformance.sources.load import Rendering, SourceFile, Tree
from conformance.sources.places import Places
from conformance.sources.render import RenderOptions, RenderPlan
from conformance.sources.rendered_text import Fault, FieldLines, parts, value_of


class PartOrigin:
    def __init__(self, path: str, part: Part) -> None:
        self.path = path
        self._part = part

    def locate(self, path: FieldPath) -> Location:
        lines = FieldLines(self._part.text)
        while (line := lines.line_of(path)) is None and path:
            path = path[:-1]
        return Location(self.path, (line or 1) + self._part.above, 1)


def write(top: Path, files: Mapping[str, str]) -> Path:
    """Files with dedented content; the common indentation of a triple-quoted text is not part of it."""
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return top


def read(path: Path, shown: str) -> SourceFile | None:
    if not path.is_file():
        return None
    found = list(parts(path.read_text(encoding="utf-8")))
    try:
        documents = [Document(value_of(part.text)[0], PartOrigin(shown, part)) for part in found]
    except Fault:
        documents = []
    return SourceFile(shown, str(path), "yaml", documents)


def tree(top: Path) -> Tree:
    """Every file below a directory, shown relative to it."""
    files: dict[str, SourceFile] = {}
    for path in sorted(top.rglob("*")):
        shown = path.relative_to(top).as_posix()
        if not path.is_file() or ".git" in path.parts:
            continue
        if "templates" in path.relative_to(top).parts[:-1]:
            files[shown] = SourceFile(shown, str(path), "template")
        elif path.suffix in (".yaml", ".yml", ".json") or path.name == "Kustomization":
            found = read(path, shown)
            assert found is not None
            files[shown] = found
        else:
            files[shown] = SourceFile(shown, str(path), "text")
    return Tree(files, [])


def places(top: Path) -> Places:
    return Places(tree(top), read)


def rendering(top: Path, options: RenderOptions | None = None) -> Rendering:
    """What the plan answers for a directory."""
    return RenderPlan(options or RenderOptions(), read)(tree(top))


def objects(found: Rendering) -> dict[str, Object]:
    """The rendered objects by how messages name them; two of one name are an error of the test."""
    named = [document for document in found.documents if isinstance(document, Object)]
    by_name = {str(obj): obj for obj in named}
    assert len(by_name) == len(named), [str(obj) for obj in named]
    return by_name
