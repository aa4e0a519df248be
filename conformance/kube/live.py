"""The inventory of a cluster: kinds are listed when they are first asked for."""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from conformance.kube.inventory import Inventory, NotListedError
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.podspec import CARRIERS, PodSpec, pod_spec


class LiveInventory(Inventory):
    """A cluster. `kinds` gives the objects of a kind when they are first asked for, or raises NotListedError.

    So nothing is listed that no requirement asks about, and what may not be listed is an error of exactly those
    requirements that ask about it. A cluster has no files. `absent` are the kinds that it does not know.
    """

    def __init__(
        self,
        kinds: Mapping[str, list[Object]],
        taken: datetime,
        as_of: date | None = None,
        absent: Collection[str] = (),
    ) -> None:
        super().__init__(as_of=as_of or taken.date())
        self._kinds = kinds
        self._absent = absent
        self._taken = taken

    @property
    def objects(self) -> Sequence[Object]:
        """Refused: only kinds that somebody names are listed. Raises NotListedError."""
        raise NotListedError("it speaks of objects of every kind; an audit lists only kinds that a requirement names")

    @property
    def live(self) -> bool:
        """It is a cluster."""
        return True

    @property
    def taken(self) -> datetime:
        """When it was listed, in UTC."""
        return self._taken

    @property
    def by_kind(self) -> Mapping[str, list[Object]]:
        """Objects of each kind, listed when asked for; iterating shows those that have been asked for so far."""
        return self._kinds

    @property
    def listed(self) -> int:
        """Objects that have been listed so far."""
        return sum(len(self._kinds[kind]) for kind in self._kinds)

    def lacks(self, kind: str) -> bool:
        """Whether the cluster does not know a kind at all."""
        return kind in self._absent

    def carriers(self) -> Iterable[Object]:
        """Everything that carries a pod spec and was not made from another's template, which stands for it.

        So a Deployment is here and its ReplicaSets and Pods are not. Pods that something else makes, an operator or the
        node itself, have no template here and stand for themselves.
        """
        return (each for kind in CARRIERS for each in self._kinds.get(kind, ()) if not made_from_template(each))

    def pod_spec(self, thing: Object) -> PodSpec | None:
        """The pod spec of an object, also of a pod that a template stands for."""
        found = super().pod_spec(thing)
        if found is None and made_from_template(thing):
            if id(thing) not in self._made:
                self._made[id(thing)] = pod_spec(thing)
            found = self._made[id(thing)]
        return found

    @cached_property
    def _made(self) -> dict[int, PodSpec | None]:
        return {}

    def everything(self) -> Iterable[Object]:
        """Refused: a requirement of a cluster names its kinds. Raises NotListedError."""
        return self.objects

    def with_objects(self, more: Sequence[Object]) -> Inventory:
        """This cluster with more objects in it; their kinds are listed, too."""
        added: dict[str, list[Object]] = defaultdict(list)
        for each in more:
            added[each.kind].append(each)
        both = {kind: [*self._kinds.get(kind, ()), *found] for kind, found in added.items()}
        return LiveInventory(ChainMap(both, self._kinds), self._taken, self.as_of, self._absent)  # type: ignore[arg-type]


def made_from_template(thing: Object) -> bool:
    """Whether a workload made an object from its pod template: a ReplicaSet or Pod of a Deployment, a Job of a CronJob.

    An `ownerReferences` of a wrong type makes it stand for itself, and is reported where it is judged.
    """
    try:
        makers = thing.sequence("metadata.ownerReferences")
        return any(each.flag("controller") is True and each.get("kind") in CARRIERS for each in makers)
    except FieldTypeError:
        return False
