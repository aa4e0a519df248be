"""ServiceAccounts and the workloads that run as them."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.access.access import Access, access
from conformance.access.grants import Grant
from conformance.access.powers import RUN_PODS, escalations
from conformance.access.subject import ACCOUNT, Subject, account
from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError
from conformance.kube.podspec import PodSpec
from conformance.kube.service_account import DEFAULT, account_name


def subject_of(pod: PodSpec) -> Subject:
    """The ServiceAccount that a pod runs as. Raises `FieldTypeError`."""
    return Subject(ACCOUNT, account_name(pod), pod.owner.namespace)


def workloads_of(who: Subject, inventory: Inventory) -> Iterator[PodSpec]:
    """The workloads that run as a ServiceAccount; none for users and groups. Unreadable ones are left out."""
    for pod in inventory.pods() if who.kind == ACCOUNT else ():
        try:
            if subject_of(pod) == who:
                yield pod
        except FieldTypeError:
            continue


def given(pod: PodSpec, world: Access) -> list[Grant]:
    """What the tree's own bindings give a pod's ServiceAccount, by its name or by the groups of all accounts.

    What Kubernetes gives to everybody (discovery, questions about oneself) is left out. An account whose namespace is
    not known is held to have what accounts of its name have in any namespace; `default`, which every namespace has,
    only what RoleBindings without a namespace give.
    """
    who = subject_of(pod)
    found = [*world.grants_of(who if who.namespace is not None else account("?", who.name))]
    if who.namespace is None and who.name != DEFAULT:
        named = [each for each in world.grants if (each.subject.kind, each.subject.name) == (who.kind, who.name)]
        found += [each for each in named if each.subject.namespace is not None]
    return [each for each in found if not each.built_in]


def making_pods(inventory: Inventory) -> Iterator[PodSpec]:
    """Workloads whose ServiceAccount may run pods in its own namespace (the power `run-pods`).

    What these make stands in no manifest. Whoever may do everything is not meant: that says nothing of pods.
    """
    world = access(inventory)
    makers: dict[int, bool] = {}
    for pod in inventory.pods():
        try:
            grants = [each for each in given(pod, world) if each.reaches(pod.owner.namespace)]
        except FieldTypeError:
            continue
        for each in grants:
            if id(each.rules) not in makers:
                makers[id(each.rules)] = any(found.name == RUN_PODS for found in escalations(each, world))
        if any(makers[id(each.rules)] for each in grants):
            yield pod
