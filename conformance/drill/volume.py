"""Where a volume of the local-path provisioner lies: a directory on one node."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.drill.exercise import Exercise
from conformance.drill.fault import DrillError
from conformance.drill.kubectl import Kubectl, Object


@dataclass(frozen=True)
class Place:
    """A directory on a node, as its administrator sees it."""

    exercise: Exercise
    volume: str
    node: str
    path: str

    def shell(self, script: str) -> str:
        """A script in a shell on the node, in the directory; `$` and `*` mean what they mean there."""
        return self.exercise.node(self.node, "sh", "-c", f'cd -- "$0" && {script}', self.path)


def place_of(exercise: Exercise, kubectl: Kubectl, claim: str) -> Place:
    """The directory behind a claim that is bound."""
    volume = kubectl.get("persistentvolumeclaim", claim)["spec"]["volumeName"]
    return place(exercise, exercise.everywhere.get("persistentvolume", volume))


def place(exercise: Exercise, volume: Object) -> Place:
    """The directory of a volume. Raises DrillError for one that is not a directory of one node.

    The provisioner writes `hostPath` or, with the annotation volumeType: local, `local`; the node's name stands in
    `nodeAffinity` either way. https://github.com/rancher/local-path-provisioner#usage
    """
    spec, name = volume["spec"], volume["metadata"]["name"]
    path = (spec.get("hostPath") or spec.get("local") or {}).get("path")
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or [{}]
    nodes = [each["values"] for each in terms[0].get("matchExpressions") or [] if each["operator"] == "In"]
    if not path or len(nodes) != 1 or len(nodes[0]) != 1:
        raise DrillError(f"the volume {name} is not a directory on one node")
    return Place(exercise, name, nodes[0][0], path)
