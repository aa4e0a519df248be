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
    lines += ["![timeline](timeline.svg)", "", *_what(record)]
    lines += ["## Measured against what is promised", "", *_objectives(record), ""]
    if record["stand_ins"]:
        lines += ["## Stand-ins", ""]
        lines += ["Not everything ran as documented. Nothing is proven about what was replaced.", ""]
        lines += [f"- {_cell(each)}" for each in record["stand_ins"]] + [""]
    lines += ["## What happened, and what was asserted", "", *_steps(record), "", *_assertions(record), ""]
    lines += ["## With", "", *[f"- {name} {version}" for name, version in record["versions"].items() if version]]
    lines += [f"- image {each['run']} {each['id'][:19]}" for each in record["images"].values()]
    lines += [f"- {_cell(each)}" for each in record["notes"]]
    return "\n".join(lines) + "\n"


def _what(record: dict[str, Any]) -> list[str]:
    """The runbook in its own words, and which requirements it is about."""
    lines = ["## What was tried", "", " ".join(record["procedure"].split()), ""] if record["procedure"] else []
    if record["wrong"]:
        lines += [f"Built in: {record['wrong']}. The drill has to fail at “{record['fails']}”.", ""]
    if record["requirements"]:
        lines += ["Requirements: " + ", ".join(f"`{each}`" for each in record["requirements"]) + ".", ""]
    return lines


def _objectives(record: dict[str, Any]) -> list[str]:
    figures = record["figures"]
    if not figures:
        return ["Nothing was measured: the drill did not come that far, or it measures no outage."]
    lines = ["| | measured | promised | |", "|---|---:|---|---|"]
    for name, what in (("rto", "time until the first correct answer (RTO)"), ("rpo", "data lost (RPO)")):
        promised = [f"{each[name]:g} s ({each['source']})" for each in record["objectives"] if each[name] is not None]
        if name in figures:
            bounds = [each[name] for each in record["objectives"] if each[name] is not None]
            verdict = ("kept" if figures[name] <= min(bounds) else "**exceeded**") if bounds else ""
            told = "; ".join(promised) or "no objective documented"
            lines.append(f"| {what} | {figures[name]:.1f} s | {told} | {verdict} |")
    others = {name: value for name, value in figures.items() if name not in ("rto", "rpo")}
    lines += [f"| {name} | {value:g} | | |" for name, value in others.items()]
    return [
        *lines,
        "",
        "Measured on a small cluster with little data: it promises nothing for production sizes.",
    ]


def _steps(record: dict[str, Any]) -> list[str]:
    lines = ["| | from | took | phase | step | outcome |", "|---:|---:|---:|---|---|---|"]
    for number, each in enumerate(record["timeline"]["steps"], 1):
        took = f"{each['from']:.1f} s | {each['to'] - each['from']:.1f} s"
        outcome = each["outcome"] if each["outcome"] == "passed" else f"**{each['outcome']}**"
        lines.append(f"| {number} | {took} | {each['phase']} | {_cell(each['title'])} | {outcome} |")
    return lines


def _assertions(record: dict[str, Any]) -> list[str]:
    lines = ["| step | assertion | | seen |", "|---:|---|---|---|"]
    for number, step in enumerate(record["timeline"]["steps"], 1):
        for each in step["assertions"]:
            mark = "held" if each["held"] else f"**did not hold**: {_cell(each.get('message', ''))}"
            lines.append(f"| {number} | {_cell(each['name'])} | {mark} | {_seen(each['observed'])} |")
    return lines if len(lines) > 2 else ["Nothing was asserted: the drill did not come that far."]


def _seen(observed: dict[str, str]) -> str:
    """What was looked at; what is as it was before is told once."""
    if set(observed) == {"before", "after"} and observed["before"] == observed["after"]:
        return f"as before: `{_short(observed['after'])}`"
    return "; ".join(f"{key}: `{_short(value)}`" for key, value in observed.items() if value)


def _short(text: str) -> str:
    cell = _cell(text)
    return cell if len(cell) <= 120 else cell[:119] + "…"


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").replace("`", "'")
