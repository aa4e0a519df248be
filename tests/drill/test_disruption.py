"""What drills of lost nodes and of a lost control plane conclude from objects and from the client's log; no cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.drill.client import Request, longest_silence
from conformance.drill.spread import MONTH_BUDGET, is_ready, places, unplaced
from conformance.drills import autoscaled, etcd_restored, node_lost


@dataclass
class Cluster:
    """Answers questions from lists."""

    objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    log: str = ""

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        wanted = dict(each.split("=") for each in selector.split(",") if each)
        return [each for each in self.objects[kind] if wanted.items() <= each["metadata"].get("labels", {}).items()]

    def logs(self, pod: str) -> str:
        assert pod == "client"
        return self.log


def pod(name: str, node: str, *conditions: dict[str, str], gone: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {"app": "web"}}
    if gone:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"conditions": [*conditions]}}


READY = {"type": "Ready", "status": "True"}
WAITING = {"type": "PodScheduled", "status": "False", "message": "didn't match pod topology spread constraints"}


def test_only_pods_that_are_ready_and_stay_have_a_place() -> None:
    unready = pod("two", "b", {"type": "Ready", "status": "False"})
    cluster: Any = Cluster({"pods": [pod("one", "a", READY), unready, pod("three", "b", READY, gone=True)]})
    assert places(cluster, "web") == {"one": "a"}
    assert is_ready(pod("one", "a", READY))
    assert not is_ready(pod("one", "a"))


def test_a_pod_without_a_node_says_why() -> None:
    cluster: Any = Cluster({"pods": [pod("one", "a", READY), pod("two", "", WAITING)]})
    assert unplaced(cluster, "web") == "didn't match pod topology spread constraints"
    assert unplaced(cluster, "was") == ""


def test_the_budget_of_a_month() -> None:
    assert MONTH_BUDGET.rto == pytest.approx(43.2 * 60)


def test_silence_counts_from_the_fault_to_the_end() -> None:
    made = [Request(100, True, ""), Request(104, False, ""), Request(106, True, ""), Request(107, False, "")]
    assert longest_silence(made, 99, 107) == 6
    assert longest_silence(made, 90, 107) == 10
    assert longest_silence([], 90, 107) == 17
    assert longest_silence(made, 105, 120) == 14


@pytest.mark.parametrize(("last", "quiet"), [("ok", True), ("failed", False)])
def test_a_service_is_quiet_when_the_last_seconds_were(last: str, quiet: bool) -> None:
    lines = ["10 failed nothing", *(f"{second} ok web" for second in range(11, 20) for _ in range(3)), f"20 {last} web"]
    cluster: Any = Cluster(log="\n".join(lines))
    assert node_lost.quiet(cluster) is quiet


def test_too_few_requests_prove_no_quiet() -> None:
    cluster: Any = Cluster(log="20 ok web\n20 ok web")
    assert not node_lost.quiet(cluster)


def config(name: str, value: str = "", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"value": value}}


def test_the_newest_heartbeat_is_the_greatest_second() -> None:
    names = ["beat-1700000009", "beat-1700000010", "known-1", "heart-beat-1800000000", "kube-root-ca.crt"]
    cluster: Any = Cluster({"configmaps": [config(each) for each in names]})
    assert etcd_restored.newest(cluster) == 1700000010
    assert etcd_restored.newest(Cluster({"configmaps": []})) == 0  # type: ignore[arg-type]


def test_the_checksum_is_over_names_and_contents_of_known_objects() -> None:
    def checksum(*objects: dict[str, Any]) -> str:
        return etcd_restored.checksum(Cluster({"configmaps": list(objects)}))  # type: ignore[arg-type]

    one, two = config("known-1", "a", app="known"), config("known-2", "b", app="known")
    right = checksum(one, two)
    assert right == checksum(two, one, config("made-later", "c", app="known"), config("known-3", "d"))
    assert right != checksum(one)
    assert right != checksum(one, config("known-2", "a", app="known"))
    assert checksum() == ""


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("local/etcd:3", "docker.io/local/etcd:3"),
        ("registry.k8s.io/etcd:3.6.5-0", "registry.k8s.io/etcd:3.6.5-0"),
        ("localhost/etcd:3", "localhost/etcd:3"),
        ("mirror:5000/etcd:3", "mirror:5000/etcd:3"),
    ],
)
def test_images_have_their_whole_names_on_a_node(image: str, full: str) -> None:
    assert etcd_restored._full(image) == full


def test_an_autoscaler_measures_when_it_says_so() -> None:
    active = {"type": "ScalingActive", "status": "True"}
    assert autoscaled.measures({"status": {"conditions": [{"type": "AbleToScale", "status": "True"}, active]}})
    assert not autoscaled.measures({"status": {"conditions": [active | {"status": "False"}]}})
    assert not autoscaled.measures({})


def test_the_pods_that_answered_are_known_by_their_answers() -> None:
    cluster: Any = Cluster(log="1 ok web-a\n1 failed web-b\n2 ok web-c\n")
    assert autoscaled.answering(cluster) == {"web-a", "web-c"}
