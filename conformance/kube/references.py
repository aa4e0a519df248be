"""ConfigMaps, Secrets and ServiceAccounts that a pod names, and the bindings that name a ServiceAccount.

https://kubernetes.io/docs/concepts/configuration/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.object import Node
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec

_ENV = (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))
_ENV_FROM = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))


@dataclass(frozen=True, slots=True)
class Reference:
    """A ConfigMap, Secret or ServiceAccount that a pod cannot start without, unless it is `optional`."""

    kind: str
    name: str
    path: Path
    optional: bool = False


def references(pod: PodSpec) -> Iterator[Reference]:
    """Everything that a pod names: in `env`, `envFrom`, volumes (projected ones too), `imagePullSecrets`, and as its
    ServiceAccount.

    A missing pull secret does not keep the pod from starting, so it is optional. A name that is absent is no reference.
    """
    account = "serviceAccountName" if pod.text("serviceAccountName") else "serviceAccount"
    if pod.text(account):
        yield Reference("ServiceAccount", pod.text(account), (*pod.path, account))
    for each in pod.sequence("imagePullSecrets"):
        yield from _named(each, "Secret", "name", optional=True)
    for container in pod.containers:
        for variable in container.sequence("env"):
            for field, kind in _ENV:
                yield from _named(variable.at(("valueFrom", field)), kind, "name")
        for source in container.sequence("envFrom"):
            for field, kind in _ENV_FROM:
                yield from _named(source.at(field), kind, "name")
    for volume in pod.sequence("volumes"):
        yield from _volume(volume, "secretName")
        for source in volume.sequence("projected.sources"):
            yield from _volume(source, "name")


def _volume(node: Node, secret_name: str) -> Iterator[Reference]:
    """A Secret volume names its Secret by `secretName`, a projected source by `name`."""
    yield from _named(node.at("configMap"), "ConfigMap", "name")
    yield from _named(node.at("secret"), "Secret", secret_name)


def _named(node: Node, kind: str, field: str, *, optional: bool = False) -> Iterator[Reference]:
    if node.raw is not None and node.text(field):
        yield Reference(kind, node.text(field), (*node.path, field), optional or node.flag("optional") is True)
