"""Exporters of metrics: which version runs, whether somebody scrapes it, and how it is told to log in."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping

from conformance.check import Said, check
from conformance.finding import Finding
from conformance.kube.choosing import containers_of, place_of, tag_of
from conformance.kube.hosts import is_service
from conformance.kube.inventory import Inventory
from conformance.kube.mounted import mounted_file, source_of
from conformance.kube.object import Object
from conformance.kube.podspec import Container, PodSpec
from conformance.kube.relations import relations
from conformance.kube.selector import label_selector
from conformance.kube.versions import minor_of


@check
def test_exporter(
    workload: Object, inventory: Inventory, *, image_name: str, port: int, version: str = ""
) -> Iterator[Said]:
    """An exporter of that version declares its port, and something scrapes it there.

    That is the annotations `prometheus.io/…` of its pods or Services, a ServiceMonitor or PodMonitor that selects them,
    or a scrape configuration in a ConfigMap that names the Service and the port.
    """
    found = containers_of(workload, inventory, workload.name, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name}")
    for each in found:
        if version and minor_of(tag_of(each)) != minor_of(version):
            expected = f"{image_name}:{version}"
            yield Finding(each.pod.owner, (*each.path, "image"), "is of another version", expected, each.text("image"))
        declared = [one.number("containerPort") for one in each.sequence("ports")]
        if port not in declared:
            yield Finding(each.pod.owner, (*each.path, "ports"), f"does not declare port {port}", port, declared)
        if not _scraped(each.pod, port, inventory):
            yield Finding(each.pod.owner, each.pod.metadata_path, f"nothing scrapes port {port}", "a scrape target")


def _scraped(pod: PodSpec, port: int, inventory: Inventory) -> bool:
    services = relations(inventory).services_of(pod.owner)
    if any(_annotated(each, port) for each in (pod.annotations, *(one.annotations for one in services))):
        return True
    if any(_monitors(each, pod.labels, pod.owner.namespace) for each in inventory.of_kind("PodMonitor")):
        return True
    monitors = list(inventory.of_kind("ServiceMonitor"))
    if any(_monitors(each, one.labels, one.namespace) for each in monitors for one in services):
        return True
    return any(_names(text, services, port) for text in _configurations(inventory))


def _annotated(annotations: Mapping[str, str], port: int) -> bool:
    scraped = annotations.get("prometheus.io/scrape") == "true"
    return scraped and annotations.get("prometheus.io/port", str(port)) == str(port)


def _monitors(monitor: Object, labels: Mapping[str, str], namespace: str | None) -> bool:
    """Whether a monitor selects these labels; without a namespaceSelector it looks into its own namespace only."""
    scope = monitor.at("spec.namespaceSelector")
    named = [each.raw for each in scope.sequence("matchNames")]
    if scope.flag("any") is not True and namespace not in (named or [monitor.namespace]):
        return False
    return label_selector(monitor.at("spec.selector")).matches(labels)


def _configurations(inventory: Inventory) -> Iterator[str]:
    for config in inventory.of_kind("ConfigMap", ""):
        for value in config.mapping("data").values():
            if isinstance(value, str) and "scrape_configs" in value:
                yield value


def _names(text: str, services: list[Object], port: int) -> bool:
    for word in text.replace('"', " ").replace("'", " ").replace(",", " ").replace("[", " ").replace("]", " ").split():
        host, _, number = word.rpartition(":")
        if number == str(port) and any(is_service(host, each.name, each.namespace, "") for each in services):
            return True
    return False


@check
def test_arguments(
    workload: Object,
    inventory: Inventory,
    *,
    present: list[str],
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """A container is started with these flags; `--no-NAME` and `--NAME=false` switch one off, and the last counts."""
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        words = [str(one.raw) for field in ("command", "args") for one in each.sequence(field)]
        for flag in present:
            name = flag.removeprefix("--")
            on, off = (f"--{name}", f"--{name}=true"), (f"--no-{name}", f"--{name}=false")
            said = [word for word in words if word in (*on, *off)]
            if not said or said[-1] in off:
                where = (*each.path, "args")
                yield Finding(each.pod.owner, where, f"{flag} is {'switched off' if said else 'missing'}", flag)


@check
def test_mysql_client_config(
    workload: Object,
    inventory: Inventory,
    *,
    service: str,
    namespace: str,
    port: int,
    option: str = "--config.my-cnf",
    image_name: str = "",
) -> Iterator[Said]:
    """The options file that a flag names is mounted from a ConfigMap or Secret, and its `[client]` names the server.

    A file in a Secret that no manifest shows is believed. Without the flag the exporter reads `~/.my.cnf` of its user,
    which a mount elsewhere does not reach; an absent port is 3306.
    """
    found = containers_of(workload, inventory, workload.name, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name}")
    for each in found:
        path = _option(each, option)
        if not path:
            yield Finding(each.pod.owner, (*each.path, "args"), f"{option} is not given", option)
            continue
        file = mounted_file(each, path)
        if file is None:
            yield Finding(each.pod.owner, (*each.path, "volumeMounts"), f"nothing is mounted at {path}", path)
            continue
        source = source_of(each, file, inventory)
        text = source.get(("data", file.key)) if source is not None and file.kind == "ConfigMap" else None
        if file.kind == "ConfigMap" and not isinstance(text, str):
            yield Finding(each.pod.owner, (*file.path, "name"), f"{file.kind} {file.name} has no {file.key}", file.key)
        elif isinstance(text, str) and source is not None:
            host, number = _client(text)
            if not is_service(host, service, namespace, each.pod.owner.namespace) or number != str(port):
                observed = f"{host}:{number}"
                yield Finding(source, ("data", file.key), "logs in elsewhere", f"{service}:{port}", observed)


def _option(container: Container, name: str) -> str:
    words = [str(one.raw) for field in ("command", "args") for one in container.sequence(field)]
    for at, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and at + 1 < len(words):
            return words[at + 1]
    return ""


def _client(text: str) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return "", ""
    section = parser["client"] if parser.has_section("client") else {}
    return section.get("host") or "localhost", section.get("port") or "3306"
