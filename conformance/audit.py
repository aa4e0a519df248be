"""`plumbline audit` and `plumbline snapshot`: one look at a running cluster, with GET requests only."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from conformance.catalogue import CatalogueError
from conformance.cluster import snapshot
from conformance.cluster.client import Client
from conformance.cluster.connection import connect
from conformance.cluster.discovery import discover
from conformance.cluster.fault import AnswerError, ClusterError
from conformance.cluster.kinds import Kinds, Live, replay
from conformance.conclusion import BROKEN_OFF, INTERNAL, USAGE, Shown, complain, conclude, report_files
from conformance.kube.live import LiveInventory
from conformance.options import OPTIONS, settings_of
from conformance.report.record import ResultRecord
from conformance.run import Asked, Run
from conformance.settings import Settings, UsageError, resolve


@dataclass
class Looked:
    """A cluster as it was found, and what the report says of it."""

    inventory: LiveInventory
    kinds: Kinds
    about: dict[str, Any]


def run_audit(options: argparse.Namespace, extra: list[str]) -> int:
    """Judge a cluster, or the snapshot of one. Exit codes as those of check."""
    if extra:
        return complain("audit takes nothing after --", USAGE)
    if options.snapshot and (options.context or options.kubeconfig or options.namespace or options.save_snapshot):
        return complain("--snapshot asks no cluster: it goes with none of the options that choose one", USAGE)
    try:
        run = Run(resolve(settings_of([], lambda name: getattr(options, name, _absent(name)))), scope="cluster")
        files = report_files(options.report)
        run.check_options()
        with _looked(options, run.settings, options.save_snapshot) as looked:
            records = _judged(run, looked, options.keyword)
        return conclude(run, records, looked.inventory.listed, files, Shown(options).show)
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


def run_snapshot(options: argparse.Namespace, extra: list[str]) -> int:
    """List what the selected profiles ask for into a file. What may not be listed is told, and is no failure."""
    try:
        run = Run(resolve(settings_of([], lambda name: getattr(options, name, _absent(name)))), scope="cluster")
        with _looked(options, run.settings, options.output) as looked:
            _judged(run, looked)
        for reason in looked.kinds.refused.values():
            sys.stderr.write(f"plumbline: {reason}\n")
        sys.stdout.write(f"{options.output}: {looked.inventory.listed:,} objects of {len(looked.kinds)} kinds\n")
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    except ClusterError as error:
        return complain(f"{error}; no snapshot was written", 1)
    except KeyboardInterrupt:
        return complain("broken off; no snapshot was written", BROKEN_OFF)
    return 0


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


@contextmanager
def _looked(options: argparse.Namespace, settings: Settings, output: str) -> Iterator[Looked]:
    """The cluster to judge. A snapshot that is being written is kept only when the block ends well."""
    if getattr(options, "snapshot", ""):
        header, kinds = snapshot.read(Path(options.snapshot))
        yield _look(header, Kinds(replay(kinds)), settings, {"snapshot": options.snapshot})
        return
    trees = [Path(each) for each in (*settings.policies, *settings.waivers)]
    connection = connect(options.context, options.kubeconfig, trees)
    client = Client(connection)
    version = _version(client)
    discovery = discover(client)
    cluster = connection.describe() | {"version": version}
    header = snapshot.Header(cluster, datetime.now(UTC).replace(microsecond=0), tuple(options.namespace))
    live = Live(client, discovery, os.urandom(32), header.namespaces)
    if not output:
        yield _look(header, Kinds(live), settings, {})
        return
    with snapshot.Writer(Path(output), header) as writer:
        live.writer, live.salt = writer, writer.salt
        yield _look(header, Kinds(live), settings, {})


def _version(client: Client) -> str:
    """The server's version; empty when the user may not see it, which hides nothing that is judged."""
    try:
        return str(client.json("/version").get("gitVersion", ""))
    except AnswerError as error:
        if error.status in (401, 500):
            raise
        return ""


def _look(header: snapshot.Header, kinds: Kinds, settings: Settings, more: dict[str, str]) -> Looked:
    inventory = LiveInventory(kinds, header.taken, settings.day, kinds.absent)
    about: dict[str, Any] = {**header.cluster, "taken": header.taken.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}
    if header.namespaces:
        about["namespaces"] = list(header.namespaces)
    return Looked(inventory, kinds, about)
