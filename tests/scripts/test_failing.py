"""Whether a failure is noticed, in each of the ways that a shell has to hide it."""

from __future__ import annotations

import pytest

from conformance.scripts.failing import masked
from conformance.scripts.shell import Shell


def lacking(script: str, name: str = "step") -> str:
    shell = Shell(script)
    return masked(shell, next(each for each in shell.commands if each.name == name))


@pytest.mark.parametrize(
    "script",
    [
        "set -e\nstep\n",
        "#!/bin/bash -eu\nstep\n",
        "set -euo pipefail\nstep | gzip > file\n",
        "set -e\nbefore | step\n",
        "step || exit 1\n",
        'step || { echo "failed" >&2; exit 1; }\n',
        "if ! step; then\n  echo failed\n  exit 2\nfi\n",
        "set +e\nother\nset -e\nstep\n",
        "set -euo pipefail\nstep |\n  gzip > file\n",
    ],
)
def test_noticed(script: str) -> None:
    assert lacking(script) == ""


@pytest.mark.parametrize(
    ("script", "lack"),
    [
        ("step\n", "set -e"),
        ("set -e\nstep || true\n", "no `||` that goes on"),
        ("set -e\nstep || echo failed\n", "no `||` that goes on"),
        ("set -e\nif ! step; then\n  echo failed\nfi\n", "no `||` that goes on"),
        ("set -e\nstep || exit 0\n", "no `||` that goes on"),
        ("set -e\nstep | gzip > file\n", "set -o pipefail"),
        ("set -euo pipefail\nset +e\nstep\n", "set -e"),
        ("set -euo pipefail\nset +o pipefail\nstep | gzip > file\n", "set -o pipefail"),
        ("set -e\nstep |\n  gzip > file\n", "set -o pipefail"),
    ],
)
def test_hidden(script: str, lack: str) -> None:
    assert lacking(script) == lack


def test_an_exit_further_down_is_about_something_else() -> None:
    assert lacking("set -e\nstep || true\n" + "other\n" * 5 + "exit 1\n") == "no `||` that goes on"
