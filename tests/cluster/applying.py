"""Putting objects into an API server, their status included, as users and controllers would."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from conformance.cluster.client import Client
from conformance.cluster.connection import connect
from conformance.cluster.discovery import Discovery, Resource, discover
from conformance.kube.object import Object
from conformance.sources import load as sources
from tests.control_plane import ControlPlane

HERE = Path(__file__).parent
_EXTENSIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#: seconds until the API server serves what a definition defines
_SERVED = 20.0
_ASSIGNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "deletionTimestamp")
_FIRST = ("Namespace", "ServiceAccount", "StorageClass", "PersistentVolume", "Node")


def definitions() -> list[dict[str, Any]]:
    """A CustomResourceDefinition for each entry of crds.yaml."""
    return [definition(each) for each in yaml.safe_load((HERE / "crds.yaml").read_text())]


def definition(entry: dict[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition that preserves what it does not know."""
    version: dict[str, Any] = {
        "name": entry["version"],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    if entry.get("status", True):
        version["subresources"] = {"status": {}}
    return {
        "metadata": {
            "name": f"{entry['plural']}.{entry['group']}",
            # groups below k8s.io are refused without it
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": entry["group"],
            "names": {"kind": entry["kind"], "plural": entry["plural"], "singular": entry["kind"].lower()},
            "scope": entry.get("scope", "Namespaced"),
            "versions": [version],
        },
    }


def define(plane: ControlPlane, wanted: list[dict[str, Any]] | None = None) -> None:
    """The kinds, those of crds.yaml unless said; waits until the server serves them. What is defined already stays."""
    wanted = definitions() if wanted is None else wanted
    for each in wanted:
        try:
            plane.request("POST", _EXTENSIONS, each)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
    names = {(each["spec"]["group"], each["spec"]["names"]["kind"]) for each in wanted}
    end = time.monotonic() + _SERVED
    while names - _served(plane):
        assert time.monotonic() < end, f"not served within {_SERVED} s: {names - _served(plane)}"
        time.sleep(0.2)


def _served(plane: ControlPlane) -> set[tuple[str, str]]:
    return {(each.group, each.kind) for kinds in discovery(plane).resources.values() for each in kinds}


def discovery(plane: ControlPlane) -> Discovery:
    """What the server serves now."""
    return discover(Client(connect(kubeconfig=str(plane.kubeconfig()))))


def read(*paths: Path) -> list[Object]:
    """The objects of files and folders, without rendering; Kustomizations are for kustomize and not for a server."""
    loaded = sources.load([str(each) for each in paths], jobs=1)
    return [each for each in loaded.objects if not each.group.endswith("kustomize.config.k8s.io")]


def apply(plane: ControlPlane, objects: Iterable[Object]) -> None:
    """Create objects, what others need first, and write each status that an object carries."""
    known = discovery(plane)
    ordered = sorted(objects, key=lambda each: _FIRST.index(each.kind) if each.kind in _FIRST else len(_FIRST))
    for each in ordered:
        resource = next(one for one in known.of_kind(each.kind) if one.group == each.group)
        put(plane, resource, each.namespace or "", dict(each.raw))


def put(plane: ControlPlane, resource: Resource, namespace: str, body: dict[str, Any]) -> None:
    """One object with its status; of one that is there already only the status."""
    path = resource.path(namespace if resource.namespaced else "")
    name = body["metadata"]["name"]
    if not _is_there(plane, f"{path}/{name}"):
        try:
            plane.request("POST", path, body)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{resource} {namespace}/{name}: {error.read().decode()[:500]}") from None
    if "status" in body:
        merge(plane, f"{path}/{name}", {"status": body["status"]})


def _is_there(plane: ControlPlane, path: str) -> bool:
    try:
        plane.request("GET", path)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def merge(plane: ControlPlane, path: str, change: dict[str, Any]) -> None:
    """A change to an object, and to its status where the kind has that apart. What is None is taken away."""
    now = plane.request("GET", path)
    merged: dict[str, Any] = _merged(now, change)
    written = plane.request("PUT", path, merged)
    if "status" in change and written.get("status") != merged["status"]:
        plane.request("PUT", f"{path}/status", written | {"status": merged["status"]})


def _merged(old: Any, new: Any) -> Any:
    """RFC 7386: mappings are merged, everything else is replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    both = {key: _merged(old.get(key), value) for key, value in new.items() if value is not None}
    return {key: value for key, value in old.items() if key not in new} | both


def address(plane: ControlPlane, named: str) -> str:
    """The path of an object that is named `Kind/namespace/name`, or `Kind/name`, `Kind.group/…` where it has to be."""
    kind, *where = named.split("/")
    kind, _, group = kind.partition(".")
    resource = next(each for each in discovery(plane).of_kind(kind) if not group or each.group == group)
    return f"{resource.path(where[0] if resource.namespaced else '')}/{where[-1]}"


def create(plane: ControlPlane, named: str, body: dict[str, Any]) -> None:
    """An object that was not there."""
    path = address(plane, named)
    folder, _, name = path.rpartition("/")
    kind, _, _ = named.partition("/")
    resource = discovery(plane).of_kind(kind)[0]
    metadata = {"name": name} | body.get("metadata", {})
    whole = {"apiVersion": resource.api_version, "kind": kind} | body | {"metadata": metadata}
    plane.request("POST", folder, whole)
    if "status" in body:
        merge(plane, path, {"status": body["status"]})


def remove(plane: ControlPlane, path: str) -> None:
    """An object, at once; no controller is there to finish what finalizers ask for."""
    now = plane.request("GET", path)
    if now["metadata"].get("finalizers"):
        plane.request("PUT", path, now | {"metadata": now["metadata"] | {"finalizers": []}})
    plane.request("DELETE", path, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})


def restore(plane: ControlPlane, path: str, before: dict[str, Any] | None) -> None:
    """Make an object what it was; None is one that was not there."""
    if before is None:
        if _is_there(plane, path):
            remove(plane, path)
        return
    body = before | {"metadata": {k: v for k, v in before["metadata"].items() if k not in _ASSIGNED}}
    if _is_there(plane, path):
        try:
            plane.request("PUT", path, body)
        except urllib.error.HTTPError as error:
            if error.code != 422:
                raise
            remove(plane, path)  # a field that never changes
    if not _is_there(plane, path):
        plane.request("POST", path.rpartition("/")[0], body)
    if "status" in before:
        merge(plane, path, {"status": before["status"]})
