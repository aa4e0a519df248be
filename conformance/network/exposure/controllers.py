"""The pods that requests come through before they reach the pods of a Service: ingress controllers and gateways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import PodSpec
from conformance.network.exposure.exposed import Audience, Exposed, Way
from conformance.network.population import workload_id

Labels = Mapping[str, str]

#: label key -> values that pods of ingress controllers have, by a word of their class or of its controller's name
_KNOWN: tuple[tuple[str, Sequence[Labels]], ...] = (
    ("istio", ({"istio": "ingressgateway"}, {"app": "istio-ingressgateway"})),
    ("traefik", ({"app.kubernetes.io/name": "traefik"}, {"app": "traefik"})),
    ("haproxy", ({"app.kubernetes.io/name": "kubernetes-ingress"}, {"app.kubernetes.io/name": "haproxy-ingress"})),
    ("kong", ({"app.kubernetes.io/name": "kong"}, {"app.kubernetes.io/name": "gateway"})),
    ("contour", ({"app.kubernetes.io/name": "contour", "app.kubernetes.io/component": "envoy"}, {"app": "envoy"})),
    ("nginx.org", ({"app.kubernetes.io/name": "nginx-ingress"}, {"app": "nginx-ingress"})),
    (
        "nginx",
        (
            {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
            {"app.kubernetes.io/name": "ingress-nginx"},
            {"app": "ingress-nginx"},
            {"app.kubernetes.io/name": "nginx-ingress"},
        ),
    ),
)


class Controllers:
    """The pods of controllers, as far as manifests show them, and how far these are exposed themselves."""

    def __init__(self, inventory: Inventory, direct: Iterable[Exposed]) -> None:
        self._pods = list(inventory.pods())
        self._classes = list(inventory.of_kind("IngressClass"))
        self._known: dict[frozenset[tuple[str, str]], list[PodSpec]] = {}
        self._direct: dict[str, list[Exposed]] = {}
        for each in direct:
            self._direct.setdefault(each.workload, []).append(each)

    def of_ingress(self, ingress: Object) -> list[PodSpec]:
        """Pods of the controller that an Ingress is for: of its class, or of the one that is the default."""
        name = ingress.text("spec.ingressClassName")
        name = name or str(ingress.annotations.get("kubernetes.io/ingress.class", ""))
        found = next((each for each in self._classes if each.name == name), None)
        if not name:
            mark = "ingressclass.kubernetes.io/is-default-class"
            found = next((each for each in self._classes if each.annotations.get(mark) == "true"), None)
        told = f"{name} {found.text('spec.controller') if found else ''}"
        return next((pods for word, labels in _KNOWN if word in told for pods in [self._any(labels)] if pods), [])

    def _any(self, alternatives: Sequence[Labels]) -> list[PodSpec]:
        return next((pods for each in alternatives if (pods := self.having(each))), [])

    def having(self, labels: Labels) -> list[PodSpec]:
        """Pods with all of these labels, in whatever namespace."""
        key = frozenset(labels.items())
        if key not in self._known:
            self._known[key] = [pod for pod in self._pods if labels and labels.items() <= _labels(pod).items()]
        return self._known[key]

    def way(self, pods: list[PodSpec], way: Way) -> Way:
        """The way with the pods in between: as wide as they are exposed. Where no manifest shows them the way stays."""
        if not pods:
            return way
        ids = tuple(dict.fromkeys(workload_id(pod) for pod in pods))
        fronts = [each for own in ids for each in self._direct.get(own, ())]
        widest = min((each.way.audience for each in fronts), key=lambda each: each.rank, default=Audience.CLUSTER)
        front = tuple(each for each in fronts if each.way.audience is widest)
        return Way(widest, way.chain, ids, way.hosts, front)


def _labels(pod: PodSpec) -> Labels:
    try:
        return pod.labels
    except FieldTypeError:
        return {}
