"""Vault in a drill, asked through its own client. Keys and tokens go in by standard input: no process list shows them,
no log and no evidence holds them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.kubectl import Kubectl

_HEARTBEAT = 'path "secret/data/heartbeat" {\n  capabilities = ["create", "update"]\n}\n'
#: the first line of standard input is the token, the rest is what the command reads
_AS = "IFS= read -r VAULT_TOKEN; export VAULT_TOKEN; "
#: the server has not carried it out then: http/handler.go of Vault 1.19
_ELECTING = "active cluster node not found"
_UNSEAL = 'while IFS= read -r share; do vault operator unseal "$share" > /dev/null || exit 1; done'
_SAVE = "vault operator raft snapshot save /tmp/save >&2 && cat /tmp/save; code=$?; rm -f /tmp/save; exit $code"
_RESTORE = (
    "cat > /tmp/restore && vault operator raft snapshot restore -force /tmp/restore; "
    "code=$?; rm -f /tmp/restore; exit $code"
)


@dataclass(frozen=True)
class Keys:
    """What `vault operator init` gives its custodians, once. Never shown."""

    shares: tuple[str, ...] = field(repr=False)
    root: str = field(repr=False)


@dataclass
class Vault:
    """A Vault of some members, `vault-0` and so on. https://developer.hashicorp.com/vault/docs/commands"""

    kubectl: Kubectl
    members: int

    @property
    def pods(self) -> list[str]:
        """The members' names."""
        return [f"vault-{each}" for each in range(self.members)]

    def status(self, pod: str = "vault-0") -> dict[str, Any]:
        """Of one member: initialized, sealed, t, n, progress, is_self. Raises CommandError while nobody answers.

        The exit code is 2 for a sealed one, and 1 for an error.
        """
        text = self.kubectl.query(pod, "sh", "-c", "vault status -format=json; test $? -ne 1")
        found: dict[str, Any] = json.loads(text)
        return found

    def answering(self, pod: str = "vault-0") -> None:
        """Wait until a member answers at all."""
        self.kubectl.until(f"{pod} answers", lambda: self.status(pod), self.kubectl.cluster.timeouts.ready)

    def init(self, shares: int, threshold: int) -> Keys:
        """New keys and a new root token."""
        command = ["vault", "operator", "init", f"-key-shares={shares}", f"-key-threshold={threshold}", "-format=json"]
        found = json.loads(self.kubectl.exec("vault-0", *command).stdout)
        return Keys(tuple(found["unseal_keys_b64"]), found["root_token"])

    def unseal(self, pod: str, shares: Sequence[str]) -> str:
        """Give one member some shares; returns why it refused one, else nothing."""
        known = f"{pod} knows the cluster"
        self.kubectl.until(known, lambda: self.status(pod)["initialized"], self.kubectl.cluster.timeouts.ready)
        try:
            self.kubectl.exec(pod, "sh", "-c", _UNSEAL, stdin="".join(f"{each}\n" for each in shares).encode())
        except CommandError as error:
            return str(error)
        return ""

    def unsealed(self, pod: str) -> bool:
        """Whether a member is unsealed; one that does not answer is not."""
        try:
            return not self.status(pod)["sealed"]
        except CommandError:
            return False

    def active(self) -> None:
        """Wait until a member leads: before that nothing can be written."""
        bound = self.kubectl.cluster.timeouts.ready
        self.kubectl.until("a member leads", lambda: self.status().get("leader_address"), bound)

    def restart(self) -> None:
        """Start `vault-0` again: after a forced restore it keeps asking for as many keys as it had before, because it
        reads its seal's configuration only once.
        """
        self.kubectl.delete("pod", "vault-0")
        self.answering()

    def run(self, token: str, script: str, stdin: bytes = b"", pod: str = "vault-0") -> bytes:
        """A script in a member with a token in its environment. Raises CommandError.

        Asked again while the members elect a leader, which they do on a slow machine at any time.
        """
        given = token.encode() + b"\n" + stdin
        until = time.monotonic() + self.kubectl.cluster.timeouts.effect
        while True:
            try:
                return self.kubectl.exec(pod, "sh", "-c", _AS + script, stdin=given).stdout
            except CommandError as error:
                said = error.output.stderr if error.output else ""
                if _ELECTING not in said or time.monotonic() > until:
                    raise
            time.sleep(self.kubectl.cluster.timeouts.interval)

    def put(self, token: str, name: str, value: str) -> None:
        """A secret of the engine at `secret`; its value is test data, not a secret."""
        self.run(token, f"vault kv put -mount=secret {name} value='{value}' > /dev/null")

    def read(self, token: str, name: str, key: str = "value", pod: str = "vault-0") -> str:
        """One field of a secret; empty when it is not there, or the token may not, or nobody answers."""
        try:
            return self.run(token, f"vault kv get -mount=secret -field={key} {name}", pod=pod).decode().strip()
        except CommandError:
            return ""

    def save(self, token: str) -> bytes:
        """A Raft snapshot; nothing of it stays in the pod."""
        return self.run(token, _SAVE)

    def restore(self, token: str, snapshot: bytes) -> None:
        """`vault operator raft snapshot restore -force`: also one that was made under other keys. Vault notices that
        some seconds later and seals itself; this waits for it.
        """
        self.run(token, _RESTORE, snapshot)
        sealed = "Vault has sealed itself"
        self.kubectl.until(sealed, lambda: self.status()["sealed"], self.kubectl.cluster.timeouts.ready)

    def voters(self, token: str) -> list[str]:
        """The names of the Raft members that vote."""
        found = json.loads(self.run(token, "vault operator raft list-peers -format=json"))
        return sorted(each["node_id"] for each in found["data"]["config"]["servers"] if each["voter"])


