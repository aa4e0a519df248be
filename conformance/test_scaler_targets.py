"""What autoscalers and budgets say by themselves: their target, a custom metric, their windows, what they keep."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.relations import relations
from conformance.scaling import budget as budgets
from conformance.scaling.metrics import behavior


@check
def test_scaler_target(scaler: Object, inventory: Inventory) -> Iterator[Said]:
    """What an autoscaler scales is there: kind, name and API group of its reference are those of a workload.

    One with a wrong name runs, and only its status says so. A Rollout is of `argoproj.io`, not of `apps`.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
    """
    field = "spec.targetRef" if scaler.kind == "VerticalPodAutoscaler" else "spec.scaleTargetRef"
    target = relations(inventory).target(scaler, field)
    reference = scaler.mapping(field)
    if target is None:
        name = f"{reference.get('kind')} {reference.get('name')}"
        yield Finding(scaler, (*field.split("."), "name"), f"there is no {name}", "an existing workload", name)
    elif str(reference.get("apiVersion", "")).rpartition("/")[0] != target.group:
        path = (*field.split("."), "apiVersion")
        yield Finding(scaler, path, f"{target} is of another group", target.api_version, reference.get("apiVersion"))


@check
def test_pods_metric(scalers: list[Object], *, metric: str, values: dict[str, list[str]]) -> Iterator[Said]:
    """Each of these autoscalers also scales by a metric of its pods whose name contains `metric`, at an average that
    is one of the values.

    `300KB` is no quantity, `300m` is three tenths, and 300k and 300Ki are both what people write as 300 KB. A metric of
    type Object or External with an average serves as well.
    https://kubernetes.io/docs/reference/kubernetes-api/autoscaling/horizontal-pod-autoscaler-v2/
    """
    for name, wanted in values.items():
        scaler = next((each for each in scalers if each.name == name), None)
        if scaler is None:
            yield Finding(None, "", f"there is no autoscaler {name}", wanted)
            continue
        fields = ("pods", "object", "external")
        nodes = [each.at(field) for each in scaler.sequence("spec.metrics") for field in fields if each.get(field)]
        found = [each for each in nodes if metric in each.text("metric.name")]
        if not found:
            yield Finding(scaler, "spec.metrics", f"has no metric of {metric}", wanted)
        for each in found:
            average = each.get("target.averageValue")
            if not any(same(average, value) for value in wanted):
                yield Finding(scaler, (*each.path, "target", "averageValue"), "has another average", wanted, average)


@check
def test_stabilization(scaler: Object, *, up: int, down: int) -> Iterator[Said]:
    """An autoscaler waits so many seconds before it scales up and before it scales down, with the defaults filled in:
    down waits 300 s, up not at all.

    Policies whose every period is that long are taken for it. `selectPolicy: Disabled` never scales.
    https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#stabilization-window
    """
    for direction, window in (("scaleUp", up), ("scaleDown", down)):
        found = behavior(scaler, direction)
        written = scaler.get(("spec", "behavior", direction, "policies"))
        periods = {each.period for each in found.policies} if written else set()
        if found.select == "Disabled":
            yield Finding(scaler, (*found.path, "selectPolicy"), f"{direction} is switched off", window, "Disabled")
        elif found.window != window and periods != {window}:
            path = (*found.path, "stabilizationWindowSeconds")
            yield Finding(scaler, path, f"{direction} waits {found.window} s", window, found.window)


@check
def test_budget_keeps(budget: Object, inventory: Inventory) -> Iterator[Said]:
    """A PodDisruptionBudget keeps a pod: it does not let all of them go at once.

    On a single replica that can only be bought with a drain that never ends, so this is advice to have two.
    https://kubernetes.io/docs/tasks/run-application/configure-pdb/#think-about-how-your-application-reacts-to-disruptions
    """
    fewest = relations(inventory).fewest_replicas
    counted = budgets.selected(budget, inventory, lambda owner: fewest(owner) or 1)
    if not counted:
        yield NotApplicable("selects no pods here")
        return
    found, total = budgets.standing(budget, counted), sum(each.count for each in counted)
    if not found.broken and found.allowed >= total:
        yield Finding(budget, found.path, f"lets all {total} pods go at once", f"less than {total}", found.allowed)
