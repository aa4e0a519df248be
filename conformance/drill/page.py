"""An exercise as a page that an auditor can read: what was promised, what was measured, what was asserted."""

from __future__ import annotations

from typing import Any

_OUTCOMES = {
    "passed": "passed",
    "failed": "**failed**",
    "error": "**could not be carried out**",
    "red": "failed, as it must: the drill notices this fault",
    "broken": "**did not fail where it must: the drill proves nothing**",
}


def markdown(record: dict[str, Any]) -> str:
    """The page `README.md` of an evidence folder."""
    twin = f", with the fault `{record['twin']}` built in" if record["twin"] else ""
    lines = [f"# Drill {record['drill']}: {record['title']}", ""]
    lines += [f"Carried out {record['timeline']['started']}{twin}: {_OUTCOMES[record['outcome']]}.", ""]
    if record["reason"]:
        lines += [f"> {_cell(record['reason'])}", ""]
    lines += ["## Measured against what is promised", "", *_objectives(record), ""]
    if record["stand_ins"]:
        lines += [
            "## Stand-ins",
            "",
            "Not everything ran as documented. Nothing is proven about what was replaced.",
            "",
        ]
        lines += [f"- {_cell(each)}" for each in record["stand_ins"]] + [""]
    lines += ["## What happened", "", "![timeline](timeline.svg)", "", *_steps(record), ""]
    lines += ["## What was asserted", "", *_assertions(record), ""]
    lines += ["## With", "", *[f"- {name} {version}" for name, version in record["versions"].items() if version]]
    lines += [f"- image {each['run']} {each['id'][:19]}" for each in record["images"].values()]
    lines += [f"- {_cell(each)}" for each in record["notes"]]
    return "\n".join(lines) + "\n"


def _objectives(record: dict[str, Any]) -> list[str]:
    figures = record["figures"]
    if not figures:
        return ["Nothing was measured: the drill did not come that far, or it measures no outage."]
    lines = ["| | measured | promised |", "|---|---|---|"]
    for name, what in (("rto", "time until the first correct answer (RTO)"), ("rpo", "data lost (RPO)")):
        promised = [f"{each[name]:g} s ({each['source']})" for each in record["objectives"] if each[name] is not None]
        if name in figures:
            lines.append(f"| {what} | {figures[name]:.1f} s | {'; '.join(promised) or 'no objective documented'} |")
    others = {name: value for name, value in figures.items() if name not in ("rto", "rpo")}
    lines += [f"| {name} | {value:g} | |" for name, value in others.items()]
    return [
        *lines,
        "",
        "Measured on a small cluster with little data: it promises nothing for production sizes.",
    ]


def _steps(record: dict[str, Any]) -> list[str]:
    lines = ["| from | took | step | outcome |", "|---:|---:|---|---|"]
    for each in record["timeline"]["steps"]:
        took = each["to"] - each["from"]
        lines.append(f"| {each['from']:.1f} s | {took:.1f} s | {_cell(each['title'])} | {each['outcome']} |")
    return lines


def _assertions(record: dict[str, Any]) -> list[str]:
    found = [each for step in record["timeline"]["steps"] for each in step["assertions"]]
    if not found:
        return ["Nothing yet."]
    lines = []
    for each in found:
        seen = "; ".join(f"{key}: `{_cell(value)[:120]}`" for key, value in each["observed"].items())
        mark = "held" if each["held"] else f"**did not hold**: {_cell(each.get('message', ''))}"
        lines.append(f"- {each['name']}: {mark}" + (f" ({seen})" if seen else ""))
    return lines


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").replace("`", "'")
