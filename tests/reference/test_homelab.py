"""What is particular to the homelab reference; what holds for every reference is in test_mutations.py."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.reference.edit import apply
from tests.reference.system import failing, judge, load, systems

SYSTEM = systems()["homelab"]
#: what hardens the three tiers, file by file: the remedies of their advice
HARDENED = [
    {
        "file": "blog-system/web/rollout.yaml",
        "find": "          allowPrivilegeEscalation: false\n",
        "replace": "          allowPrivilegeEscalation: false\n          runAsNonRoot: true\n"
        "          readOnlyRootFilesystem: true\n          seccompProfile: {type: RuntimeDefault}\n",
    },
    {
        "file": "blog-system/was/rollout.yaml",
        "find": "          allowPrivilegeEscalation: false\n",
        "replace": "          allowPrivilegeEscalation: false\n          readOnlyRootFilesystem: true\n"
        "          seccompProfile: {type: RuntimeDefault}\n",
    },
    {
        "file": "blog-system/was/rollout.yaml",
        "find": "        livenessProbe:\n          httpGet:\n            path: /actuator/health\n",
        "replace": "        livenessProbe:\n          httpGet:\n            path: /actuator/health/liveness\n",
    },
    {"file": "blog-system/was/configmap.yaml", "find": "USERNAME: root", "replace": "USERNAME: board"},
    {
        "file": "blog-system/mysql/deployment.yaml",
        "find": "        image: mysql:8.0\n",
        "replace": "        image: mysql:8.0\n"
        "        securityContext: {runAsNonRoot: true, runAsUser: 999, allowPrivilegeEscalation: false}\n"
        "        startupProbe: {tcpSocket: {port: mysql}, failureThreshold: 60}\n"
        "        livenessProbe: {tcpSocket: {port: mysql}}\n"
        "        readinessProbe: {tcpSocket: {port: mysql}}\n",
    },
    {
        "file": "blog-system/mysql/deployment.yaml",
        "find": "    spec:\n      containers:\n",
        "replace": "    spec:\n      securityContext: {fsGroup: 999}\n      containers:\n",
    },
]
REMEDIED = {
    "homelab-web-hardening-gap", "homelab-was-hardening-gap", "homelab-was-liveness-independent-of-db",
    "homelab-was-db-least-privilege", "homelab-mysql-security-context-missing", "homelab-mysql-probes-missing",
}  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SYSTEM.tree, tmp_path / "homelab"))


def test_all_forty_six_mutations_are_there() -> None:
    numbers = {each["id"].split()[0] for each in SYSTEM.mutations if re.match(r"homelab-m\d", each["id"])}
    assert numbers == {f"homelab-m{number:02}" for number in range(1, 47)}


def test_what_is_risky_as_documented_can_be_remedied(tree: Path) -> None:
    before = failing(judge("homelab", load(tree)))
    for edit in HARDENED:
        apply(tree, edit)
    after = failing(judge("homelab", load(tree)))
    assert before - after == REMEDIED
    assert after <= before
