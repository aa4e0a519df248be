"""`python -m bench.audit [OBJECTS]`: what it takes to list a cluster of so many objects, and to judge the snapshot.

Needs PLUMBLINE_CONTROL_PLANE, a folder with etcd and kube-apiserver; both run on this machine and share its processors
with what is measured. Objects are written into the API server first, which is not measured.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from urllib.parse import urlparse

from tests.control_plane import ControlPlane, control_plane

NAMESPACES = 50
#: writers at once
_WRITERS = 12


def fill(plane: ControlPlane, objects: int) -> None:
    """Pods of a usual size, over 50 namespaces; no kubelet runs them."""
    for number in range(NAMESPACES):
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": f"n{number}"}})
    with ThreadPoolExecutor(_WRITERS) as pool:
        list(pool.map(lambda part: _write(plane, range(part, objects, _WRITERS)), range(_WRITERS)))


def _write(plane: ControlPlane, numbers: range) -> None:
    address = urlparse(plane.server)
    trusted = create_default_context(cafile=str(plane.folder / "tls.crt"))
    connection = HTTPSConnection(address.hostname or "", address.port, context=trusted)
    headers = {"Authorization": f"Bearer {plane.tokens['admin']}", "Content-Type": "application/json"}
    for number in numbers:
        namespace = f"n{number % NAMESPACES}"
        connection.request("POST", f"/api/v1/namespaces/{namespace}/pods", json.dumps(_pod(number)), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"pod {number} was not written: HTTP {answer.status}")
    connection.close()


def _pod(number: int) -> dict[str, object]:
    container = {
        "name": "app",
        "image": f"registry.example.com/team/app-{number % 40}:1.{number % 7}.0",
        "env": [{"name": f"SETTING_{index}", "value": f"value-{index}"} for index in range(8)],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    metadata = {"name": f"app-{number}", "labels": {"app": f"app-{number % 400}", "team": f"team-{number % 20}"}}
    return {"metadata": metadata, "spec": {"containers": [container], "securityContext": {"runAsNonRoot": True}}}


def measure(*arguments: str) -> tuple[float, float, str]:
    """Seconds, MiB at most, and the last line that a command wrote."""
    program = str(Path(sys.executable).with_name("plumbline"))
    started = time.perf_counter()
    with subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        out = process.stdout.read() if process.stdout else ""
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return time.perf_counter() - started, _mib(used), out.strip().splitlines()[0] if out.strip() else ""


def _mib(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / 1024


def main() -> None:
    """Fill a server, take a snapshot, judge it."""
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane:
        started = time.perf_counter()
        fill(plane, objects)
        print(f"{objects:,} pods written in {time.perf_counter() - started:.0f} s", flush=True)
        config, kept = str(plane.kubeconfig()), str(Path(folder) / "s.gz")
        profile = ("--profile", "pod-security")
        for words in (
            ("snapshot", "--kubeconfig", config, *profile, "--output", kept),
            ("audit", "--snapshot", kept, *profile),
        ):
            seconds, mib, said = measure(*words)
            print(f"{words[0]}: {seconds:.1f} s, {mib:.0f} MiB; {said}", flush=True)
        print(f"file: {Path(kept).stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
