"""A repository that was applied to a real API server, to change one thing at a time there."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conformance import cli
from tests.control_plane import ControlPlane

Change = tuple[str, str]


@dataclass
class Applied:
    """Files and the server that they were applied to."""

    plane: ControlPlane
    path: Path
    options: list[str] = field(default_factory=list)

    def kubectl(self, *arguments: str) -> None:
        """As an administrator would type it."""
        command = ["kubectl", f"--kubeconfig={self.plane.kubeconfig()}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, (arguments, done.stderr)

    def drift(self, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
        """Exit code and the JSON output."""
        capsys.readouterr()
        arguments = ["drift", str(self.path), "--kubeconfig", str(self.plane.kubeconfig()), "--format", "json"]
        code = cli.main([*arguments, *self.options, *options])
        return code, json.loads(capsys.readouterr().out)

    @contextmanager
    def changed(self, address: str, *changes: tuple[str, Any]) -> Iterator[None]:
        """One object is other than Git says, until the end of the block: `("spec/replicas", 5)` sets, None removes."""
        before = self.plane.request("GET", address)
        after = copy.deepcopy(before)
        for path, value in changes:
            _set(after, path.split("/"), value)
        self.plane.request("PUT", address, after)
        try:
            yield
        finally:
            now = self.plane.request("GET", address)["metadata"]["resourceVersion"]
            before["metadata"]["resourceVersion"] = now
            self.plane.request("PUT", address, before)

    @contextmanager
    def with_object(self, address: str, body: dict[str, Any]) -> Iterator[None]:
        """One object more in the cluster, until the end of the block."""
        self.plane.request("POST", address, body)
        try:
            yield
        finally:
            self.plane.request("DELETE", f"{address}/{body['metadata']['name']}")

    @contextmanager
    def without(self, address: str) -> Iterator[None]:
        """One object less, until the end of the block."""
        before = self.plane.request("GET", address)
        self.plane.request("DELETE", address)
        try:
            yield
        finally:
            del before["metadata"]["resourceVersion"], before["metadata"]["uid"]
            self.plane.request("POST", address.rpartition("/")[0], before)


def _set(value: Any, path: list[str], new: Any) -> None:
    """`~` in a step stands for a slash; `+` appends to a list."""
    *above, last = [step.replace("~", "/") for step in path]
    for step in above:
        value = value[int(step)] if isinstance(value, list) else value.setdefault(step, {})
    if isinstance(value, list):
        if last == "+":
            value.append(new)
        elif new is None:
            del value[int(last)]
        else:
            value[int(last)] = new
    elif new is None:
        del value[last]
    else:
        value[last] = new


def fields(found: Any, which: str = "differences") -> list[Change]:
    """(Kind/name, field) of everything of one sort."""
    return [
        (f"{each['object']['kind']}/{each['object']['name']}", one["field"])
        for each in found["changed"]
        for one in each[which]
    ]


def names(entries: Any) -> list[str]:
    """Kind/name of objects of one side."""
    return [f"{each['object']['kind']}/{each['object']['name']}" for each in entries]
