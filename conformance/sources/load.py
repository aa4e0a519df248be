"""Paths to objects: walk, parse, plan what is rendered, expand lists.

The order is fixed by what is known when: kustomizations, charts and Argo CD or Flux objects are known only after every
file is parsed. So `load` parses everything once, shows the `Tree` to a `Plan`, and only then decides which documents of
which files are objects, and which were only the input of a rendering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from conformance.kube.object import Document, Object, Rejected, TextFile

#: yaml: parsed (JSON too); template: below a chart's templates/, never parsed as YAML; text: everything else
Form = Literal["yaml", "template", "text"]


@dataclass(slots=True)
class SourceFile:
    """One file that was found, with the documents read from it."""

    #: as findings show it: relative to the working directory when below it, with "/" between the parts
    path: str
    #: what to open
    real: str
    form: Form
    #: in file order, `List` kinds not expanded; empty for templates and texts
    documents: list[Document] = field(default_factory=list)


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
