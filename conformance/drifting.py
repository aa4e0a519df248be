"""`plumbline drift`: a repository against a cluster, or the snapshot of one."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from conformance import tree
from conformance.catalogue import CatalogueError
from conformance.cluster.fault import ClusterError
from conformance.cluster.look import Look, Looked, look
from conformance.cluster.redaction import digest
from conformance.conclusion import BROKEN_OFF, INTERNAL, USAGE, complain
from conformance.drift import record, render
from conformance.drift.drift import Drift, compare_all
from conformance.kube.object import Object
from conformance.options import OPTIONS, settings_of
from conformance.report.record import ResultRecord
from conformance.run import Run
from conformance.settings import Settings, UsageError, resolve
from conformance.sources.load import WorkerError


def run_drift(options: argparse.Namespace, extra: list[str]) -> int:
    """Compare. 0 no drift, 1 drift or something that could not be compared, 5 nothing to compare."""
    if extra:
        return complain("drift takes nothing after --", USAGE)
    if options.snapshot and (options.context or options.kubeconfig):
        return complain("--snapshot asks no cluster: it goes with none of the options that choose one", USAGE)
    try:
        return _compare(options)
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    except ClusterError as error:
        return complain(f"{error}; nothing was compared", 1)
    except (WorkerError, FileNotFoundError) as error:
        return complain(f"{error}; nothing was compared", 1)
    except KeyboardInterrupt:
        return complain("broken off; nothing was reported", BROKEN_OFF)
    except OSError:  # of standard output: the command tells
        raise
    except Exception as error:
        if os.environ.get("PLUMBLINE_DEBUG"):
            raise
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        return complain(f"internal error: {reason} (PLUMBLINE_DEBUG=1 shows where); nothing was reported", INTERNAL)


def _compare(options: argparse.Namespace) -> int:
    settings = resolve(settings_of(options.paths, lambda name: getattr(options, name, _default(name))))
    git = Run(settings)
    git.check_options()
    objects = _objects(git, options.namespace)
    asked = Look(
        options.context,
        options.kubeconfig,
        options.snapshot,
        tuple(options.namespace),
        trees=tuple(Path(each) for each in (*settings.paths, *settings.policies, *settings.waivers)),
        day=settings.day,
    )
    with look(asked) as looked:
        drift = _drift(git, objects, looked, options.namespace)
        verdicts = [] if options.no_requirements else _verdicts(git, looked)
        if looked.kinds.failure is not None:
            raise looked.kinds.failure
    found = record.record(drift, options.paths, looked.about, verdicts)
    if options.format == "json":
        tree.write(tree.as_json(found))
    elif options.format == "markdown":
        tree.write(render.markdown(found))
    else:
        tree.write(render.text(found, verbose=options.verbose))
    if drift.drifted or (options.strict and drift.hinted):
        return 1
    return 0 if drift.compared else 5


def _default(name: str) -> Any:
    return OPTIONS.get(f"--{name.replace('_', '-')}", {}).get("default", False)


def _objects(git: Run, namespaces: list[str]) -> list[Object]:
    """Git's objects of all targets; those whose namespace nothing tells are meant for the only one that was named."""
    found: dict[int, Object] = {}
    for target in git.settings.targets:
        for each in git.inventory(target).objects:
            if each.namespace is None and len(namespaces) == 1:
                each.namespace = namespaces[0]
            found[id(each)] = each
    return list(found.values())


def _drift(git: Run, objects: list[Object], looked: Looked, namespaces: list[str]) -> Drift:
    hidden = partial(digest, salt=looked.salt) if looked.salt is not None else None
    version = str(looked.about.get("version") or "")
    drift = compare_all(objects, looked.kinds, version, hidden, namespaces, looked.kinds.absent)
    for target in git.settings.targets:
        for each in git.inventory(target).rejected:
            drift.unread.append((None, f"{each.location}: {each.reason}"))
    return drift


def _verdicts(git: Run, looked: Looked) -> list[record.VerdictRecord]:
    """The same requirements, judged by the same engine on both sides."""
    live = Run(_without_paths(git.settings), scope="cluster")
    cluster: list[ResultRecord] = []
    for each in live.asked:
        live.inventories[each.target] = looked.inventory
        cluster.append(live.judge(each))
        if looked.kinds.failure is not None:
            raise looked.kinds.failure
    return record.verdicts(git.catalogue, git.judge_all(), cluster)


def _without_paths(settings: Settings) -> Settings:
    """The same settings without the cache: what was found in files must not be taken for the cluster."""
    from dataclasses import replace

    return replace(settings, cache=False)


__all__ = ["run_drift"]
