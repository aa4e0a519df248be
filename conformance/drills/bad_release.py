"""insitechart 1.3.1 and 4.2.1: a release that never becomes ready is rolled back, and no request fails meanwhile."""

from __future__ import annotations

import json
import time

from conformance.drill import client
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Objective, Twin, drill

NAME = "unified-service"
WORKLOAD = f"deployment/{NAME}"
#: the documented 600 s and 300 s are waits, not promises: a release that is broken is as broken after 20 s
DEADLINE, ROLLOUT, ROLLBACK = 20, 30, 60
BUDGET = 0


@drill(
    name="bad-release",
    title="a release that never becomes ready is rolled back, and no request fails",
    requirements=(
        "insitechart-rolling-timeout",
        "insitechart-rolling-ready-equals-desired",
        "insitechart-rolling-healthcheck",
        "insitechart-rolling-rollback",
        "insitechart-rolling-zero-downtime",
        "insitechart-rto-application",
        "insitechart-dr-app-steps",
        "insitechart-drill-app",
        "gitops-rollback-automatic",
    ),
    objectives=(Objective("insitechart L1249 (application)", rto=1800),),
    images=(Image("tools", "busybox:1.36"),),
    twins=(
        Twin("no-readiness-probe", "the bad release has no readiness probe", fails="the bad release costs no request"),
        Twin("all-unavailable", "maxUnavailable is 100 %", fails="the bad release costs no request"),
        Twin("script-as-documented", "a rollout that times out is not rolled back", fails="the good release is back"),
    ),
)
def bad_release(exercise: Exercise) -> None:
    """A client asks the service all the time. A good release is rolled out. Then one whose /health fails: `rollout
    status` gives up, the release is undone, and `rollout status` succeeds. Every pod is of the good release, no pod of
    the bad one is left, and no request has failed in either rollout.
    """
    with exercise.step("prepare", "two replicas, and a client that asks all the time"):
        kubectl = exercise.namespace("release")
        deploy(exercise, kubectl)
    with exercise.step("steady", "every request is answered"):
        made = watched(kubectl, time.time())
        exercise.holds("steady state", made and not client.failed(made), "requests fail already", made=len(made))
    good = "1"
    if not exercise.twin:
        good = "2"
        with exercise.step("steady", "a good release costs no request"):
            began = time.time()
            release(kubectl, good)
            completed = rolled_out(kubectl, ROLLBACK)
            exercise.holds("the good release is rolled out", completed, "rollout status gave up")
            within_budget(exercise, kubectl, "the good release costs no request", began)
    with exercise.fault("a release whose /health fails"):
        release(kubectl, "broken", probed=exercise.twin != "no-readiness-probe")
    with exercise.step("recover", "rollout status gives up"):
        completed = rolled_out(kubectl, ROLLOUT)
        within_budget(exercise, kubectl, "the bad release costs no request", exercise.timeline.moments["fault"])
        exercise.holds("the bad release is noticed", not completed, "rollout status took it for a good one")
    with exercise.step("recover", "the release is undone"):
        roll_back(exercise, kubectl)
    with exercise.step("verify", "only the good release is there, and no request failed"):
        only(exercise, kubectl, good)
        exercise.recovered("the client is answered by the good release", lambda: answers(kubectl, good))
        within_budget(exercise, kubectl, "the rollback costs no request", exercise.timeline.moments["fault"])
        exercise.within_objectives()


def deploy(exercise: Exercise, kubectl: Kubectl) -> None:
    """The service with two replicas, and its client."""
    values = {
        "tools": exercise.image("tools"),
        "deadline": DEADLINE,
        "max_unavailable": "100%" if exercise.twin == "all-unavailable" else 0,
    }
    exercise.deploy(kubectl, "bad-release/service.yaml", **values)
    kubectl.ready(WORKLOAD)
    client.start_client(exercise, kubectl, f"http://{NAME}:8000/")
    exercise.evidence.stand_ins.append("busybox httpd in the role of insitechart/unified-service, which is not public")
    exercise.evidence.notes.append("One image serves all releases: a release is told apart by its variable RELEASE.")
    exercise.evidence.notes.append(f"rollout status waits {ROLLOUT} s here, 600 s in the document.")


def release(kubectl: Kubectl, version: str, *, probed: bool = True) -> None:
    """What `kubectl set image` does to the template, in one change."""
    container = {"name": NAME, "env": [{"name": "RELEASE", "value": version}]}
    if not probed:
        container["readinessProbe"] = None  # type: ignore[assignment]
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    kubectl.act("patch", "deployment", NAME, "--type=strategic", f"--patch={json.dumps(change)}")


def rolled_out(kubectl: Kubectl, seconds: int) -> bool:
    """`kubectl rollout status` as the script calls it: whether it succeeds."""
    try:
        kubectl.act("rollout", "status", WORKLOAD, f"--timeout={seconds}s", timeout=seconds + 30)
    except CommandError as error:
        if error.output is None:
            raise
        return False
    return True


def roll_back(exercise: Exercise, kubectl: Kubectl) -> None:
    """The documented script undoes a release whose health check fails; one that times out it leaves as it is."""
    if exercise.twin == "script-as-documented":
        return
    kubectl.act("rollout", "undo", WORKLOAD)
    completed = rolled_out(kubectl, ROLLBACK)
    exercise.holds("the rollback is rolled out", completed, "rollout status gave up")


def watched(kubectl: Kubectl, since: float, seconds: float = 4) -> list[client.Request]:
    """The client's requests since a moment, some seconds more of them."""
    time.sleep(seconds)
    return client.requests(kubectl, since)


def within_budget(exercise: Exercise, kubectl: Kubectl, name: str, since: float) -> None:
    """Assert that no request failed since a moment; a rolling update with maxUnavailable 0 has no excuse."""
    made = watched(kubectl, since)
    lost = client.failed(made)
    exercise.evidence.figures[f"requests: {name}"] = len(made)
    said = lost[0].text if lost else ""
    exercise.holds(name, made and len(lost) <= BUDGET, "requests failed", made=len(made), failed=len(lost), said=said)


def only(exercise: Exercise, kubectl: Kubectl, version: str) -> None:
    """Assert that all wanted pods are of one release and ready, and that no other ReplicaSet has any.

    `readyReplicas` alone, which the documented script compares, counts pods of every release.
    """
    sets = [each for each in kubectl.list("replicasets") if each["spec"].get("replicas")]
    versions = [each["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] for each in sets]
    exercise.holds("the good release is back", versions == [version], "pods of another release", releases=versions)
    status = kubectl.get("deployment", NAME)["status"]
    counted = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    exercise.holds("every wanted pod is of it and ready", counted == [2, 2, 2, 2], "not all are", counted=counted)


def answers(kubectl: Kubectl, version: str) -> bool:
    """Whether the newest answer is that of a release."""
    made = client.requests(kubectl)
    return bool(made and made[-1].answered and made[-1].text == f"release {version}")
