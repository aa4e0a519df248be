"""A pod that says nothing about its security, one that the restricted level admits, and small changes of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

Pod = dict[str, Any]
Change = Callable[[Pod], None]

IMAGE = "registry.example/app:1.0"
SLOTS = ("prepare", "proxy", "web", "extra")


def conforming() -> Pod:
    """A pod that the restricted level admits, with containers of every kind that a new pod may have."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = bare()
    pod["spec"]["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    for name in SLOTS:
        container(pod, name)["securityContext"] = copy.deepcopy(context)
    return pod


def bare() -> Pod:
    """A pod that says nothing about its security."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "labels": {"app": "pod"}, "annotations": {}},
        "spec": {
            "securityContext": {},
            "initContainers": [
                {"name": "prepare", "image": IMAGE},
                {"name": "proxy", "image": IMAGE, "restartPolicy": "Always"},
            ],
            "containers": [{"name": "web", "image": IMAGE}, {"name": "extra", "image": IMAGE}],
        },
    }


def container(pod: Pod, name: str) -> dict[str, Any]:
    """The container of that name, of whatever kind."""
    spec = pod["spec"]
    every = spec["initContainers"] + spec["containers"] + spec.get("ephemeralContainers", [])
    found: dict[str, Any] = next(each for each in every if each["name"] == name)
    return found


def context(pod: Pod, place: str) -> dict[str, Any]:
    """The security context of the pod (`pod`) or of a container."""
    holder = pod["spec"] if place == "pod" else container(pod, place)
    found: dict[str, Any] = holder.setdefault("securityContext", {})
    return found


def setting(places: tuple[str, ...], **fields: Any) -> Change:
    """Set fields of the security context of each place; None removes one."""

    def change(pod: Pod) -> None:
        for place in places:
            context(pod, place).update(copy.deepcopy(fields))
            for name in [name for name, value in fields.items() if value is None]:
                del context(pod, place)[name]

    return change


def spec(**fields: Any) -> Change:
    """Set fields of the pod spec."""
    return lambda pod: pod["spec"].update(copy.deepcopy(fields))


def both(*changes: Change) -> Change:
    """One change after the other."""

    def change(pod: Pod) -> None:
        for each in changes:
            each(pod)

    return change


def adding(place: str, *names: str) -> Change:
    """Add capabilities; the API server refuses SYS_ADMIN beside `allowPrivilegeEscalation: false`."""

    def change(pod: Pod) -> None:
        own = context(pod, place)
        own.setdefault("capabilities", {})["add"] = list(names)
        if {"SYS_ADMIN", "CAP_SYS_ADMIN"} & set(names):
            own.pop("allowPrivilegeEscalation", None)

    return change


def dropping(place: str, names: list[str] | None) -> Change:
    def change(pod: Pod) -> None:
        context(pod, place).pop("capabilities", None)
        if names is not None:
            context(pod, place)["capabilities"] = {"drop": names}

    return change


def within(name: str, *steps: str, value: Any) -> Change:
    """Set a field of a container, making the mappings above it."""

    def change(pod: Pod) -> None:
        holder = container(pod, name)
        for step in steps[:-1]:
            holder = holder.setdefault(step, {})
        holder[steps[-1]] = copy.deepcopy(value)

    return change


def annotation(key: str, value: str) -> Change:
    def change(pod: Pod) -> None:
        pod["metadata"]["annotations"][key] = value

    return change


def profile(kind: str) -> dict[str, str]:
    """A seccomp or AppArmor profile of a type."""
    return {"type": kind, "localhostProfile": "custom"} if kind == "Localhost" else {"type": kind}


def changed(base: Pod, *changes: Change) -> Pod:
    """A copy of a pod with changes applied."""
    pod = copy.deepcopy(base)
    for change in changes:
        change(pod)
    return pod
