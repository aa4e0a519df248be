"""What an auditor reads of an exercise: the page and the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conformance.drill import page, picture
from conformance.drill.evidence import Evidence, record
from conformance.drill.registry import Drill, Objective, Twin
from conformance.drill.timeline import Step, Timeline

SVG = "{http://www.w3.org/2000/svg}"
TWIN = Twin("half", "half of it is missing", fails="all of it")


def procedure(exercise: object) -> None:
    """It is broken, then
    it is mended.
    """


def assertion(name: str, held: bool = True, **observed: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "held": held, "observed": observed}
    return found if held else found | {"message": "it | is not"}


def told(
    tmp_path: Path, *, twin: str = "", outcome: str = "passed", reason: str = "", rto: float = 20.0
) -> dict[str, Any]:
    drill = Drill(
        "one", "a title", procedure, ("some-requirement",),
        (Objective("guide, line 7", rto=30, rpo=None),), (), (TWIN,),
        wanted=None,  # type: ignore[arg-type]
    )  # fmt: skip
    timeline = Timeline(started=1000.0)
    failed = outcome == "failed"
    timeline.steps = [
        Step("prepare", "made <here> & there", 1000, 1010, "passed"),
        Step("fault", "broken", 1010, 1012, "passed"),
        Step("recover", "a long title " * 9, 1012, 1030, "passed", "", [assertion("same", before="x", after="x")]),
        Step("verify", "looked at", 1030, 1040, outcome, reason, [assertion("all of it", not failed, seen="a" * 200)]),
    ]
    timeline.moments = {"fault": 1010.0} | ({} if failed else {"recovered": 1010.0 + rto})
    evidence = Evidence(tmp_path, {} if failed else {"rto": rto, "rpo": 5.0, "archive megabytes": 4.2})
    evidence.stand_ins, evidence.notes = ["A in the role of B"], ["one node"]
    return record(drill, twin, outcome, reason, evidence, timeline)


@pytest.fixture(autouse=True)
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.drill.evidence.versions", lambda: {"kind": "v1", "docker": ""})


def texts(svg: str) -> dict[str, ElementTree.Element]:
    return {"".join(each.itertext()): each for each in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_the_page_says_what_was_promised_and_whether_it_was_kept(tmp_path: Path) -> None:
    lines = page.markdown(told(tmp_path)).splitlines()
    assert lines[0] == "# Drill one: a title"
    assert "It is broken, then it is mended." in lines
    assert "Requirements: `some-requirement`." in lines
    assert "| time until the first correct answer (RTO) | 20.0 s | 30 s (guide, line 7) | kept |" in lines
    assert "| data lost (RPO) | 5.0 s | no objective documented |  |" in lines
    assert "| archive megabytes | 4.2 | | |" in lines
    assert "- A in the role of B" in lines
    assert lines[-2:] == ["- kind v1", "- one node"]


def test_the_page_says_that_an_objective_was_exceeded(tmp_path: Path) -> None:
    text = page.markdown(told(tmp_path, rto=31.0))
    assert "| 31.0 s | 30 s (guide, line 7) | **exceeded** |" in text


def test_assertions_name_their_step_and_what_was_seen(tmp_path: Path) -> None:
    lines = page.markdown(told(tmp_path)).splitlines()
    assert "| 3 | same | held | as before: `x` |" in lines
    assert f"| 4 | all of it | held | seen: `{'a' * 119}…` |" in lines


def test_the_page_of_a_failure_says_where_and_why(tmp_path: Path) -> None:
    lines = page.markdown(told(tmp_path, twin="half", outcome="failed", reason="it is | gone")).splitlines()
    assert "> it is \\| gone" in lines
    assert "Built in: half of it is missing. The drill has to fail at “all of it”." in lines
    assert "| 4 | 30.0 s | 10.0 s | verify | looked at | **failed** |" in lines
    assert any(each.startswith("| 4 | all of it | **did not hold**: it \\| is not |") for each in lines)
    assert "Nothing was measured: the drill did not come that far, or it measures no outage." in lines


def test_the_picture_shows_outage_and_loss_where_they_are(tmp_path: Path) -> None:
    svg = picture.timeline(told(tmp_path))
    assert {"outage 20.0 s (RTO)", "lost 5.0 s (RPO)", "passed", "one", "made <here> & there"} <= set(texts(svg))
    rects = list(ElementTree.fromstring(svg).iter(f"{SVG}rect"))
    bars = [each for each in rects if each.get("height") == "15"]
    bands = [each for each in rects if each.get("fill-opacity")]
    fault, recovered = float(bars[1].get("x", "")), float(bands[0].get("x", "")) + float(bands[0].get("width", ""))
    assert float(bands[0].get("x", "")) == pytest.approx(fault, abs=0.2)
    assert recovered == pytest.approx(float(bars[3].get("x", "")), abs=0.2)
    lost = float(bands[1].get("x", "")) + float(bands[1].get("width", ""))
    assert lost == pytest.approx(fault, abs=0.2)
    assert float(bars[0].get("width", "")) == pytest.approx(2 * float(bands[1].get("width", "")), abs=0.2)


def test_long_titles_take_two_lines_and_move_what_follows(tmp_path: Path) -> None:
    svg = picture.timeline(told(tmp_path))
    bars = [each for each in ElementTree.fromstring(svg).iter(f"{SVG}rect") if each.get("height") == "15"]
    tops = [float(each.get("y", "")) for each in bars]
    assert tops[1] - tops[0] == 25
    assert tops[3] - tops[2] == 40
    height = float(ElementTree.fromstring(svg).get("height", ""))
    assert all(float(each.get("y", "")) < height for each in texts(svg).values())


def test_the_picture_of_a_failure_says_why_in_red(tmp_path: Path) -> None:
    found = texts(picture.timeline(told(tmp_path, twin="half", outcome="failed", reason="it is gone")))
    assert found["it is gone"].get("fill") == "#b3261e"
    assert found["10.0 s · failed"].get("fill") == "#b3261e"
    assert "one, with the fault “half” built in" in found
    assert not [each for each in found if "RTO" in each]


def test_a_picture_without_steps_is_one_too(tmp_path: Path) -> None:
    empty = told(tmp_path) | {"timeline": {"started": "now", "steps": [], "moments": {}}, "figures": {}}
    assert "passed" in texts(picture.timeline(empty))
