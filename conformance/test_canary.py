"""Argo Rollouts: the steps of a canary, who routes its traffic, and when it is given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import PodSpec
from conformance.kube.relations import relations
from conformance.mesh import Mesh


@check
def test_canary_steps(rollout: Object, *, steps: list[str]) -> Iterator[Said]:
    """A canary goes through exactly these steps: `10%` is a weight, `30s` a pause, `*` a pause until somebody says go.

    A last step of 100 % goes without saying. A pause of `30` is one of 30 s. Steps for the size of the canary
    (`setCanaryScale`) send no traffic and are left out.
    https://argo-rollouts.readthedocs.io/en/stable/features/canary/
    """
    node = rollout.at("spec.strategy.canary")
    own = (
        [each for each in node.sequence("steps") if each.get("setCanaryScale") is None] if node.raw is not None else []
    )
    found = [_step(each) for each in own]
    if found and found[-1] == "100%":
        found.pop()
    wanted = [_plain(each) for each in steps]
    if found == wanted:
        return
    first = next((i for i, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), None)
    place = own[first].path if first is not None else ("spec", "strategy", "canary", "steps")
    yield Finding(rollout, place, "goes through other steps", steps, found)


def _step(step: Node) -> str:
    weight = step.number("setWeight")
    if weight is not None:
        return f"{weight}%"
    if isinstance(step.raw, dict) and "pause" in step.raw:
        waits = step.get("pause.duration")
        return "*" if waits is None else _plain(str(waits))
    return next(iter(step.mapping()), "")


def _plain(text: str) -> str:
    """A pause in seconds; everything else as it is."""
    if text.endswith("%") or text == "*":
        return text
    try:
        return str(float(text) if text.isdigit() else float(duration.parse_go(text)))
    except duration.DurationError:
        return text


@check
def test_canary_traffic(
    rollouts: list[Object], inventory: Inventory, *, routing: dict[str, dict[str, Any]]
) -> Iterator[Said]:
    """Each of these Rollouts has its traffic split by this VirtualService and DestinationRule: `{virtual_service,
    destination_rule, canary, stable}`, and the routes and subsets that it names are there.

    A VirtualService with several routes needs the list of those that are split; each of them has both subsets.
    https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/istio/
    """
    mesh, known = Mesh(inventory), {each.name: each for each in rollouts}
    for name, wanted in routing.items():
        rollout = known.get(name)
        if rollout is None:
            yield Finding(None, "", f"there is no Rollout {name}", wanted)
            continue
        istio = rollout.at("spec.strategy.canary.trafficRouting.istio")
        for field, value in (
            ("virtualService.name", wanted["virtual_service"]),
            ("destinationRule.name", wanted["destination_rule"]),
            ("destinationRule.canarySubsetName", wanted["canary"]),
            ("destinationRule.stableSubsetName", wanted["stable"]),
        ):
            observed = istio.get(field) if istio.raw is not None else None
            if observed != value:
                yield Finding(rollout, (*istio.path, *field.split(".")), "is another", value, observed)
        if istio.raw is not None:
            yield from _named(rollout, istio, mesh)


def _named(rollout: Object, istio: Node, mesh: Mesh) -> Iterator[Finding]:
    subsets = {istio.text("destinationRule.canarySubsetName"), istio.text("destinationRule.stableSubsetName")}
    place = (*istio.path, "virtualService", "routes")
    named = istio.texts("virtualService.routes")
    for service in mesh.routes.services:
        if (service.subject.name, service.subject.namespace) != (istio.text("virtualService.name"), rollout.namespace):
            continue
        http = {each.name: each for each in service.routes if each.kind == "http"}
        if len(service.routes) > 1 and not named:
            yield Finding(rollout, place, f"{service.subject} has several routes, and none is named", sorted(http))
        for each in named:
            if each not in http:
                yield Finding(rollout, place, f"{service.subject} has no route {each}", sorted(http), each)
            elif {to.destination.subset for to in http[each].destinations} != subsets:
                path = (*http[each].node.path, "route")
                yield Finding(service.subject, path, f"is not between the subsets of {rollout}", sorted(subsets))


@check
def test_progress_deadline(rollout: Object, inventory: Inventory) -> Iterator[Said]:
    """A Rollout or Deployment waits longer for its pods than they may take to start, by their own startup probes.

    The default is 600 s. A probe may take `initialDelaySeconds + periodSeconds × failureThreshold`.
    https://argo-rollouts.readthedocs.io/en/stable/features/specification/
    """
    pod = relations(inventory).pods_of(rollout)
    if pod is None:
        yield NotApplicable("it has no pods")
        return
    needed = _startup(pod)
    deadline = rollout.number("spec.progressDeadlineSeconds", 600) or 0
    if deadline <= needed:
        place = "spec.progressDeadlineSeconds"
        yield Finding(rollout, place, f"its pods may take {needed} s to start", f"more than {needed}", deadline)


def _startup(pod: PodSpec) -> int:
    budgets = [0]
    for container in pod.containers:
        probe = container.at("startupProbe")
        if probe.raw is not None:
            delay, period = probe.number("initialDelaySeconds", 0) or 0, probe.number("periodSeconds", 10) or 10
            budgets.append(delay + period * (probe.number("failureThreshold", 3) or 3))
    return max(budgets)
