"""Argo CD Applications beside controllers that write to the same objects: what is delivered, ignored and put back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.relations import relations
from conformance.mesh import Mesh

_ISTIO = "networking.istio.io"
#: Who writes what is to be left alone, as `metadata.managedFields` names them.
_MANAGERS = {
    "VirtualService": "rollouts-controller",
    "DestinationRule": "rollouts-controller",
    "Rollout": "kube-controller-manager",
}


@check
def test_application_source(
    application: Object, *, repository: str, path: str, revision: str, namespace: str
) -> Iterator[Said]:
    """An Application delivers this directory of this revision of this repository into this namespace.

    A final `.git` or `/` means nothing. An absent `targetRevision` is HEAD, the default branch.
    https://argo-cd.readthedocs.io/en/stable/user-guide/application-specification/
    """
    one = application.at("spec.source")
    sources = application.sequence("spec.sources") or ([one] if one.raw is not None else [])
    if not sources:
        yield Finding(application, "spec.source", "has no source", repository)
    for source in sources:
        for field, wanted, default in (
            ("repoURL", repository, ""),
            ("path", path, "."),
            ("targetRevision", revision, "HEAD"),
        ):
            observed = source.text(field, default)
            if _plain(observed) != _plain(wanted):
                yield Finding(application, (*source.path, field), "is another", wanted, source.get(field))
    if application.text("spec.destination.namespace") != namespace:
        observed = application.get("spec.destination.namespace")
        yield Finding(application, "spec.destination.namespace", "delivers elsewhere", namespace, observed)


def _plain(text: str) -> str:
    return text.rstrip("/").removesuffix(".git").removeprefix("./").casefold()


@check
def test_self_heals(application: Object) -> Iterator[Said]:
    """An Application syncs by itself and undoes what is changed by hand: `automated` with `selfHeal`, not switched off.

    `automated: {}` alone syncs new commits and heals nothing.
    https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/#automatic-self-healing
    """
    automated = application.at("spec.syncPolicy.automated")
    if automated.raw is None:
        yield Finding(application, automated.path, "is synced by hand only", "automated with selfHeal")
        return
    if automated.flag("enabled") is False:
        yield Finding(application, (*automated.path, "enabled"), "automated sync is switched off", True, False)
    if automated.flag("selfHeal") is not True:
        message = "manual changes stay until the next commit"
        yield Finding(application, (*automated.path, "selfHeal"), message, True, automated.get("selfHeal"))


@check
def test_differences_ignored(
    application: Object, *, kind: str, group: str, name: str, pointers: list[str]
) -> Iterator[Said]:
    """An Application ignores these fields of one object: by `jsonPointers`, an equivalent jq expression, or by the
    controller that writes them (`managedFieldsManagers`).

    An entry without a name is for all objects of the kind; a pointer to a parent covers what is below it.
    https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/#application-level-configuration
    """
    for pointer in pointers:
        if not _ignored(application, group, kind, name, pointer):
            field = "spec.ignoreDifferences"
            yield Finding(application, field, f"does not ignore {pointer} of {kind} {name}", pointer)


def _ignored(application: Object, group: str, kind: str, name: str, pointer: str, route: str = "") -> bool:
    for entry in application.sequence("spec.ignoreDifferences"):
        if not _means(entry, group, kind, name):
            continue
        said = [str(each.raw) for each in entry.sequence("jsonPointers")]
        said += [_as_pointer(str(each.raw)) for each in entry.sequence("jqPathExpressions")]
        wanted = (pointer, f"/spec/http/{route}/route") if route else (pointer,)
        if _MANAGERS.get(kind) in entry.texts("managedFieldsManagers"):
            return True
        if any(each == one or one.startswith(f"{each}/") or _every(each, one) for each in said for one in wanted):
            return True
    return False


def _means(entry: Node, group: str, kind: str, name: str) -> bool:
    patterns = ("group", group), ("kind", kind), ("name", name)
    return all(fnmatchcase(value, entry.text(field) or "*") for field, value in patterns)


def _as_pointer(expression: str) -> str:
    """A jq path as a pointer: `.spec.http[] | select(.name == "primary").route` is `/spec/http/primary/route`, and
    `.spec.http[].route` is `/spec/http/*/route`.
    """
    text = re.sub(r"\[\]\s*\|\s*select\(\s*\.name\s*==\s*\"([^\"]+)\"\s*\)", r".\1", expression)
    text = text.replace("[]?", "[]").replace("[]", ".*").replace(" ", "")
    return "/" + re.sub(r"\[(\d+)\]", r".\1", text).replace("?", "").strip(".").replace(".", "/")


def _every(said: str, wanted: str) -> bool:
    """Whether `*` stands for what is asked for at its place, and all that is below."""
    parts, asked = said.split("/"), wanted.split("/")
    return len(parts) <= len(asked) and all(one in ("*", other) for one, other in zip(parts, asked, strict=False))


@check
def test_controller_fields_ignored(
    application: Object, inventory: Inventory, *, fields: Literal["weights", "subsets", "replicas"], rollouts: list[str]
) -> Iterator[Said]:
    """Self-heal leaves alone what controllers write for these Rollouts: weights and subset labels (Argo Rollouts), and
    replicas (an autoscaler).

    What is covered is found by reference: the VirtualService, DestinationRule and routes that the Rollout names. A Git
    file without `replicas` needs no exception; of a live Rollout it is not known whose they are.
    https://argo-rollouts.readthedocs.io/en/stable/features/traffic-management/istio/#integrating-with-gitops
    """
    found = [each for each in inventory.of_kind("Rollout", "argoproj.io") if each.name in rollouts]
    found = [each for each in found if each.namespace == application.text("spec.destination.namespace")]
    if not found:
        yield NotApplicable("none of these Rollouts is delivered")
    for rollout in found:
        if fields == "replicas":
            yield from _replicas(application, rollout, inventory)
            continue
        kind, field = (
            ("VirtualService", "virtualService") if fields == "weights" else ("DestinationRule", "destinationRule")
        )
        name = rollout.text(f"spec.strategy.canary.trafficRouting.istio.{field}.name")
        pointers = _routes(rollout, name, inventory) if fields == "weights" else {"/spec/subsets": ""}
        for pointer, route in pointers.items() if name else ():
            if not _ignored(application, _ISTIO, kind, name, pointer, route):
                message = f"self-heal undoes what {rollout} writes to {pointer} of {kind} {name}"
                yield Finding(application, "spec.ignoreDifferences", message, f"{kind} {name} {pointer}")


def _routes(rollout: Object, name: str, inventory: Inventory) -> dict[str, str]:
    """Pointers of the routes that a Rollout manages, with their names: those that it names, else all."""
    managed = rollout.texts("spec.strategy.canary.trafficRouting.istio.virtualService.routes")
    services = [each for each in Mesh(inventory).routes.services if each.subject.name == name]
    services = [each for each in services if each.subject.namespace == rollout.namespace]
    if not services:
        return {"/spec/http/0/route": ""}
    http = enumerate(each for each in services[0].routes if each.kind == "http")
    return {f"/spec/http/{index}/route": each.name for index, each in http if not managed or each.name in managed}


def _replicas(application: Object, rollout: Object, inventory: Inventory) -> Iterator[Finding]:
    scaled = relations(inventory).autoscalers_of(rollout)
    written = rollout.origin.path and rollout.get("spec.replicas") is not None
    if scaled and written and not _ignored(application, "argoproj.io", "Rollout", rollout.name, "/spec/replicas"):
        message = f"every sync sets back what {scaled[0]} scales"
        yield Finding(
            rollout, "spec.replicas", message, "no replicas, or /spec/replicas ignored", rollout.get("spec.replicas")
        )


@check
def test_ignored_exist(application: Object, inventory: Inventory) -> Iterator[Said]:
    """Every entry of `ignoreDifferences` means an object that is delivered: one with a mistake in it protects nothing.

    Without a name, or with a `*`, an entry needs one object of its kind.
    """
    namespace = application.text("spec.destination.namespace")
    entries = application.sequence("spec.ignoreDifferences")
    if not entries:
        yield NotApplicable("ignores nothing")
    for entry in entries:
        kind, group = entry.text("kind"), entry.text("group")
        if inventory.live and (not kind or "*" in kind):
            continue  # it means objects of any kind, which a cluster is not asked for
        known = inventory.of_kind(kind) if inventory.live else inventory.objects
        there = [each for each in known if each.namespace in (namespace, "")]
        if not any(_means(entry, each.group, each.kind, each.name) for each in there):
            name = entry.text("name")
            message = f"there is no {kind} {name}".rstrip()
            yield Finding(
                application, (*entry.path, "name" if name else "kind"), message, f"an object of {group or 'core'}", name
            )
