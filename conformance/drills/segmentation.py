"""Segmentation: every connection that the documents allow is open, every other one is closed; shown by packets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl
from conformance.drill.packets import Network, Probe, StandIn, shown
from conformance.drill.registry import Image, Twin, drill
from conformance.drills.segmentation_matrix import Documented, computed, documented

SYSTEM, SECURITY, MONITORING, INGRESS = "hankook-smartsensor", "hankook-security", "monitoring", "ingress-nginx"
#: namespaces of the document, and one that it does not know
SPACES: Mapping[str, Mapping[str, str]] = {
    SYSTEM: {}, SECURITY: {}, MONITORING: {}, INGRESS: {"name": "ingress-nginx"}, "default": {},
}  # fmt: skip
#: 9999 is documented nowhere: what listens there must not be reached by anybody
PODS = (
    ("api-server", SYSTEM, {"app": "api-server"}, (8000, 9999)),
    ("web-dashboard", SYSTEM, {"app": "web-dashboard"}, (8080,)),
    ("sensor-gateway", SYSTEM, {"app": "sensor-gateway"}, (8080,)),
    ("analytics-engine", SYSTEM, {"app": "analytics-engine"}, (8080,)),
    ("postgresql-cluster", SYSTEM, {"app": "postgresql"}, (5432, 9187, 9999)),
    ("redis-cluster", SYSTEM, {"app": "redis"}, (6379, 16379, 9121)),
    ("redis-cluster-1", SYSTEM, {"app": "redis"}, (6379, 16379)),
    ("postgresql-backup", SYSTEM, {"app": "postgresql-backup"}, (9999,)),
    ("maintenance", SYSTEM, {"app": "maintenance"}, (9999,)),
    ("stranger", SYSTEM, {"app": "stranger"}, (9999,)),
    ("oauth2-server", SECURITY, {"app": "oauth2-server"}, (8080, 9999)),
    ("prometheus", MONITORING, {"app": "prometheus"}, (9090,)),
    ("blackbox-exporter", MONITORING, {"app": "blackbox-exporter"}, (9115,)),
    ("ingress-nginx", INGRESS, {"app.kubernetes.io/name": "ingress-nginx"}, (8080,)),
    ("outsider", "default", {"app": "stranger"}, (8080,)),
)
DNS, DNS_PORTS = "kube-dns", (("UDP", 53), ("TCP", 53), ("TCP", 9153))
#: a container that is no pod: what the Internet is to the system
OUTSIDE, OUTSIDE_PORT = "outside", 443

#: the ends as the requirements call them
ENDS: Mapping[str, str] = {name: f"{space}/{name}" for name, space, _, _ in PODS} | {
    "redis-cluster-1": f"{SYSTEM}/redis-cluster", DNS: DNS,
}  # fmt: skip


@dataclass
class World:
    """Stand-ins that run in namespaces of this exercise, and the raw objects that connectivity is computed from."""

    network: Network
    spaces: dict[str, Kubectl]
    objects: list[dict[str, Any]]
    probes: list[Probe]


@drill(
    name="segmentation",
    title="allowed connections are open and all others closed",
    requirements=(
        "smartsensor-np-default-deny",
        "smartsensor-np-denied-flows-blocked",
        "smartsensor-np-counterpart-ingress",
        "smartsensor-np-dns-egress",
        "smartsensor-np-other-flows",
        "smartsensor-np-cni-enforces",
    ),
    images=(Image("tools", "busybox:1.36"),),
    twins=(
        Twin("default-deny-selects-nothing", "default-deny-all has a label that no pod has", fails="denied is closed"),
        Twin("rule-removed", "Redis does not let the API in", fails="documented is open"),
        Twin("peers-merged", "the two peers of the API are one, so that both selectors must fit",
             fails="documented is open"),
    ),
)  # fmt: skip
def segmentation(exercise: Exercise) -> None:
    """Everything is open; the guide's two policies alone close what it documents; the whole set lets through exactly
    the documented connections, which is also what `plumbline reach` computes; without policies all is open again.
    """
    with exercise.step("prepare", "a stand-in for every end of the matrix"):
        world = deploy(exercise)
        matrix = documented(world.probes, ENDS, denying=SYSTEM)
        policies = spoiled(exercise.twin, read_policies(exercise, world))
    with exercise.step("steady", "positive control: without policies everything is open"):
        observed = look(exercise, world, [])
        closed = [each for each, is_open in observed.items() if not is_open]
        exercise.holds("open without policies", not closed, "closed without any policy", closed=shown(closed))
    if not exercise.twin:
        with exercise.step("steady", "the guide's own two policies close what it documents as open"):
            literal = [each for each in policies if _is_literal(each)]
            alone = apply(exercise, world, literal)
            blocked = [each for each in matrix.needed if each[0] == "api-server" and not alone[each]]
            names = {each[1] for each in blocked}
            wanted = {"postgresql-cluster", "redis-cluster", DNS}
            exercise.holds("two policies are not enough", names >= wanted, "not closed", closed=shown(blocked, 9))
    with exercise.step("verify", "the whole set of policies"):
        observed = apply(exercise, world, policies)
        exercise.evidence.write("connections.tsv", table(matrix, observed))
        judge(exercise, matrix, observed)
    with exercise.step("verify", "the same as `plumbline reach` computes from the same manifests"):
        expected = computed([*world.objects, *policies], world.probes, world.network.addresses, OUTSIDE)
        other = [each for each in world.probes if expected[each] != observed[each]]
        exercise.holds("as computed", not other, "computed otherwise", compared=len(expected), otherwise=shown(other))
    with exercise.step("verify", "without policies everything is open again"):
        for each in world.spaces.values():
            each.act("delete", "networkpolicies", "--all")
        again = look(exercise, world, [])
        exercise.holds("listeners answer to the end", all(again.values()), "some connections stay closed")


def deploy(exercise: Exercise) -> World:
    """Namespaces of this exercise in the roles of the documented ones, with all stand-ins."""
    image = exercise.image("tools")
    short = {SYSTEM: "system", SECURITY: "security", MONITORING: "monitoring", INGRESS: "ingress", "default": "other"}
    spaces = {name: exercise.namespace(short[name], labels) for name, labels in SPACES.items()}
    pods = [StandIn(name, spaces[space].namespace, labels, ports) for name, space, labels, ports in PODS]
    manifests = [each.manifest(image) for each in pods]
    for space in spaces.values():
        own = [each for each in manifests if each["metadata"]["namespace"] == space.namespace]
        _await_account(space)
        space.apply(own)
    everywhere = exercise.everywhere
    network = Network(spaces[SYSTEM], pods)
    network.await_pods()
    dns = everywhere.list("pods", "k8s-app=kube-dns", namespace="kube-system")[0]
    listen = f"httpd -p {OUTSIDE_PORT} -h /etc; sleep 86400"
    network.addresses |= {DNS: dns["status"]["podIP"], OUTSIDE: exercise.beside(OUTSIDE, image, "sh", "-c", listen)}
    names = [*(each.namespace for each in spaces.values()), "kube-system"]
    listed = [everywhere.get("namespace", name) for name in names]
    return World(network, spaces, [*listed, *manifests, dns | {"metadata": dns["metadata"] | {"name": DNS}}], probes())


def probes() -> list[Probe]:
    """Every pod with every other one on each port that listens there, with DNS, and with an address outside."""
    found: list[Probe] = []
    for source, *_ in PODS:
        for target, _, _, ports in PODS:
            found += [(source, target, "TCP", port) for port in ports if source != target]
        found += [(source, DNS, protocol, port) for protocol, port in DNS_PORTS]
        found.append((source, OUTSIDE, "TCP", OUTSIDE_PORT))
    return found


def read_policies(exercise: Exercise, world: World) -> list[dict[str, Any]]:
    """The reference system's policies, in the namespaces of this exercise."""
    text = (exercise.manifests / "segmentation/network-policies.yaml").read_text(encoding="utf-8")
    names = {name: kubectl.namespace for name, kubectl in world.spaces.items() if name != INGRESS}
    found: list[dict[str, Any]] = [_renamed(each, names) for each in yaml.safe_load_all(text) if each]
    return found


