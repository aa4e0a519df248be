"""Log pipelines of Logstash: what comes in, what their filters make of it, and where it goes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.kube.object import Document, Object, TextFile
from conformance.kube.path import Path
from conformance.kube.relations import relations
from conformance.kube.selecting import selector_of
from conformance.scripts.logstash import Body, LogstashError, parse, plugins
from conformance.scripts.logstash_events import run

_LOOKS_LIKE = re.compile(r"^\s*(input|filter|output)\s*\{", re.MULTILINE)
_HOST = re.compile(r"(?:\w+://)?([^:/\s]+)")
_DATE = re.compile(r"%\{\+[^}]*\}")


@dataclass(frozen=True)
class _Pipeline:
    subject: Document | TextFile
    path: Path
    sections: dict[str, Body]


def _pipelines(inventory: Inventory) -> Iterator[_Pipeline | Unjudged]:
    texts: list[tuple[Document | TextFile, Path, str]] = [
        (config, ("data", str(key)), text)
        for config in inventory.of_kind("ConfigMap", "")
        for key, text in config.mapping("data").items()
        if isinstance(text, str) and len(_LOOKS_LIKE.findall(text)) > 1
    ]
    texts += [
        (each, (), each.text)
        for each in inventory.texts
        if each.path.endswith(".conf") and _LOOKS_LIKE.search(each.text)
    ]
    for subject, path, text in texts:
        try:
            yield _Pipeline(subject, path, parse(text))
        except LogstashError as error:
            yield Unjudged(subject, path, str(error))


def _read(inventory: Inventory) -> tuple[list[_Pipeline], list[Said]]:
    found = list(_pipelines(inventory))
    read = [each for each in found if isinstance(each, _Pipeline)]
    said: list[Said] = [each for each in found if isinstance(each, Unjudged)]
    if not found:
        said.append(Finding(None, "", "no pipeline of Logstash in this tree"))
    return read, said


@check
def test_log_input(inventory: Inventory, *, port: int, namespace: str) -> Iterator[Said]:
    """Logstash takes Beats on a port, and a Service of the namespace leads to a container that has it.

    The pipeline listens on what it says itself; `containerPort` is looked for because that is how people see it.
    https://www.elastic.co/guide/en/logstash/current/plugins-inputs-beats.html
    """
    found, said = _read(inventory)
    yield from said
    for each in found:
        inputs = [p for p in plugins(each.sections.get("input", [])) if p.name in ("beats", "elastic_agent")]
        ports = [str(p.settings.get("port")).removesuffix(".0") for p in inputs]
        if str(port) not in ports:
            yield Finding(each.subject, each.path, f"takes no Beats on port {port}", port, ports)
    services = [
        service
        for service in inventory.of_kind("Service", "")
        if service.namespace == namespace and any(p.get("port") == port for p in service.sequence("spec.ports"))
    ]
    if found and not services:
        yield Finding(None, "", f"no Service of namespace {namespace} has port {port}", port)
    for service in services:
        yield from _leads(service, port, inventory)


def _leads(service: Object, port: int, inventory: Inventory) -> Iterator[Finding]:
    known = relations(inventory)
    pods = known.selected(service, selector_of(service))
    entry = next(p for p in service.sequence("spec.ports") if p.get("port") == port)
    target = entry.get("targetPort", port)
    opened = [
        p.get("name") if isinstance(target, str) else p.get("containerPort")
        for pod in pods
        for c in pod.containers
        for p in c.sequence("ports")
    ]
    if target not in opened and not known.has_unseen_pods(service):
        yield Finding(service, (*entry.path, "targetPort"), "leads to no container", sorted(map(str, opened)), target)


@check
def test_log_events(inventory: Inventory, *, samples: list[dict[str, Any]]) -> Iterator[Said]:
    """The filters make of each sample what is documented: its tags, and fields.

    A sample has `event` (the fields that the collector sends), `tagged`, `untagged`, and `fields` that the event has
    afterwards. Grok that captures into a field that is there already makes a list of it, unless `overwrite` names it.
    A pipeline with a filter that is not understood is an error.
    """
    found, said = _read(inventory)
    yield from said
    for each in found:
        for sample in samples:
            event = copy.deepcopy(sample["event"])
            try:
                run(each.sections.get("filter", []), event)
            except LogstashError as error:
                yield Unjudged(each.subject, each.path, str(error))
                break
            for problem in _differences(event, sample):
                message = f"{problem} for {sample['event'].get('message', '')!r}"
                yield Finding(each.subject, each.path, message, sample.get("tagged"), event.get("tags", []))


def _differences(event: dict[str, Any], sample: dict[str, Any]) -> Iterator[str]:
    tags = event.get("tags", [])
    for tag in sample.get("tagged", []):
        if tag not in tags:
            yield f"no tag {tag}"
    for tag in sample.get("untagged", []):
        if tag in tags:
            yield f"tag {tag}"
    for name, wanted in sample.get("fields", {}).items():
        if event.get(name) != wanted:
            yield f"{name} is {event.get(name)!r}, not {wanted!r}"


@check
def test_log_output(inventory: Inventory, *, index: str, hosts: int) -> Iterator[Said]:
    """Logs go to daily indices of a name, on at least so many hosts of Elasticsearch whose names can be resolved.

    `elasticsearch-0` alone is the name of a pod, not of a host: a pod has a name in DNS only below the headless Service
    of its StatefulSet. A host of another cluster, with dots in its name, is taken as it is.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id
    """
    found, said = _read(inventory)
    yield from said
    for each in found:
        outputs = [p for p in plugins(each.sections.get("output", [])) if p.name == "elasticsearch"]
        right = [p for p in outputs if p.settings.get("index") == index]
        if not right:
            observed = [p.settings.get("index") for p in outputs]
            yield Finding(each.subject, each.path, "writes no such index", index, observed)
            continue
        given = right[0].settings.get("hosts", [])
        names = [
            m.group(1) for text in (given if isinstance(given, list) else [given]) if (m := _HOST.match(str(text)))
        ]
        if len(set(names)) < hosts:
            yield Finding(each.subject, each.path, "writes to too few hosts", f"at least {hosts}", names)
        for name in sorted(set(names)):
            if not _resolves(name, each.subject, inventory):
                message = f"{name} cannot be resolved"
                yield Finding(each.subject, each.path, message, "pod.service.namespace.svc", name)


def _resolves(host: str, subject: Document | TextFile, inventory: Inventory) -> bool:
    """Whether a host is a Service, or a pod below one that is headless and gives its StatefulSet's pods names."""
    parts = host.split(".")
    namespace = subject.namespace if isinstance(subject, Object) else None
    services = list(inventory.of_kind("Service", ""))
    inside = len(parts) <= 2 or "svc" in parts or (len(parts) == 3 and any(s.namespace == parts[2] for s in services))
    if not inside:
        return True
    stem, service = parts[0].rpartition("-")[0], parts[1] if len(parts) > 1 else ""
    for each in inventory.of_kind("StatefulSet", "apps"):
        if service and each.name == stem and each.text("spec.serviceName") == service:
            return any(s.name == service and s.text("spec.clusterIP") == "None" for s in services)
    place = service if service not in ("", "svc") else namespace
    return any(each.name == parts[0] and each.namespace in (place, None) for each in services)


