"""Clusters of runs that were killed, interrupted or told to keep theirs, on real kind clusters."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.drill import kind
from conformance.drill import state as states
from conformance.drill.guard import LABEL
from conformance.drill.kind import Cluster
from conformance.drill.kubectl import Kubectl
from conformance.drill.timeouts import Timeouts

ROOT = Path(__file__).parents[2]
BEGUN, SLEEPING = "making a cluster", "endless: prepare: sleeping"
#: seconds for a run that makes one cluster, on a busy machine
ENOUGH = 600

pytestmark = pytest.mark.kind


@pytest.fixture(autouse=True)
def place(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of states, which is that of a living run as well: this one, with its cluster."""
    monkeypatch.setenv("XDG_STATE_HOME", str(Path(cluster.state.place).parents[1]))
    return Path(cluster.state.place)


def _interruptible() -> None:
    """A shell starts what it runs in the background with Ctrl-C ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """`plumbline drill` in a process of its own."""

    def __init__(self, image: str, reports: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.drill.fake_drills", "drill", *arguments, "--destructive"]
        command += ["--image", image, "--reports", str(reports)]
        self._known = {each.name for each in states.known()}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_interruptible,
        )

    def until(self, text: str) -> None:
        """Read what it says until it says that."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if text in line:
                return
        pytest.fail(f"the run ended without saying {text!r}")

    def state(self) -> states.State:
        """What is remembered of its cluster, as soon as something is."""
        deadline = time.monotonic() + 30
        while True:
            found = [each for each in states.known() if each.name not in self._known]
            if found:
                return found[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def end(self, number: int) -> tuple[int, str]:
        """Send it a signal; how it ended, and what else it said."""
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=ENOUGH)
        return self.process.returncode, told


@pytest.fixture
def started(node_image: str, tmp_path: Path) -> Iterator[list[Running]]:
    """Runs that a test starts; none survives it."""
    found: list[Running] = []
    yield found
    for each in found:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate(timeout=60)
    for state in states.known():
        if not state.alive:
            kind.delete(state, Timeouts())


def containers(name: str) -> list[str]:
    command = ["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", f"label={LABEL}={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def processes(name: str) -> list[bytes]:
    """Command lines that mention a cluster."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes())
        except OSError:
            continue
    return [each for each in found if name.encode() in each]


def test_a_killed_runs_cluster_goes_with_the_next_run(
    cluster: Cluster, node_image: str, tmp_path: Path, started: list[Running]
) -> None:
    """… and no other: this test's own stays, and so does the one that the next run keeps."""
    killed = Running(node_image, tmp_path, "endless", "--no-twins")
    started.append(killed)
    killed.until(SLEEPING)
    state = killed.state()
    killed.end(signal.SIGKILL)
    assert containers(state.name), "a killed run cannot delete anything"

    keeping = Running(node_image, tmp_path, "tiny", "--keep")
    started.append(keeping)
    said, told = keeping.process.communicate(timeout=ENOUGH)
    assert keeping.process.returncode == 0, said + told
    assert f"deleted {state.name}, left behind by a run that was killed" in told
    assert containers(state.name) == []
    assert not state.file.exists()
    assert Kubectl(cluster, "default").find("namespace", "default") is not None

    (enter,) = re.findall(r"Enter it: (.+)", said)
    (remove,) = re.findall(r"Delete it: (.+)", said)
    kept = re.findall(r"Kept (\S+)\. ", said)[0]
    assert [line for line in kind.sweep(Timeouts()) if kept in line] == []
    entered = subprocess.run(shlex.split(enter), capture_output=True, text=True, timeout=60)
    assert "kube-apiserver" in entered.stdout, entered.stderr
    subprocess.run(["sh", "-c", remove], check=True, capture_output=True, timeout=120)
    assert containers(kept) == []
    assert [each.name for each in states.known()] == [cluster.state.name]


def test_a_kind_that_outlives_its_killed_run_is_ended(node_image: str, tmp_path: Path, started: list[Running]) -> None:
    killed = Running(node_image, tmp_path, "endless", "--no-twins")
    started.append(killed)
    killed.until(BEGUN)
    state = killed.state()
    deadline = time.monotonic() + 30
    while not [each for each in processes(state.name) if b"create\0cluster" in each]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.end(signal.SIGKILL)  # kind goes on, or ends over the pipe that nobody reads any more
    assert [line for line in kind.sweep(Timeouts()) if state.name in line] == [
        f"deleted {state.name}, left behind by a run that was killed"
    ]
    time.sleep(3)
    assert processes(state.name) == []
    assert containers(state.name) == []


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGTERM, BEGUN), (signal.SIGINT, SLEEPING)])
def test_an_interrupted_run_deletes_its_cluster(
    cluster: Cluster, node_image: str, tmp_path: Path, started: list[Running], number: int, moment: str
) -> None:
    running = Running(node_image, tmp_path, "endless", "--no-twins")
    started.append(running)
    running.until(moment)
    if moment == BEGUN:
        time.sleep(3)
    name = running.state().name
    code, told = running.end(number)
    assert code == 2, told
    assert "broken off; clusters of this run are deleted" in told
    assert "Traceback" not in told
    assert containers(name) == []
    assert [each.name for each in states.known()] == [cluster.state.name]
    suites = [each.get("name") for each in ElementTree.parse(tmp_path / "drills.xml").getroot()]
    if moment == SLEEPING:
        assert suites == ["endless"]
        (record,) = tmp_path.glob("drills/*-endless/evidence.json")
        assert json.loads(record.read_text())["reason"] == "broken off"
        assert list(tmp_path.glob("drills/*-endless/end/*.yaml")), "its objects are evidence"


def test_a_strangers_container_of_that_name_is_left_alone(node_image: str, cluster: Cluster) -> None:
    """Made before the name was ever given to a cluster of ours, so it is none."""
    state = replace(states.new(), process=2**22 + 1, created=time.time() + 60)
    command = ["docker", "create", "--label", f"{LABEL}={state.name}", "--name", f"{state.name}-x", node_image]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    try:
        state.save()
        told = [line for line in kind.sweep(Timeouts()) if state.name in line]
        assert told == [
            f"left alone: {state.name}-x is older than the cluster {state.name}: it is left alone",
        ]
        assert containers(state.name) == [f"{state.name}-x"]
    finally:
        subprocess.run(["docker", "rm", "-f", f"{state.name}-x"], check=True, capture_output=True, timeout=60)
        state.forget()


def test_a_living_runs_cluster_is_not_swept(cluster: Cluster) -> None:
    assert list(kind.sweep(Timeouts())) == []
    assert containers(cluster.state.name)
    assert os.getpid() == cluster.state.process
