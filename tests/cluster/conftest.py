"""One API server for all tests of the live audit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import control_plane
from tests.control_plane import ControlPlane


def needs_server() -> None:
    """Skip where there is no API server, or fail where there has to be one."""
    reason = control_plane.unavailable()
    if reason:
        if os.environ.get("PLUMBLINE_REQUIRE_API_SERVER"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server, RBAC and an audit log included."""
    needs_server()
    folder: Path = tmp_path_factory.mktemp("control-plane")
    with control_plane.control_plane(folder, users=["auditor", "reader"]) as found:
        yield found
