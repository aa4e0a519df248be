"""`plumbline check`: the same run, with pytest as its host only where something of pytest is asked for."""

from __future__ import annotations

import argparse
import gc
import os

from conformance.catalogue import CatalogueError
from conformance.conclusion import BROKEN_OFF, INTERNAL, USAGE, Shown, complain, conclude, report_files
from conformance.options import settings_of, written
from conformance.run import Run
from conformance.settings import PACKAGE, UsageError, resolve
from conformance.sources.load import WorkerError


def check(options: argparse.Namespace, extra: list[str]) -> int:
    """Judge; `-k` and whatever stands after `--` are pytest's, so that they mean what pytest's users know."""
    gc.disable()  # a short life with millions of values and hardly a cycle: collecting costs a third and frees nothing
    if options.keyword or extra:
        return _under_pytest(options, extra)
    return _directly(options)


def _directly(options: argparse.Namespace) -> int:
    """Without pytest, whose import alone takes longer than judging a small tree."""
    try:
        run = Run(resolve(settings_of(options.paths, vars(options).__getitem__)))
        _ = run.asked
        run.check_options()
        files = report_files(options.report)
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    try:
        records = run.judge_all()
        return conclude(run, records, run.objects, files, Shown(options).show)
    except (WorkerError, FileNotFoundError) as error:
        return complain(f"{error}; nothing was reported", 1)
    except KeyboardInterrupt:
        return complain("broken off; nothing was reported", BROKEN_OFF)
    except OSError:  # of standard output: the command tells
        raise
    except Exception as error:
        if os.environ.get("PLUMBLINE_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return complain(f"internal error: {reason} (PLUMBLINE_DEBUG=1 shows where); nothing was reported", INTERNAL)


_ALONE = ("cacheprovider", "unittest", "doctest", "pastebin", "stepwise", "junitxml", "faulthandler")
_QUIET = ("terminal", "logging", "capture")


def _under_pytest(options: argparse.Namespace, extra: list[str]) -> int:
    os.environ.setdefault("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    import pytest

    arguments = ["-p", "conformance.plugin", "-c", os.devnull, "--rootdir", str(PACKAGE.parent)]
    arguments += ["--assert=plain", "--noconftest"]
    for plugin in (*_ALONE, *(() if extra else _QUIET)):
        arguments += ["-p", f"no:{plugin}"]
    arguments += written(vars(options).__getitem__)
    arguments += [f"--manifests={path}" for path in options.paths]
    arguments += ["-k", options.keyword] if options.keyword else []
    return int(pytest.main([*arguments, *extra], plugins=[] if extra else [Shown(options)]))
