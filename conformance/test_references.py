"""What pods name: ConfigMaps, Secrets and claims that are there, with the keys that are read."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.podspec import PodSpec
from conformance.kube.references import references
from conformance.kube.relations import relations
from conformance.kube.secret_source import keys_of, sources_of
from conformance.kube.variables import variables


@check
def test_references_resolve(pod: PodSpec, inventory: Inventory, *, external: list[str] | None = None) -> Iterator[Said]:
    """Every ConfigMap, Secret and claim that a pod names is declared in its namespace, with the keys that it reads.

    A SealedSecret or ExternalSecret makes a Secret. Optional references need nothing. `external` are those made outside
    of these manifests, as `Kind/name` globs.
    """
    owner = pod.owner
    for each in references(pod):
        if each.kind == "ServiceAccount" or each.optional or _outside(each.kind, each.name, external):
            continue
        known = (
            sources_of(inventory, owner.namespace, each.name)
            if each.kind == "Secret"
            else relations(inventory).named("ConfigMap", each.name, owner, "")
        )
        if not known:
            message = f"no {each.kind} {each.name} in namespace {owner.namespace}"
            yield Finding(owner, each.path, message, "a declared object", each.name)
    for volume in pod.volumes.values():
        claim = volume.claim
        if not claim or _outside("PersistentVolumeClaim", claim, external):
            continue
        if relations(inventory).named("PersistentVolumeClaim", claim, owner, "") is None:
            path = (*volume.path, "persistentVolumeClaim", "claimName")
            message = f"no PersistentVolumeClaim {claim} in namespace {owner.namespace}"
            yield Finding(owner, path, message, "a declared object", claim)
    yield from _missing_keys(pod, inventory)


def _outside(kind: str, name: str, external: list[str] | None) -> bool:
    return any(fnmatchcase(f"{kind}/{name}", pattern) for pattern in external or ())


def _missing_keys(pod: PodSpec, inventory: Inventory) -> Iterator[Finding]:
    for container in pod.containers:
        for one in variables(container, inventory).values():
            if not one.kind or one.whole or one.optional:
                continue
            if one.kind == "Secret":
                keys = keys_of(found) if (found := sources_of(inventory, pod.owner.namespace, one.source)) else None
            else:
                config = relations(inventory).named("ConfigMap", one.source, pod.owner, "")
                keys = {*config.mapping("data")} if config is not None else None
            if keys is not None and one.key not in keys:
                message = f"{one.kind} {one.source} has no key {one.key}"
                yield Finding(pod.owner, (*one.path, "key"), message, sorted(keys), one.key)


@check
def test_secret_keys(inventory: Inventory, *, namespace: str, name: str, at_least: int = 1) -> Iterator[Said]:
    """What makes the Secret has every key that some container reads, so many at least, and shows no value.

    A SealedSecret or ExternalSecret of that name makes it; one that takes all keys from a store is believed.
    """
    sources = sources_of(inventory, namespace, name)
    if not sources:
        yield Finding(None, "", f"nothing makes Secret {namespace}/{name}")
        return
    for source in sources:
        for field in ("data", "stringData"):
            if source.kind == "Secret" and source.origin.path and source.mapping(field):
                yield Finding(source, field, "the Secret is committed readably", "a SealedSecret or ExternalSecret")
    keys = keys_of(sources)
    if keys is None:
        return
    if len(keys) < at_least:
        yield Finding(sources[0], "metadata.name", "makes too few keys", at_least, sorted(keys))
    for pod in inventory.pods():
        for container in pod.containers if pod.owner.namespace == namespace else ():
            for one in variables(container, inventory).values():
                if (one.kind, one.source) == ("Secret", name) and one.key not in keys and not one.optional:
                    message = f"Secret {name} has no such key"
                    yield Finding(pod.owner, (*one.path, "key"), message, sorted(keys), one.key)
