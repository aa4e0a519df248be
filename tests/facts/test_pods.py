"""How pods are asked: which of them, with which arguments, and what becomes of an answer that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.cluster import facts_pods
from conformance.cluster.facts import PodQuestion
from conformance.kube.object import Object
from tests.drift.test_compare import Nowhere

POSTGRES = PodQuestion("postgres", "shop", (("app", "db"),))


def pod(name: str, namespace: str = "shop", app: str = "db", phase: str = "Running") -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app, "more": "x"}}
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": phase}}
    return Object(raw, Nowhere())


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that keeps its arguments and does what `script` says."""
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\n. {tmp_path}/script\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def ask(question: PodQuestion, *pods: Object, context: str = "") -> list[dict[str, Any]]:
    return list(facts_pods.facts([question], lambda: pods, "/k/config", context))


def test_the_command_line_is_no_shells(kubectl: Path) -> None:
    (kubectl / "script").write_text("echo f\n")
    question = PodQuestion("postgres", "shop", (("app", "db"),), "main")
    [found] = ask(question, pod("db-0"), context="$(touch /tmp/never)")
    asked = (kubectl / "asked").read_text().splitlines()
    assert asked[:8] == [
        "--kubeconfig=/k/config",
        "--context=$(touch /tmp/never)",
        "--namespace=shop",
        "exec",
        "db-0",
        "-c",
        "main",
        "--",
    ]
    assert asked[8:10] == ["/bin/sh", "-c"]
    assert found["said"] == {"ready": True, "recovering": False}


def test_only_running_pods_that_are_selected_are_asked(kubectl: Path) -> None:
    (kubectl / "script").write_text("echo t\n")
    pods = [pod("a"), pod("b", "other"), pod("c", app="web"), pod("d", phase="Pending"), pod("e")]
    found = ask(POSTGRES, *pods)
    assert [each["metadata"]["name"] for each in found] == ["a", "e"]
    assert [each["said"]["recovering"] for each in found] == [True, True]


def test_a_database_that_does_not_answer_is_not_ready(kubectl: Path) -> None:
    (kubectl / "script").write_text("exit 2\n")
    [found] = ask(POSTGRES, pod("a"))
    assert isinstance(found["said"], dict)
    assert found["said"]["ready"] is False


def test_what_redis_says_is_kept(kubectl: Path) -> None:
    (kubectl / "script").write_text("echo NOAUTH Authentication required.\n")
    [found] = ask(PodQuestion("redis", "shop", (("app", "db"),)), pod("a"))
    assert found["said"] == {"answer": "NOAUTH Authentication required."}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "Error from server (Forbidden): pods is forbidden" >&2; exit 1', "Error from server (Forbidden)"),
        ('echo "error: context was not found" >&2; exit 1', "error: context was not found"),
        ('echo "OCI runtime exec failed: no such file" >&2; exit 126', "the container has no shell to ask with"),
    ],
)
def test_who_cannot_be_asked_is_an_error_and_no_answer(script: str, said: str, kubectl: Path) -> None:
    (kubectl / "script").write_text(script)
    [found] = ask(POSTGRES, pod("a"))
    assert found["error"].startswith(said)
    assert "said" not in found


def test_a_pod_that_hangs_is_an_error(kubectl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_pods, "TIMEOUT", 0.5)
    (kubectl / "script").write_text("exec sleep 30\n")
    [found] = ask(POSTGRES, pod("a"))
    assert found["error"] == "no answer within 0.5 seconds"


def test_a_fact_that_nobody_knows_is_an_error(kubectl: Path) -> None:
    (kubectl / "script").write_text("exit 0\n")
    [found] = ask(PodQuestion("weather", "shop", (("app", "db"),)), pod("a"))
    assert found["error"] == "there is no fact weather"
