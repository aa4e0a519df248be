"""Probes of one container as a document gives them: where they ask, and how long they wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.choosing import containers_of, place_of
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container


@check
def test_container_probe(
    workload: Object,
    inventory: Inventory,
    *,
    probes: list[Literal["startup", "liveness", "readiness"]],
    paths: list[str] | None = None,
    port: int = 0,
    budget: Annotated[str, duration.parse] | None = None,
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """A container has the probes, by HTTP at one of the paths and on the port; without `paths` any kind of probe.

    `budget` is what a start may take in all: initialDelaySeconds + periodSeconds x failureThreshold, which default to
    0, 10 and 3; timeoutSeconds is the time of one try and no part of it. A period more or less is tolerated, as far as
    it is a small one. `/health/` is not `/health`.
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        for name in probes:
            yield from _probe_findings(each, name, paths, port, budget)


def _probe_findings(
    container: Container, name: str, paths: list[str] | None, port: int, budget: str | None
) -> Iterator[Finding]:
    owner, probe = container.pod.owner, container.at(f"{name}Probe")
    if probe.raw is None:
        yield Finding(owner, probe.path, f"container {container.name} has no {name} probe", paths)
        return
    if paths:
        path = probe.get("httpGet.path")
        if path not in paths:
            yield Finding(owner, (*probe.path, "httpGet", "path"), f"the {name} probe asks another path", paths, path)
    if port:
        asked = probe.get("httpGet.port")
        own = {one.text("name"): one.number("containerPort") for one in container.sequence("ports")}
        if paths and own.get(asked, asked) != port:
            yield Finding(owner, (*probe.path, "httpGet", "port"), f"the {name} probe asks another port", port, asked)
    if budget is not None:
        seconds, period = _budget(probe), probe.number("periodSeconds", 10) or 0
        wanted = float(duration.parse(budget))
        if abs(seconds - wanted) > min(period, wanted / 20):
            message = f"the {name} probe gives up after {seconds} s"
            yield Finding(owner, (*probe.path, "failureThreshold"), message, budget, f"{seconds}s")


def _budget(probe: Any) -> int:
    period, tries = probe.number("periodSeconds", 10), probe.number("failureThreshold", 3)
    return int(probe.number("initialDelaySeconds", 0) + period * tries)


@check
def test_probe_timing(
    workload: Object, inventory: Inventory, *, image_name: str = "", container: str = ""
) -> Iterator[Said]:
    """The liveness and readiness probes say their timing, and a container is not killed before it is taken out.

    The defaults are a try each 10 s, 1 s for an answer and 3 failures. A liveness probe that gives up before the
    readiness probe restarts what should only have been spared.
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        live, ready = each.at("livenessProbe"), each.at("readinessProbe")
        for probe in (live, ready):
            for key in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"):
                if probe.raw is not None and probe.get(key) is None:
                    yield Finding(each.pod.owner, (*probe.path, key), f"{key} is left to the default")
        if live.raw is not None and ready.raw is not None:
            patience = [(node.number("periodSeconds", 10) or 0) * (node.number("failureThreshold", 3) or 0)
                        for node in (live, ready)]  # fmt: skip
            if patience[0] < patience[1]:
                message = f"restarts after {patience[0]} s, before {patience[1]} s make it unready"
                yield Finding(each.pod.owner, (*live.path, "failureThreshold"), message, f"at least {patience[1]} s")
