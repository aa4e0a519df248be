"""A database of one server: its pod, its claim, and everybody who speaks to it by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.check import NotApplicable, Said, check
from conformance.declared import same
from conformance.finding import Finding
from conformance.kube.choosing import containers_of, place_of
from conformance.kube.hosts import is_service
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.kube.relations import relations
from conformance.kube.storage import Claim
from conformance.kube.variables import value_at, variables
from conformance.kube.workload import replicas
from conformance.scripts.shell import Command
from conformance.scripts.steps import step

_DEFAULT_PORT = 3306
#: options of mysqldump that take the next word as their value
_WITH_VALUE = (
    "-h",
    "-u",
    "-P",
    "-S",
    "-r",
    "--host",
    "--user",
    "--port",
    "--socket",
    "--result-file",
    "--ignore-table",
)


@check
def test_single_instance(workload: Object, inventory: Inventory) -> Iterator[Said]:
    """Exactly one pod, which is the default, and nothing that scales it: two servers corrupt one data directory."""
    count = replicas(workload)
    if count != 1:
        yield Finding(workload, "spec.replicas", "is not a single instance", 1, count)
    for scaler in relations(inventory).autoscalers_of(workload):
        yield Finding(scaler, "spec.scaleTargetRef", f"scales {workload}", "no autoscaler")


@check
def test_recreated(workload: Object) -> Iterator[Said]:
    """A Deployment replaces its pod instead of running the new one beside the old one (`strategy.type: Recreate`).

    The default RollingUpdate starts a second server first: on another node it waits for the volume for ever, on the
    same node two servers fight for one data directory. A StatefulSet never does.
    https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy
    """
    if workload.kind == "StatefulSet":
        return
    strategy = workload.text("spec.strategy.type", "RollingUpdate")
    if strategy != "Recreate":
        yield Finding(
            workload, "spec.strategy.type", "two pods share the volume during an update", "Recreate", strategy
        )


@check
def test_claim_mounted(
    workload: Object,
    inventory: Inventory,
    *,
    claim: str,
    size: str,
    modes: list[str],
    storage_class: str,
    path: str,
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """The claim has the documented size, modes and class, and the container keeps its data directory on it.

    A volume may be called like the claim and be an emptyDir; a mount beside the data directory loses everything without
    a word; a class of `""` turns provisioning off, an absent one is the cluster's default.
    https://kubernetes.io/docs/concepts/storage/persistent-volumes/
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    for each in found:
        mount = each.pod.covering_mount(each, path)
        if mount is None or mount.volume is None:
            yield Finding(each.pod.owner, (*each.path, "volumeMounts"), f"nothing is mounted at {path}", claim)
        elif mount.volume.claim != claim:
            observed = mount.volume.claim or mount.volume.source
            yield Finding(each.pod.owner, mount.volume.path, f"{path} does not lie on claim {claim}", claim, observed)
    known = relations(inventory).named("PersistentVolumeClaim", claim, workload, "")
    if known is None:
        yield Finding(None, "", f"no PersistentVolumeClaim {claim} is declared")
        return
    asked = Claim(known, (), known.name, 1)
    if not same(known.get(asked.size_path), size):
        yield Finding(known, asked.size_path, "requests another size", size, known.get(asked.size_path))
    if known.get("spec.accessModes") != modes:
        yield Finding(known, "spec.accessModes", "has other access modes", modes, known.get("spec.accessModes"))
    if asked.storage_class(inventory) != storage_class:
        resolved = asked.storage_class(inventory)
        yield Finding(known, asked.class_path, "is of another class", storage_class, resolved)
    if known.text("status.phase", "Bound") != "Bound":
        yield Finding(known, "status.phase", "is not bound", "Bound", known.text("status.phase"))


@dataclass(frozen=True, slots=True)
class _Address:
    host: str
    port: int
    database: str


def _address(url: str) -> _Address | None:
    """Host, port and database of `jdbc:mysql://host:3306/db?…`; None for what is no such URL."""
    found = re.match(r"jdbc:(mysql|mariadb)(:[a-z]+)?://", url)
    try:
        parts = urlsplit("mysql://" + url[found.end() :]) if found else None
        return _Address(parts.hostname or "", parts.port or _DEFAULT_PORT, parts.path.strip("/")) if parts else None
    except ValueError:
        return None


