"""Which Services a client's sidecar knows: the Sidecar object that counts for a workload.

https://istio.io/latest/docs/reference/config/networking/sidecar/
"""

from __future__ import annotations

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.place import together
from conformance.kube.podspec import PodSpec
from conformance.mesh.host import overlaps, split_namespace
from conformance.mesh.reason import Reason, reading
from conformance.mesh.settings import MeshSettings

GROUP = "networking.istio.io"


class Sidecars:
    """The Sidecar objects of a tree."""

    def __init__(self, inventory: Inventory, settings: MeshSettings) -> None:
        self._objects = list(inventory.of_kind("Sidecar", GROUP))
        self._settings = settings

    @property
    def exist(self) -> bool:
        """Whether there are any at all."""
        return bool(self._objects)

    def hidden(self, client: PodSpec, service: Object, host: str) -> tuple[bool, Reason] | None:
        """Why a client's sidecar does not know a Service, and whether it lets unknown traffic out as it is.

        None where it knows it. A Sidecar that selects the workload counts before that of the namespace, and that
        before the one of the root namespace. Without `egress` it hides nothing. Raises UnreadableError.
        """
        chosen = self._chosen(client)
        if chosen is None:
            return None
        with reading(chosen):
            listeners = chosen.sequence("spec.egress")
            hosts = [each.raw for listener in listeners for each in listener.sequence("hosts")]
            mode = chosen.text("spec.outboundTrafficPolicy.mode")
        if not listeners or any(_imports(str(each), client, service, host) for each in hosts):
            return None
        text = f"Sidecar {chosen.namespace}/{chosen.name} does not import {service.namespace}/{service.name}"
        allowed = mode == "ALLOW_ANY" if mode else self._settings.allow_any
        return allowed, Reason(text, chosen, ("spec", "egress"))

    def _chosen(self, client: PodSpec) -> Object | None:
        rest = []
        for each in self._objects:
            with reading(each):
                labels = each.mapping("spec.workloadSelector.labels")
            if not together(each, client.owner):
                rest += [each] if each.namespace == self._settings.root_namespace and not labels else []
            elif not labels:
                rest.insert(0, each)
            elif all(client.labels.get(key) == value for key, value in labels.items()):
                return each
        return rest[0] if rest else None


def _imports(written: str, client: PodSpec, service: Object, host: str) -> bool:
    namespace, name = split_namespace(written)
    where = {".": client.owner.namespace, "*": service.namespace}.get(namespace, namespace)
    return where == service.namespace and overlaps(name, host)
