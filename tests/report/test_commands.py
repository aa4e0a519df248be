"""The commands that show the catalogue, as processes, in hostile encodings."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson
import pytest


def plumbline(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "conformance.cli", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"})


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["list", "--profile", "pod-security"], b'requirements of "Pod Security Standards'),
        (["explain", "pod-security-restricted-seccomp"], b"# <-- here"),
        (["defects", "pod-security"], b"mistakes on record"),
    ],
)
def test_texts_fit_any_terminal(arguments: list[str], part: bytes) -> None:
    done = plumbline(*arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert part in done.stdout
    done.stdout.decode("ascii")


def test_what_goes_into_files_is_utf8() -> None:
    page, data = (plumbline("list", "--profile", "pod-security", "--format", each) for each in ("markdown", "json"))
    assert page.stdout.decode("utf-8").startswith("# Catalogue\n")
    profiles = [each["name"] for each in orjson.loads(data.stdout)["profiles"]]
    assert "pod-security" in profiles
