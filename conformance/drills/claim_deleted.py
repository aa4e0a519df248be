"""Persistence guide, scenario 1: somebody deletes a claim. The volume survives and is bound again, with its data."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.drill import files
from conformance.drill.exercise import Exercise
from conformance.drill.files import Files
from conformance.drill.kubectl import Kubectl, Object
from conformance.drill.registry import Image, Twin, drill

TOOLS = Image("tools", "busybox:1.36")
REQUIREMENTS = (
    "persistence-pvc-deletion-keeps-data",
    "persistence-dr-pvc-released",
    "persistence-dr-pv-available",
    "persistence-dr-pvc-rebound-same-pv",
)
DELETE = Twin("reclaim-policy-delete", "the class deletes volumes with their claims", fails="the volume survives")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who uses the claim. `workload` is what is scaled, empty where a pod stands alone."""

    manifest: str
    claim: str = "data"
    workload: str = ""
    makes_its_claim: bool = False


@drill(
    name="claim-deleted",
    title="a deleted claim does not lose its data",
    requirements=REQUIREMENTS,
    images=(TOOLS,),
    twins=(
        DELETE,
        Twin("claim-reference-emptied", "claimRef is set to null while another claim waits", fails="same volume"),
    ),
)
def claim_deleted(exercise: Exercise) -> None:
    """The claim is deleted, its volume becomes Released, the reference to the old claim loses its uid, the claim is
    created again and binds the same volume.
    """
    carry_out(exercise, Holder("claim-deleted/pod.yaml"))


@drill(
    name="claim-deleted-deployment",
    title="a claim that is deleted under a running Deployment does not lose its data",
    requirements=REQUIREMENTS,
    images=(TOOLS,),
    twins=(DELETE,),
)
def claim_deleted_deployment(exercise: Exercise) -> None:
    """As claim-deleted, but the pod still runs: the claim is Terminating until the pod goes. The Deployment is stopped
    before anything is bound again.
    """
    carry_out(exercise, Holder("claim-deleted/deployment.yaml", workload="deployment/holder"))


@drill(
    name="claim-deleted-statefulset",
    title="a claim that a StatefulSet makes again at once, empty, does not lose its data",
    requirements=REQUIREMENTS,
    images=(TOOLS,),
    twins=(
        DELETE,
        Twin("statefulset-still-runs", "only what the guide says is done, nobody stops it", fails="same volume"),
    ),
)
def claim_deleted_statefulset(exercise: Exercise) -> None:
    """The StatefulSet makes the claim again before anybody can help, and it binds an empty volume. The guide's commands
    then end with a claim that is Bound and a disk that is empty; that is shown. Corrected: stop the StatefulSet, delete
    the wrong claim, name the claim in the volume, start it.
    """
    carry_out(exercise, Holder("claim-deleted/statefulset.yaml", "data-holder-0", "statefulset/holder", True))


