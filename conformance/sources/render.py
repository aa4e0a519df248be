"""What of a tree is rendered: the plan that `load` calls once it has read every file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.sources.candidates import delivers
from conformance.sources.load import Rendering, SourceFile, Tree
from conformance.sources.places import Places
from conformance.sources.render_options import RenderOptions
from conformance.sources.rounds import Rounds

__all__ = ["RenderOptions", "RenderPlan"]


@dataclass(slots=True)
class RenderPlan:
    """Implements `load.Plan`. `read` parses a file outside the tree: what to open, and how to show it."""

    options: RenderOptions
    read: Callable[[Path, str], SourceFile | None]
    #: why namespaces are not known, by shown path or `via`; filled by the call, for whoever wants to explain it
    unresolved: dict[str, str] = field(default_factory=dict)

    def __call__(self, tree: Tree) -> Rendering:
        """Renders what can be rendered. Nothing is raised: what fails is in `rejected`."""
        if not is_concerned(tree):
            return Rendering()
        rounds = Rounds(self.options, Places(tree, self.read))
        rendering = rounds.run()
        self.unresolved.update(rounds.unresolved)
        return rendering


def is_concerned(tree: Tree) -> bool:
    """Whether anything in a tree could be rendered or deliver something; most trees are plain files."""
    for path, file in tree.files.items():
        name = path.rpartition("/")[2]
        if name == "Chart.yaml" or name.lower().startswith("kustomization"):
            return True
        if any(delivers(document.raw) for document in file.documents):
            return True
    return False
