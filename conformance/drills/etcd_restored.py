"""gitops DR-G6: the control plane loses its data, and has it again from a snapshot that was kept off the node."""

from __future__ import annotations

import base64
import hashlib
import json
import time

from conformance.drill import client
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl, Object
from conformance.drill.registry import Image, Twin, drill

MANIFESTS, ASIDE, DATA = "/etc/kubernetes/manifests", "/root/manifests", "/var/lib/etcd"
PKI = "/etc/kubernetes/pki/etcd"
#: typed into etcd's own pod, where the data directory is mounted
SAVE = (
    "etcdctl", "--endpoints=https://127.0.0.1:2379", f"--cacert={PKI}/ca.crt", f"--cert={PKI}/server.crt",
    f"--key={PKI}/server.key", "snapshot", "save", f"{DATA}/snapshot.db",
)  # fmt: skip
FETCH = f"base64 --wrap=0 {DATA}/snapshot.db && rm {DATA}/snapshot.db"
#: a static pod goes when its file goes
LOSE = f"mkdir -p {ASIDE} && mv {MANIFESTS}/etcd.yaml {MANIFESTS}/kube-apiserver.yaml {ASIDE}/"
STILL = "pgrep --exact 'etcd|kube-apiserver' || true"
#: the revision is raised and marked as compacted, so that no controller takes what it remembers for newer than what is
RESTORE = f"""
name=$(sed -n 's/.*--name=//p' {ASIDE}/etcd.yaml)
peers=$(sed -n 's/.*--initial-cluster=//p' {ASIDE}/etcd.yaml)
urls=$(sed -n 's/.*--initial-advertise-peer-urls=//p' {ASIDE}/etcd.yaml)
base64 -d > /root/snapshot.db
rm -rf {DATA}-restored
ctr --namespace k8s.io run --rm --mount type=bind,src=/root,dst=/root,options=rbind:ro \
  --mount type=bind,src=/var/lib,dst=/var/lib,options=rbind:rw $IMAGE etcd-restore \
  etcdutl snapshot restore /root/snapshot.db --data-dir={DATA}-restored --name="$name" \
  --initial-cluster="$peers" --initial-advertise-peer-urls="$urls" --bump-revision=1000000000 --mark-compacted 2>&1
mv {DATA}-restored/member {DATA}/
"""
START = f"mv {ASIDE}/etcd.yaml {ASIDE}/kube-apiserver.yaml {MANIFESTS}/"
#: written where a person's kubectl would write: one object a second, named by its second
HEARTBEAT = """
export KUBECONFIG=/etc/kubernetes/admin.conf
while [ -f /root/heartbeat ]; do
  kubectl --namespace=$SPACE create configmap beat-$(date +%s) >/dev/null 2>&1
  sleep 1
done
"""
ETCD, TOOLS = Image("etcd", "registry.k8s.io/etcd:3.6.5-0"), Image("tools", "busybox:1.36")
#: seconds that a twin without any data is given: it never answers correctly
HOPELESS = 60