def carry_out(exercise: Exercise, holder: Holder) -> None:
    """The procedure of all three."""
    with exercise.step("prepare", "a class that says what becomes of volumes, a claim, and who uses it"):
        kubectl = exercise.namespace("claim")
        application = Files(kubectl)
        policy = "Delete" if exercise.twin == "reclaim-policy-delete" else "Retain"
        storage_class = files.storage_class(exercise, kubectl, policy)
        use_claim(exercise, kubectl, holder, storage_class)
        application.running()
    with exercise.step("prepare", "known files in the volume"):
        checksum = application.fill()
        volume = claimed(kubectl, holder)
        node = kubectl.get("pod", application.pod())["spec"]["nodeName"]
        if not (holder.makes_its_claim or exercise.twin == "claim-reference-emptied"):
            decoy(exercise, storage_class, node)
        exercise.keep_objects("before", kubectl, ["persistentvolumeclaims", "pods"])
    with exercise.step("steady", "the claim is bound, its files can be read, and the application writes"):
        exercise.holds("steady state", checksum and application.writes(), "no files", checksum=checksum)
    with exercise.fault("somebody deletes the claim"):
        lose_claim(exercise, kubectl, holder, application, checksum)
    with exercise.step("recover", "the volume is Released"):
        exercise.holds("the volume survives", survives(exercise, volume), "the volume is gone", volume=volume)
    if holder.makes_its_claim:
        with exercise.step("recover", "the guide's commands, to the letter: Bound, and empty"):
            to_the_letter(exercise, kubectl, holder, application, volume, storage_class)
            decoy(exercise, storage_class, node)
    volumes = of_class(exercise, storage_class)
    if exercise.twin != "statefulset-still-runs":
        with exercise.step("recover", "the application is stopped, and the claim that was made again is deleted"):
            stop(kubectl, holder)
        with exercise.step("recover", "the reference to the old claim loses its uid"):
            release(exercise, kubectl, holder, volume, storage_class)
        with exercise.step("recover", "the claim is made again, and the application started"):
            use_claim(exercise, kubectl, holder, storage_class)
            application.running()
    with exercise.step("verify", "the same volume with the same files, and nothing else has changed"):
        now = claimed(kubectl, holder)
        exercise.holds("same volume", now == volume, "the claim is bound to another volume", before=volume, after=now)
        exercise.recovered("the files are read", lambda: application.checksum() == checksum)
        exercise.lost(application.newest_heartbeat(exercise.timeline.moments["fault"]))
        verify_volume(exercise, kubectl, holder, volume)
        exercise.same("no volume was made", volumes, of_class(exercise, storage_class), "the set of volumes")
        exercise.holds("the application writes again", application.writes(), "no new heartbeat")
        exercise.within_objectives()
        exercise.keep_objects("after", kubectl, ["persistentvolumeclaims", "pods"])


def use_claim(exercise: Exercise, kubectl: Kubectl, holder: Holder, storage_class: str) -> None:
    """The claim, unless its user makes it, and its user, running."""
    if not holder.makes_its_claim:
        exercise.deploy(kubectl, "claim-deleted/claim.yaml", claim=holder.claim, storage_class=storage_class)
    exercise.deploy(kubectl, holder.manifest, tools=exercise.image("tools"), storage_class=storage_class)


def lose_claim(exercise: Exercise, kubectl: Kubectl, holder: Holder, application: Files, checksum: str) -> None:
    """A claim whose pod runs is only Terminating (finalizer kubernetes.io/pvc-protection); it goes with the pod."""
    pod = application.pod()
    if not holder.workload:
        kubectl.delete("pod", pod)
        kubectl.delete("persistentvolumeclaim", holder.claim)
        return
    uid = kubectl.get("persistentvolumeclaim", holder.claim)["metadata"]["uid"]
    kubectl.delete("persistentvolumeclaim", holder.claim, wait=False)
    going = "deletionTimestamp" in kubectl.get("persistentvolumeclaim", holder.claim)["metadata"]
    exercise.holds("a claim in use is Terminating", going, "the claim is not")
    exercise.same("a claim that is Terminating still serves", checksum, application.checksum(), "the checksum")
    kubectl.delete("pod", pod)

    def other() -> bool:
        found = kubectl.find("persistentvolumeclaim", holder.claim)
        return found is None if not holder.makes_its_claim else bool(found and found["metadata"]["uid"] != uid)

    kubectl.until("the claim is gone", other, kubectl.cluster.timeouts.gone)
    if holder.makes_its_claim:
        application.running()


def survives(exercise: Exercise, volume: str) -> bool:
    """Whether the volume is Released, and not about to go: a deleting provisioner takes its time."""
    everywhere = exercise.everywhere

    def decided() -> str:
        found = everywhere.find("persistentvolume", volume)
        return "gone" if found is None else {"Released": "released"}.get(found["status"]["phase"], "")

    everywhere.until("the volume is released or gone", decided, everywhere.cluster.timeouts.gone)
    policy = (everywhere.find("persistentvolume", volume) or {}).get("spec", {}).get("persistentVolumeReclaimPolicy")
    return bool(policy == "Retain")


