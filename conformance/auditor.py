"""`plumbline rbac`: the ClusterRole that an audit of the selected profiles needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.asked import kinds_asked
from conformance.audit import settings_from
from conformance.catalogue import CatalogueError
from conformance.cluster.client import Client
from conformance.cluster.connection import connect
from conformance.cluster.discovery import discover
from conformance.cluster.fault import ClusterError
from conformance.cluster.role import cluster_role, rules
from conformance.conclusion import USAGE, complain
from conformance.run import Run
from conformance.settings import OWN_PROFILE, UsageError

#: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
_EXEC = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]}
#: what `audit --report policyreport` writes is applied by somebody else; the audit itself only reads
_NAME = "plumbline-audit"


def run_rbac(options: argparse.Namespace, extra: list[str]) -> int:
    """Write the ClusterRole to standard output; kinds of which no group is known are told on standard error."""
    if extra:
        return complain("rbac takes nothing after --", USAGE)
    try:
        run = Run(settings_from(options), scope="cluster")
        kinds = kinds_asked((each.requirement, each.check) for each in run.asked)
        discovery = None
        if options.context or options.kubeconfig:
            trees = [Path(each) for each in (*run.settings.policies, *run.settings.waivers)]
            discovery = discover(Client(connect(options.context, options.kubeconfig, trees)))
    except (UsageError, CatalogueError) as error:
        return complain(str(error), USAGE)
    except ClusterError as error:
        return complain(str(error), 1)
    found, unknown = rules(kinds, discovery)
    if unknown:
        names = ", ".join(unknown)
        sys.stderr.write(
            f"plumbline: not in the role, because their group is not known here: {names}; --context asks\n"
        )
    profiles = sorted({each.requirement.profile for each in run.asked} - {OWN_PROFILE})
    about = [f"What `plumbline audit` needs for {', '.join(profiles)}: made by `plumbline rbac`."]
    sys.stdout.write(cluster_role(_NAME, found + ([_EXEC] if options.inside else []), about))
    return 0
