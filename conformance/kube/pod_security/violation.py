"""What a control says, and what the controls of both levels share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from conformance.kube.object import FieldTypeError, Node
from conformance.kube.path import Path
from conformance.kube.podspec import Container, PodSpec

#: types of AppArmor and seccomp profiles that both levels allow
PROFILES = ("RuntimeDefault", "Localhost")
_WORDS = {"container": "container", "initContainer": "init container", "ephemeralContainer": "ephemeral container"}


class Violation(NamedTuple):
    """One field that breaks a control; the path counts from the root of the object that carries the pod spec."""

    path: Path
    message: str
    expected: Any = None
    observed: Any = None


def places(pod: PodSpec) -> tuple[PodSpec | Container, ...]:
    """Where a security context may stand: the pod, then each container. Most fields are judged in each on its own."""
    return (pod, *pod.containers)


def called(container: Container) -> str:
    """A container as messages name it."""
    return f"{_WORDS[container.kind]} {container.name}"


def runs(place: PodSpec | Container) -> str:
    """The beginning of a message about a place; the pod itself is named by the report."""
    return f"{called(place)} runs" if isinstance(place, Container) else "runs its containers"


def strings(node: Node, field: str) -> list[Node]:
    """The elements of a list of strings; raises FieldTypeError for any other element."""
    elements = node.sequence(field)
    for each in elements:
        if not isinstance(each.raw, str):
            raise FieldTypeError(each.path, "a string", each.raw)
    return elements


def bad_seccomp(place: PodSpec | Container) -> Iterator[Violation]:
    """A profile that is set and is not allowed; whether one must be set is for the caller to know."""
    context = place.security_context
    if context.get("seccompProfile") is not None:
        kind = context.text("seccompProfile.type")
        if kind not in PROFILES:
            message = f"{runs(place)} with seccomp profile {kind or 'of no type'}"
            yield Violation((*context.path, "seccompProfile", "type"), message, PROFILES, kind)
