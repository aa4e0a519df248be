"""An API server that dies while it is asked: no part of an answer passes for the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance import cli
from conformance.cluster import pages
from tests import control_plane
from tests.cluster.conftest import needs_server
from tests.control_plane import ControlPlane


@pytest.fixture
def dying(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """A server that is killed when the third list is asked for."""
    needs_server()
    listed: list[Any] = []
    real = pages.objects

    def objects(*arguments: Any) -> Iterator[dict[str, Any]]:
        listed.append(arguments[1])
        if len(listed) == 3:
            plane.stop("kube-apiserver")
        yield from real(*arguments)

    monkeypatch.setattr(pages, "objects", objects)
    monkeypatch.setattr("conformance.cluster.client.Client._pause", lambda *_: 0.01)
    with control_plane.control_plane(tmp_path_factory.mktemp("dying")) as plane:
        yield plane


@pytest.mark.parametrize("command", ["audit", "snapshot"])
def test_a_server_that_dies_half_way(
    command: str, dying: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, report = tmp_path / "s.gz", tmp_path / "r.json"
    own = ["--output", str(kept)] if command == "snapshot" else ["--save-snapshot", str(kept)]
    own += ["--report", f"json={report}"] if command == "audit" else []
    assert cli.main([command, "--kubeconfig", str(dying.kubeconfig()), "--profile", "gitops", *own]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert f"{dying.server}: cannot be reached: " in shown.err
    assert shown.err.endswith("nothing was judged\n" if command == "audit" else "no snapshot was written\n")
    assert list(tmp_path.iterdir()) == []