def spoiled(twin: str, policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The policies with the twin's mistake in them."""
    by_name = {(each["metadata"]["namespace"].partition("-")[0], each["metadata"]["name"]): each for each in policies}
    if twin == "default-deny-selects-nothing":
        by_name["system", "default-deny-all"]["spec"]["podSelector"] = {"matchLabels": {"app": SYSTEM}}
    elif twin == "rule-removed":
        del by_name["system", "allow-redis"]["spec"]["ingress"][0]
    elif twin == "peers-merged":
        rule = by_name["system", "allow-api-server"]["spec"]["ingress"][0]
        rule["from"] = [rule["from"][0] | rule["from"][1]]
    return policies


def apply(exercise: Exercise, world: World, policies: list[dict[str, Any]]) -> dict[Probe, bool]:
    """Apply policies, and see what is open once they have their effect."""
    for space in world.spaces.values():
        own = [each for each in policies if each["metadata"]["namespace"] == space.namespace]
        if own:
            space.apply(own)
    return look(exercise, world, policies)


def look(exercise: Exercise, world: World, policies: list[dict[str, Any]]) -> dict[Probe, bool]:
    """Try every connection, until they are as computed for these policies or time is up: then as they are."""
    expected = computed([*world.objects, *policies], world.probes, world.network.addresses, OUTSIDE)
    return world.network.settled(expected, exercise.cluster.timeouts.effect)


def judge(exercise: Exercise, matrix: Documented, observed: Mapping[Probe, bool]) -> None:
    """Each documented connection is open, and each that is not documented is closed."""
    count = sum(observed.values())
    closed = [each for each in matrix.needed if not observed[each]]
    exercise.holds(
        "documented is open", not closed, "documented, and closed", documented=len(matrix.needed), closed=shown(closed)
    )
    surplus = [each for each in matrix.denied if observed[each]]
    exercise.holds(
        "denied is closed", not surplus, "open, and not documented", denied=len(matrix.denied), open=shown(surplus)
    )
    seen = f"{count} open of {len(observed)}"
    exercise.holds("neither all open nor all closed", 0 < count < len(observed), "nothing is told apart", seen=seen)


def table(matrix: Documented, observed: Mapping[Probe, bool]) -> str:
    """Every connection with what is documented and what was observed, for people and for `sort`."""
    words = dict.fromkeys(matrix.needed, "documented") | dict.fromkeys(matrix.denied, "denied")
    lines = ["from\tto\tport\tdocumented as\tobserved"]
    for (source, target, protocol, port), is_open in observed.items():
        word = words.get((source, target, protocol, port), "neither")
        lines.append(f"{source}\t{target}\t{protocol}/{port}\t{word}\t{'open' if is_open else 'closed'}")
    return "\n".join(lines) + "\n"


def _is_literal(policy: dict[str, Any]) -> bool:
    """The two policies that the guide shows (Network Policies, lines 888-940)."""
    metadata = policy["metadata"]
    return metadata["namespace"].startswith("system-") and metadata["name"] in ("default-deny-all", "allow-api-server")


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def _await_account(kubectl: Kubectl) -> None:
    """No pod can be made before the controllers have made the account that it runs under."""
    bound = kubectl.cluster.timeouts.ready
    kubectl.until("the default service account", lambda: kubectl.find("serviceaccount", "default"), bound)
