"""Our verdicts on the pods, and those that a real admission gave, recorded for machines without an API server.

`python -m tests.pod_security.verdicts` records them anew from the API server that PLUMBLINE_API_SERVER names.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.kube import pod_security
from conformance.kube.object import Object
from conformance.kube.pod_security import Level
from conformance.kube.podspec import PodSpec, pod_spec
from tests.kube.no_file import NoFile
from tests.pod_security import admission, pods

LEVELS: tuple[Level, ...] = ("baseline", "restricted")
RECORD = Path(__file__).parent / "verdicts.json"


def spec_of(thing: dict[str, Any]) -> PodSpec:
    """The pod spec of a Pod or of a workload."""
    found = pod_spec(Object(thing, NoFile()))
    assert found is not None
    return found


def ours(thing: dict[str, Any], level: Level) -> dict[str, set[str]]:
    """The controls that we find violated, with the names of the containers that we blame."""
    pod = spec_of(thing)
    names = {container.path: container.name for container in pod.containers}
    found: dict[str, set[str]] = defaultdict(set)
    for control, violation in pod_security.violations(pod, level):
        found[control] |= {name for path, name in names.items() if violation.path[: len(path)] == path}
        if "annotations" in violation.path:
            found[control].add(str(violation.path[-1]).rpartition("/")[2])
    return dict(found)


def subjects() -> Iterator[dict[str, Any]]:
    """The pods whose verdicts are recorded."""
    yield from pods.alone()
    yield from pods.windows()


def recorded(level: Level) -> list[set[str]]:
    """The controls that the admission of Kubernetes 1.34 named, for each of the subjects in order."""
    groups = json.loads(RECORD.read_text(encoding="utf-8"))[level]
    by_number = {number: set(verdict.split()) for verdict, numbers in groups.items() for number in numbers}
    return [by_number[number] for number in range(len(by_number))]


def record(server: admission.Server) -> dict[str, Any]:
    """What the admission says now: by level, the numbers of the subjects that share a verdict."""
    out: dict[str, Any] = {"version": admission.VERSION}
    for level in LEVELS:
        groups: dict[str, list[int]] = defaultdict(list)
        with server.namespace(enforce=level) as namespace:
            for number, pod in enumerate(subjects()):
                answer = server.send("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
                assert answer.status in (201, 403), answer
                groups[" ".join(sorted(answer.violated.get(level, ())))].append(number)
        out[level] = dict(sorted(groups.items()))
    return out


def text_of(found: dict[str, Any]) -> str:
    """The record as JSON with one line for each verdict, so that a change of it can be read."""
    lines = []
    for level in LEVELS:
        groups = [f"  {json.dumps(verdict)}: {json.dumps(numbers)}" for verdict, numbers in found[level].items()]
        lines.append(f' "{level}": {{\n' + ",\n".join(groups) + "\n }")
    return f'{{\n "version": "{found["version"]}",\n' + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    kubeconfig = admission.kubeconfig()
    if kubeconfig is None:
        sys.exit("PLUMBLINE_API_SERVER does not name a kubeconfig")
    RECORD.write_text(text_of(record(admission.Server(kubeconfig))), encoding="utf-8")
