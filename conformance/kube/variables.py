"""The environment that a container starts with: which variable has which value, and where it comes from.

https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.kube.expansion import expand
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.kube.relations import relations

#: Set by the kubelet for the Services of the namespace, and always for the API server's.
_OF_SERVICE = re.compile(
    r"[A-Z][A-Z0-9_]*_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)\Z"
)
_WHOLE = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `value` is None where only a Secret, the pod's status or an object not seen here knows it.

    A literal that refers to such a variable has a value in which `$(NAME)` is left; `unknown` are those names.
    `missing` are names that it refers to and that nothing sets, or only a later entry: they stay as they are written.
    """

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
    unknown: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


def variables(container: Container, inventory: Inventory) -> Mapping[str, Variable]:
    """The variables of a container by name.

    `env` wins over `envFrom`, and a later entry over an earlier one of the same name. `$(NAME)` takes what was set
    before it, by `envFrom` or by an earlier entry; see `expansion.expand`. An optional key that its ConfigMap does not
    have sets nothing. Keys of a Secret that no manifest shows are not known; see `whole_secrets`.
    """
    found: dict[str, Variable] = {}
    for each in container.sequence("envFrom"):
        for variable in _whole(each, container, inventory):
            found[variable.name] = variable
    for each in container.sequence("env"):
        single = _single(each, container, inventory, found)
        if single is not None:
            found[single.name] = single
    return found


def value_at(variable: Variable, container: Container, inventory: Inventory) -> tuple[Object, Path]:
    """The object and field where the value itself stands: the ConfigMap's key, or else where the variable is set."""
    config = _named(container, inventory, "ConfigMap", variable.source) if variable.kind == "ConfigMap" else None
    return (config, ("data", variable.key)) if config is not None else (container.pod.owner, variable.path)


def whole_secrets(container: Container) -> list[str]:
    """Names of the Secrets that are taken whole, whose keys need not be in any manifest."""
    names = (each.text("secretRef.name") for each in container.sequence("envFrom"))
    return [name for name in names if name]


def _single(entry: Node, container: Container, inventory: Inventory, known: Mapping[str, Variable]) -> Variable | None:
    name, text = entry.text("name"), entry.text("value")
    if text or entry.get("valueFrom") is None:
        value, unknown, missing = _expanded(text, container, inventory, known)
        return Variable(name, value, (*entry.path, "value"), unknown=unknown, missing=missing)
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        reference = entry.at(("valueFrom", field))
        if reference.raw is not None:
            source, key = reference.text("name"), reference.text("key")
            optional = reference.flag("optional") is True
            config = _named(container, inventory, "ConfigMap", source) if kind == "ConfigMap" else None
            written = config.get(("data", key)) if config is not None else None
            if config is not None and written is None and optional:
                return None
            datum = written if isinstance(written, str) else None
            return Variable(name, datum, reference.path, kind, source, key, optional)
    return Variable(name, None, (*entry.path, "valueFrom"))


def _expanded(
    text: str, container: Container, inventory: Inventory, known: Mapping[str, Variable]
) -> tuple[str, frozenset[str], frozenset[str]]:
    """A literal with what is known put in; the names whose values are not known, and those that nothing sets."""
    unknown: set[str] = set()
    missing: set[str] = set()

    def lookup(name: str) -> str | None:
        variable = known.get(name)
        if variable is None:
            (unknown if _may_exist(name, container, inventory) else missing).add(name)
            return None
        unknown.update({name} if variable.value is None else variable.unknown)
        return variable.value

    return expand(text, lookup), frozenset(unknown), frozenset(missing)


def _may_exist(name: str, container: Container, inventory: Inventory) -> bool:
    """Whether a variable that is set nowhere here may be there all the same: of a Service, or from a ConfigMap or
    Secret that is taken whole and that no manifest shows.
    """
    links = container.pod.flag("enableServiceLinks", True) or name.startswith("KUBERNETES_")
    if links and _OF_SERVICE.match(name):
        return True
    for entry in container.sequence("envFrom"):
        for field, kind in _WHOLE:
            source = entry.text((field, "name"))
            if source and name.startswith(entry.text("prefix")) and not _named(container, inventory, kind, source):
                return True
    return False


def _whole(entry: Node, container: Container, inventory: Inventory) -> Iterator[Variable]:
    prefix = entry.text("prefix")
    for field, kind in _WHOLE:
        name = entry.text((field, "name"))
        found = _named(container, inventory, kind, name) if name else None
        if found is None:
            continue
        optional = entry.flag((field, "optional")) is True
        keys = list(found.mapping("data")) + (list(found.mapping("stringData")) if kind == "Secret" else [])
        for key in keys:
            value = found.get(("data", key)) if kind == "ConfigMap" else None
            text = value if isinstance(value, str) else None
            path = (*entry.path, field, "name")
            yield Variable(f"{prefix}{key}", text, path, kind, name, str(key), optional, whole=True)


def _named(container: Container, inventory: Inventory, kind: str, name: str) -> Object | None:
    return relations(inventory).named(kind, name, container.pod.owner, "")
