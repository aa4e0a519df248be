"""What a backup's schedule can promise, whatever a drill measures that makes its backup just before the fault."""

from __future__ import annotations

from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl, Object
from conformance.kube.cron import Schedule


def worst_loss(spec: Object) -> float:
    """Seconds that are lost when the fault comes just before the next backup of a CronJob is whole.

    The longest gap between two runs, as late as the next may start (`startingDeadlineSeconds`), as long as it may take
    (`activeDeadlineSeconds`). Infinite when one of them has no bound, the schedule never fires, or it is suspended.
    Raises CronError. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/
    """
    gap = Schedule.parse(spec["schedule"], spec.get("timeZone")).largest_gap()
    late, long = spec.get("startingDeadlineSeconds"), spec["jobTemplate"]["spec"].get("activeDeadlineSeconds")
    if gap is None or late is None or long is None or spec.get("suspend"):
        return float("inf")
    return float(gap.total_seconds() + late + long)


def judge_schedule(exercise: Exercise, kubectl: Kubectl, cron_job: str) -> None:
    """Assert that a CronJob's schedule keeps every RPO that the drill is there for."""
    spec = kubectl.get("cronjob", cron_job)["spec"]
    judge_worst(exercise, worst_loss(spec), f"runs at {spec['schedule']}")


def judge_worst(exercise: Exercise, worst: float, mechanism: str) -> None:
    """Assert the most that a mechanism may lose, in seconds, against every RPO of the drill."""
    exercise.evidence.figures["worst loss by configuration"] = worst
    for objective in exercise.drill.objectives:
        if objective.rpo is not None:
            message = f"{mechanism} may lose {worst:g} s, {objective.source} allows {objective.rpo:g} s"
            exercise.holds("the worst case keeps the RPO", worst <= objective.rpo, message, worst=worst)
