"""The commands that speak to clusters: their options. What they do is imported when it is done."""

from __future__ import annotations

import argparse
from typing import Any

from conformance.options import OPTIONS

_JUDGING = ("profile", "policies", "report", "waivers", "advisory", "as-of", "fail-on", "hardened")


def add_commands(commands: Any) -> None:
    """Adds `audit`, `snapshot` and what goes with them to a parser's commands."""
    text = "judge a running cluster, read only"
    audit = commands.add_parser("audit", help=text, description=text.capitalize() + ".")
    _cluster_options(audit)
    add = audit.add_argument
    add("--snapshot", default="", metavar="FILE", help="judge what a snapshot holds instead of asking a cluster")
    add("--save-snapshot", default="", metavar="FILE", help="keep what was listed, to judge it again later")
    _facts(audit)
    add(
        "--history",
        default="",
        metavar="DIR",
        help="tell new, fixed and still failing since the last audit kept there",
    )
    add("-k", dest="keyword", default="", metavar="EXPR", help="only requirements whose id matches, as in pytest")
    add("-v", "--verbose", action="store_true", help="every finding, and what passed or was skipped")
    for name in _JUDGING:
        add(f"--{name}", **OPTIONS[f"--{name}"])
    audit.set_defaults(run=_run_audit)
    text = "list what the requirements need from a cluster into a file, for audit --snapshot"
    keep = commands.add_parser("snapshot", help=text, description=text.capitalize() + ".")
    _cluster_options(keep)
    _facts(keep)
    keep.add_argument("--output", required=True, metavar="FILE")
    for name in ("profile", "policies"):
        keep.add_argument(f"--{name}", **OPTIONS[f"--{name}"])
    keep.set_defaults(run=_run_snapshot)
    _rbac(commands)
    _drift(commands)
    _drill(commands)


def _rbac(commands: Any) -> None:
    text = "write the ClusterRole that an audit of the profiles needs, and nothing more"
    command = commands.add_parser("rbac", help=text, description=text.capitalize() + ".")
    add = command.add_argument
    add("--context", default="", metavar="NAME", help="ask this cluster which kinds it has (default: a built-in table)")
    add("--kubeconfig", default="", metavar="FILE", help="instead of $KUBECONFIG or ~/.kube/config; asks, too")
    add("--inside", action="store_true", help="allow pods/exec, for audit --inside")
    for name in ("profile", "policies"):
        add(f"--{name}", **OPTIONS[f"--{name}"])
    command.set_defaults(run=_run_rbac)


def _facts(command: Any) -> None:
    """What is asked beside the API server; every one of them has timeouts of its own."""
    add = command.add_argument
    add("--inside", action="store_true", help="also run the documented questions inside of pods (kubectl exec)")
    add("--endpoints", action="store_true", help="also ask the documented URLs from here")
    add("--prometheus", default="", metavar="URL", help="also ask the documented queries of this Prometheus")


def _drift(commands: Any) -> None:
    text = "compare a repository with a running cluster, field by field and requirement by requirement"
    command = commands.add_parser("drift", help=text, description=text.capitalize() + ".")
    add = command.add_argument
    add("paths", nargs="+", metavar="PATH", help="files or directories: what the cluster should be")
    _cluster_options(command)
    add("--snapshot", default="", metavar="FILE", help="compare with what a snapshot holds instead of asking a cluster")
    add("--format", choices=("text", "json", "markdown"), default="text")
    add("--strict", action="store_true", help="what only the cluster has counts, too")
    add("--no-requirements", action="store_true", help="compare fields alone, without judging both sides")
    add("-v", "--verbose", action="store_true", help="also what differs and may, and every requirement")
    for name in ("profile", "policies", "waivers", "exclude", "values", "as-of", "jobs", "no-render", "allow-network"):
        add(f"--{name}", **OPTIONS[f"--{name}"])
    command.set_defaults(run=_run_drift)


def _drill(commands: Any) -> None:
    text = "break and recover things on kind clusters made for it, and prove that the data came back"
    command = commands.add_parser("drill", help=text, description=text.capitalize() + ".")
    add = command.add_argument
    add("names", nargs="*", metavar="NAME", help="drills to carry out")
    add("--list", action="store_true", help="the drills, their images and their red twins")
    add("--all", action="store_true", help="all of them")
    add("--destructive", action="store_true", help="really do it")
    add("--image", default="", metavar="IMAGE", help="node image (default: that of your kind)")
    add("--use", action="append", default=[], metavar="NAME=IMAGE", help="another image than the documented one")
    add("--keep", action="store_true", help="do not delete the clusters; says how to enter and delete them")
    add("--no-twins", action="store_true", help="without the red twins: then nothing shows that the drill can fail")
    add("--reports", default="reports", metavar="DIR", help="where the evidence goes (default: reports)")
    command.set_defaults(run=_run_drill)


def _cluster_options(command: Any) -> None:
    add = command.add_argument
    add("--context", default="", metavar="NAME", help="context of your kubeconfig (default: the current one)")
    add("--kubeconfig", default="", metavar="FILE", help="instead of $KUBECONFIG or ~/.kube/config")
    add("--namespace", action="append", default=[], metavar="NAME", help="only these; may be repeated (default: all)")


def _run_audit(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import audit

    return audit.run_audit(options, extra)


def _run_snapshot(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import audit

    return audit.run_snapshot(options, extra)


def _run_rbac(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import auditor

    return auditor.run_rbac(options, extra)


def _run_drift(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import drifting

    return drifting.run_drift(options, extra)


def _run_drill(options: argparse.Namespace, extra: list[str]) -> int:
    from conformance import drilling

    return drilling.run_drills(options, extra)
