"""How long data is kept and how much room there is for it: metrics, log indices, volumes that can grow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube import duration, quantity
from conformance.kube.duration import DurationError
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Object
from conformance.kube.path import Path
from conformance.kube.storage import Claim, claims, claims_of
from conformance.promql import unit
from conformance.promql.rules import alerts, recordings
from conformance.promql.trial import UnsupportedError

_FLAG = "--storage.tsdb.retention.time"
Time = Annotated[str, duration.parse_prometheus]
Quantity = Annotated[str, quantity.parse]


@check
def test_metric_retention(thing: Object, inventory: Inventory, *, at_least: Time) -> Iterator[Said]:
    """Prometheus keeps its metrics long enough: the flag of a container, or `spec.retention` of a Prometheus object.

    Without the flag it keeps 15 days, an object of the operator without the field 24 hours. A limit of size may throw
    data away earlier; how much there is only a cluster tells.
    https://prometheus.io/docs/prometheus/latest/storage/#operational-aspects
    """
    needed = duration.parse_prometheus(at_least)
    if thing.kind == "Prometheus":
        yield from _kept(thing, ("spec", "retention"), thing.text("spec.retention", "24h"), needed, at_least)
        return
    pod = inventory.pod_spec(thing)
    servers = [each for each in pod.containers if "prometheus" in each.text("image").rpartition("/")[2]] if pod else []
    if not servers:
        yield NotApplicable("no container of Prometheus")
    for container in servers:
        words = [(each.path, str(each.raw)) for part in ("command", "args") for each in container.sequence(part)]
        path, value = (*container.path, "args"), "15d"
        for at, (where, word) in enumerate(words):
            if word.startswith(f"{_FLAG}="):
                path, value = where, word.partition("=")[2]
            elif word == _FLAG and at + 1 < len(words):
                path, value = words[at + 1]
        yield from _kept(thing, path, value, needed, at_least)


def _kept(thing: Object, path: Path, value: str, needed: Decimal | int, at_least: str) -> Iterator[Finding]:
    try:
        enough = duration.parse_prometheus(value) >= needed
    except DurationError as error:
        yield Finding(thing, path, str(error), at_least, value)
        return
    if not enough:
        yield Finding(thing, path, f"keeps metrics for {value}", f"at least {at_least}", value)


@check
def test_index_lifecycle(inventory: Inventory, *, pattern: str, delete_after: str) -> Iterator[Said]:
    """Indices of a pattern are deleted at the documented age, by a lifecycle policy of Elasticsearch.

    The policy must be the one that an index template names for this pattern: a policy that no template names is never
    applied. Policies and templates are JSON, in files or in ConfigMaps; a policy has no name in its own text, so that
    with several of them one has to be right.
    https://www.elastic.co/guide/en/elasticsearch/reference/current/ilm-delete.html
    """
    parts = list(_json_texts(inventory))
    templates = [each for each in parts if _covers(each[2], pattern) and _lifecycle(each[2])]
    policies = [each for each in parts if isinstance(each[2], dict) and isinstance(each[2].get("policy"), dict)]
    if not templates:
        yield Finding(None, "", f"no index template applies a lifecycle policy to {pattern}", pattern)
    verdicts = [list(_deleted(*each, delete_after)) for each in policies]
    if not verdicts:
        yield Finding(None, "", "no lifecycle policy", f"delete after {delete_after}")
    else:
        yield from min(verdicts, key=len)


def _json_texts(inventory: Inventory) -> Iterator[tuple[Document, Path, Any]]:
    for document in inventory.documents:
        if isinstance(document.raw, dict):
            yield document, (), document.raw
    for config in inventory.of_kind("ConfigMap", ""):
        for key, text in config.mapping("data").items():
            if str(key).endswith(".json") and isinstance(text, str):
                try:
                    yield config, ("data", str(key)), json.loads(text)
                except ValueError:
                    continue


def _covers(raw: Any, pattern: str) -> bool:
    patterns = raw.get("index_patterns") if isinstance(raw, dict) else None
    return isinstance(patterns, list) and pattern in patterns


def _lifecycle(raw: dict[str, Any]) -> bool:
    template = raw.get("template")
    settings = template.get("settings") if isinstance(template, dict) else None
    return isinstance(settings, dict) and "lifecycle" in json.dumps(settings)


def _deleted(subject: Document, path: Path, raw: dict[str, Any], after: str) -> Iterator[Finding]:
    phases = raw["policy"].get("phases")
    phase = phases.get("delete") if isinstance(phases, dict) else None
    age = phase.get("min_age") if isinstance(phase, dict) else None
    if age is None:
        yield Finding(subject, path, "deletes nothing", f"delete after {after}")
        return
    try:
        same = duration.parse(str(age)) == duration.parse(after)
    except DurationError:
        same = False
    if not same:
        yield Finding(subject, path, "deletes at another age", after, age)


@check
def test_tier_capacity(
    inventory: Inventory, *, namespace: str, label: str, tiers: dict[str, str], percent: int = 10
) -> Iterator[Said]:
    """The claims of each tier, over all replicas, have together the documented size, or up to so many percent more.

    A claim belongs to the tier that its template is labelled with. The sum counts what is allocated: copies of the data
    are part of it. `50GB` of a document is `50G` and less than `50Gi`.
    """
    found: dict[str, list[Claim]] = {tier: [] for tier in tiers}
    for claim in claims(inventory, [namespace]):
        if inventory.live and claim.owner.kind != "PersistentVolumeClaim":
            continue  # its claims are there themselves
        tier = claim.owner.get((*claim.path, "metadata", "labels", label))
        if tier in found:
            found[str(tier)].append(claim)
    for tier, size in tiers.items():
        total = sum((each.count * (each.size or 0) for each in found[tier]), Decimal(0))
        wanted = quantity.parse(size)
        if not found[tier]:
            yield Finding(None, "", f"no claim of tier {tier}", size)
        elif not wanted <= total <= wanted * (100 + percent) / 100:
            last = found[tier][-1]
            message = f"tier {tier} has {total / 10**9:.1f} GB in all"
            yield Finding(last.owner, last.size_path, message, size, last.owner.get(last.size_path))


@check
def test_claim_grows(
    inventory: Inventory, *, namespace: str, workload: str, at_least: Quantity, percent: int
) -> Iterator[Said]:
    """A workload's claims are large enough, can be expanded, and somebody is told when they are so full.

    A class without allowVolumeExpansion refuses a larger request. The size in a template never changes, so that a claim
    which was made from it decides where it can be seen. The alert is tried out one percent above and ten percent below.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
    """
    owner = inventory.find("apps", "StatefulSet", namespace, workload)
    found = [_made(each, inventory) for each in claims_of(owner)] if owner else []
    if not found:
        yield Finding(owner, "", f"no claim of StatefulSet {workload}", at_least)
    classes = {each.name: each for each in inventory.of_kind("StorageClass")}
    for claim in found:
        if claim.size is None or claim.size < quantity.parse(at_least):
            asked = claim.owner.get(claim.size_path)
            yield Finding(claim.owner, claim.size_path, "is too small", f"at least {at_least}", asked)
        name = claim.storage_class(inventory)
        if name not in classes:
            yield Unjudged(claim.owner, claim.class_path, f"StorageClass {name} is not here")
        elif classes[name].flag("allowVolumeExpansion", False) is not True:
            place = "allowVolumeExpansion"
            yield Finding(classes[name], place, "claims of this class cannot grow", True, classes[name].get(place))
        name = claim.name if claim.owner is not owner else f"{claim.name}-{workload}-0"
        if not _told(inventory, namespace, name, percent):
            message = f"no alert when {name} is more than {percent} % full"
            yield Finding(None, "", message, f"{percent} %")


def _made(claim: Claim, inventory: Inventory) -> Claim:
    """The claim that was made for the first replica, or its template where no such claim can be seen."""
    name = f"{claim.name}-{claim.owner.name}-0"
    made = inventory.find("", "PersistentVolumeClaim", claim.owner.namespace, name)
    return Claim(made, (), name, 1) if made is not None else claim


def _told(inventory: Inventory, namespace: str, claim: str, percent: int) -> bool:
    """Whether some alert fires for a claim that is too full, and not for one that is not."""
    labels = f'{{namespace="{namespace}",persistentvolumeclaim="{claim}"}}'

    def full(share: int) -> dict[str, str]:
        return {
            f"kubelet_volume_stats_used_bytes{labels}": f"{share}e9x120",
            f"kubelet_volume_stats_capacity_bytes{labels}": "100e9x120",
            f"kubelet_volume_stats_available_bytes{labels}": f"{100 - share}e9x120",
        }

    given = unit.cases(
        [{"series": full(percent + 1), "fires": ["1h"]}, {"series": full(percent - 10), "silent": ["1h"]}]
    )
    for rule in alerts(inventory):
        if "kubelet_volume_stats" not in rule.expr and not fnmatchcase(rule.expr, "*:*"):
            continue
        try:
            if not list(unit.failures(rule, recordings(inventory), given)):
                return True
        except (UnsupportedError, DurationError):
            continue
    return False
