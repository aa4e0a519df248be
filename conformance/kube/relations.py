"""Which objects speak of which: by selector, by name, by reference.

Built once for an inventory, part by part when first asked for. Pods are found by the rarest of a selector's labels, so
that thousands of Services over thousands of pods stay fast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar
from weakref import WeakKeyDictionary

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.place import Place, place, rendering, together
from conformance.kube.podspec import PodSpec
from conformance.kube.selecting import known_labels, makes_pods, selector_of
from conformance.kube.selector import Selector
from conformance.kube.workload import replicas, scaler_bounds

S = TypeVar("S")
T = TypeVar("T")

_RELATIONS: WeakKeyDictionary[Inventory, Relations] = WeakKeyDictionary()


def relations(inventory: Inventory) -> Relations:
    """The relations of an inventory; the same object every time."""
    found = _RELATIONS.get(inventory)
    if found is None:
        found = _RELATIONS[inventory] = Relations(inventory)
    return found


class Relations:
    """Lookups over one inventory. Objects whose selectors cannot be read take part in nothing: a check of their own
    reports them as errors.
    """

    def __init__(self, inventory: Inventory) -> None:
        # Not the inventory itself: a strong reference from the value would keep the weak key alive for ever.
        self._kinds = inventory.by_kind
        self._pods = inventory.pod_specs
        self._live = inventory.live

    def named(self, kind: str, name: str, near: Object, group: str | None = None) -> Object | None:
        """The object of that kind and name in the namespace of another, same rendering first."""
        found = [
            each for each in self._called(kind, name) if (group is None or each.group == group) and together(each, near)
        ]
        same = [each for each in found if rendering(each) == rendering(near)]
        return next(iter(same or found), None)

    def namespace(self, name: str | None) -> Object | None:
        """The Namespace object of that name; None for an unknown namespace."""
        return next(iter(self._called("Namespace", name)), None) if name else None

    def pods_of(self, owner: Object) -> PodSpec | None:
        """The pods of a workload, also those that a Rollout takes from another workload by `spec.workloadRef`."""
        own = self._pods.get(id(owner))
        if own is not None or owner.kind != "Rollout":
            return own
        reference = owner.mapping("spec.workloadRef")
        other = self.named(str(reference.get("kind")), str(reference.get("name")), owner)
        return self._pods.get(id(other)) if other is not None else None

    def selected(self, near: Object, selector: Selector) -> list[PodSpec]:
        """The pods in the namespace of an object that a selector selects, by the labels of the pods themselves.

        Labels that controllers add to each pod, or that the application sets while it runs (the role of a database
        replica), are in no template and not asked for: such a selector chooses among the pods found here.
        """
        selector = known_labels(selector)
        if selector.selects_nothing:
            return []
        candidates = self._candidates(place(near), selector)
        return [pod for pod in candidates if together(pod.owner, near) and selector.matches(pod.labels)]

    def pods_near(self, near: Object) -> list[PodSpec]:
        """Every pod in the namespace of an object."""
        return [pod for pod in self._by_place.get(place(near), ()) if together(pod.owner, near)]

    def services_of(self, owner: Object) -> list[Object]:
        """The Services that select a workload's pods."""
        return self._selecting["Service"].get(id(owner), [])

    def budgets_of(self, owner: Object) -> list[Object]:
        """The PodDisruptionBudgets that select a workload's pods."""
        return self._selecting["PodDisruptionBudget"].get(id(owner), [])

    def policies_of(self, owner: Object) -> list[Object]:
        """The NetworkPolicies that select a workload's pods; those of Cilium and Calico are not looked at."""
        return self._selecting["NetworkPolicy"].get(id(owner), [])

    def target(self, scaler: Object, field: str) -> Object | None:
        """The workload that `scaleTargetRef` or `targetRef` means. Kind and name decide, and the namespace."""
        reference = scaler.mapping(field)
        kind, name = reference.get("kind", "Deployment"), reference.get("name")
        return self.named(kind, name, scaler) if isinstance(kind, str) and isinstance(name, str) else None

    def autoscalers_of(self, owner: Object) -> list[Object]:
        """HorizontalPodAutoscalers and KEDA ScaledObjects of a workload; one that targets a Rollout counts for the
        workload that the Rollout refers to.
        """
        return self._scaling.get(id(owner), [])

    def fewest_replicas(self, owner: Object) -> int | None:
        """The smallest number of pods that a workload may have.

        What its autoscaler may go down to, else `spec.replicas`: its own, or that of the Rollout that took it over.
        None for kinds without replicas, such as a DaemonSet.
        """
        for each in self.autoscalers_of(owner):
            return scaler_bounds(each)[0]
        return replicas(self.taken_over_by(owner) or owner)

    def taken_over_by(self, owner: Object) -> Object | None:
        """The Rollout that runs a workload's pods by `spec.workloadRef`; the workload itself is scaled to nothing.

        https://argo-rollouts.readthedocs.io/en/stable/migrating/#reference-deployment-from-rollout
        """
        return self._taken_over.get(id(owner))

    @cached_property
    def _taken_over(self) -> Mapping[int, Object]:
        index: dict[int, Object] = {}
        for rollout in self._kinds.get("Rollout", ()):
            for pods in _readable(self._referred, rollout):
                index[id(pods.owner)] = rollout
        return index

    def _referred(self, rollout: Object) -> list[PodSpec]:
        pods = self.pods_of(rollout)
        return [pods] if pods is not None and pods.owner is not rollout else []

    def has_unseen_pods(self, near: Object) -> bool:
        """Whether a namespace may have pods that no manifest here shows: made by an operator from a custom resource, or
        by a chart that is not rendered. A selector that finds nothing there says nothing.
        """
        return any(together(each, near) for each in self._operated.get(place(near), ()))

    @cached_property
    def _operated(self) -> Mapping[Place, list[Object]]:
        index: dict[Place, list[Object]] = defaultdict(list)
        for objects in () if self._live else self._kinds.values():  # a cluster shows every pod, whoever made it
            for each in objects:
                if makes_pods(each) and id(each) not in self._pods:
                    index[place(each)].append(each)
        return dict(index)

    def _called(self, kind: str, name: str) -> list[Object]:
        """Objects of a kind by name; a kind is looked at when it is first asked for, as a cluster lists it then."""
        if kind not in self._by_name:
            index = self._by_name[kind] = defaultdict(list)
            for each in self._kinds.get(kind, ()):
                index[each.name].append(each)
        return self._by_name[kind].get(name, [])

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[Object]]]:
        return {}

    @cached_property
    def _by_place(self) -> Mapping[Place, list[PodSpec]]:
        index: dict[Place, list[PodSpec]] = defaultdict(list)
        for pod in self._pods.values():
            index[place(pod.owner)].append(pod)
        return dict(index)

    @cached_property
    def _labelled(self) -> Mapping[Place, list[PodSpec]]:
        return {where: [pod for pod in pods if _readable(_one, pod)] for where, pods in self._by_place.items()}

    @cached_property
    def _by_label(self) -> Mapping[tuple[Place, str, str], list[PodSpec]]:
        index: dict[tuple[Place, str, str], list[PodSpec]] = defaultdict(list)
        for pod in self._pods.values():
            where = place(pod.owner)
            for key, value in _readable(_labels, pod):
                index[where, key, value].append(pod)
        return dict(index)

    def _candidates(self, where: Place, selector: Selector) -> Iterable[PodSpec]:
        if not selector.exact:
            return self._labelled.get(where, ())
        return min((self._by_label.get((where, k, v), []) for k, v in selector.exact.items()), key=len)

    @cached_property
    def _selecting(self) -> Mapping[str, Mapping[int, list[Object]]]:
        return {kind: self._index(kind) for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy")}

    def _index(self, kind: str) -> Mapping[int, list[Object]]:
        index: dict[int, list[Object]] = defaultdict(list)
        for each in self._kinds.get(kind, ()):
            for pod in _readable(self._selected_by, each):
                index[id(pod.owner)].append(each)
        return dict(index)

    @cached_property
    def _scaling(self) -> Mapping[int, list[Object]]:
        index: dict[int, list[Object]] = defaultdict(list)
        for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
            for each in self._kinds.get(kind, ()):
                for owner in _readable(self._scaled, each):
                    index[id(owner)].append(each)
        return dict(index)

    def _selected_by(self, obj: Object) -> list[PodSpec]:
        return self.selected(obj, selector_of(obj))

    def _scaled(self, scaler: Object) -> Iterator[Object]:
        target = self.target(scaler, "spec.scaleTargetRef")
        if target is not None:
            yield target
            pods = self.pods_of(target)
            if pods is not None and pods.owner is not target:
                yield pods.owner


def _one(pod: PodSpec) -> list[PodSpec]:
    return [pod] if pod.labels is not None else []


def _labels(pod: PodSpec) -> Iterable[tuple[str, str]]:
    return pod.labels.items()


def _readable(read: Callable[[S], Iterable[T]], subject: S) -> list[T]:
    """What can be read; nothing where a field has a wrong type, which is reported where that object is judged."""
    try:
        return list(read(subject))
    except FieldTypeError:
        return []
