"""Rendered texts kept as files, so that a change of words or layout is seen in review.

After a change that is meant: `python -m tests.report.golden` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from conformance.report import terminal, write
from tests.report import catalogues, records

FOLDER = Path(__file__).with_name("golden")

TEXTS: Mapping[str, Callable[[], str]] = {
    "terminal-mixed.txt": lambda: terminal.render(
        records.mixed(), colour=False, width=100, verbose=False, encoding="utf-8"
    ),
    "terminal-clean.txt": lambda: terminal.render(
        records.clean(), colour=False, width=100, verbose=False, encoding="utf-8"
    ),
    "terminal-empty.txt": lambda: terminal.render(
        records.empty(), colour=False, width=100, verbose=False, encoding="utf-8"
    ),
    "terminal-narrow.txt": lambda: terminal.render(
        records.mixed(), colour=False, width=50, verbose=False, encoding="ascii"
    ),
    "mixed.txt": lambda: write(records.mixed(), "text").decode(),
    "mixed.junit.xml": lambda: write(records.mixed(), "junit").decode(),
    "mixed.md": lambda: write(records.mixed(), "markdown").decode(),
    "explanation.txt": catalogues.explanation,
    "listing.txt": catalogues.listing,
    "listing.md": catalogues.page,
    "defects.txt": catalogues.defects,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, render in TEXTS.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")
