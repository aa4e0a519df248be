"""Everything that an inventory exposes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import Path
from conformance.mesh.reason import Problem, UnreadableError
from conformance.network.connectivity import Connectivity, connectivity
from conformance.network.exposure import direct, ingress
from conformance.network.exposure.backends import Backends
from conformance.network.exposure.controllers import Controllers
from conformance.network.exposure.exposed import Audience, Exposed
from conformance.network.exposure.gateway_api import GROUP as GATEWAY_API
from conformance.network.exposure.gateway_api import ROUTES, GatewayApi
from conformance.network.exposure.istio import GROUP as ISTIO
from conformance.network.exposure.istio import Istio
from conformance.network.ports import parse
from conformance.network.region import bits
from conformance.network.verdict import Because

Found = Iterable[Exposed | Problem]
_KNOWN: WeakKeyDictionary[Inventory, Exposure] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether policies let connections through, and why; None where no manifest shows where they come from."""

    open: bool | None
    because: list[Because] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object, or a policy, that is left out because of a field."""

    subject: Object
    path: Path
    text: str


def exposure(inventory: Inventory) -> Exposure:
    """The exposure of an inventory; computed once."""
    found = _KNOWN.get(inventory)
    if found is None:
        found = _KNOWN[inventory] = Exposure(inventory)
    return found


class Exposure:
    """Which ports of which workloads are exposed, in the order of the objects that expose them.

    What cannot be read stands in `unreadable`, and the answer is not complete then. `problems` are objects that lead
    nowhere.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.world: Connectivity = connectivity(inventory)
        self.exposed: list[Exposed] = []
        self.problems: list[Problem] = []
        self.unreadable: list[Unreadable] = [Unreadable(thing, e.path, str(e)) for thing, e in self.world.unreadable]
        population = self.world.population
        backends = Backends(inventory, population)
        for service in backends.services.all:
            self._add(service, direct.of_service, backends)
        for _, pod in population.members(population.inside):
            self._add(pod.owner, lambda _, pod=pod: direct.of_pod(pod))
        controllers = Controllers(inventory, self.exposed)
        for each in inventory.of_kind("Ingress"):
            self._add(each, ingress.of_ingress, backends, controllers)
        for each in inventory.of_kind("Route", "route.openshift.io"):
            self._add(each, ingress.of_route, backends, controllers)
        self._gateway_api(inventory, backends, controllers)
        self._istio(inventory, backends, controllers)

    def _gateway_api(self, inventory: Inventory, backends: Backends, controllers: Controllers) -> None:
        api = GatewayApi(inventory, backends, controllers)
        for kind in ROUTES:
            for each in inventory.of_kind(kind, GATEWAY_API):
                self._add(each, api.of_route)
        for each in inventory.of_kind("Gateway", GATEWAY_API):
            self._add(each, api.unmet)

    def _istio(self, inventory: Inventory, backends: Backends, controllers: Controllers) -> None:
        istio = Istio(inventory, backends, controllers)
        for each in inventory.of_kind("Gateway", ISTIO):
            self._add(each, istio.of_gateway)
        for service in istio.routes.services:
            self._add(service.subject, lambda _, service=service: istio.problems(service))
        for error in istio.routes.unreadable:
            assert error.reason.subject is not None  # it always names its object
            self.unreadable.append(Unreadable(error.reason.subject, error.reason.path, error.reason.text))

    def _add(self, subject: Object, read: Callable[..., Found], *others: object) -> None:
        """What one object exposes. One that cannot be read is left out as a whole."""
        try:
            found = list(read(subject, *others))
        except FieldTypeError as error:
            self.unreadable.append(Unreadable(subject, error.path, str(error)))
            return
        except UnreadableError as error:
            self.unreadable.append(Unreadable(error.reason.subject or subject, error.reason.path, error.reason.text))
            return
        self.exposed += [each for each in found if isinstance(each, Exposed)]
        self.problems += [each for each in found if isinstance(each, Problem)]

    def beyond(self, audience: Audience) -> Iterator[Exposed]:
        """What is exposed to more than an audience."""
        return (each for each in self.exposed if each.way.audience.rank < audience.rank)

    def answer(self, exposed: Exposed) -> Answer:
        """Whether policies let the connection through: into the pods in between, and from them on.

        Of several sources, and several pods in between, one that may is enough. What is exposed to the cluster alone
        has no answer here: who in the cluster may is what `Connectivity` is about.
        """
        fronts = [self.answer(each) for each in exposed.way.front]
        if fronts and not any(each.open is not False for each in fronts):
            return fronts[0]
        if exposed.way.sources:
            return self._from(exposed)
        if exposed.way.audience is Audience.CLUSTER:
            return Answer(None)
        return self._from_unknown(exposed)

    def _from(self, exposed: Exposed) -> Answer:
        closed: list[Because] = []
        for source in exposed.way.sources:
            for word in exposed.ports.words():
                verdict = self.world.explain(source, exposed.workload, parse(word))
                if verdict.allowed:
                    return Answer(True, verdict.because)
                closed += verdict.because
        return Answer(False, list({str(each): each for each in closed}.values()))

    def _from_unknown(self, exposed: Exposed) -> Answer:
        groups = bits(self.world.ends.workloads.get(exposed.workload, 0))
        sections = [each for group in groups for each in self.world.selecting.get(("ingress", group), ())]
        if any(
            section.isolates or any(rule.action.value == "denies" for rule in section.rules) for section in sections
        ):
            return Answer(
                None, [Because("ingress", False, "no manifest shows the pods that the connections come from")]
            )
        return Answer(True, [Because("ingress", True, "no policy isolates the ingress")])
