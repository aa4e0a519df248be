"""Where a volume of the local-path provisioner lies: a directory on one node."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
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

    @property
    def parent(self) -> str:
        """Where the provisioner keeps all volumes of the node."""
        return posixpath.dirname(self.path)


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


def restorable(volume: Object, nodes: Mapping[str, str]) -> Object:
    """A volume as another cluster takes it, over a directory that was brought back; `nodes` are new names by old ones.

    Without uid, resourceVersion and status, which are another cluster's. `claimRef` keeps only the claim's name: with
    the old claim's uid the volume would be Released for ever, without any claimRef another claim might take it.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reserving-a-persistentvolume
    Raises DrillError for a volume of a node that has no successor.
    """
    spec, metadata = volume["spec"], volume["metadata"]
    claim = {key: spec["claimRef"][key] for key in ("apiVersion", "kind", "namespace", "name")}
    kept = {key: metadata[key] for key in ("name", "labels") if key in metadata}
    terms = [_mapped(each, nodes, kept["name"]) for each in spec["nodeAffinity"]["required"]["nodeSelectorTerms"]]
    affinity = {"required": {"nodeSelectorTerms": terms}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": kept,
        "spec": {**spec, "claimRef": claim, "nodeAffinity": affinity},
    }


def _mapped(term: Object, nodes: Mapping[str, str], volume: str) -> Object:
    expressions = []
    for each in term.get("matchExpressions") or []:
        lost = [name for name in each["values"] if name not in nodes]
        if lost:
            raise DrillError(f"the volume {volume} lay on {', '.join(lost)}, which has no successor")
        expressions.append({**each, "values": [nodes[name] for name in each["values"]]})
    return {"matchExpressions": expressions}
