"""Requirement and inventory to result. No pytest, no I/O, no knowledge of any single check."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import InvalidOperation, Overflow
from fnmatch import fnmatchcase
from typing import Any
from weakref import WeakKeyDictionary

from conformance.catalogue import Requirement
from conformance.check import Check, NotApplicable
from conformance.finding import SEVERITIES, Finding, Outcome, Result, Subject, Unjudged
from conformance.kube.inventory import Inventory, Match, NotListedError
from conformance.kube.object import Document, FieldTypeError, Object, TextFile
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.workload import SYSTEM_NAMESPACES
from conformance.waiver import Waivers


@dataclass(frozen=True, slots=True)
class Policy:
    """What a violation means in this run.

    Advice (SHOULD, MAY, and whatever matches an `advisory` glob) warns unless `hardened`; a requirement less severe
    than `fail_on` warns too.
    """

    hardened: bool = False
    fail_on: str = "info"
    advisory: tuple[str, ...] = ()

    def fails(self, requirement: Requirement) -> bool:
        """Whether findings of this requirement make the run fail."""
        advice = requirement.keyword != "MUST" or any(fnmatchcase(requirement.id, each) for each in self.advisory)
        binding = self.hardened or not advice
        return binding and SEVERITIES.index(requirement.severity) >= SEVERITIES.index(self.fail_on)


def evaluate(
    requirement: Requirement,
    check: Check | None,
    inventory: Inventory,
    waivers: Waivers | None = None,
    policy: Policy | None = None,
) -> Result:
    """Judge one requirement. A crashing check or an unreadable field is an error, never a pass.

    `evaluated` counts the subjects looked at; none at all is a skip with the reason, or a finding when the requirement
    says `require: present`.
    """
    started = time.perf_counter()
    result = Result(requirement.id, Outcome.SKIPPED)
    if check is None:
        result.reason = f"not checked: {requirement.reason}"
        return result
    try:
        _judge(requirement, check, inventory, result)
    except NotListedError as error:
        result.errors.append(Unjudged(None, "", str(error)))
    if waivers is not None:
        waivers.apply(requirement.id, result.findings)
    result.outcome = _outcome(result, (policy or Policy()).fails(requirement))
    result.seconds = time.perf_counter() - started
    return result


def _outcome(result: Result, fails: bool) -> Outcome:
    if result.errors:
        return Outcome.ERROR
    if any(not finding.waived_by for finding in result.findings):
        return Outcome.FAILED if fails else Outcome.WARNED
    if result.findings:
        return Outcome.WAIVED
    return Outcome.PASSED if result.evaluated else Outcome.SKIPPED


def _judge(requirement: Requirement, check: Check, inventory: Inventory, result: Result) -> None:
    subjects, errors = select(check.subject, requirement.match, inventory) if check.subject else ([None], [])
    result.errors += errors
    if not subjects:
        if result.errors:
            return
        if requirement.require == "present":
            result.findings.append(Finding(None, "", _absence(requirement.match, inventory)))
        else:
            among = None if inventory.live else len(inventory.objects)
            result.reason = _absence(requirement.match, inventory, among)
        return
    for call in _calls(requirement, check, inventory, subjects):
        call.run(result)
    if check.takes_all and result.evaluated:
        result.evaluated = len(subjects)
    if result.evaluated:
        result.reason = ""  # that of a subject which did not count


def _absence(match: Match, inventory: Inventory, among: int | None = None) -> str:
    """That nothing matched, and of a cluster whether it even knows the kinds."""
    if match.kinds and all(inventory.lacks(kind) for kind in match.kinds):
        return f"the cluster does not know the kind {' or '.join(match.kinds)}"
    if inventory.live:
        return f"the cluster has no {match}"
    return f"no {match} is declared" if among is None else f"no {match} among {among} objects"


@dataclass(slots=True)
class _Call:
    function: Callable[..., Iterator[Any]]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    subject: Subject
    about: Any

    def run(self, result: Result) -> None:
        """One call of a check; what it says goes into the result."""
        applicable = True
        try:
            for said in self.function(*self.arguments, **self.options):
                if isinstance(said, Finding):
                    result.findings.append(said)
                elif isinstance(said, Unjudged):
                    result.errors.append(said)
                else:
                    applicable, result.reason = False, said.reason
        except NotListedError:
            raise
        except FieldTypeError as error:
            result.errors.append(Unjudged(self.subject, error.path, str(error)))
        except (OverflowError, InvalidOperation, Overflow):
            reason = "a number in it is too large to be calculated with"
            result.errors.append(Unjudged(self.subject, getattr(self.about, "path", ()), reason))
        except Exception as error:  # a bug in one check must not hide the results of the others
            reason = f"the check crashed: {type(error).__name__}: {error}"
            result.errors.append(Unjudged(self.subject, getattr(self.about, "path", ()), reason))
        result.evaluated += applicable


def _calls(requirement: Requirement, check: Check, inventory: Inventory, subjects: list[Any]) -> Iterator[_Call]:
    world = (inventory,) if check.wants_inventory else ()
    options = dict(requirement.options)
    if check.subject is None:
        yield _Call(check.function, world, options, None, None)
    elif check.takes_all:
        yield _Call(check.function, (subjects, *world), options, None, None)
    else:
        for each in subjects:
            yield _Call(check.function, (each, *world), options, owner(each), each)


def owner(subject: Any) -> Subject:
    """The object, document or file that a subject belongs to."""
    if isinstance(subject, PodSpec):
        return subject.owner
    if isinstance(subject, Container):
        return subject.pod.owner
    return subject if isinstance(subject, Document | TextFile) else None


def select(kind: type, match: Match, inventory: Inventory) -> tuple[list[Any], list[Unjudged]]:
    """The subjects of one kind that a match means, in loading order, and what could not be looked into.

    A pod whose `containers` is no list must cost neither the other pods their verdict nor itself the error. Many
    requirements speak of the same things, so that what was selected is kept with the inventory.
    """
    remembered = _SELECTED.setdefault(inventory, {})
    if (kind, match) not in remembered:
        remembered[kind, match] = _select(kind, match, inventory)
    return remembered[kind, match]


_SELECTED: WeakKeyDictionary[Inventory, dict[tuple[type, Match], tuple[list[Any], list[Unjudged]]]]
_SELECTED = WeakKeyDictionary()


def _select(kind: type, match: Match, inventory: Inventory) -> tuple[list[Any], list[Unjudged]]:
    if kind is Document:
        return list(inventory.select_documents(match)), []
    if kind is TextFile:
        return list(inventory.select_texts(match)), []
    selected: list[Any] = []
    errors: list[Unjudged] = []
    pods = kind is not Object
    candidates = inventory.carriers() if pods and not match.kinds else inventory.candidates(match)
    for each in candidates:
        try:
            if match.selects(each) and not (pods and _belongs_to_system(each, match, inventory)):
                selected += _parts(kind, each, inventory)
        except FieldTypeError as error:
            errors.append(Unjudged(each, error.path, str(error)))
    return selected, errors


def _belongs_to_system(thing: Object, match: Match, inventory: Inventory) -> bool:
    """Whether a pod is one that the cluster itself runs, of which only a requirement that names it or its place speaks.

    The control plane and the network of a cluster need what every standard for pods forbids; nobody's manifests here
    have them, and no manifest can change them.
    """
    named = match.namespaces or match.names or match.labels
    return inventory.live and not named and thing.namespace in SYSTEM_NAMESPACES


def _parts(kind: type, thing: Object, inventory: Inventory) -> tuple[Any, ...]:
    if kind is Object:
        return (thing,)
    pod = inventory.pod_spec(thing)
    if pod is None:
        return ()
    return (pod,) if kind is PodSpec else tuple(pod.containers)


__all__ = ["NotApplicable", "Policy", "evaluate", "owner", "select"]
