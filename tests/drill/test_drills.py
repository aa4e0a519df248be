"""The standard set of drills with all its red twins, by the command that a person types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.drill.registry import Drill, drills

#: drills that CI has to carry out, and the images that they are given here
STANDARD = ("bad-release", "claim-deleted", "data-directory-restored", "database-restored", "segmentation")
IMAGES = {"tools": "PLUMBLINE_TOOLS_IMAGE", "postgres": "PLUMBLINE_POSTGRES_IMAGE"}
#: seconds after which the set hangs; how long it took is printed, not judged: that depends on the machine
BOUND = 45 * 60

pytestmark = pytest.mark.kind


@dataclass
class Run:
    """A run that has ended."""

    code: int
    said: str
    told: str
    seconds: float
    reports: Path

    def folder(self, exercise: str) -> Path:
        """The evidence of a drill, or of `drill-twin`."""
        (found,) = [each for each in (self.reports / "drills").iterdir() if each.name.partition("Z-")[2] == exercise]
        return found


def chosen() -> list[Drill]:
    """The standard set; a drill that is missing would go unnoticed otherwise."""
    known = drills()
    assert set(STANDARD) <= known.keys()
    return [known[name] for name in STANDARD]


def exercises() -> Iterator[tuple[Drill, str]]:
    for each in chosen():
        yield from ((each, twin) for twin in ("", *(twin.name for twin in each.twins)))


@pytest.fixture(scope="module")
def run(node_image: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the whole set."""
    missing = [variable for variable in IMAGES.values() if not os.environ.get(variable)]
    if missing and os.environ.get("PLUMBLINE_REQUIRE_KIND"):
        pytest.fail(f"{missing[0]} names no image, and PLUMBLINE_REQUIRE_KIND is set")
    if missing:
        pytest.skip(f"{missing[0]} names no image")
    place = tmp_path_factory.mktemp("drills")
    uses = [f"--use={name}={os.environ[variable]}" for name, variable in IMAGES.items()]
    command = [sys.executable, "-m", "conformance.cli", "drill", *STANDARD, "--destructive", *uses]
    command += ["--image", node_image, "--reports", str(place / "reports")]
    started = time.monotonic()
    environment = os.environ | {"XDG_STATE_HOME": str(place / "state")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=BOUND)
    seconds = time.monotonic() - started
    sys.stdout.write(f"{done.stdout}\nthe standard set took {seconds:.0f} s\n")
    return Run(done.returncode, done.stdout, done.stderr, seconds, place / "reports")


def test_every_drill_passes_and_every_twin_is_red(run: Run) -> None:
    assert run.code == 0, run.said + run.told
    ends = [line.strip().partition(" in ")[0] for line in run.said.splitlines()]
    for drill, twin in exercises():
        name, word = (f"{drill.name}[{twin}]", "red, as it must be") if twin else (drill.name, "passed")
        assert [each for each in ends if each.startswith(f"{name}: {word}")], name


def test_there_is_evidence_of_every_exercise(run: Run) -> None:
    for drill, twin in exercises():
        folder = run.folder(f"{drill.name}-{twin}" if twin else drill.name)
        record = json.loads((folder / "evidence.json").read_text())
        assert (record["drill"], record["twin"], record["outcome"]) == (
            drill.name, twin, "red" if twin else "passed",
        )  # fmt: skip
        asserted = [each for step in record["timeline"]["steps"] for each in step["assertions"]]
        unheld = {each["name"] for each in asserted if not each["held"]}
        (expected,) = [each.fails for each in drill.twins if each.name == twin] or [""]
        assert unheld <= {expected}, "only what the twin spoils does not hold"
        assert twin or asserted, "a drill that asserts nothing proves nothing"
        assert all(each["id"].startswith("sha256:") for each in record["images"].values())
        assert ElementTree.parse(folder / "timeline.svg").getroot().tag.endswith("svg")
        page = (folder / "README.md").read_text()
        assert page.startswith(f"# Drill {drill.name}: {drill.title}\n")
        assert all(each in page for each in record["stand_ins"])
        assert list((folder / "end").glob("*.yaml"))


def test_figures_stand_beside_what_is_promised(run: Run) -> None:
    for drill in (each for each in chosen() if each.objectives):
        record = json.loads((run.folder(drill.name) / "evidence.json").read_text())
        assert record["figures"].keys() & {"rto", "rpo"}, drill.name
        assert [each["source"] for each in record["objectives"]] == [each.source for each in drill.objectives]


def test_the_journal_has_a_line_for_each(run: Run) -> None:
    lines = [json.loads(line) for line in (run.reports / "drills.jsonl").read_text().splitlines()]
    assert {(each["drill"], each["twin"]) for each in lines} == {(drill.name, twin) for drill, twin in exercises()}
    assert all(len(each["date"]) == 10 for each in lines)


def test_junit_has_a_suite_for_each_and_no_fault(run: Run) -> None:
    root = ElementTree.parse(run.reports / "drills.xml").getroot()
    wanted = {f"{drill.name}[{twin}]" if twin else drill.name for drill, twin in exercises()}
    assert {each.get("name") for each in root} == wanted
    assert [each for each in root.iter() if each.tag in ("failure", "error")] == []
    assert all(int(each.get("tests", "0")) == len(each) > 1 for each in root)
