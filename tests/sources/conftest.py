"""Tests marked `tool("helm")` need that program: without it they are skipped, or fail where tools are required."""

from __future__ import annotations

import os

import pytest

from conformance.sources.program import find


@pytest.fixture(autouse=True)
def required_tools(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("tool"):
        for name in marker.args:
            if find(name) is None:
                reason = f"{name} is not on PATH"
                if os.environ.get("PLUMBLINE_REQUIRE_TOOLS") == "1":
                    pytest.fail(f"{reason}, and PLUMBLINE_REQUIRE_TOOLS=1")
                pytest.skip(reason)
