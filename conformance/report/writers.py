"""The formats a report can be written in. Each writer is a module of its own, imported when its format is asked for."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.report.record import Report

#: format -> what it is for
FORMATS: Mapping[str, str] = {
    "text": "what the terminal shows, complete and without colours",
    "json": "everything, in the stable form of docs/report.schema.json",
    "junit": "JUnit XML: one test case for each requirement",
    "sarif": "SARIF 2.1.0, for code scanning",
    "markdown": "a summary for a job or a merge request, at most 1 MiB",
    "html": "one page to read, filter and print",
    "gitlab": "GitLab Code Quality",
    "policyreport": "PolicyReports (wgpolicyk8s.io/v1alpha2) to apply, one for each namespace",
    "openreports": "the same as Reports of openreports.io/v1alpha1",
}


def write(report: Report, format: str) -> bytes:  # noqa: A002 -- the command line says --report FORMAT=FILE
    """The report in one of FORMATS; the same report always gives the same bytes. Raises ValueError for others."""
    if format not in FORMATS:
        raise ValueError(f"{format}: there is no such report format; there are {', '.join(FORMATS)}")
    content: bytes = importlib.import_module(f"conformance.report.{format}").write(report)
    return content


def replace(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, so that nobody reads half a report. Raises OSError.

    A symbolic link keeps pointing at its file; devices and pipes (`/dev/stdout`) are written to, not replaced.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
