"""What is read of a volume's files, and which keys are used; without a cluster."""

from __future__ import annotations

from typing import Any, cast

from conformance.drill.files import Files
from conformance.drill.kubectl import Kubectl
from conformance.drill.vault import Keys
from conformance.drills.vault_lost import shares_of


class Pods:
    """Plays kubectl: pods, and what a command in one prints."""

    def __init__(self, pods: list[dict[str, Any]], said: str = "") -> None:
        self.pods, self.said = pods, said

    def list(self, kind: str, selector: str) -> list[dict[str, Any]]:
        return self.pods if (kind, selector) == ("pods", "app=holder") else []

    def query(self, pod: str, *command: str) -> str:
        return self.said


def pod(name: str, *, ready: bool = True, going: bool = False) -> dict[str, Any]:
    metadata = {"name": name} | ({"deletionTimestamp": "now"} if going else {})
    return {"metadata": metadata, "status": {"containerStatuses": [{"ready": ready}]}}


def files(*pods: dict[str, Any], said: str = "") -> Files:
    return Files(cast(Kubectl, Pods(list(pods), said)))


def test_the_pod_that_runs_is_asked_and_none_that_goes_or_comes() -> None:
    assert files(pod("old", going=True), pod("coming", ready=False), pod("new")).pod() == "new"
    assert files(pod("old", going=True)).pod() == ""


def test_what_was_written_after_the_fault_says_nothing_about_the_loss() -> None:
    found = files(pod("one"), said="100\n101\n130\n131")
    assert found.newest_heartbeat() == 131
    assert found.newest_heartbeat(before=101.7) == 101


def test_a_volume_without_heartbeat_has_lost_everything() -> None:
    assert files(pod("one")).newest_heartbeat() == 0


def test_three_of_the_original_keys_unseal_unless_a_twin_takes_others() -> None:
    keys, temporary = Keys(("a", "b", "c", "d", "e"), "root"), Keys(("t",), "other")
    assert len(set(shares_of("", keys, temporary))) == 3
    assert set(shares_of("", keys, temporary)) <= set(keys.shares)
    assert len(shares_of("two-keys", keys, temporary)) == 2
    assert set(shares_of("temporary-keys", keys, temporary)) == {"t"}


def test_keys_are_not_shown() -> None:
    assert repr(Keys(("share-one",), "root-token")) == "Keys()"
