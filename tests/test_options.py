"""Every option of `plumbline check` changes the outcome of a run here, or in tests/test_cli.py."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.schema import store

FIXTURES = Path(__file__).parent / "fixtures"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  hostnameOverride: web.example
  containers: [{name: web, image: "web:1"}]
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "values.yaml": "hostNetwork: false\n",
    "templates/pod.yaml": POD.replace("hostnameOverride: web.example", "hostNetwork: {{ .Values.hostNetwork }}"),
}


def run(place: Path, *arguments: str, program: tuple[str, ...] = ("-m", "conformance.cli")) -> tuple[int, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PLUMBLINE_", "COV_"))}
    environment |= {"XDG_CACHE_HOME": str(place / ".cache"), "PATH": f"{place / 'bin'}:{environment['PATH']}"}
    done = subprocess.run(
        [sys.executable, *program, "check", "tree", *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def result(place: Path, requirement: str, *arguments: str) -> dict[str, Any]:
    """What became of one requirement."""
    code, said = run(place, "--report", "json=out.json", *arguments)
    assert code in (0, 1, 5), said
    results = json.loads((place / "out.json").read_bytes())["results"]
    return next(each for each in results if each["id"] == requirement)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_kube_version_decides_which_fields_there_are(place: Path) -> None:
    write(place / "tree", {"pod.yaml": POD})
    schema = "gitops-manifests-schema-valid"
    assert result(place, schema, "--kube-version", "1.34")["outcome"] == "passed"
    old = result(place, schema, "--kube-version", "1.32")
    assert [(each["field"], each["location"]["line"]) for each in old["findings"]] == [("spec.hostnameOverride", 5)]


def test_schemas_take_the_place_of_those_of_a_version(place: Path) -> None:
    write(place / "tree", {"pod.yaml": POD})
    raw = json.loads(gzip.decompress((Path(store.__file__).parent / "data" / "v1.34.json.gz").read_bytes()))
    spec = next(name for name in raw["definitions"] if name.endswith("core.v1.PodSpec"))
    del raw["definitions"][spec]["properties"]["hostnameOverride"]
    (place / "own.json.gz").write_bytes(gzip.compress(json.dumps(raw).encode()))
    schema = "gitops-manifests-schema-valid"
    assert result(place, schema)["outcome"] == "passed"
    assert result(place, schema, "--schemas", "own.json.gz")["outcome"] == "failed"


def test_as_of_lets_evidence_grow_old(place: Path) -> None:
    fixture = FIXTURES / "evidence" / "evidence_recent" / "good"
    shutil.copytree(fixture, place / "tree", dirs_exist_ok=True)
    text = (fixture / "evidence" / "dr-drills.yaml").read_text(encoding="utf-8")
    found = re.search(r"# requirement: (\S+)", text)
    day = re.search(r"# as-of: (\S+)", text)
    assert found is not None
    assert day is not None
    asked = (found.group(1), "--profile", found.group(1).partition("-")[0])
    assert result(place, *asked, "--as-of", day.group(1))["outcome"] == "passed"
    assert result(place, *asked, "--as-of", "2099-01-01")["outcome"] == "failed"


def test_values_are_laid_over_those_of_a_chart(place: Path) -> None:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    write(place / "tree" / "web", CHART | {"prod.yaml": "hostNetwork: true\n"})
    (place / "mine.yaml").write_text("hostNetwork: true\n")
    host = "pod-security-baseline-host-namespaces"
    assert result(place, host, "--exclude", "prod.yaml")["outcome"] == "passed"
    said = result(place, host, "--exclude", "prod.yaml", "--values", "tree/web=../../mine.yaml")
    assert [each["location"]["path"] for each in said["findings"]] == ["tree/web/templates/pod.yaml"]


def test_no_render_leaves_charts_alone(place: Path) -> None:
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed")
    write(place / "tree" / "web", CHART)
    host = "pod-security-baseline-host-namespaces"
    assert result(place, host)["outcome"] == "passed"
    assert result(place, host, "--no-render")["outcome"] == "skipped"


def test_allow_network_lets_kustomize_fetch(place: Path) -> None:
    write(place / "tree", {"kustomization.yaml": "resources: [https://example.invalid/base?ref=v1]\n"})
    kustomize = place / "bin" / "kustomize"
    kustomize.write_text(f"#!/bin/sh\ncase $1 in version) echo v5.7.1 ;; *) cat <<'END'\n{POD}END\nesac\n")
    kustomize.chmod(kustomize.stat().st_mode | stat.S_IXUSR)
    refused = result(place, "sources-documents-load")
    assert (refused["outcome"], refused["errors"][0]["location"]["line"]) == ("error", 1)
    assert result(place, "sources-documents-load", "--allow-network")["outcome"] == "passed"
    assert result(place, "pod-security-baseline-host-namespaces", "--allow-network")["evaluated"] == 1


def test_jobs_is_the_number_of_processes(place: Path) -> None:
    write(place / "tree", {f"{number}.yaml": POD for number in range(500)})
    program = (
        "import os, sys\nfrom conformance.cli import main\n"
        "forks = []\nfork = os.fork\nos.fork = lambda: forks.append(1) or fork()\n"
        "main()\nprint('forked', len(forks))"
    )
    for jobs, forked in (("1", "forked 0"), ("2", "forked 2"), ("3", "forked 3")):
        assert forked in run(place, "--no-cache", "--jobs", jobs, program=("-c", program))[1].splitlines()


def test_no_cache_keeps_nothing(place: Path) -> None:
    write(place / "tree", {"pod.yaml": POD})
    run(place, "--no-cache")
    assert not (place / ".cache").exists()
    run(place)
    assert any(each.is_file() for each in (place / ".cache").rglob("*"))


def test_verbose_lists_what_held_and_what_was_skipped(place: Path) -> None:
    write(place / "tree", {"pod.yaml": POD})
    for given, shown in (((), False), (("-v",), True)):
        said = run(place, *given)[1]
        assert ("pod-security-baseline-host-ports" in said) is shown
        assert ("Skipped (" in said) is shown