@check
def test_jdbc_url(
    workload: Object,
    inventory: Inventory,
    *,
    name: str,
    service: str,
    namespace: str,
    port: int,
    database: str,
    image_name: str = "",
    container: str = "",
) -> Iterator[Said]:
    """The variable holds the JDBC URL of that Service, port and database; parameters behind `?` are free.

    The host may be short where the namespace is the same, or in full; an absent port is 3306.
    """
    found = containers_of(workload, inventory, container, image_name)
    if not found:
        yield Finding(*place_of(workload, inventory), f"no container runs {image_name or container}")
    wanted = f"jdbc:mysql://{service}:{port}/{database}"
    for each in found:
        variable = variables(each, inventory).get(name)
        if variable is None or variable.value is None:
            at = variable.path if variable is not None else (*each.path, "env")
            yield Finding(each.pod.owner, at, f"{name} is not set to anything that is known here", wanted)
            continue
        address = _address(variable.value)
        if (
            address is None
            or not is_service(address.host, service, namespace, each.pod.owner.namespace)
            or (address.port, address.database) != (port, database)
        ):
            observed = f"{address.host}:{address.port}/{address.database}" if address is not None else None
            where = value_at(variable, each, inventory)
            yield Finding(*where, f"{name} names another database", wanted, observed)


@check
def test_database_agreed(
    workload: Object, inventory: Inventory, *, variable: str = "MYSQL_DATABASE", image_name: str = ""
) -> Iterator[Said]:
    """Everybody who names the server's Service names the database that it was made with: JDBC URLs and dumps.

    The variable works on an empty data directory only, so that a renamed database stays what it was. A dump of all
    databases names none.
    """
    found = containers_of(workload, inventory, workload.name, image_name)
    made = next((one for each in found if (one := variables(each, inventory).get(variable))), None)
    services = relations(inventory).services_of(workload)
    if made is None or not made.value:
        yield NotApplicable(f"{variable} is not known")
        return
    for pod in inventory.pods():
        for container in pod.containers:
            for at, name in _named(container, services, inventory):
                if name != made.value:
                    yield Finding(*at, f"names another database than {workload}", made.value, name)


def _named(
    container: Container, services: list[Object], inventory: Inventory
) -> Iterator[tuple[tuple[Object, Path], str]]:
    own = container.pod.owner.namespace

    def means(host: str) -> bool:
        return any(is_service(host, each.name, each.namespace, own) for each in services)

    for one in variables(container, inventory).values():
        address = _address(one.value or "")
        if address is not None and means(address.host):
            yield value_at(one, container, inventory), address.database
    done = step(container, inventory)
    for command in done.shell.commands:
        if command.name in ("mysqldump", "mariadb-dump") and means(command.option("-h", "--host")):
            for name in _dumped(command):
                yield (container.pod.owner, done.path), name


def _dumped(command: Command) -> list[str]:
    """The databases that a dump names; without `--databases` the first word is one and the others are tables."""
    plain: list[str] = []
    skip = False
    for word in command.words[1:]:
        if not skip and not word.startswith("-"):
            plain.append(word)
        skip = word in _WITH_VALUE
    if "--all-databases" in command.words or "-A" in command.words:
        return []
    return plain if {"--databases", "-B"} & set(command.words) else plain[:1]


@check
def test_server_first_port(service: Object, *, port: int, protocols: list[str]) -> Iterator[Said]:
    """A port where the server speaks first says its protocol, by `appProtocol` or by the name up to its first dash.

    Without it Istio waits for the first bytes of the client to guess the protocol, and nobody says anything until a
    timeout. appProtocol wins over the name. https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
    """
    for each in service.sequence("spec.ports"):
        if each.number("port") != port:
            continue
        declared = each.text("appProtocol") or each.text("name").partition("-")[0]
        if declared.lower() not in protocols:
            field = "appProtocol" if each.text("appProtocol") else "name"
            message = f"the protocol of port {port} is left to be guessed"
            yield Finding(service, (*each.path, field), message, protocols, each.get(field))
