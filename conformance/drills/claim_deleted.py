"""Persistence guide, scenario 1: somebody deletes a claim. The volume survives and is bound again, with its data."""

from __future__ import annotations

from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Twin, drill

TOOLS = Image("tools", "busybox:1.36")
FILES = "cd /data && for n in 1 2 3 4 5; do seq $((n * 1000)) > file$n; done && sync"
CHECKSUM = "cd /data && sha256sum file* | sha256sum"


@drill(
    name="claim-deleted",
    title="a deleted claim does not lose its data",
    requirements=("persistence-drill-pvc-deletion",),
    images=(TOOLS,),
    twins=(
        Twin("reclaim-policy-delete", "the class deletes volumes with their claims", fails="the volume survives"),
        Twin("claim-reference-emptied", "claimRef is set to null while another claim waits", fails="same volume"),
    ),
)
def claim_deleted(exercise: Exercise) -> None:
    """The claim is deleted, its volume becomes Released, the reference to the old claim loses its uid, the claim is
    created again and binds the same volume.
    """
    policy = "Delete" if exercise.twin == "reclaim-policy-delete" else "Retain"
    with exercise.step("prepare", f"a claim of a class that says {policy}"):
        kubectl = exercise.namespace("claim")
        storage_class = f"local-path-{kubectl.namespace}"
        exercise.deploy(kubectl, "storage-class.yaml", name=storage_class, policy=policy)
        exercise.deploy(kubectl, "claim-deleted/claim.yaml", storage_class=storage_class)
        exercise.deploy(kubectl, "claim-deleted/pod.yaml", tools=exercise.image("tools"))
    with exercise.step("prepare", "known files in the volume"):
        running(kubectl)
        kubectl.exec("holder", "sh", "-c", FILES)
        before = kubectl.query("holder", "sh", "-c", CHECKSUM)
        volume = kubectl.get("persistentvolumeclaim", "data")["spec"]["volumeName"]
        exercise.keep_objects("before", kubectl, ["persistentvolumeclaims", "pods"])
    with exercise.step("steady", "the claim is bound and its files can be read"):
        exercise.holds("steady state", before, "no checksum of the files", checksum=before)
    with exercise.fault("the pod stops and its claim is deleted"):
        kubectl.delete("pod", "holder")
        kubectl.delete("persistentvolumeclaim", "data")
    with exercise.step("recover", "the volume is Released"):
        exercise.holds("the volume survives", survives(exercise, kubectl, volume), "the volume is gone", volume=volume)
    with exercise.step("recover", "the reference to the old claim loses its uid, and the claim is created again"):
        release(exercise, kubectl, volume, storage_class)
        exercise.deploy(kubectl, "claim-deleted/claim.yaml", storage_class=storage_class)
        exercise.deploy(kubectl, "claim-deleted/pod.yaml", tools=exercise.image("tools"))
        running(kubectl)
    with exercise.step("verify", "the same volume with the same files"):
        now = kubectl.get("persistentvolumeclaim", "data")["spec"]["volumeName"]
        exercise.holds("same volume", now == volume, "the claim is bound to another volume", before=volume, after=now)
        exercise.recovered("the files are read", lambda: kubectl.query("holder", "sh", "-c", CHECKSUM) == before)
        exercise.within_objectives()
    exercise.everywhere.delete("storageclass", storage_class)


def running(kubectl: Kubectl) -> None:
    """Wait until the pod that uses the claim runs."""
    bound = kubectl.cluster.timeouts.ready
    kubectl.until("the pod runs", lambda: kubectl.get("pod", "holder")["status"].get("phase") == "Running", bound)


def survives(exercise: Exercise, kubectl: Kubectl, volume: str) -> bool:
    """Whether the volume is Released, and still there some seconds later: a deleting provisioner takes its time."""
    everywhere = exercise.everywhere

    def decided() -> str:
        found = everywhere.find("persistentvolume", volume)
        return "gone" if found is None else {"Released": "released"}.get(found["status"]["phase"], "")

    kubectl.until("the volume is released or gone", decided, kubectl.cluster.timeouts.gone)
    policy = (everywhere.find("persistentvolume", volume) or {}).get("spec", {}).get("persistentVolumeReclaimPolicy")
    return bool(policy == "Retain")


def release(exercise: Exercise, kubectl: Kubectl, volume: str, storage_class: str) -> None:
    """Name the claim that may have the volume. Emptying the reference instead lets any claim take it."""
    everywhere = exercise.everywhere
    if exercise.twin != "claim-reference-emptied":
        claim = {"namespace": kubectl.namespace, "name": "data", "uid": None, "resourceVersion": None}
        everywhere.patch("persistentvolume", volume, {"spec": {"claimRef": claim}})
        return
    everywhere.patch("persistentvolume", volume, {"spec": {"claimRef": None}})
    other = exercise.namespace("other")
    exercise.deploy(other, "claim-deleted/claim.yaml", storage_class=storage_class)
    exercise.deploy(other, "claim-deleted/pod.yaml", tools=exercise.image("tools"))
    running(other)
