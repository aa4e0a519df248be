"""Two services on two workers, as homelab has them: WEB, which prefers to be spread, and WAS, which insists on it."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.drill import client
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl, Object
from conformance.drill.registry import Objective

#: homelab, Topology Spread Constraints, lines 784-799
SPREAD: Mapping[str, str] = {"web": "ScheduleAnyway", "was": "DoNotSchedule"}
#: homelab line 38: 99.9 % of a month of 30 days, in seconds
MONTH_BUDGET = Objective("homelab L38 (99.9 % of a month)", rto=0.001 * 30 * 86400)
#: seconds that the client waits for one answer, and that it may go without any
PATIENCE, SILENCE = 2, 30


def deploy(exercise: Exercise, kubectl: Kubectl, *, replicas: int, toleration: int) -> None:
    """Both services, and a client of WEB on the control plane, which stays."""
    image = exercise.image("tools", everywhere=True)
    if toleration != 300:
        exercise.note(f"pods leave a lost node after {toleration} s instead of the default 300 s (tolerationSeconds)")
    for name, spread in SPREAD.items():
        values = {"name": name, "replicas": replicas, "toleration": toleration, "spread": spread, "tools": image}
        exercise.deploy(kubectl, "two-nodes/service.yaml", **values)
    for name in SPREAD:
        kubectl.ready(f"deployment/{name}")
    address = kubectl.get("service", "web")["spec"]["clusterIP"]
    node = exercise.cluster.nodes()[0]
    client.start_client(exercise, kubectl, f"http://{address}/hostname", node=node, patience=PATIENCE)


def budget(exercise: Exercise, kubectl: Kubectl, available: int) -> None:
    """A PodDisruptionBudget for each; homelab, lines 776-777."""
    for name in SPREAD:
        exercise.deploy(kubectl, "two-nodes/budget.yaml", name=name, available=available)
    seen = "disruptionsAllowed"
    for name in SPREAD:
        bound = kubectl.cluster.timeouts.effect
        observed = lambda at=name: seen in (kubectl.get("poddisruptionbudget", at).get("status") or {})  # noqa: E731
        kubectl.until(f"the budget of {name} is observed", observed, bound)


def places(kubectl: Kubectl, name: str) -> dict[str, str]:
    """The nodes of the ready pods, by name of the pod."""
    return {
        pod["metadata"]["name"]: pod["spec"]["nodeName"]
        for pod in kubectl.list("pods", f"app={name}")
        if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
    }


def unplaced(kubectl: Kubectl, name: str) -> str:
    """Why a pod is on no node, in the scheduler's words; empty when every pod has one."""
    for pod in kubectl.list("pods", f"app={name}"):
        for each in pod["status"].get("conditions") or []:
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return str(each.get("message", ""))
    return ""


def is_ready(pod: Object) -> bool:
    """Whether a pod counts as ready."""
    conditions = pod["status"].get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def kept_answering(exercise: Exercise, kubectl: Kubectl) -> None:
    """Never silent for long since the fault, and what failed fits into the month's budget.

    Each request that failed counts with all the seconds that the client waited for it, although others may have been
    answered meanwhile: an upper bound.
    """
    began = exercise.timeline.moments["fault"]
    made = client.requests(kubectl, since=began)
    silence = client.longest_silence(made, began, max((float(each.second) for each in made), default=began))
    lost = len(client.failed(made)) * (PATIENCE + 0.1)
    exercise.evidence.figures |= {"longest silence": round(silence, 1), "seconds of failed requests": round(lost, 1)}
    exercise.holds("never a total outage", silence <= SILENCE, "nobody was answered for too long", seconds=silence)
    bound = MONTH_BUDGET.rto or 0.0
    told = {"seconds": lost, "requests": len(made), "promised": MONTH_BUDGET.source}
    exercise.holds("within the error budget", lost <= bound, "more than the month's budget", **told)
