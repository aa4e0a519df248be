"""Contradictions of the home lab's inventory that its own figures show; each is computed, not only stated."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from conformance.catalogue import Catalogue, Defect, Requirement
from conformance.evaluate import Policy, evaluate
from conformance.finding import Outcome
from conformance.kube import duration, image, quantity
from conformance.kube.cron import Schedule
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.selector import label_selector
from conformance.kube.versions import version_of
from conformance.promql.rules import alerts
from conformance.registry import bind
from conformance.run import load_catalogue
from conformance.settings import shipped_folders
from tests.reference.edit import apply
from tests.reference.system import failing, judge, load, systems

MIB = Decimal(2**20)
GIB = Decimal(2**30)
#: lines 842 to 848: pods of each namespace, their sum, and line 34
PODS = {"blog-system": 7, "monitoring": 10, "argocd": 5, "falco": 4, "istio-system": 2, "kube-system": 12}
STATED_PODS, SUMMED_PODS = 35, 40
#: lines 858 to 862: pods, cpu and memory of each
APPLICATIONS = {
    "WEB": (2, "100m", "128Mi"), "WAS": (2, "250m", "512Mi"), "MySQL": (1, "250m", "512Mi"),
    "mysql-exporter": (1, "50m", "64Mi"), "sidecars": (4, "10m", "40Mi"),
}  # fmt: skip
#: lines 868 to 873
MONITORING = {
    "Prometheus": (1, "500m", "1Gi"), "Grafana": (1, "100m", "256Mi"), "Loki": (1, "100m", "256Mi"),
    "Alloy": (3, "50m", "128Mi"), "Tempo": (1, "200m", "512Mi"), "AlertManager": (1, "50m", "128Mi"),
}  # fmt: skip
#: lines 80 to 87 and 850 to 852
NODES, WORKERS, CORES, MEMORY_GB = 3, 2, 4, 8
REQUESTED_CORES, REQUESTED_GI = Decimal("3.85"), Decimal("9.4")
#: lines 474 to 479
TARGETS = {"nodes": 3, "pods": 20, "alloy": 3, "kube-state-metrics": 1, "nginx": 1, "mysql": 1}
STATED_TARGETS = 11
#: lines 470, 518, 554 and 712
RETENTION = {"Prometheus": "15d", "Loki": "7d", "Tempo": "48h", "backups": "7d"}
#: line 38
AVAILABILITY = Decimal("0.999")
#: a pod leaves a lost node after 300 s, and its volume is detached by force after six minutes more
TOLERATION, FORCED_DETACH = timedelta(seconds=300), timedelta(minutes=6)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue([shipped_folders()["homelab"]])


@pytest.fixture(scope="module")
def reference() -> Inventory:
    return load(systems()["homelab"].tree)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(systems()["homelab"].tree, tmp_path / "homelab"))


def requirement(catalogue: Catalogue, name: str) -> Requirement:
    found = catalogue.find(f"homelab-{name}")
    assert found is not None
    return found


def defects(catalogue: Catalogue) -> dict[str, Defect]:
    return {each.id.removeprefix("homelab-defect-"): each for each in catalogue.profiles["homelab"].defects}


def find(world: Inventory, kind: str, namespace: str, name: str) -> Object:
    return next(each for each in world.of_kind(kind) if (each.namespace, each.name) == (namespace, name))


def totals(rows: dict[str, tuple[int, str, str]]) -> tuple[Decimal, Decimal]:
    """Cores and MiB."""
    cpu = sum((count * quantity.parse(each) for count, each, _ in rows.values()), Decimal(0))
    memory = sum((count * quantity.parse(each) for count, _, each in rows.values()), Decimal(0))
    return cpu, memory / MIB


def test_every_defect_is_there_and_names_known_requirements(catalogue: Catalogue) -> None:
    found = defects(catalogue)
    assert list(found) == [f"c{number:02}" for number in range(1, 71)]
    for each in found.values():
        for name in each.requirements:
            assert catalogue.find(name) is not None, (each.id, name)
        lines = [int(number) for number in re.findall(r"L(\d+)", each.where)]
        assert lines, each.id
        assert 1 <= min(lines) <= max(lines) <= 1000, each.id


def test_the_profile_holds_every_requirement_of_the_inventory(catalogue: Catalogue) -> None:
    requirements = catalogue.profiles["homelab"].requirements
    assert len(requirements) == 309
    keywords = Counter(each.keyword for each in requirements if each.basis == "recommended")
    assert keywords["MUST"] == 0


#: whose statement the reference itself shows, since it is built as documented
SHOWN = {
    "c02", "c11", "c15", "c16", "c24", "c25", "c30", "c35", "c39", "c40", "c42", "c43", "c44", "c46", "c47", "c50",
    "c51", "c53", "c64", "c69",
}  # fmt: skip


def test_what_is_built_as_documented_shows_its_own_defects(catalogue: Catalogue, reference: Inventory) -> None:
    reported = failing(judge("homelab", reference))
    shown = {name for name, each in defects(catalogue).items() if set(each.requirements) & reported}
    assert shown >= SHOWN


def test_c01_the_start_date() -> None:
    updated = date(2026, 1, 27)
    assert (updated - date(2024, 11, 27)).days == 426
    assert (updated - date(2025, 11, 27)).days in (60, 61)


def test_c02_namespaces_that_are_used_and_not_listed(catalogue: Catalogue) -> None:
    options = requirement(catalogue, "namespace-inventory-complete").options
    listed = {*options["listed"], "kube-system"}
    assert (len(listed), len(listed | set(options["unlisted"]))) == (6, 9)
    assert set(options["unlisted"]) <= {each.rpartition("/")[0].split("/")[0] for each in _components(catalogue)}


def _components(catalogue: Catalogue) -> list[str]:
    """Where the inventory itself says that its components run."""
    found: dict[str, str] = requirement(catalogue, "cluster-component-version-matrix").options["components"]
    return list(found)


def test_c03_two_totals_of_pods() -> None:
    assert sum(PODS.values()) == SUMMED_PODS != STATED_PODS


def test_c24_the_row_of_blog_system(catalogue: Catalogue) -> None:
    row = requirement(catalogue, "resource-blog-system-sum").options
    cpu, memory = totals(APPLICATIONS)
    assert (cpu, memory) == (Decimal("1.04"), Decimal(2016))
    assert cpu - quantity.parse(row["cpu"]) == Decimal("0.19")
    assert round(memory * MIB / GIB - quantity.parse(row["memory"]) / GIB, 2) == Decimal("0.27")
    pods = sum(count for name, (count, _, _) in APPLICATIONS.items() if name != "sidecars")
    assert (pods, row["pods"]) == (6, PODS["blog-system"])


def test_c24_the_application_rows_are_those_of_the_requirement(catalogue: Catalogue) -> None:
    table = requirement(catalogue, "resource-app-table").options["table"]
    stated = [(quantity.parse(row["cpu"]), quantity.parse(row["memory"])) for row in table.values()]
    rows = [each for name, each in APPLICATIONS.items() if name != "sidecars"]
    assert stated == [(count * quantity.parse(cpu), count * quantity.parse(memory)) for count, cpu, memory in rows]


def test_c25_the_row_of_monitoring(catalogue: Catalogue) -> None:
    row = requirement(catalogue, "resource-monitoring-sum").options
    cpu, memory = totals(MONITORING)
    assert (cpu, memory * MIB) == (Decimal("1.1"), Decimal("2.5") * GIB)
    assert quantity.parse(row["cpu"]) - cpu == Decimal("0.1")
    assert quantity.parse(row["memory"]) - memory * MIB == GIB
    assert sum(count for count, _, _ in MONITORING.values()) == 8 < row["pods"] == PODS["monitoring"]


def test_c26_pods_of_falco(catalogue: Catalogue) -> None:
    options = requirement(catalogue, "falco-daemonset").options
    falcosidekick = talon = 1
    assert NODES + falcosidekick + talon > PODS["falco"]
    assert PODS["falco"] * quantity.parse(options["requests"]["cpu"]) == quantity.parse("400m")
    assert PODS["falco"] * quantity.parse(options["requests"]["memory"]) == GIB


def test_c27_pods_of_kube_system() -> None:
    static, dns, proxies, cilium, operator, relay = 4, 1, NODES, NODES, 1, 1
    assert static + dns + proxies + cilium + operator + relay > PODS["kube-system"]


def test_c28_half_is_no_two_thirds() -> None:
    assert (6 - 3) * 100 / 6 == 50


def test_c29_targets() -> None:
    assert sum(TARGETS.values()) == 29
    assert sum(TARGETS.values()) - TARGETS["pods"] == 9
    assert STATED_TARGETS not in (29, 9)


def test_c31_the_window_in_which_everything_is_kept() -> None:
    assert min(duration.parse(each) for each in RETENTION.values()) == duration.parse("48h")


def test_c32_ten_replicas_over_two_workers(catalogue: Catalogue, tree: Path) -> None:
    """Without `nodeTaintsPolicy: Honor`, which is not documented, the tainted node counts as an empty domain."""
    (name,) = defects(catalogue)["c32"].requirements
    assert held(catalogue, name, tree)
    apply(tree, {"file": "blog-system/was/rollout.yaml", "find": "        nodeTaintsPolicy: Honor\n", "replace": ""})
    assert not held(catalogue, name, tree)


def held(catalogue: Catalogue, name: str, tree: Path) -> bool:
    found = catalogue.find(name)
    assert found is not None
    result = evaluate(found, bind(found), load(tree), policy=Policy(hardened=True))
    assert result.outcome in (Outcome.PASSED, Outcome.FAILED), result.errors
    return result.outcome is Outcome.PASSED


def test_c36_a_spread_without_a_selector_counts_nobody() -> None:
    assert not label_selector(Node(None, ("labelSelector",))).matches({"app": "was"})


def test_c37_three_copies_on_two_workers(catalogue: Catalogue) -> None:
    assert requirement(catalogue, "longhorn-replica-count").options["copies"] > WORKERS
    assert requirement(catalogue, "cluster-node-count").options["workers"] == WORKERS


def test_c38_falco_needs_a_toleration(catalogue: Catalogue, tree: Path) -> None:
    text = (tree / "falco/daemonset.yaml").read_text()
    start, end = text.index("      tolerations:"), text.index("      containers:")
    apply(tree, {"file": "falco/daemonset.yaml", "find": text[start:end], "replace": ""})
    assert not held(catalogue, "homelab-falco-daemonset", tree)


def test_c47_canaries_are_over_before_an_alert(reference: Inventory) -> None:
    lengths = {name: _canary(find(reference, "Rollout", "blog-system", name)) for name in ("web", "was")}
    assert lengths == {"web": 90, "was": 180}
    (alert,) = (each for each in alerts(reference) if each.name == "HighErrorRate")
    assert duration.parse(alert.wait) == 300 > max(lengths.values())


def _canary(rollout: Object) -> Decimal:
    steps = rollout.sequence("spec.strategy.canary.steps")
    return sum((duration.parse(each.get("pause.duration", "0s")) for each in steps), Decimal(0))


def test_c48_and_c64_what_three_nines_leave() -> None:
    assert Decimal("0.10") / (1 - AVAILABILITY) == 100
    month = timedelta(days=30)
    budget = month * float(1 - AVAILABILITY)
    assert round(budget.total_seconds() / 60, 1) == 43.2
    assert (TOLERATION + FORCED_DETACH) / budget > 0.25


def test_c56_the_services_of_tempo(reference: Inventory) -> None:
    """The reference opens what is documented as a protocol and missing in the list of Services."""
    ports = {each.number("port") for each in find(reference, "Service", "monitoring", "tempo").sequence("spec.ports")}
    assert ports - {3200, 4317} == {4318}


def test_c19_alertmanager_behind_the_gateway(reference: Inventory) -> None:
    gateway = find(reference, "Service", "istio-system", "istio-ingressgateway")
    assert 9093 not in {each.number("port") for each in gateway.sequence("spec.ports")}


def test_c20_prometheus_on_every_node(reference: Inventory) -> None:
    service = find(reference, "Service", "monitoring", "prometheus")
    assert (service.text("spec.type"), service.get("spec.ports[0].nodePort")) == ("NodePort", 30090)


def test_c14_who_reaches_mysql(catalogue: Catalogue) -> None:
    edges = requirement(catalogue, "netpol-mysql-ingress").options["edges"]
    sources = {each["from"] for each in edges}
    assert sources == {"blog-system/was", "blog-system/mysql-backup", "blog-system/mysql-exporter"}


def test_c63_seven_failed_days(catalogue: Catalogue) -> None:
    options = requirement(catalogue, "backup-schedule").options
    gap = Schedule.parse(options["at"], options["time_zone"]).largest_gap()
    assert gap == timedelta(hours=24), "what may be lost"
    assert duration.parse(RETENTION["backups"]) / Decimal(24 * 3600) == 7


def test_c66_the_shorter_list_leaves_the_drop_out(catalogue: Catalogue) -> None:
    assert requirement(catalogue, "web-capabilities").options["drop"] == ["ALL"]


def test_c68_free_capacity() -> None:
    cores, memory = NODES * CORES, NODES * MEMORY_GB * 10**9
    requested = REQUESTED_GI * GIB
    assert round((cores - REQUESTED_CORES) * 100 / cores) == 68
    assert round((NODES * MEMORY_GB - REQUESTED_GI) * 100 / (NODES * MEMORY_GB)) == 61, "of GB and Gi mixed"
    assert round((memory - requested) * 100 / memory) == 58
    usable = WORKERS * MEMORY_GB * 10**9
    assert (usable - requested) * 100 / usable < 40, "without the control plane"


def test_c69_references_that_move() -> None:
    assert version_of(image.parse("nginx:alpine").tag or "") == ()
    assert len(version_of(image.parse("mysql:8.0").tag or "")) == 2, "no patch level"


def test_c70_recommendations_beyond_the_limit(reference: Inventory) -> None:
    allowed = find(reference, "VerticalPodAutoscaler", "blog-system", "web-vpa").get(
        "spec.resourcePolicy.containerPolicies[0].maxAllowed.memory"
    )
    limit = find(reference, "Rollout", "blog-system", "web").get(
        "spec.template.spec.containers[0].resources.limits.memory"
    )
    assert quantity.parse(allowed) > quantity.parse(limit)
