"""homelab DR-07: workers are drained one after the other, and budgets keep the last pod where it is."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Twin, drill
from conformance.drill.spread import MONTH_BUDGET, SPREAD, budget, deploy, kept_answering, places, unplaced

#: seconds that a drain may take, and that one which must be refused tries
DRAIN, REFUSED = 90, 20


@drill(
    name="node-drained",
    title="a drain never takes the last pod",
    requirements=("homelab-spread-effective",),
    objectives=(MONTH_BUDGET,),
    images=(Image("tools", "busybox:1.36"),),
    workers=2,
    twins=(
        Twin("no-budget", "there is no PodDisruptionBudget", fails="never below minAvailable"),
        Twin("budget-too-tight", "minAvailable is the number of replicas", fails="the first worker is drained"),
    ),
)
def node_drained(exercise: Exercise) -> None:
    """Worker A is drained: WEB moves to B, the second WAS waits. While A is cordoned, B cannot be drained. After A is
    back, B can. At no instant is less of a service there than its budget says.
    """
    with exercise.step("prepare", "WEB and WAS on two workers, with budgets, and a client"):
        kubectl = exercise.namespace("drained")
        deploy(exercise, kubectl, replicas=2, toleration=300)
        if exercise.twin != "no-budget":
            budget(exercise, kubectl, 2 if exercise.twin == "budget-too-tight" else 1)
    first, second = exercise.cluster.nodes()[1:]
    try:
        drains(exercise, kubectl, first, second)
    finally:
        for node in (first, second):
            kubectl.act("uncordon", node)


def drains(exercise: Exercise, kubectl: Kubectl, first: str, second: str) -> None:
    """The procedure; other drills need the nodes afterwards."""
    with exercise.fault("the first worker is drained"):
        refused, least = drain(exercise, kubectl, first, REFUSED if exercise.twin == "budget-too-tight" else DRAIN)
        exercise.holds("the first worker is drained", not refused, "the drain did not end", said=refused)
        exercise.holds("one of each stays", min(least.values()) >= 1, "a service was gone", least=least)
    with exercise.step("verify", "WEB is there twice on the other worker, the second WAS waits"):
        bound = kubectl.cluster.timeouts.ready
        kubectl.until("WEB is there twice", lambda: list(places(kubectl, "web").values()) == [second] * 2, bound)
        why = kubectl.until("a WAS pod waits", lambda: unplaced(kubectl, "was"), bound)
        exercise.holds("hard spread is the reason", "topology spread constraints" in why, "another reason", why=why)
    with exercise.step("verify", "the other worker cannot be drained meanwhile"):
        refused, least = drain(exercise, kubectl, second, REFUSED)
        exercise.holds("never below minAvailable", min(least.values()) >= 1, "a service was gone", least=least)
        exercise.holds("the second drain is refused", "disruption budget" in refused, "not so", said=refused)
    with exercise.step("recover", "the first worker is back, and the other one can be drained"):
        for node in (first, second):
            kubectl.act("uncordon", node)
        for name in SPREAD:
            kubectl.ready(f"deployment/{name}")
        refused, least = drain(exercise, kubectl, second, DRAIN)
        exercise.holds("the second worker is drained", not refused, "the drain did not end", said=refused)
        exercise.holds("one of each stays again", min(least.values()) >= 1, "a service was gone", least=least)
    with exercise.step("verify", "a client saw little of it"):
        kept_answering(exercise, kubectl)


def drain(exercise: Exercise, kubectl: Kubectl, node: str, seconds: int) -> tuple[str, dict[str, int]]:
    """Drain a node as an administrator does. What was said when it was refused, and how few ready pods of each service
    were seen at any instant meanwhile.
    """
    least = {name: len(places(kubectl, name)) for name in SPREAD}
    limit = [f"--timeout={seconds}s", "--ignore-daemonsets", "--delete-emptydir-data"]
    chosen = "--pod-selector=app in (" + ", ".join(SPREAD) + ")"
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(kubectl.act, "drain", node, chosen, *limit, timeout=seconds + DRAIN)
        while not going.done():
            least = {name: min(count, len(places(kubectl, name))) for name, count in least.items()}
            time.sleep(kubectl.cluster.timeouts.interval)
    least = {name: min(count, len(places(kubectl, name))) for name, count in least.items()}
    try:
        going.result()
    except CommandError as error:
        return (error.output.stderr if error.output else "") or str(error), least
    return "", least
