"""Prometheus, Grafana and Grafana Alloy as they are configured, most of it in the texts of ConfigMaps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.podspec import Container, pod_spec
from conformance.promql.rules import alerts
from conformance.promql.trial import UnsupportedError, metrics, parse

_RETENTION = ("--storage.tsdb.retention.time", "--storage.tsdb.retention")


def _yaml(config: Object) -> Iterator[tuple[str, Any]]:
    """The texts of a ConfigMap that are mappings in YAML, or JSON."""
    for key, text in config.mapping("data").items():
        try:
            parsed = yaml.safe_load(text) if isinstance(text, str) else None
        except (yaml.YAMLError, ValueError):
            continue
        if isinstance(parsed, dict):
            yield key, parsed


def _part(raw: dict[str, Any], key: str) -> dict[str, Any]:
    """A mapping below a key; empty where something else stands there."""
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def _servers(workloads: list[Object], repository: str) -> Iterator[tuple[Object, Container]]:
    for workload in workloads:
        pod = pod_spec(workload)
        for container in pod.containers if pod is not None else ():
            if re.search(rf"(^|/){re.escape(repository)}(:|@|$)", container.text("image")):
                yield workload, container


@check
def test_prometheus_retention(
    workloads: list[Object], *, retention: Annotated[str, duration.parse_prometheus]
) -> Iterator[Said]:
    """Prometheus keeps its data so long: by its flag, the flag's old name, or the default of 15 days; and no size limit
    cuts that shorter.

    https://prometheus.io/docs/prometheus/latest/storage/#operational-aspects
    """
    servers = list(_servers(workloads, "prom/prometheus"))
    if not servers:
        yield NotApplicable("no Prometheus runs here")
    for workload, container in servers:
        said = "15d"
        place = container.path
        for index, argument in enumerate(container.sequence("args")):
            flag, _, value = str(argument.raw).partition("=")
            if flag in _RETENTION:
                said, place = value, (*container.path, "args", index)
            if flag == "--storage.tsdb.retention.size" and value not in ("0", "0B"):
                path = (*container.path, "args", index)
                yield Finding(workload, path, "a size limit cuts it shorter", "no size limit", value)
        if not _as_long(said, retention):
            yield Finding(workload, place, "keeps its data for another time", retention, said)


def _as_long(said: str, wanted: str) -> bool:
    try:
        return duration.parse_prometheus(said) == duration.parse_prometheus(wanted)
    except duration.DurationError:
        return False


@check
def test_scrape_jobs(configs: list[Object], *, jobs: list[str], intervals: dict[str, str] = {}) -> Iterator[Said]:  # noqa: B006
    """The configuration of Prometheus has each of these jobs, and scrapes as often as documented (`global` is the
    default, which is one minute unless said).

    A job that is commented out, or whose name is written otherwise, is not there.
    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
    """
    found = [(each, key, raw) for each in configs for key, raw in _yaml(each) if "scrape_configs" in raw]
    if not found:
        yield Finding(None, "", "no configuration of Prometheus", "scrape_configs")
        return
    config, key, raw = found[0]
    known = {str(each.get("job_name")): each for each in raw["scrape_configs"] or () if isinstance(each, dict)}
    for name in jobs:
        if name not in known:
            yield Finding(config, ("data", key), f"has no job {name}", name)
    usual = _part(raw, "global").get("scrape_interval", "1m")
    for name, wanted in intervals.items():
        observed = usual if name == "global" else known.get(name, {}).get("scrape_interval", usual)
        if not _as_long(str(observed), wanted):
            yield Finding(config, ("data", key), f"scrapes {name} at another interval", wanted, observed)


@check
def test_remote_write_received(inventory: Inventory) -> Iterator[Said]:
    """Where Grafana Alloy writes metrics to Prometheus, Prometheus takes them: `--web.enable-remote-write-receiver`.

    https://prometheus.io/docs/prometheus/latest/feature_flags/
    """
    writers = [each for each, text in _rivers(inventory) if _blocks(text, "prometheus.remote_write")]
    if not writers:
        yield NotApplicable("nobody writes to Prometheus")
        return
    for workload, container in _servers(list(inventory.carriers()), "prom/prometheus"):
        flags = [str(each.raw) for each in container.sequence("args")]
        if not any(each.startswith("--web.enable-remote-write-receiver") for each in flags):
            path = (*container.path, "args")
            yield Finding(
                workload, path, f"does not take what {writers[0]} writes", "--web.enable-remote-write-receiver"
            )


def _rivers(inventory: Inventory) -> Iterator[tuple[Object, str]]:
    """Configurations of Grafana Alloy, without comments."""
    for config in inventory.of_kind("ConfigMap", ""):
        for key, text in config.mapping("data").items():
            if isinstance(text, str) and (key.endswith((".alloy", ".river"))):
                bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
                yield config, re.sub(r"(?m)^\s*//.*$", "", bare)


def _blocks(text: str, component: str) -> list[str]:
    """The bodies of a component's blocks: `loki.write "default" { … }`."""
    found = []
    for start in re.finditer(rf'(?m)^\s*{re.escape(component)}\s+"[^"]*"\s*\{{', text):
        depth, end = 1, start.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        found.append(text[start.end() : end])
    return found


