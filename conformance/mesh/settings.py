"""What the mesh's own configuration says: its root namespace and the defaults that it changes.

https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Node

ROOT_NAMESPACE = "istio-system"


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """The part of MeshConfig that decides about encryption, with Istio's defaults."""

    #: policies in it speak of the whole mesh
    root_namespace: str = ROOT_NAMESPACE
    #: False: without a DestinationRule everything is sent as it is
    auto_mtls: bool = True
    domain: str = "cluster.local"
    #: `defaultDestinationRuleExportTo: ["."]`: rules without exportTo stay in their namespace
    private_rules: bool = False
    #: traffic to what the mesh does not know is let out as it is; False for REGISTRY_ONLY
    allow_any: bool = True


def mesh_settings(inventory: Inventory, root_namespace: str = "") -> MeshSettings:
    """The settings that the tree shows: ConfigMap `istio` (key `mesh`) or an IstioOperator, else Istio's defaults.

    A `root_namespace` that is given wins. Without `rootNamespace` it is the namespace that the ConfigMap lives in.
    A configuration that is no YAML or has wrong types says nothing.
    """
    found = MeshSettings()
    for namespace, config in _configs(inventory):
        try:
            found = _read(Node(config), replace(found, root_namespace=namespace or found.root_namespace))
        except FieldTypeError:
            continue
    return replace(found, root_namespace=root_namespace) if root_namespace else found


def _configs(inventory: Inventory) -> Iterator[tuple[str | None, Any]]:
    for each in inventory.of_kind("IstioOperator"):
        yield None, each.get("spec.meshConfig", None) if isinstance(each.raw.get("spec"), dict) else None
    for each in inventory.of_kind("ConfigMap", ""):
        data = each.raw.get("data")
        text = data.get("mesh") if each.name == "istio" and isinstance(data, dict) else None
        if isinstance(text, str):
            yield each.namespace, _parsed(text)


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _read(config: Node, found: MeshSettings) -> MeshSettings:
    if not isinstance(config.raw, dict):
        return found
    exported = [each.raw for each in config.sequence("defaultDestinationRuleExportTo")]
    return replace(
        found,
        root_namespace=config.text("rootNamespace") or found.root_namespace,
        auto_mtls=config.flag("enableAutoMtls", True) is not False,
        private_rules="." in exported,
        allow_any=config.text("outboundTrafficPolicy.mode", "ALLOW_ANY") != "REGISTRY_ONLY",
    )
