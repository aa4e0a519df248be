"""homelab DR-03 and DR-08: a worker loses its power. WEB comes back on the other one, WAS runs on one pod."""

from __future__ import annotations

from conformance.drill import client
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Twin, drill
from conformance.drill.spread import MONTH_BUDGET, budget, deploy, kept_answering, places, unplaced

#: seconds until a pod leaves a lost node; the default is 300
TOLERATION = 10
#: seconds without a failure after which the service counts as well again
QUIET = 5


@drill(
    name="node-lost",
    title="a lost worker costs some requests, and never the service",
    requirements=("homelab-slo-recovery-budget", "homelab-spread-effective"),
    objectives=(MONTH_BUDGET,),
    images=(Image("tools", "busybox:1.36"),),
    workers=2,
    alone=True,
    twins=(Twin("single-replica", "one pod each, and no budget", fails="never a total outage"),),
)
def node_lost(exercise: Exercise) -> None:
    """Two pods each of WEB and WAS on two workers. One worker is switched off without any warning. The node is noticed
    to be gone, WEB is there twice again on the other worker, and the second WAS waits, because the lost node still
    counts for its hard spread. When the worker comes back, it finds its place.
    """
    replicas = 1 if exercise.twin else 2
    with exercise.step("prepare", "WEB and WAS on two workers, and a client"):
        kubectl = exercise.namespace("lost")
        deploy(exercise, kubectl, replicas=replicas, toleration=TOLERATION)
        if not exercise.twin:
            budget(exercise, kubectl, 1)
    with exercise.step("steady", "pods on different nodes, every request answered"):
        for name in ("web", "was"):
            where = places(kubectl, name)
            exercise.holds(f"{name} is spread", len(set(where.values())) == replicas, "on one node", places=where)
        lost = next(iter(places(kubectl, "web").values()))
        exercise.holds("steady state", quiet(kubectl), "requests fail already")
        exercise.keep_objects("before", kubectl, ["pods", "deployments"])
    with exercise.fault("the worker of a WEB pod loses its power"):
        exercise.power_off(lost)
    with exercise.step("recover", "the cluster notices, and every request is answered again"):
        bound = kubectl.cluster.timeouts.node
        kubectl.until("the node is not ready", lambda: not ready(exercise, lost), bound)
        exercise.recovered("every request is answered", lambda: quiet(kubectl))
        kept_answering(exercise, kubectl)
    with exercise.step("recover", "WEB is there twice again, on the worker that is left"):
        left = [each for each in exercise.cluster.nodes()[1:] if each != lost]
        bound = kubectl.cluster.timeouts.ready
        again = lambda: list(places(kubectl, "web").values()) == left * replicas  # noqa: E731
        kubectl.until("WEB is there again", again, bound)
    with exercise.step("verify", "the second WAS waits, as hard spread over a lost node demands"):
        kubectl.until("a WAS pod waits", lambda: unplaced(kubectl, "was"), bound)
        why = unplaced(kubectl, "was")
        exercise.holds("hard spread is the reason", "topology spread constraints" in why, "another reason", why=why)
        exercise.same("WAS runs once", left, list(places(kubectl, "was").values()), "where WAS runs")
    with exercise.step("verify", "the worker comes back, and WAS is there twice again"):
        exercise.power_on(lost)
        kubectl.until("the node is ready", lambda: ready(exercise, lost), kubectl.cluster.timeouts.node)
        kubectl.until("WAS is there twice", lambda: len(set(places(kubectl, "was").values())) == replicas, bound)
        kept_answering(exercise, kubectl)
        exercise.within_objectives()


def ready(exercise: Exercise, node: str) -> bool:
    """Whether the control plane takes a node for ready."""
    conditions = exercise.everywhere.get("node", node)["status"]["conditions"]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def quiet(kubectl: Kubectl) -> bool:
    """Whether the client's requests of the last seconds were many, and all answered."""
    made = client.requests(kubectl)
    recent = [each for each in made if each.second > made[-1].second - QUIET]
    return len(recent) >= 2 * QUIET and not client.failed(recent)