@check
def test_alloy_components(inventory: Inventory, *, components: dict[str, str]) -> Iterator[Said]:
    """Grafana Alloy is configured with each of these components, and somewhere in its block stands this text, such as
    the address it writes to. What is commented out is not configured.

    https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/
    """
    rivers = list(_rivers(inventory))
    if not rivers:
        yield Finding(None, "", "no configuration of Alloy", sorted(components))
    for config, text in rivers:
        for name, wanted in components.items():
            if not any(wanted in body for body in _blocks(text, name)):
                key = next(each for each in config.mapping("data") if each.endswith((".alloy", ".river")))
                yield Finding(config, ("data", key), f"has no {name} with {wanted}".removesuffix(" with "), name)


@check
def test_grafana_datasources(configs: list[Object], *, sources: dict[str, str]) -> Iterator[Said]:
    """Grafana is provided with a data source of each type, at this address: `service.namespace:port`.

    `svc` and the cluster's domain after the namespace mean the same; a Service of another name means nothing.
    https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
    """
    found = [(c, key, each) for c in configs for key, raw in _yaml(c) for each in raw.get("datasources") or ()]
    for kind, wanted in sources.items():
        own = [each for each in found if isinstance(each[2], dict) and each[2].get("type") == kind]
        if not own:
            config, path = (found[0][0], ("data", found[0][1])) if found else (None, ())
            yield Finding(config, path, f"no data source of type {kind}", wanted)
        for config, key, each in own:
            url = urlsplit(str(each.get("url")))
            address = ".".join((url.hostname or "").split(".")[:2]) + f":{url.port or 80}"
            if address != wanted:
                yield Finding(config, ("data", key), f"its {kind} is elsewhere", wanted, str(each.get("url")))


@check
def test_grafana_dashboards(configs: list[Object], *, titles: list[str]) -> Iterator[Said]:
    """Grafana is provided with dashboards of these titles, whose panels ask in PromQL that can be parsed."""
    found: dict[str, tuple[Object, str, dict[str, Any]]] = {}
    for config in configs:
        for key, text in config.mapping("data").items():
            if key.endswith(".json") and isinstance(text, str):
                try:
                    raw = json.loads(text)
                except ValueError as error:
                    yield Finding(config, ("data", key), f"Grafana does not load it: {error}", "JSON")
                    continue
                if isinstance(raw, dict):
                    found[str(raw.get("title"))] = config, key, raw
    for title in titles:
        if title not in found:
            yield Finding(configs[0], "data", f"there is no dashboard {title}", title)
            continue
        config, key, raw = found[title]
        for panel in Node(raw).sequence("panels"):
            for target in panel.sequence("targets"):
                expr = str(target.get("expr", ""))
                try:
                    parse(re.sub(r"\$(__\w+|\w+|\{\w+\})", "5m", expr))
                except UnsupportedError as error:
                    yield Finding(config, ("data", key), f"{panel.get('title')}: {error}", "PromQL", expr)


