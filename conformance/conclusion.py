"""How a run ends: the results in order, the reports written, an exit code. The same under pytest and without it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conformance import report as writers
from conformance.report import terminal
from conformance.report.record import Report, ResultRecord, report
from conformance.run import Run, finish
from conformance.settings import UsageError

USAGE, BROKEN_OFF, INTERNAL = 4, 2, 3


def report_files(texts: Sequence[str]) -> list[tuple[str, Path]]:
    """`FORMAT=FILE` pairs; raises UsageError for a format nobody writes or a place that cannot be a file."""
    pairs = []
    for text in texts:
        name, equals, file = text.partition("=")
        if name not in writers.FORMATS or not equals or not file:
            raise UsageError(f"--report {text}: write FORMAT=FILE with a format of {', '.join(writers.FORMATS)}")
        if file != "-" and not Path(file).absolute().parent.is_dir():
            raise UsageError(f"--report {text}: the folder of that file does not exist")
        if file != "-" and Path(file).is_dir():
            raise UsageError(f"--report {text}: that is a folder, not a file")
        pairs.append((name, Path(file)))
    return pairs


def conclude(
    run: Run,
    records: list[ResultRecord],
    objects: int,
    files: Sequence[tuple[str, Path]],
    show: Callable[[Report], None] | None,
) -> int:
    """Keep the results for the next run, write the reports, and say how it ended.

    0 held, 1 findings, errors or a report that could not be written, 5 nothing could be judged.
    """
    run.replay.save(run.objects, run.digests)
    results = finish(run, records)
    final = report(run.describe(), results, objects, run.elapsed())
    written = [_write(final, name, path) for name, path in files]
    if show is not None:
        show(final)
    return run.exit_code(results) if all(written) else 1


def _write(final: Report, name: str, path: Path) -> bool:
    """Whether a report could be written; the others still are."""
    content = writers.write(final, name)
    try:
        if str(path) == "-":
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
        else:
            writers.replace(path, content)
    except OSError as error:
        where = "standard output" if str(path) == "-" else path
        sys.stderr.write(f"plumbline: {where}: the {name} report was not written: {error.strerror}\n")
        return False
    return True


def complain(text: str, code: int) -> int:
    """One line on standard error, and the exit code for it."""
    sys.stderr.write(f"plumbline: {text}\n")
    return code


class Shown:
    """Gives a run our terminal report, under pytest instead of its own, and collection errors a voice."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.verbose = options.verbose
        self.reports = options.report

    def pytest_configure(self, config: Any) -> None:
        """Called by pytest before the plugin's own configure has to know."""
        config.plumbline_show = self.show

    def pytest_collectreport(self, report: Any) -> None:
        """A check module that cannot be imported would otherwise be silent without pytest's terminal."""
        if report.failed:
            sys.stderr.write(f"plumbline: {report.longrepr}\n")

    def show(self, report: Any) -> None:
        """Print the report; on standard error when standard output carries a machine's report."""
        stream = sys.stderr if any(each.endswith("=-") for each in self.reports) else sys.stdout
        stream.write(terminal.render_for(report, stream, verbose=self.verbose))