@check
def test_index_names_agree(inventory: Inventory, *, scripts: list[str]) -> Iterator[Said]:
    """Whatever deletes indices means the ones that the pipeline writes: lifecycle templates, and jobs with `curl`.

    Compared are the names up to the date. `scripts` are globs over names of CronJobs and of ConfigMaps whose texts
    speak to Elasticsearch. Retention of another pattern deletes nothing, and its request is answered with success.
    """
    found, said = _read(inventory)
    yield from said
    written = {
        _DATE.split(str(p.settings["index"]))[0].rstrip("-*")
        for each in found
        for p in plugins(each.sections.get("output", []))
        if p.name == "elasticsearch" and "index" in p.settings
    }
    if found and not written:
        yield NotApplicable("the pipeline names no index")
        return
    for subject, path, name in _deleted(inventory, scripts):
        if name not in written:
            yield Finding(subject, path, f"speaks of indices {name}-…", sorted(written), name)


_TEMPLATE = re.compile(r'"index_patterns"\s*:\s*\[([^\]]*)\]')
_QUOTED = re.compile(r'"([^"]+)"')
_REQUEST = re.compile(r"(?<![\w@.-])([a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*)-(?=\*|\$\(|\$\{|%|\d{4}\.|\[)")


def _deleted(inventory: Inventory, names: list[str]) -> Iterator[tuple[Object, Path, str]]:
    for config in inventory.of_kind("ConfigMap", ""):
        for key, text in config.mapping("data").items():
            if not isinstance(text, str):
                continue
            for patterns in _TEMPLATE.findall(text):
                for each in _QUOTED.findall(patterns):
                    yield config, ("data", str(key)), each.rstrip("*").rstrip("-")
            if _named(config.name, names) and "9200" in text:
                yield from ((config, ("data", str(key)), each) for each in sorted(set(_REQUEST.findall(text))))
    for job in inventory.of_kind("CronJob", "batch"):
        pod = inventory.pod_spec(job)
        for container in pod.containers if pod and _named(job.name, names) else ():
            for part in ("command", "args"):
                for each in container.sequence(part):
                    if "9200" in str(each.raw):
                        yield from ((job, each.path, n) for n in sorted(set(_REQUEST.findall(str(each.raw)))))


def _named(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)