@drill(
    name="etcd-restored",
    title="a lost control plane has its objects again, and pods never stop",
    requirements=("gitops-etcd-backup", "gitops-recovery-testing"),
    images=(ETCD, TOOLS),
    alone=True,
    twins=(
        Twin("nothing-restored", "etcd starts with an empty data directory", fails="the objects are back"),
        Twin("snapshot-truncated", "half of the snapshot is missing", fails="the snapshot can be restored"),
    ),
)
def etcd_restored(exercise: Exercise) -> None:
    """A snapshot is taken inside etcd's pod and kept off the node. etcd and the API server are stopped and the data
    directory is removed. It is restored from the snapshot, both start, and the controllers follow.
    """
    control_plane = exercise.cluster.nodes()[0]
    with exercise.step("prepare", "objects, running pods, and a client of them"):
        kubectl = exercise.namespace("etcd")
        exercise.deploy(kubectl, "etcd-restored/service.yaml", tools=exercise.image("tools"))
        kubectl.apply([_config(f"known-{number}", str(number * 7919)) for number in range(20)])
        kubectl.apply([_config("deleted-later", "once")])
        kubectl.ready("deployment/web")
        client.start_client(exercise, kubectl, f"http://{kubectl.get('service', 'web')['spec']['clusterIP']}/hostname")
        restorer = exercise.image("etcd")
    with exercise.step("prepare", "a heartbeat: one object a second"):
        script = HEARTBEAT.replace("$SPACE", kubectl.namespace)
        exercise.node(control_plane, "touch", "/root/heartbeat")
        exercise.node(control_plane, "systemd-run", "--unit=heartbeat", "bash", "-c", script)
        kubectl.until("the first heartbeat", lambda: newest(kubectl) > 0, kubectl.cluster.timeouts.ready)
    with exercise.step("steady", "what has to be there afterwards"):
        before, running = checksum(kubectl), pods(kubectl)
        exercise.holds("steady state", before and len(running) == 2, "not everything runs", pods=len(running))
        exercise.keep_objects("before", kubectl, ["configmaps", "pods", "deployments"])
    with exercise.step("prepare", "a snapshot, kept off the node"):
        Kubectl(exercise.cluster, "kube-system").exec(f"etcd-{control_plane}", *SAVE)
        snapshot = base64.b64decode(exercise.node(control_plane, "bash", "-ec", FETCH))
        exercise.holds("there is a snapshot", len(snapshot) > 0, "the snapshot is empty", bytes=len(snapshot))
        exercise.evidence.figures["snapshot bytes"] = float(len(snapshot))
        kubectl.apply([_config("made-later", "too late")])
        kubectl.delete("configmap", "deleted-later")
        time.sleep(kubectl.cluster.timeouts.settled)
    with exercise.fault("etcd and the API server stop, and the data directory is gone"):
        exercise.node(control_plane, "bash", "-ec", f"rm /root/heartbeat; {LOSE}")
        kubectl.until("both have stopped", lambda: _stopped(exercise, control_plane), kubectl.cluster.timeouts.gone)
        exercise.node(control_plane, "rm", "-r", f"{DATA}/member", api_lost=True)
        exercise.holds("the API is down", not answers(kubectl), "the API server still answers")
    with exercise.step("recover", "the snapshot is restored, etcd and the API server start"):
        restore(exercise, control_plane, snapshot, restorer)
        exercise.node(control_plane, "bash", "-ec", START, api_lost=True)
    with exercise.step("verify", "objects are as they were when the snapshot was taken"):
        bound = HOPELESS if exercise.twin else kubectl.cluster.timeouts.recovery
        exercise.recovered("the objects are back", lambda: checksum(kubectl) == before, bound)
        exercise.lost(newest(kubectl))
        exercise.holds("deleted later is back", kubectl.find("configmap", "deleted-later"), "it is not there")
        exercise.holds("made later is lost", not kubectl.find("configmap", "made-later"), "an object from nowhere")
    with exercise.step("verify", "pods never stopped, and controllers and scheduler follow"):
        exercise.same("the same pods", running, pods(kubectl), "a pod or its container")
        made = client.requests(kubectl, since=exercise.timeline.moments["fault"])
        bad = client.failed(made)
        exercise.holds("the service went on", made and not bad, "requests failed", made=len(made), failed=len(bad))
        kubectl.scale("deployment/web", 3)
        kubectl.ready("deployment/web")
        exercise.holds("a new pod runs", set(running) < set(pods(kubectl)), "the pods were exchanged")
        exercise.within_objectives()


def restore(exercise: Exercise, node: str, snapshot: bytes, image: str) -> None:
    """The documented way; in the twins without a snapshot, or with half of one."""
    if exercise.twin == "nothing-restored":
        return
    given = snapshot[: len(snapshot) // 2] if exercise.twin == "snapshot-truncated" else snapshot
    script = RESTORE.replace("$IMAGE", _full(image))
    try:
        said = exercise.node(node, "bash", "-ec", script, stdin=base64.b64encode(given), api_lost=True)
    except CommandError as error:
        exercise.holds("the snapshot can be restored", False, str(error))
    else:
        exercise.holds("the snapshot can be restored", True, "", said=said.splitlines()[-1] if said else "")


def checksum(kubectl: Kubectl) -> str:
    """A digest over the names and the contents of the known objects."""
    known = {each["metadata"]["name"]: each["data"] for each in kubectl.list("configmaps", "app=known")}
    chosen = {name: data for name, data in known.items() if name.startswith("known-")}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest() if chosen else ""


def pods(kubectl: Kubectl) -> dict[str, str]:
    """The pods of the service that run, by uid, with the containers that run in them."""
    found = kubectl.list("pods", "app=web")
    return {
        each["metadata"]["uid"]: each["status"]["containerStatuses"][0]["containerID"]
        for each in found
        if each["status"].get("phase") == "Running"
    }


def newest(kubectl: Kubectl) -> float:
    """The second of the newest heartbeat that is there; 0 when there is none."""
    names = [each["metadata"]["name"].partition("beat-") for each in kubectl.list("configmaps")]
    return max((float(second) for before, dash, second in names if dash and not before), default=0.0)


def answers(kubectl: Kubectl) -> bool:
    """Whether the API server answers at all."""
    try:
        kubectl.find("namespace", "default")
    except CommandError:
        return False
    return True


def _stopped(exercise: Exercise, node: str) -> bool:
    return not exercise.node(node, "bash", "-c", STILL, api_lost=True)


def _config(name: str, value: str) -> Object:
    metadata = {"name": name, "labels": {"app": "known"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


def _full(image: str) -> str:
    """An image as containerd calls it: `busybox` is docker.io/library/busybox."""
    host, slash, _ = image.partition("/")
    if not slash:
        return f"docker.io/library/{image}"
    return image if "." in host or ":" in host or host == "localhost" else f"docker.io/{image}"