def to_the_letter(
    exercise: Exercise, kubectl: Kubectl, holder: Holder, application: Files, volume: str, storage_class: str
) -> None:
    """`kubectl patch pv … claimRef: null`, `kubectl apply` of the claim, `kubectl get pvc`: nothing seems wrong."""
    exercise.everywhere.patch("persistentvolume", volume, {"spec": {"claimRef": None}})
    available(exercise, volume)
    exercise.deploy(kubectl, "claim-deleted/claim.yaml", claim=holder.claim, storage_class=storage_class)
    claim = kubectl.get("persistentvolumeclaim", holder.claim)
    phase, taken = claim["status"]["phase"], claim["spec"]["volumeName"]
    exercise.holds("to the letter: the claim is Bound", phase == "Bound", "it is not", phase=phase)
    found = application.checksum()
    empty = not found and taken != volume
    exercise.holds("to the letter: the disk is empty", empty, "the guide's procedure works here", volume=taken)


def stop(kubectl: Kubectl, holder: Holder) -> None:
    """Nothing runs that could make a claim or bind one."""
    if holder.workload:
        kubectl.scale(holder.workload, 0)
    kubectl.gone("pods", "app=holder")
    kubectl.delete("persistentvolumeclaim", holder.claim)


def release(exercise: Exercise, kubectl: Kubectl, holder: Holder, volume: str, storage_class: str) -> None:
    """Name the claim that may have the volume. Emptying the reference instead lets any claim take it."""
    everywhere = exercise.everywhere
    if exercise.twin != "claim-reference-emptied":
        claim = {"namespace": kubectl.namespace, "name": holder.claim, "uid": None, "resourceVersion": None}
        everywhere.patch("persistentvolume", volume, {"spec": {"claimRef": claim}})
        available(exercise, volume)
        return
    everywhere.patch("persistentvolume", volume, {"spec": {"claimRef": None}})
    available(exercise, volume)
    other = exercise.namespace("other")
    use_claim(exercise, other, holder, storage_class)
    Files(other).running()


def available(exercise: Exercise, volume: str) -> None:
    """Wait until the volume may be bound again."""

    def phase() -> bool:
        return bool(exercise.everywhere.get("persistentvolume", volume)["status"]["phase"] == "Available")

    exercise.everywhere.until("the volume is Available", phase, exercise.cluster.timeouts.effect)


def verify_volume(exercise: Exercise, kubectl: Kubectl, holder: Holder, volume: str) -> None:
    """The volume is bound to the claim that is there now, is still kept, and the other volume was left alone."""
    found = exercise.everywhere.get("persistentvolume", volume)
    uid = kubectl.get("persistentvolumeclaim", holder.claim)["metadata"]["uid"]
    exercise.same("the volume knows its claim", uid, found["spec"]["claimRef"]["uid"], "the uid of the claim")
    policy = found["spec"]["persistentVolumeReclaimPolicy"]
    exercise.same("the volume is still kept", "Retain", policy, "the reclaim policy")
    other: Object = exercise.everywhere.get("persistentvolume", f"decoy-{found['spec']['storageClassName']}")
    exercise.same("the other volume is Available", "Available", other["status"]["phase"], "its phase")


def decoy(exercise: Exercise, storage_class: str, node: str) -> None:
    """Another volume that would fit the claim."""
    name = f"decoy-{storage_class}"
    values = {"name": name, "storage_class": storage_class, "node": node}
    exercise.deploy(exercise.everywhere, "claim-deleted/decoy.yaml", **values)
    available(exercise, name)


def claimed(kubectl: Kubectl, holder: Holder) -> str:
    """The volume that the claim is bound to."""
    return str(kubectl.get("persistentvolumeclaim", holder.claim)["spec"]["volumeName"])


def of_class(exercise: Exercise, storage_class: str) -> list[str]:
    """The names of the class's volumes."""
    found = exercise.everywhere.list("persistentvolumes")
    return sorted(each["metadata"]["name"] for each in found if each["spec"].get("storageClassName") == storage_class)
