"""What a drill leaves behind for an auditor: figures, timeline, objects, logs, versions; one folder an exercise."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.drill.command import CommandError, run
from conformance.drill.registry import Drill, Image
from conformance.drill.timeline import Timeline
from conformance.drill.timeouts import Timeouts


@dataclass
class Evidence:
    """One folder under `reports/drills`. `figures` are seconds."""

    folder: Path
    figures: dict[str, float] = field(default_factory=dict)
    images: dict[str, dict[str, str]] = field(default_factory=dict)
    stand_ins: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def write(self, name: str, text: str) -> None:
        """One file of it."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def image(self, declared: Image, chosen: str) -> None:
        """An image that was run; another one than documented is a stand-in, and said to be one."""
        ask = ["docker", "image", "inspect", "--format", "{{.Id}}", chosen]
        found = run(ask, timeout=Timeouts().tool, may_fail=True)
        self.images[declared.name] = {"documented": declared.documented, "run": chosen, "id": found.text}
        if chosen != declared.documented:
            text = f"{chosen} in the role of {declared.documented}"
            if text not in self.stand_ins:
                self.stand_ins.append(text)


def record(
    drill: Drill, twin: str, outcome: str, reason: str, evidence: Evidence, timeline: Timeline
) -> dict[str, Any]:
    """Everything about one exercise, as `evidence.json` holds it."""
    return {
        "version": 1,
        "tool": {"name": "kube-plumbline", "version": __version__},
        "drill": drill.name,
        "title": drill.title,
        "twin": twin,
        "procedure": drill.source,
        "wrong": next((each.wrong for each in drill.twins if each.name == twin), ""),
        "fails": next((each.fails for each in drill.twins if each.name == twin), ""),
        "requirements": list(drill.requirements),
        "outcome": outcome,
        "reason": reason,
        "figures": evidence.figures,
        "objectives": [{"source": each.source, "rto": each.rto, "rpo": each.rpo} for each in drill.objectives],
        "images": evidence.images,
        "stand_ins": evidence.stand_ins,
        "notes": evidence.notes,
        "versions": versions(),
        "timeline": timeline.record(),
    }


def line(found: dict[str, Any]) -> str:
    """One line of `drills.jsonl`: what an audit reads to find drills that are overdue."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    kept = ("drill", "twin", "outcome", "reason", "figures", "stand_ins", "requirements")
    return json.dumps({"date": day} | {key: found[key] for key in kept}, sort_keys=True)


def versions() -> dict[str, str]:
    """Of the tools that took part; empty where one does not say."""
    asked = {
        "kind": ["kind", "version", "--quiet"],
        "kubectl": ["kubectl", "version", "--client", "--output=json"],
        "docker": ["docker", "version", "--format", "{{.Server.Version}}"],
    }
    found = {}
    for name, command in asked.items():
        try:
            said = run(command, timeout=Timeouts().tool).text
            found[name] = json.loads(said)["clientVersion"]["gitVersion"] if name == "kubectl" else said
        except (CommandError, ValueError, KeyError):
            found[name] = ""
    return found
