"""Running programs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from conformance.sources import program
from conformance.sources.program import Program, ProgramError, environment, find, run, scratch

SHELL = Program("sh", "/bin/sh")


def test_output_is_returned(tmp_path: Path) -> None:
    assert run(SHELL, ["-c", "printf hello; echo noise >&2"], home=tmp_path, timeout=5) == b"hello"


def test_a_failure_says_what_the_program_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"^no such chart$"):
        run(SHELL, ["-c", "echo no such chart >&2; exit 3"], home=tmp_path, timeout=5)


def test_a_silent_failure_names_its_code(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="sh exited with 3 and said nothing"):
        run(SHELL, ["-c", "exit 3"], home=tmp_path, timeout=5)


def test_a_program_and_its_children_end_at_the_timeout(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ProgramError, match=r"sh did not finish within 0.3 seconds"):
        run(SHELL, ["-c", "/bin/sleep 30 & /bin/sleep 30"], home=tmp_path, timeout=0.3)
    assert time.monotonic() - started < 10


def test_a_program_that_closed_its_output_still_ends_at_the_timeout(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="did not finish"):
        run(SHELL, ["-c", "exec >&- 2>&-; /bin/sleep 30"], home=tmp_path, timeout=0.3)


def test_a_flood_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "OUTPUT_LIMIT", 1 << 20)
    with pytest.raises(ProgramError, match="sh printed more than 1 MB"):
        run(
            SHELL,
            ["-c", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done"],
            home=tmp_path,
            timeout=30,
        )


def test_a_program_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"nothing cannot be started: No such file or directory"):
        run(Program("nothing", str(tmp_path / "nothing")), [], home=tmp_path, timeout=1)


def test_nothing_of_the_users_setup_is_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config")
    monkeypatch.setenv("HELM_PLUGINS", "/home/me/plugins")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    variables = environment(tmp_path, allow_network=False)
    assert variables["KUBECONFIG"] == os.devnull
    assert variables["HELM_CONFIG_HOME"].startswith(str(tmp_path))
    assert not {"HELM_PLUGINS", "AWS_SECRET_ACCESS_KEY"} & set(variables)


def test_without_the_network_git_is_not_found_and_proxies_lead_nowhere(tmp_path: Path) -> None:
    variables = environment(tmp_path, allow_network=False)
    assert variables["https_proxy"] == variables["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert not Path(variables["PATH"]).exists()


def test_with_the_network_path_and_proxies_are_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    variables = environment(tmp_path, allow_network=True)
    assert variables["HTTPS_PROXY"] == "http://proxy:3128"
    assert variables["PATH"] == os.environ["PATH"]


def test_a_program_in_the_working_directory_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = tmp_path / "kustomize"
    planted.write_text("#!/bin/sh\n")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    assert find("kustomize") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("kustomize") == Program("kustomize", str(planted))


def test_identity_changes_with_the_program(tmp_path: Path) -> None:
    path = tmp_path / "helm"
    path.write_text("one")
    before = Program("helm", str(path)).identity
    path.write_text("other")
    assert Program("helm", str(path)).identity != before


def test_scratch_is_removed() -> None:
    with scratch() as home:
        (home / "file").write_text("x")
    assert not home.exists()
