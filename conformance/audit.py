"""`plumbline audit` and `plumbline snapshot`: one look at a running cluster, with GET requests only."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from conformance import history
from conformance.asked import kinds_asked
from conformance.catalogue import CatalogueError
from conformance.cluster.facts import OPTIONS as FACTS
from conformance.cluster.facts import Questions, questions
from conformance.cluster.fault import ClusterError
from conformance.cluster.look import Look, Looked, look
from conformance.conclusion import BROKEN_OFF, INTERNAL, USAGE, Shown, complain, conclude, report_files
from conformance.options import OPTIONS, settings_of
from conformance.report.record import ResultRecord
from conformance.run import Asked, Run, finish
from conformance.settings import Settings, UsageError, resolve


def run_audit(options: argparse.Namespace, extra: list[str]) -> int:
    """Judge a cluster, or the snapshot of one. Exit codes as those of check."""
    if extra:
        return complain("audit takes nothing after --", USAGE)
    if options.snapshot and (options.context or options.kubeconfig or options.namespace or options.save_snapshot):
        return complain("--snapshot asks no cluster: it goes with none of the options that choose one", USAGE)
    try:
        run = Run(settings_from(options), scope="cluster")
        files = report_files(options.report)
        run.check_options()
        asked = _questions(options, run)
        with _look(options, run.settings, options.save_snapshot, asked) as looked:
            records = _judged(run, looked, options.keyword)
        changes = _changes(options, run, looked, records)
        code = conclude(run, records, looked.inventory.listed, files, Shown(options).show)
        return code if changes is None else _remembered(options, run, changes, code)
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    except ClusterError as error:
        return complain(f"{error}; nothing was judged", 1)
    except KeyboardInterrupt:
        return complain("broken off; nothing was reported", BROKEN_OFF)
    except OSError:  # of standard output: the command tells
        raise
    except Exception as error:
        if os.environ.get("PLUMBLINE_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return complain(f"internal error: {reason} (PLUMBLINE_DEBUG=1 shows where); nothing was reported", INTERNAL)


def _changes(
    options: argparse.Namespace, run: Run, looked: Looked, records: list[ResultRecord]
) -> history.Changes | None:
    """What changed since the last audit, when there is a folder that remembers it; it stands in the report, too."""
    if not options.history:
        return None
    results = finish(run, records)
    changes = history.compare(Path(options.history), results, looked.about["taken"], looked.about["server"])
    run.about = looked.about | {"history": changes.describe()}
    return changes


def _remembered(options: argparse.Namespace, run: Run, changes: history.Changes, code: int) -> int:
    stream = sys.stderr if any(each.endswith("=-") for each in options.report) else sys.stdout
    stream.write("".join(f"{line}\n" for line in changes.lines()))
    try:
        history.remember(Path(options.history), changes, run.about["taken"], run.about["server"])
    except OSError as error:
        return complain(f"{options.history}: the history was not written: {error.strerror}", 1)
    return code


def run_snapshot(options: argparse.Namespace, extra: list[str]) -> int:
    """List what the selected profiles ask for into a file. What may not be listed is told, and is no failure."""
    try:
        run = Run(settings_from(options), scope="cluster")
        asked = _questions(options, run)
        with _look(options, run.settings, options.output, asked) as looked:
            objects, kinds, refused = _listed(
                run, looked, alone=not (asked.inside or asked.outside or asked.prometheus)
            )
        for reason in refused:
            sys.stderr.write(f"plumbline: {reason}\n")
        sys.stdout.write(f"{options.output}: {objects:,} objects of {kinds} kinds\n")
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    except ClusterError as error:
        return complain(f"{error}; no snapshot was written", 1)
    except KeyboardInterrupt:
        return complain("broken off; no snapshot was written", BROKEN_OFF)
    return 0


def _listed(run: Run, looked: Looked, *, alone: bool) -> tuple[int, int, list[str]]:
    """Everything into the snapshot: how many objects and kinds, and why others could not be listed.

    Objects pass through without being kept, `alone` where nothing else is asked: what is run inside of pods needs them.
    """
    live, writer = looked.live, looked.live.writer if looked.live is not None else None
    if live is None or writer is None or not alone:
        _judged(run, looked)
        return looked.inventory.listed, len(looked.kinds), list(looked.kinds.refused.values())
    live.writer = None
    kinds = sorted(kinds_asked((each.requirement, each.check) for each in run.asked) - set(FACTS))
    found = [live.write(kind, writer) for kind in kinds]
    refused = [reason for _, reason in found if reason]
    return sum(count for count, _ in found), len(found) - len(refused), refused


def settings_from(options: argparse.Namespace) -> Settings:
    """The settings of a command that looks at a cluster. Raises UsageError."""
    return resolve(settings_of([], lambda name: getattr(options, name, _absent(name))))


def _absent(name: str) -> Any:
    told = OPTIONS.get(f"--{name.replace('_', '-')}", {})
    return told.get("default", name == "no_cache")


def _judged(run: Run, looked: Looked, keyword: str = "") -> list[ResultRecord]:
    """Every requirement asked for; when the cluster stops answering half-way, nothing counts as judged."""
    run.about = looked.about
    records = []
    for asked in _asked(run, keyword):
        run.inventories[asked.target] = looked.inventory
        records.append(run.judge(asked))
        if looked.kinds.failure is not None:
            raise looked.kinds.failure
    return records


def _asked(run: Run, keyword: str) -> list[Asked]:
    """The requirements whose id matches, by pytest's own reading of `-k`. Raises UsageError."""
    if not keyword:
        return run.asked
    from _pytest.mark.expression import Expression

    try:
        expression = Expression.compile(keyword)
    except SyntaxError as error:
        raise UsageError(f"-k {keyword}: {error}") from None
    return [each for each in run.asked if expression.evaluate(partial(_named, each.id))]


def _named(identifier: str, name: str, /, **_: object) -> bool:
    return name.lower() in identifier.lower()


def _questions(options: argparse.Namespace, run: Run) -> Questions:
    """What the requirements want to know beside the API server, as far as the options let it be asked."""
    wanted = ((each.check.name, each.requirement.options) for each in run.asked if each.check is not None)
    given = {name: getattr(options, name, False) for name in ("inside", "endpoints")}
    return questions(wanted, prometheus=getattr(options, "prometheus", ""), **given)


def _look(
    options: argparse.Namespace, settings: Settings, output: str, asked: Questions
) -> AbstractContextManager[Looked]:
    trees = tuple(Path(each) for each in (*settings.policies, *settings.waivers))
    kept = getattr(options, "snapshot", "")
    names = tuple(options.namespace)
    return look(Look(options.context, options.kubeconfig, kept, names, output, trees, settings.day, asked))
