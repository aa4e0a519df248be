"""A kind cluster of our own, and an API server that plays production."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.drill import kind
from conformance.drill.kind import Cluster, Wanted
from conformance.drill.timeouts import Timeouts
from tests import control_plane
from tests.control_plane import ControlPlane


def _need(reason: str, variable: str) -> None:
    if reason and os.environ.get(variable):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def node_image() -> str:
    """The node image to use; tests that need a cluster are skipped where nobody names one."""
    image = os.environ.get("PLUMBLINE_KIND_IMAGE", "")
    reason = kind.available() if image else "PLUMBLINE_KIND_IMAGE names no node image"
    _need(reason, "PLUMBLINE_REQUIRE_KIND")
    return image


@pytest.fixture(scope="session")
def cluster(node_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tests that do not harm it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        made = kind.create(Wanted(image=node_image), destructive=True, timeouts=Timeouts())
    try:
        yield made
    finally:
        made.delete()


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster that nobody may touch, with an audit log that tells whether somebody did."""
    _need(control_plane.unavailable(), "PLUMBLINE_REQUIRE_API_SERVER")
    folder: Path = tmp_path_factory.mktemp("production")
    with control_plane.control_plane(folder) as plane:
        plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        yield plane
