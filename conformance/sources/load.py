"""Paths to objects: walk, parse, plan what is rendered, expand lists.

The order is fixed by what is known when: kustomizations, charts and Argo CD or Flux objects are known only after every
file is parsed. So `load` parses everything once, shows the `Tree` to a `Plan`, and only then decides which documents of
which files are objects, and which were only the input of a rendering.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from conformance.kube.object import Document, Location, Object, Rejected, TextFile
from conformance.kube.scope import declared_scopes, settle_namespaces
from conformance.sources import yaml_block
from conformance.sources.cache import Cache
from conformance.sources.files import SIZE_CAP, Form, SourceFile, Walk
from conformance.sources.lists import expand
from conformance.sources.origin import FileOrigin
from conformance.sources.parse import no_collection, parse, parse_file
from conformance.sources.workers import WorkerError
from conformance.sources.yaml_stream import Stream

__all__ = ["Form", "Loaded", "Plan", "Rendering", "SourceFile", "Tree", "WorkerError", "load", "read_file"]

# Above so many documents it pays to tidy up after loading.
_MANY = 5_000
_VAULT = "$ANSIBLE_VAULT;"


@dataclass(slots=True)
class Tree:
    """Everything that was found below the given paths, before any rendering."""

    #: by shown path, sorted
    files: dict[str, SourceFile]
    #: what could not be read or parsed
    rejected: list[Rejected]

    def documents(self) -> Iterator[tuple[SourceFile, Document]]:
        """Every document with its file, in file order."""
        for file in self.files.values():
            for document in file.documents:
                yield file, document


@dataclass(slots=True)
class Rendering:
    """What a plan answers."""

    #: shown paths of files that are input of a rendering (patches, chart values, resources of a rendered
    #: kustomization): their documents stay selectable by path, but are no objects of their own
    consumed: set[str] = field(default_factory=set)
    #: what was rendered, each with its own origin and, as an Object, perhaps a namespace; lists need not be expanded
    documents: list[Document] = field(default_factory=list)
    #: charts and kustomizations that could not be rendered, and documents lost in rendered text
    rejected: list[Rejected] = field(default_factory=list)
    #: shown path of a file -> namespace of those of its objects that name none (an Argo CD destination, for instance)
    namespaces: Mapping[str, str] = field(default_factory=dict)


class Plan(Protocol):
    """Decides what is rendered; called once by `load`, after every file has been parsed."""

    def __call__(self, tree: Tree) -> Rendering:
        """Render, and say which files were consumed by it. Failures are `rejected`, never raised."""
        ...


@dataclass(slots=True)
class Loaded:
    """All that one run judges."""

    objects: list[Object] = field(default_factory=list)
    #: YAML and JSON that is no Kubernetes object, and input of renderings
    documents: list[Document] = field(default_factory=list)
    texts: list[TextFile] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    #: every file seen, as shown
    files: list[str] = field(default_factory=list)
    #: digest of the content of each YAML or JSON file that was read, by the path it was opened by
    digests: dict[str, str] = field(default_factory=dict)
    #: documents found: those that hold more than comments, and each file or directory that could not be read at all
    total: int = 0
    #: documents that became objects or plain documents; a list counts once. All others are in `rejected`
    loaded: int = 0


def load(
    paths: Sequence[str | os.PathLike[str]],
    *,
    jobs: int = 0,
    cache: Path | None = None,
    size_cap: int = SIZE_CAP,
    plan: Plan | None = None,
    exclude: Sequence[str] = (),
    walk: Walk | None = None,
) -> Loaded:
    """Everything below the paths, files or directories, in the order of their names.

    `jobs` is the number of processes, 0 for one per CPU; `cache` a directory that keeps parsed documents (never
    Secrets) between runs; a YAML or JSON file above `size_cap` bytes is rejected; `exclude` are globs of paths that are
    passed over; `walk` is what was found below the very same paths a moment ago. Raises FileNotFoundError for a path
    that does not exist, and WorkerError when a process dies; whatever else is wrong is in `rejected`.
    """
    with no_collection():
        walk = walk or Walk(paths, exclude)
        loaded = Loaded(files=walk.seen, rejected=walk.rejected, total=len(walk.rejected))
        kept = Cache(cache, [os.fspath(path) for path in paths]) if cache is not None else None
        files = [file for file in walk.files.values() if file.form == "yaml"]
        for file, stream in zip(files, parse(files, jobs=jobs, cap=size_cap, cache=kept), strict=True):
            loaded.total += stream.found
            loaded.rejected += _fill(file, stream)
        if kept is not None:
            kept.save()
        rendering = plan(Tree(walk.files, loaded.rejected)) if plan is not None else Rendering()
        for file in files:
            loaded.digests[file.real] = file.stamp.hex()
            loaded.loaded += len(file.documents)
            if file.path in rendering.consumed:
                loaded.documents += file.documents
            else:
                _sort(file.documents, loaded, rendering.namespaces.get(file.path))
            if not rendering.documents:
                # Only renderings look at them again; in a large tree of plain files they are a tenth of the memory.
                file.documents = []
        _sort(rendering.documents, loaded, None)
        loaded.total += len(rendering.documents)
        loaded.loaded += len(rendering.documents)
        loaded.rejected += rendering.rejected
        loaded.texts += walk.texts(size_cap)
        definitions = (each.raw for each in loaded.objects if each.kind == "CustomResourceDefinition")
        settle_namespaces(loaded.objects, declared_scopes(definitions))
        if loaded.total > _MANY:
            # What was loaded stays to the end, so later collections need not look at it.
            gc.freeze()
            yaml_block.forget()
    return loaded


def read_file(path: Path, shown: str, size_cap: int = SIZE_CAP) -> SourceFile | None:
    """One file outside the given paths, such as a kustomization's base; None when a part of it does not load."""
    file = SourceFile(shown, str(path), "yaml")
    stream, file.stamp, _ = parse_file(file, size_cap)
    return None if any(each.what != "duplicate key" for each in _fill(file, stream)) else file


def _fill(file: SourceFile, stream: Stream) -> list[Rejected]:
    """Gives a file its documents; answers what is wrong with them."""
    rejected = [
        Rejected(Location(file.path, line, column), reason, what) for line, column, reason, what in stream.problems
    ]
    for number, value in stream.documents:
        document = Document(value, FileOrigin(file, number))
        if isinstance(value, dict | list) or file.is_json or (isinstance(value, str) and value.startswith(_VAULT)):
            file.documents.append(document)
        else:
            rejected.append(Rejected(document.locate(), "a single value, not a mapping or a list", "document"))
    return rejected


def _sort(documents: Sequence[Document], loaded: Loaded, namespace: str | None) -> None:
    for document in documents:
        own = document.namespace if isinstance(document, Object) else namespace
        for each in expand(document, own):
            if isinstance(each, Object):
                loaded.objects.append(each)
            elif isinstance(each, Rejected):
                loaded.rejected.append(each)
                loaded.loaded -= each.what == "document"
            else:
                loaded.documents.append(each)