def deploy(exercise: Exercise, kubectl: Kubectl, storage_class: str, members: int) -> Vault:
    """Members that answer, uninitialised."""
    values = {"vault": exercise.image("vault"), "storage_class": storage_class, "replicas": members}
    exercise.deploy(kubectl, "vault/statefulset.yaml", **values)
    found = Vault(kubectl, members)
    for each in found.pods:
        found.answering(each)
    return found


def start(vault: Vault) -> Keys:
    """Initialise it with three keys of five, unseal every member, a key-value engine and an audit log."""
    keys = vault.init(shares=5, threshold=3)
    for pod in vault.pods:
        vault.unseal(pod, keys.shares[:3])
    vault.active()
    vault.kubectl.ready("statefulset/vault")
    vault.run(keys.root, "vault secrets enable -path=secret -version=2 kv > /dev/null")
    vault.run(keys.root, "vault audit enable file file_path=/vault/audit/audit.log > /dev/null")
    return keys


def start_heartbeat(exercise: Exercise, vault: Vault, token: str) -> None:
    """Begin to write, with a token of its own, and wait for the first time written."""
    vault.run(token, "vault policy write heartbeat - > /dev/null", _HEARTBEAT.encode())
    own = vault.run(token, "vault token create -policy=heartbeat -field=token").decode().strip()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "heartbeat"}, "stringData": {"token": own}}
    vault.kubectl.apply([secret])
    exercise.deploy(vault.kubectl, "heartbeat/vault.yaml", vault=exercise.image("vault"))
    bound = vault.kubectl.cluster.timeouts.ready
    vault.kubectl.until("the first heartbeat", lambda: newest_heartbeat(vault, token) > 0, bound)


def newest_heartbeat(vault: Vault, token: str) -> float:
    """When the newest heartbeat that is there was written, in seconds since 1970; 0 when there is none."""
    return float(vault.read(token, "heartbeat", "at") or 0)


def stop_heartbeat(vault: Vault) -> None:
    """No more writes: its token is in the snapshot too, so that it would go on and hide what was lost."""
    vault.kubectl.scale("deployment/heartbeat", 0)
    vault.kubectl.gone("pods", "app=heartbeat")
