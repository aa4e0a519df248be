"""The reference systems in a real API server: an audit finds nothing in them, and finds what is changed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import cli
from tests import control_plane
from tests.cluster import applying
from tests.cluster.conftest import needs_server
from tests.control_plane import ControlPlane
from tests.reference.system import REFERENCES

HERE = Path(__file__).parent
DATA: dict[str, Any] = yaml.safe_load((HERE / "live_mutations.yaml").read_text())
CASES = [(profile, each) for profile, told in DATA.items() for each in told["mutations"]]


@dataclass
class Applied:
    """A reference system in an API server of its own."""

    profile: str
    plane: ControlPlane

    def audit(self, report: Path, *options: str) -> tuple[int, dict[str, Any]]:
        """Exit code, and results by id."""
        arguments = ["--kubeconfig", str(self.plane.kubeconfig()), "--profile", self.profile, "--hardened"]
        code = cli.main(["audit", *arguments, "--report", f"json={report}", *options])
        return code, {each["id"]: each for each in json.loads(report.read_text())["results"]}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Applied]]:
    """Each system, applied when it is first asked for, as its users and controllers would leave it."""
    needs_server()
    with control_plane.control_planes(tmp_path_factory, list(DATA)) as planes:
        found = {}
        for profile, plane in planes.items():
            applying.define(plane)
            beside = HERE / "systems" / f"{profile}.yaml"
            applying.apply(plane, [*applying.read(REFERENCES / profile), *applying.read(beside)])
            found[profile] = Applied(profile, plane)
        yield found


@pytest.mark.parametrize("profile", DATA)
def test_an_audit_of_the_reference_system_is_clean(profile: str, applied: dict[str, Applied], tmp_path: Path) -> None:
    _, results = applied[profile].audit(tmp_path / "r.json")
    bad = {name for name, each in results.items() if each["outcome"] not in ("passed", "skipped")}
    said = {name: (results[name]["findings"] + results[name]["errors"])[:2] for name in bad}
    assert bad == set(DATA[profile]["standing"]), said
    assert sum(each["outcome"] == "passed" for each in results.values()) >= DATA[profile]["passed_at_least"]


@pytest.mark.parametrize(("profile", "mutation"), CASES, ids=[f"{each['id']}: {each['what']}" for _, each in CASES])
def test_what_is_changed_by_hand_is_found(
    profile: str, mutation: dict[str, Any], applied: dict[str, Applied], tmp_path: Path
) -> None:
    system = applied[profile]
    path = applying.address(system.plane, mutation["object"])
    before: dict[str, Any] | None = None if "create" in mutation else system.plane.request("GET", path)
    try:
        if before is None:
            applying.create(system.plane, mutation["object"], mutation["create"])
        elif mutation.get("delete"):
            applying.remove(system.plane, path)
        elif "recreate" in mutation:
            applying.remove(system.plane, path)
            applying.restore(system.plane, path, (before or {}) | mutation["recreate"])
        else:
            applying.merge(system.plane, path, mutation["change"])
        _, results = system.audit(tmp_path / "r.json", "-k", mutation["id"])
    finally:
        applying.restore(system.plane, path, before)
    result = results[mutation["id"]]
    assert result["outcome"] == "failed", result
    places = {((each["object"] or {}).get("name", ""), each["field"]) for each in result["findings"]}
    assert tuple(mutation["at"]) in places


def test_at_least_twenty_changes_are_found() -> None:
    assert len(CASES) >= 20


@pytest.mark.parametrize("profile", DATA)
def test_a_snapshot_is_judged_like_the_cluster(profile: str, applied: dict[str, Applied], tmp_path: Path) -> None:
    kept, replayed = tmp_path / "s.gz", tmp_path / "b.json"
    code, live = applied[profile].audit(tmp_path / "a.json", "--save-snapshot", str(kept))
    options = ["--snapshot", str(kept), "--profile", profile, "--hardened", "--report", f"json={replayed}"]
    assert cli.main(["audit", *options]) == code
    again = {each["id"]: each for each in json.loads(replayed.read_text())["results"]}
    assert {name: each | {"seconds": 0} for name, each in again.items()} == {
        name: each | {"seconds": 0} for name, each in live.items()
    }
