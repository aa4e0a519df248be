"""`plumbline drill`: choose drills, carry them out, say how it ended."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.drill import kind
from conformance.drill.fault import DrillError
from conformance.drill.progress import Progress
from conformance.drill.registry import Drill, drills
from conformance.drill.runner import Asked, Runner, Verdict
from conformance.settings import PACKAGE

USAGE, BROKEN_OFF = 4, 2


def run_drills(options: argparse.Namespace, extra: list[str]) -> int:
    """0 when every drill passed and every red twin failed where it must; 1 otherwise; 4 for wrong usage."""
    known = drills()
    if options.list:
        sys.stdout.write("".join(_line(each) for each in known.values()))
        return 0
    unknown = [name for name in options.names if name not in known]
    if extra or unknown:
        what = (
            f"there is no drill {unknown[0]}; there are {', '.join(known)}"
            if unknown
            else "drill takes nothing after --"
        )
        return _complain(what, USAGE)
    if not options.names and not options.all:
        return _complain(f"name drills, or say --all; there are {', '.join(known)}", USAGE)
    if not options.destructive:
        return _complain("a drill breaks things, on clusters that it makes itself: say --destructive", USAGE)
    try:
        images = dict(_pair(text) for text in options.use)
    except ValueError as error:
        return _complain(str(error), USAGE)
    reason = kind.available()
    if reason:
        return _complain(f"no drill was carried out: {reason}", 1)
    reports = Path(options.reports)
    reports.mkdir(parents=True, exist_ok=True)
    chosen = [each for name, each in known.items() if options.all or name in options.names]
    asked = Asked(
        chosen,
        reports,
        manifests_folder(),
        options.destructive,
        options.image,
        images,
        options.keep,
        not options.no_twins,
    )
    with Progress(sys.stderr) as progress:
        runner = Runner(asked, progress.say)
        try:
            verdicts = runner.run()
        except DrillError as error:
            return _complain(str(error), 1)
        except KeyboardInterrupt as broken:
            left = [*runner.left, *getattr(broken, "__notes__", ())]
            end = f"{'; '.join(left)}; the next run tries again" if left else "clusters of this run are deleted"
            return _complain(f"broken off; {end}", BROKEN_OFF)
    sys.stdout.write(_summary(verdicts, reports))
    for cluster in runner.kept:
        name, file = cluster.state.name, cluster.state.kubeconfig
        sys.stdout.write(f"Kept {name}. Enter it: kubectl --kubeconfig {file} get pods -A\n")
        sys.stdout.write(f"Delete it: kind delete cluster --name {name} && rm {file} {cluster.state.file}\n")
    for told in runner.left:
        sys.stderr.write(f"plumbline: {told}; the next run tries again\n")
    return 0 if all(each.good for each in verdicts) and not runner.left else 1


def manifests_folder() -> Path:
    """`manifests/drills`, inside the wheel or beside the package in a checkout."""
    inside = PACKAGE / "_data" / "drills"
    return inside if inside.is_dir() else PACKAGE.parent / "manifests" / "drills"


def _pair(text: str) -> tuple[str, str]:
    name, equals, image = text.partition("=")
    if not (name and equals and image):
        raise ValueError(f"--use {text}: write NAME=IMAGE; `plumbline drill --list` names the images")
    return name, image


def _line(drill: Drill) -> str:
    images = ", ".join(f"{each.name} ({each.documented})" for each in drill.images)
    twins = ", ".join(each.name for each in drill.twins)
    return f"{drill.name}: {drill.title}\n  images: {images or 'none'}\n  red twins: {twins}\n"


def _summary(verdicts: list[Verdict], reports: Path) -> str:
    lines = [""]
    for each in verdicts:
        name = f"{each.drill.name}[{each.twin.name}]" if each.twin else each.drill.name
        word = {"red": "red, as it must be"}.get(each.outcome, each.outcome)
        figures = each.record.get("figures", {})
        told = ", ".join(f"{name.upper()} {value:.1f} s" for name, value in figures.items() if name in ("rto", "rpo"))
        lines.append(
            f"  {name}: {word}" + (f" ({told})" if told and not each.twin else "") + f" in {each.seconds:.0f} s"
        )
        if not each.good:
            lines.append(f"    {each.reason}")
    bad = sum(not each.good for each in verdicts)
    lines.append(f"{'FAILED' if bad else 'passed'}: {len(verdicts)} exercises, {bad} not as they must be")
    lines.append(f"Evidence: {reports}/drills, {reports}/drills.jsonl, {reports}/drills.xml")
    return "\n".join(lines) + "\n"


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"plumbline: {text}\n")
    return code
