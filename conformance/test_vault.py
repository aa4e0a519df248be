"""Vault: Raft storage on its claim, TLS on its listeners, unseal keys nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.chart_values import Setting, settings
from conformance.kube.inventory import Inventory, Match
from conformance.kube.object import Document, Object
from conformance.kube.path import Path
from conformance.kube.storage import is_claim
from conformance.kube.vault_keys import has_share, has_token, in_object, is_telling
from conformance.scripts import hcl

#: where the vault chart takes server configuration from
CONFIG_KEYS = ("server.ha.raft.config", "server.ha.config", "server.standalone.config")
_LOOPBACK = re.compile(r"(?:127\.|localhost|\[::1\])")
_LITERAL_KEY = re.compile(r"operator\s+unseal\s+(?!-)[\"']?(?P<key>[A-Za-z0-9+/=]{20,})")
_ASSIGNED = re.compile(r"(?P<name>[\w.-]+)[\"']?\s*[:=]\s*[\"']?(?P<value>[A-Za-z0-9+/=]{44,})")


@check
def test_raft_storage(inventory: Inventory, *, namespace: str, workload: str, path: str, values: str) -> Iterator[Said]:
    """Raft's data lies on the claim: the claim is mounted at the directory that the configuration names.

    The two are set in different places, so they can differ: then Vault writes into the container's layer.
    """
    configs, judged = list(_configs(inventory, namespace, values)), False
    for subject, place, root in configs:
        for block in root.all("storage", "raft"):
            judged = True
            observed = block.get("path")
            if (observed or "").rstrip("/") != path:
                yield Finding(subject, place, "Raft's data does not lie where the claim is mounted", path, observed)
    for thing in inventory.select(Match(kinds=("StatefulSet",), names=(workload,), namespaces=(namespace,))):
        pod = inventory.pod_spec(thing)
        mount = next((m for c in pod.containers if (m := pod.covering_mount(c, path))), None) if pod else None
        judged = judged or pod is not None
        if pod is not None and (not is_claim(mount) or mount is None or mount.text("mountPath").rstrip("/") != path):
            where = mount.path if mount else (*pod.path, "containers", 0, "volumeMounts")
            yield Finding(
                thing, where, f"no claim is mounted at {path}", path, mount.text("mountPath") if mount else None
            )
    if not judged:
        yield NotApplicable("neither Vault's configuration nor its StatefulSet is there")


@check
def test_raft_replicas(
    inventory: Inventory, *, namespace: str, workload: str, replicas: int, values: str, enabled: list[str], count: str
) -> Iterator[Said]:
    """Vault runs Raft with so many replicas: in the values, in what is rendered, and in the server's configuration.

    The chart's defaults are one standalone server with file storage; storage keys alone change nothing about that.
    Whether the pods have joined one cluster, only a live Vault tells.
    """
    chart: list[tuple[Setting, bool | int]] = [
        (setting, True) for key in enabled for setting in settings(inventory, values, key)
    ]
    chart += [(setting, replicas) for setting in settings(inventory, values, count)]
    for setting, wanted in chart:
        if setting.value is not wanted and (wanted is True or setting.value != wanted):
            yield Finding(setting.subject, setting.path, f"is not {wanted}", wanted, setting.value)
    rendered = list(inventory.select(Match(kinds=("StatefulSet",), names=(workload,), namespaces=(namespace,))))
    for thing in rendered:
        if thing.number("spec.replicas", 1) != replicas:
            yield Finding(thing, "spec.replicas", "is another number of replicas", replicas, thing.get("spec.replicas"))
    for subject, place, root in _configs(inventory, namespace, values):
        if not list(root.all("storage", "raft")):
            stores = [block.labels[:1] for block in root.all("storage")]
            yield Finding(subject, place, "the server does not use Raft storage", 'storage "raft"', stores)
    if not chart and not rendered:
        yield Finding(None, "", f"neither {values} nor StatefulSet {namespace}/{workload} is there")


@check
def test_vault_listener_tls(inventory: Inventory, *, namespace: str, values: str, key: str) -> Iterator[Said]:
    """Vault's listeners speak TLS, except on loopback; the chart's default configuration has `tls_disable = 1`."""
    configs = list(_configs(inventory, namespace, values))
    chart = settings(inventory, values, key)
    for subject, place, root in configs:
        for block in root.all("listener"):
            plain = (block.get("tls_disable") or "").lower() in ("1", "true")
            if plain and not _LOOPBACK.match(block.get("address") or ""):
                yield Finding(subject, place, f"listener {block.get('address')} has no TLS", "tls_disable = 0", "1")
    for setting in chart:
        if setting.value is not False:
            yield Finding(setting.subject, setting.path, "the chart switches TLS off", False, setting.value)
    if not configs and not chart:
        yield NotApplicable("no configuration of Vault in this tree")


def _configs(inventory: Inventory, namespace: str, values: str) -> Iterator[tuple[Document, Path, hcl.Block]]:
    """Server configurations: HCL in ConfigMaps of the namespace, and in the values of the chart."""
    for config in inventory.of_kind("ConfigMap", ""):
        if config.namespace != namespace:
            continue
        for key, text in config.mapping("data").items():
            if isinstance(text, str) and re.search(r"^\s*(?:storage|listener)\s+\"", text, re.MULTILINE):
                yield config, ("data", key), hcl.parse(text)
    for name in CONFIG_KEYS:
        for setting in settings(inventory, values, name):
            if isinstance(setting.value, str):
                yield setting.subject, setting.path, hcl.parse(setting.value)


@check
def test_unseal_keys_absent(inventory: Inventory, *, listing: str) -> Iterator[Said]:
    """No unseal key and no root token in objects, values files, scripts, or among the backups they would open.

    Values are never shown. Secret data is decoded first. The chart's own ServiceAccount tokens and checksums are told
    apart by name: the shape of a key share counts only beside a telling name.
    """
    kinds = (*inventory.of_kind("Secret", ""), *inventory.of_kind("ConfigMap", ""), *inventory.carriers())
    for thing in kinds if inventory.live else inventory.objects:
        for path in in_object(thing):
            yield Finding(thing, path, "holds an unseal key or a token of Vault")
    for document in inventory.documents:
        yield from _in_document(document, document.raw, ())
    for file in inventory.texts:
        for number, line in enumerate(file.lines, start=1):
            assigned = any(is_telling(m["name"]) and has_share(m["value"]) for m in _ASSIGNED.finditer(line))
            if has_token(line) or assigned or _LITERAL_KEY.search(line):
                yield Finding(file, (number,), "holds an unseal key or a token of Vault")
    for document in inventory.select_documents(Match(paths=(listing,))):
        if isinstance(document.raw, dict) and "files" in document.raw and not isinstance(document, Object):
            for entry in document.sequence("files"):
                if is_telling(entry.text("path").rpartition("/")[2]):
                    yield Finding(document, (*entry.path, "path"), "is kept beside the backups that it opens")


def _in_document(document: Document, node: object, path: Path) -> Iterator[Finding]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _in_document(document, value, (*path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _in_document(document, value, (*path, index))
    elif isinstance(node, str):
        named = any(isinstance(step, str) and is_telling(step) for step in path)
        if has_token(node) or (named and has_share(node)):
            yield Finding(document, path, "holds an unseal key or a token of Vault")
