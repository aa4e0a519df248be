"""The wheel works in an empty environment and a foreign folder: policies and fixtures travel along."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLASS = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: local-path}
provisioner: rancher.io/local-path
reclaimPolicy: Delete
allowVolumeExpansion: true
volumeBindingMode: WaitForFirstConsumer
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST_", "VIRTUAL_ENV"))}
    environment["XDG_CACHE_HOME"] = str(cwd / "cache")
    arguments = [str(each) for each in command]
    return subprocess.run(arguments, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and its dependencies, nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ROOT, cwd=place)
    if built.returncode:
        if os.environ.get("PLUMBLINE_REQUIRE_TOOLS") == "1":
            pytest.fail(built.stderr)
        pytest.skip(f"the wheel cannot be built here: {built.stderr.strip().splitlines()[-1]}")
    venv.create(place / "env", with_pip=True)
    wheel = next(place.glob("*.whl"))
    done = run(place / "env/bin/python", "-m", "pip", "install", "-q", wheel, cwd=place)
    assert done.returncode == 0, done.stderr
    (place / "tree").mkdir()
    (place / "tree" / "class.yaml").write_text(CLASS)
    return place


@pytest.mark.wheel
def test_the_command_works(installed: Path) -> None:
    done = run(
        installed / "env/bin/plumbline", "check", "tree", "--profile", "persistence", "-k", "retain", cwd=installed
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "tree/class.yaml:5" in done.stdout


@pytest.mark.wheel
def test_pytest_works_with_the_installed_checks(installed: Path) -> None:
    arguments = ("--pyargs", "conformance", "--manifests", "tree", "--profile", "persistence", "-k", "retain")
    done = run(installed / "env/bin/pytest", *arguments, cwd=installed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "[persistence-storageclass-retain]" in done.stdout


@pytest.mark.wheel
def test_explain_shows_the_examples_that_travel_along(installed: Path) -> None:
    done = run(installed / "env/bin/plumbline", "explain", "persistence-storageclass-retain", cwd=installed)
    assert done.returncode == 0, done.stderr
    assert "Does not hold (fixture storage/reclaim_policy/" in done.stdout
