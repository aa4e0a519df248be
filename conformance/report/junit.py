"""JUnit XML: one test case for each requirement, so that a CI's own test view shows what holds.

There is no official schema. The structure is that of Jenkins' junit-10.xsd, plus `properties` inside a test case, as
pytest writes them and Jenkins and Azure DevOps read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from conformance.report import wording
from conformance.report.record import ErrorRecord, FindingRecord, Report, ResultRecord

#: characters of an expected or observed value
_LIMIT = 500


def write(report: Report) -> bytes:
    """One suite for each profile (and target), valid XML whatever the manifests hold."""
    suites: dict[str, list[ResultRecord]] = {}
    for result in report["results"]:
        suites.setdefault(_suite_name(result), []).append(result)
    numbers = {"name": "kube-plumbline", **_numbers(report["results"])}
    numbers.pop("skipped")  # the root has no such attribute
    root = ElementTree.Element("testsuites", {**numbers, "time": f"{report['summary']['seconds']:.3f}"})
    for name, results in suites.items():
        seconds = sum(each["seconds"] for each in results)
        suite = ElementTree.SubElement(root, "testsuite", {"name": name, **_numbers(results), "time": f"{seconds:.3f}"})
        suite.extend(_case(each) for each in results)
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _suite_name(result: ResultRecord) -> str:
    target = result.get("target", "")
    return wording.plain(f"{target}/{result['profile']}" if target else result["profile"])


def _numbers(results: Iterable[ResultRecord]) -> dict[str, str]:
    outcomes = [each["outcome"] for each in results]
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("failed")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped") + outcomes.count("waived")),
    }


def _case(result: ResultRecord) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_suite_name(result), name=result["id"], time=f"{result['seconds']:.3f}"
    )
    properties = ElementTree.SubElement(case, "properties")
    for name, value in _properties(result).items():
        ElementTree.SubElement(properties, "property", name=name, value=wording.prose(value))
    outcome = result["outcome"]
    if outcome in ("failed", "error"):
        said = ElementTree.SubElement(case, "failure" if outcome == "failed" else "error")
        said.set("message", _message(result))
        said.set("type", result["severity"])
        said.text = "\n".join(_lines(result))
    elif outcome in ("skipped", "waived"):
        ElementTree.SubElement(case, "skipped", type=outcome, message=_message(result)).text = "\n".join(_lines(result))
    elif outcome == "warned":
        ElementTree.SubElement(case, "system-out").text = "\n".join(_lines(result))
    return case


def _properties(result: ResultRecord) -> dict[str, str]:
    return {
        "id": result["id"],
        "outcome": result["outcome"],
        "severity": result["severity"],
        "keyword": result["keyword"],
        "document": result["source"]["document"],
        "section": result["source"]["section"],
        "evaluated": str(result["evaluated"]),
    }


def _message(result: ResultRecord) -> str:
    """One line: how much, and the first of it."""
    if result["outcome"] == "waived":
        return f"waived: {wording.prose(result['findings'][0]['waived'])}"
    if result["errors"]:
        first = wording.error_sentence(result["errors"][0], _LIMIT)
        return f"could not be judged: {first}"
    findings = wording.standing(result)
    if findings:
        return f"{wording.count(len(findings), 'finding')}: {wording.sentence(findings[0], _LIMIT)}"
    return wording.prose(result["reason"]) or "nothing to judge"


def _lines(result: ResultRecord) -> Iterator[str]:
    """The statement, everything that was found with `path:line:column` in front, and what to do."""
    yield wording.prose(result["statement"])
    for error in result["errors"]:
        yield _joined(error, wording.error_sentence(error))
    for finding in result["findings"]:
        said = wording.sentence(finding, _LIMIT)
        waived = f"[waived: {wording.prose(finding['waived'])}]" if finding["waived"] else ""
        yield _joined(finding, said, waived)
    if result["errors"] or result["findings"]:
        yield f"Fix: {wording.prose(result['remediation'])}"


def _joined(of: FindingRecord | ErrorRecord, *parts: str) -> str:
    place = wording.place(of["location"])
    said = " ".join(part for part in (wording.object_name(of["object"]), *parts) if part)
    return f"{place}: {said}" if place else said
