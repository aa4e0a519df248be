"""The environment that a container starts with: which variable has which value, and where it comes from.

https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.object import Node
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.kube.relations import relations

_REFERENCE = re.compile(r"\$(\$)?\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `value` is None where only a Secret, the pod's status or an object not seen here knows it."""

    name: str
    value: str | None
    #: where it is set, in the object that carries the pods
    path: Path
    #: "ConfigMap" or "Secret" where it comes from one; empty for a literal and for the downward API
    kind: str = ""
    source: str = ""
    key: str = ""
    optional: bool = False
    #: the whole of a ConfigMap or Secret is taken (`envFrom`)
    whole: bool = False


def variables(container: Container, inventory: Inventory) -> Mapping[str, Variable]:
    """The variables of a container by name.

    `env` wins over `envFrom`, and a later entry over an earlier one of the same name. `$(NAME)` takes what was set
    before it, `$$(NAME)` stays, and so does a name that is not known. Keys of a Secret that no manifest shows are not
    known; see `whole_secrets`.
    """
    found: dict[str, Variable] = {}
    for each in container.sequence("envFrom"):
        for variable in _whole(each, container, inventory):
            found[variable.name] = variable
    for each in container.sequence("env"):
        variable = _single(each, container, inventory, found)
        found[variable.name] = variable
    return found


def whole_secrets(container: Container) -> list[str]:
    """Names of the Secrets that are taken whole, whose keys need not be in any manifest."""
    names = (each.text("secretRef.name") for each in container.sequence("envFrom"))
    return [name for name in names if name]


def _single(entry: Node, container: Container, inventory: Inventory, known: Mapping[str, Variable]) -> Variable:
    name = entry.text("name")
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        reference = entry.at(("valueFrom", field))
        if reference.raw is not None:
            source, key = reference.text("name"), reference.text("key")
            value = _datum(container, inventory, source, key) if kind == "ConfigMap" else None
            optional = reference.flag("optional") is True
            return Variable(name, value, reference.path, kind, source, key, optional)
    if entry.get("valueFrom") is not None:
        return Variable(name, None, (*entry.path, "valueFrom"))
    return Variable(name, _expanded(entry.text("value"), known), (*entry.path, "value"))


def _expanded(text: str, known: Mapping[str, Variable]) -> str:
    def put(found: re.Match[str]) -> str:
        variable = known.get(found.group(2))
        if found.group(1) or variable is None or variable.value is None:
            return found.group(0)[1 if found.group(1) else 0 :]
        return variable.value

    return _REFERENCE.sub(put, text)


def _whole(entry: Node, container: Container, inventory: Inventory) -> Iterator[Variable]:
    prefix = entry.text("prefix")
    for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        name = entry.text((field, "name"))
        found = relations(inventory).named(kind, name, container.pod.owner, "") if name else None
        if found is None:
            continue
        optional = entry.flag((field, "optional")) is True
        keys = list(found.mapping("data")) + (list(found.mapping("stringData")) if kind == "Secret" else [])
        for key in keys:
            value = found.get(("data", key)) if kind == "ConfigMap" else None
            text = value if isinstance(value, str) else None
            path = (*entry.path, field, "name")
            yield Variable(f"{prefix}{key}", text, path, kind, name, str(key), optional, whole=True)


def _datum(container: Container, inventory: Inventory, name: str, key: str) -> str | None:
    config = relations(inventory).named("ConfigMap", name, container.pod.owner, "")
    value = config.get(("data", key)) if config is not None else None
    return value if isinstance(value, str) else None
