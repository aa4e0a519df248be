"""The commands that speak to clusters: their options. What they do is imported when it is done."""

from __future__ import annotations

import argparse
from typing import Any

from conformance.options import OPTIONS

_JUDGING = ("profile", "policies", "report", "waivers", "advisory", "as-of", "fail-on", "hardened")


def add_commands(commands: Any) -> None:
    """Adds `audit` and `snapshot` to a parser's commands."""
    text = "judge a running cluster, read only"
    audit = commands.add_parser("audit", help=text, description=text.capitalize() + ".")
    _cluster_options(audit)
    add = audit.add_argument
    add("--snapshot", default="", metavar="FILE", help="judge what a snapshot holds instead of asking a cluster")
    add("--save-snapshot", default="", metavar="FILE", help="keep what was listed, to judge it again later")
    add("-v", "--verbose", action="store_true", help="every finding, and what passed or was skipped")
    for name in _JUDGING:
        add(f"--{name}", **OPTIONS[f"--{name}"])
    audit.set_defaults(run=_run_audit)
    text = "list what the requirements need from a cluster into a file, for audit --snapshot"
    keep = commands.add_parser("snapshot", help=text, description=text.capitalize() + ".")
    _cluster_options(keep)
    keep.add_argument("--output", required=True, metavar="FILE")
    for name in ("profile", "policies"):
        keep.add_argument(f"--{name}", **OPTIONS[f"--{name}"])
    keep.set_defaults(run=_run_snapshot)


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