@check
def test_alerts_exactly(inventory: Inventory, *, severities: dict[str, str]) -> Iterator[Said]:
    """Exactly these alerts would be loaded, each with this label `severity`, in this very spelling."""
    found = {each.name: each for each in alerts(inventory)}
    for name in severities.keys() - found.keys():
        yield Finding(None, "", f"there is no alert {name}", severities[name])
    for name, alert in found.items():
        place, wanted = alert.field("labels"), severities.get(name)
        observed = _part(dict(alert.raw), "labels").get("severity")
        if wanted is None:
            yield Finding(alert.subject, place, f"{name} is a further alert", sorted(severities))
        elif observed != wanted:
            yield Finding(alert.subject, place, f"{name} has another severity", wanted, observed)


@check
def test_alerts_watch(inventory: Inventory, *, metrics_of: dict[str, list[str]]) -> Iterator[Said]:
    """For each of these things some alert reads one of the metrics that tell of it; metrics are regular expressions."""
    read: set[str] = set()
    for alert in alerts(inventory):
        try:
            read |= metrics(alert.expr)
        except UnsupportedError as error:
            yield Unjudged(alert.subject, alert.field("expr"), str(error))
    for thing, patterns in metrics_of.items():
        if not any(re.fullmatch(pattern, name) for pattern in patterns for name in read):
            yield Finding(None, "", f"no alert watches {thing}", patterns)


@check
def test_metrics_sourced(inventory: Inventory, *, sources: dict[str, str]) -> Iterator[Said]:
    """Every metric that an alert reads comes from somewhere: the first of `sources` whose key it starts with names a
    scrape job of Prometheus or a component of Alloy, and that is configured.

    An alert over a metric that nobody delivers is green for ever.
    """
    texts = [raw for config in inventory.of_kind("ConfigMap", "") for _, raw in _yaml(config)]
    raws = [each for raw in texts for each in raw.get("scrape_configs") or () if isinstance(each, dict)]
    jobs = {str(each.get("job_name")) for each in raws}
    rivers = [text for _, text in _rivers(inventory)]
    for alert in alerts(inventory):
        try:
            names = metrics(alert.expr)
        except UnsupportedError as error:
            yield Unjudged(alert.subject, alert.field("expr"), str(error))
            continue
        for name in sorted(names):
            source = next((each for prefix, each in sources.items() if name.startswith(prefix)), None)
            there = source in jobs or any(_blocks(text, str(source)) for text in rivers)
            if source is None or not there:
                message = f"{alert.name} reads {name}, which {source or 'nothing that is known'} would deliver"
                yield Finding(alert.subject, alert.field("expr"), message, source or sorted(sources), name)


@check
def test_receiver_safe(config: Object) -> Iterator[Said]:
    """Where Alertmanager's default receiver tells anybody, its address comes from a file or Secret, not written out.

    A webhook's URL is a password. A receiver without any `…_configs` tells nobody; whether that is right is not asked.
    https://prometheus.io/docs/alerting/latest/configuration/#receiver
    """
    for key, raw in _yaml(config):
        name = _part(raw, "route").get("receiver")
        for receiver in (each for each in raw.get("receivers") or () if isinstance(each, dict)):
            ways = {field: each for field, each in receiver.items() if field.endswith("_configs") and each}
            if receiver.get("name") != name:
                continue
            if not ways:
                yield NotApplicable("its default receiver tells nobody")
            for way, each in ((way, each) for way, found in ways.items() for each in found):
                if isinstance(each, dict) and any(
                    field in each for field in ("api_url", "url", "service_key", "auth_password")
                ):
                    yield Finding(config, ("data", key), f"{way} writes its secret out", "api_url_file")
