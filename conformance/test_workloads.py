"""Probes, resources and images of containers; what makes a workload safe to roll out and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import demand, image, quantity
from conformance.kube.built import built_images
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container
from conformance.kube.relations import relations
from conformance.kube.workload import is_controlled, is_long_running, is_release_test, keeps_running, scaled

Resource = Literal["cpu", "memory", "ephemeral-storage"]

#: Parts of the names of ports where nobody's request waits.
_NO_REQUESTS = ("metric", "prom", "health", "probe", "debug", "pprof", "telemetry")
#: Tags that are moved to a newer image as a matter of course.
_MOVING_TAGS = {
    "latest", "main", "master", "head", "trunk", "edge", "nightly", "dev", "develop", "development", "snapshot",
    "stable", "unstable", "testing", "canary", "rolling",
}  # fmt: skip


@check
def test_probes(container: Container, inventory: Inventory) -> Iterator[Said]:
    """A serving container of a long-running workload has a readiness and a liveness probe; one that works alone and
    serves nothing has at least one of them.

    Serving is a container that declares a port for requests; ports named for metrics or health are for none. Containers
    that stop (init containers, those of Jobs) take no probes, native sidecars do; Helm tests and helpers without such a
    port are left alone.
    https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
    """
    alone = sum(keeps_running(each) for each in container.pod.containers) == 1
    serves = _serves(container)
    if not is_long_running(container.pod) or not keeps_running(container) or not (serves or alone):
        yield NotApplicable("no serving container of a long-running workload")
        return
    missing = [kind for kind in ("readiness", "liveness") if container.get(f"{kind}Probe") is None]
    if len(missing) == 2 or (missing and serves):
        message = f"container {container.name} has no {' and no '.join(missing)} probe"
        yield Finding(container.pod.owner, (*container.path, f"{missing[0]}Probe"), message)


def _serves(container: Container) -> bool:
    names = (each.text("name") for each in container.sequence("ports"))
    return any(not any(word in name for word in _NO_REQUESTS) for name in names)


@check
def test_resources(container: Container, *, requests: list[Resource], limits: list[Resource]) -> Iterator[Said]:
    """A container declares what it needs: a limit counts as request, as the API server sets it.

    Init containers count as well, since the largest of them decides what the pod asks for; ephemeral ones cannot have
    resources. Resources of the whole pod stand in for those of its containers. A request above the limit is refused by
    the API server. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
    """
    owner = container.pod.owner
    if container.kind == "ephemeralContainer" or is_release_test(owner) or is_controlled(owner):
        yield NotApplicable("takes no resources of its own")
        return
    missing = [f"{each} request" for each in requests if demand.requested(container, each) is None]
    missing += [f"{each} limit" for each in limits if demand.limited(container, each) is None]
    if missing:
        message = f"container {container.name} has no {', no '.join(missing)}"
        yield Finding(owner, (*container.path, "resources"), message)
    for name, wanted in container.mapping("resources.requests").items():
        limit = container.mapping("resources.limits").get(name)
        try:
            too_much = quantity.parse(wanted) > quantity.parse(limit) if limit is not None else not _parsed(wanted)
        except ValueError as error:
            yield Finding(owner, (*container.path, "resources", "requests", name), str(error))
            continue
        if too_much:
            message = f"container {container.name} requests more {name} than its limit"
            yield Finding(owner, (*container.path, "resources", "requests", name), message, limit, wanted)


def _parsed(value: object) -> bool:
    quantity.parse(value)
    return True


@check
def test_image_version(container: Container, inventory: Inventory) -> Iterator[Said]:
    """An image is named by a digest or by a tag that does not move.

    `nginx` means `nginx:latest`, and in `host:5000/app` the number is a port, not a tag. A digest decides whatever tag
    stands beside it. A name that something else fills in before the pod exists (`auto` of Istio's gateways, `${TAG}` of
    Flux, an image that skaffold builds) is not judged.
    https://kubernetes.io/docs/concepts/containers/images/#image-names
    """
    text = container.text("image")
    later = not text or text == "auto" or "$" in text or "{{" in text or text in built_images(inventory)
    if later or is_controlled(container.pod.owner) or is_release_test(container.pod.owner):
        yield NotApplicable("the image is filled in later, or part of a test or of another object")
        return
    field = (*container.path, "image")
    try:
        tag = image.parse(text).effective_tag
    except image.ImageError as error:
        yield Finding(container.pod.owner, field, str(error), observed=text)
        return
    if tag is not None and (tag.lower() in _MOVING_TAGS or tag.lower().startswith("latest-")):
        said = f"the moving tag {tag}" if image.parse(text).tag else "no tag, which means latest"
        yield Finding(container.pod.owner, field, f"image {text} has {said}", "a version or a digest", text)


@check
def test_rollback_possible(workload: Object, inventory: Inventory) -> Iterator[Said]:
    """A workload keeps a previous version, and an update leaves a pod of a served workload running.

    revisionHistoryLimit is 10 by default and 0 keeps nothing to go back to. `maxUnavailable` rounds percentages down
    (25% of 1 is 0), so only an explicit value can take the last pod away; with `Recreate` that is the intention.
    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment
    """
    if workload.number("spec.revisionHistoryLimit", 10) == 0:
        yield Finding(workload, "spec.revisionHistoryLimit", "no previous version is kept", "at least 1", 0)
    if workload.kind != "Deployment" or workload.text("spec.strategy.type", "RollingUpdate") != "RollingUpdate":
        return
    known = relations(inventory)
    count = known.fewest_replicas(workload)
    field = "spec.strategy.rollingUpdate.maxUnavailable"
    gone = scaled(workload, field, count, up=False) if count else None
    if count and gone is not None and gone >= count and known.services_of(workload):
        message = (
            f"an update may stop {'the only pod' if count == 1 else f'all {count} pods'} before a new one is ready"
        )
        yield Finding(workload, field, message, f"less than {count}", workload.get(field))


@check
def test_namespace_own(workload: Object) -> Iterator[Said]:
    """Workloads do not live in `default`, `kube-public` or `kube-node-lease`.

    Judged is a namespace that the manifest or its delivery says; an absent one is not "default". Components of the
    system in kube-system are at home there.
    https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#initial-namespaces
    """
    if workload.namespace is None or is_release_test(workload) or is_controlled(workload):
        yield NotApplicable("no namespace is known" if workload.namespace is None else "made by another object")
    elif workload.namespace in ("default", "kube-public", "kube-node-lease"):
        yield Finding(
            workload, "metadata.namespace", f"runs in namespace {workload.namespace}", "a namespace of its own"
        )
