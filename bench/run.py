"""Time `plumbline check` and the peers found on PATH on the same tree in the same run; print one table.

    python bench/run.py [--objects 10000] [--runs 5] [--install] [--only NAME…]

Every figure is of a whole process: wall and CPU seconds from the operating system's accounting of the finished child,
peak memory of its largest process. The tools take turns (A B C A B C …), so that a machine whose speed drifts treats
them alike; the median is printed, and the spread beside it. `--install` fetches the peers that the Go and Python
package clients can build. kube-linter and polaris must be built from their sources and put on PATH.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.generate import KINDS, write
from conformance.schema import SchemaSet

PLUMBLINE = [sys.executable, "-m", "conformance.cli", "check", "--profile", "pod-security", "--profile", "gitops"]
GO_PEERS = {
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
    "conftest": "github.com/open-policy-agent/conftest@v0.71.1",
}
POLICY = """package main
deny contains message if { input.spec.template.spec.hostNetwork; message := "host network" }
"""


@dataclass
class Figures:
    """What the runs of one tool took: seconds and bytes."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    code: int = 0


def commands(tree: Path, scratch: Path) -> dict[str, tuple[list[str], dict[str, str], Callable[[], None] | None]]:
    """Tool -> command, extra environment, and what to do before each run."""
    cache = scratch / "cache"

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    environment = {"XDG_CACHE_HOME": str(cache)}
    files = [str(each) for each in sorted(tree.rglob("*.yaml"))]
    listing = scratch / "files"
    listing.write_text("\n".join(files))
    (scratch / "policy").mkdir(exist_ok=True)
    (scratch / "policy" / "host.rego").write_text(POLICY)
    schemas = write_schemas(scratch / "schemas")
    known: dict[str, tuple[list[str], dict[str, str], Callable[[], None] | None]] = {
        "plumbline, cold": ([*PLUMBLINE, str(tree)], environment, forget),
        "plumbline, warm": ([*PLUMBLINE, str(tree)], environment, None),
        "plumbline, no cache": ([*PLUMBLINE, "--no-cache", str(tree)], environment, None),
    }
    peers = {
        "kubeconform": ["-strict", "-schema-location", schemas, "-summary", str(tree)],
        "kube-linter": ["lint", str(tree)],
        "polaris": ["audit", "--audit-path", str(tree), "--format", "json"],
        "conftest": ["test", "--policy", str(scratch / "policy"), str(tree)],
        "checkov": ["-d", str(tree), "--framework", "kubernetes", "--compact", "--quiet", "--skip-download"],
    }
    for name, arguments in peers.items():
        program = shutil.which(name)
        if program:
            known[name] = ([program, *arguments], {}, None)
    score = shutil.which("kube-score")
    if score:
        known["kube-score"] = (["xargs", "-a", str(listing), "-n", str(len(files)), score, "score"], {}, None)
    return known


def write_schemas(folder: Path) -> str:
    """Our own schemas of the corpus' kinds as files for kubeconform, so that both validate against the same."""
    folder.mkdir(exist_ok=True)
    known = SchemaSet.load("1.34")
    for api_version, kind, _ in KINDS:
        (folder / f"{kind}.json".lower()).write_text(json.dumps(known.schema_of(api_version, kind)))
    return str(folder / "{{ .ResourceKind }}.json")


def run(command: list[str], environment: dict[str, str], figures: Figures, limit: float) -> bool:
    """One process, measured by the kernel; whether it ended within the limit."""
    started = time.perf_counter()
    child = subprocess.Popen(command, env=clean(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.perf_counter() - started > limit:
            child.kill()
            os.wait4(child.pid, 0)
            child.returncode = -9
            return False
        time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    figures.wall.append(time.perf_counter() - started)
    figures.cpu.append(usage.ru_utime + usage.ru_stime)
    figures.memory.append(usage.ru_maxrss * 1024)
    figures.code = child.returncode
    return True


def clean(environment: dict[str, str]) -> dict[str, str]:
    """The caller's environment, but with compiled Python modules, as any installation has them."""
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}, **environment}


def install() -> None:
    """The peers that package clients can fetch."""
    for name, package in GO_PEERS.items():
        if not shutil.which(name) and shutil.which("go"):
            subprocess.run(["go", "install", package], check=False)
    if not shutil.which("checkov"):
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "checkov"], check=False)


def main() -> None:
    """Generate, measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a tool is given up")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--install", action="store_true")
    given = parser.parse_args()
    if given.install:
        install()
    with tempfile.TemporaryDirectory() as folder:
        scratch, tree = Path(folder), Path(folder) / "tree"
        size = write(given.objects, tree, 1, multi=False)
        tools = commands(tree, scratch)
        if given.only:
            tools = {name: tool for name, tool in tools.items() if any(name.startswith(each) for each in given.only)}
        results = {name: Figures() for name in tools}
        for _ in range(given.runs):
            for name, (command, environment, before) in list(tools.items()):
                if before:
                    before()
                if not run(command, environment, results[name], given.limit):
                    del tools[name]
    print(f"{given.objects} objects, {size / 1e6:.1f} MB, {given.runs} runs in turns, median (min to max)")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print(f"| {'tool':22} | {'wall s':>20} | {'cpu s':>7} | {'peak MB':>8} | exit |")
    print(f"|{'-' * 24}|{'-' * 22}|{'-' * 9}|{'-' * 10}|------|")
    for name, figures in results.items():
        if not figures.wall:
            print(f"| {name:22} | {'over ' + str(given.limit) + ' s':>20} | {'':7} | {'':8} |      |")
            continue
        wall = f"{statistics.median(figures.wall):.2f} ({min(figures.wall):.2f} to {max(figures.wall):.2f})"
        memory = max(figures.memory) / 1e6
        print(f"| {name:22} | {wall:>20} | {statistics.median(figures.cpu):7.2f} | {memory:8.0f} | {figures.code:4} |")
    print(f"\nlargest child so far: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
