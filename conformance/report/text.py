"""The terminal's report as a file: every finding, no colours, one finding on one line."""

from __future__ import annotations

from conformance.report import terminal
from conformance.report.record import Report


def write(report: Report) -> bytes:
    """UTF-8 text."""
    return terminal.render(report, colour=False, width=0, verbose=True, encoding="utf-8").encode()
