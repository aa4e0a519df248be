"""Steps of drills as JUnit: a suite an exercise, a case a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from conformance.drill.runner import Verdict


def write(file: Path, verdicts: Sequence[Verdict]) -> None:
    """One file for a whole run. A twin that failed where it must is a success of its suite."""
    root = ElementTree.Element("testsuites", name="kube-plumbline drills")
    for each in verdicts:
        root.append(_suite(each))
    file.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.indent(root)
    file.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(verdict: Verdict) -> ElementTree.Element:
    name = f"{verdict.drill.name}[{verdict.twin.name}]" if verdict.twin else verdict.drill.name
    cases = [_case(name, step) for step in verdict.record.get("timeline", {}).get("steps", [])]
    cases.append(_verdict(name, verdict))
    if verdict.twin is not None and verdict.good:
        for each in cases:
            for fault in [*each.findall("failure"), *each.findall("error")]:
                each.remove(fault)
    suite = ElementTree.Element("testsuite", name=name, tests=str(len(cases)), time=f"{verdict.seconds:.3f}")
    suite.set("failures", str(sum(each.find("failure") is not None for each in cases)))
    suite.set("errors", str(sum(each.find("error") is not None for each in cases)))
    suite.extend(cases)
    return suite


def _case(name: str, step: dict[str, Any]) -> ElementTree.Element:
    title = f"{step['phase']}: {step['title']}"
    case = ElementTree.Element("testcase", classname=name, name=title, time=f"{step['to'] - step['from']:.3f}")
    if step["outcome"] in ("failed", "error"):
        tag = "failure" if step["outcome"] == "failed" else "error"
        ElementTree.SubElement(case, tag, message=step["reason"]).text = step["reason"]
    return case


def _verdict(name: str, verdict: Verdict) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=name, name="verdict", time="0")
    if not verdict.good:
        tag = "error" if verdict.outcome == "error" else "failure"
        ElementTree.SubElement(case, tag, message=verdict.reason).text = verdict.reason
    return case
