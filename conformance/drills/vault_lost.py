"""Persistence guide, scenario 3: every member of Vault is lost, and comes back from an encrypted snapshot."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence

from conformance.drill import files, vault
from conformance.drill.command import CommandError
from conformance.drill.exercise import Exercise
from conformance.drill.fault import NotHeldError
from conformance.drill.kubectl import Kubectl
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.snapshot import Safe, damage, safe
from conformance.drill.vault import Keys, Vault
from conformance.drill.volume import place_of

UNSEALED = "every member is unsealed"


@drill(
    name="vault-lost",
    title="a Vault that is lost with all its volumes comes back from its snapshot",
    requirements=("persistence-dr-vault-snapshot-restore", "persistence-dr-vault-unseal-all"),
    objectives=(
        Objective("persistence guide, lines 387-392, derived from its check for a snapshot a day", rpo=86_400),
    ),
    images=(Image("vault", "hashicorp/vault:1.19.0"),),
    twins=(
        Twin("two-keys", "two custodians come instead of three", fails=UNSEALED),
        Twin("temporary-keys", "the keys of the new Vault are used after the restore", fails=UNSEALED),
        Twin("another-vault", "the snapshot is one of another Vault", fails=UNSEALED),
        Twin("not-restarted", "the restored Vault still knows how many temporary keys it had", fails=UNSEALED),
    ),
)
def vault_lost(exercise: Exercise) -> None:
    """A new member on an empty volume is initialised with a temporary key, because a sealed Vault refuses a restore.
    The snapshot is decrypted and restored with -force; Vault seals itself, but still asks for as many keys as the
    temporary ones were, until it is started again. From then on the original keys count: three of the five for each
    member. Then the other members join.
    """
    if exercise.twin:
        exercise.note("one member: the twin fails before others could join")
    exercise.note("all members on one node: no rule that keeps them apart; no TLS between them")
    with safe() as backup:
        carry_out(exercise, backup)


def carry_out(exercise: Exercise, backup: Safe) -> None:
    """The procedure, with a folder outside the cluster for snapshots; shares and tokens are kept in memory alone."""
    with exercise.step("prepare", "a Vault, initialised with three keys of five"):
        kubectl = exercise.namespace("vault")
        storage_class = files.storage_class(exercise, kubectl)
        old = vault.deploy(exercise, kubectl, storage_class, members=1 if exercise.twin else 3)
        keys = vault.start(old)
        vault.start_heartbeat(exercise, old, keys.root)
    with exercise.step("prepare", "a secret, a snapshot of it outside the cluster, encrypted, and a later secret"):
        old.put(keys.root, "before", "written-before-the-snapshot")
        name = back_up(exercise, old, keys, backup)
        if exercise.twin == "another-vault":
            name = back_up_another(exercise, storage_class, backup)
        old.put(keys.root, "after", "written-after-the-snapshot")
    with exercise.step("steady", "its members vote, and both secrets can be read"):
        seen = [old.read(keys.root, each) for each in ("before", "after")]
        exercise.holds("steady state", all(seen) and old.voters(keys.root) == old.pods, "not so", secrets=seen)
    with exercise.fault("every member is lost with its volumes"):
        lose(exercise, old)
    with exercise.step("recover", "one new member on an empty volume"):
        vault.stop_heartbeat(old)
        new = vault.deploy(exercise, kubectl, storage_class, members=1)
    if not exercise.twin:
        with exercise.step("recover", "the guide's order, to the letter: an uninitialised Vault refuses the restore"):
            refused = restore_to_the_letter(new, backup.get(name))
            exercise.holds("to the letter: the restore is refused", refused, "it is not", said=refused)
    with exercise.step("recover", "it is initialised with a temporary key, and unsealed with it"):
        temporary = new.init(shares=1, threshold=1)
        new.unseal("vault-0", temporary.shares)
        new.active()
    with exercise.step("recover", "the snapshot is decrypted, verified and restored with -force"):
        snapshot = backup.get(name)
        exercise.holds("the snapshot is whole", not damage(snapshot), damage(snapshot), bytes=len(snapshot))
        new.restore(temporary.root, snapshot)
    with exercise.step("recover", "its pod is started again, and unsealed with three of the original keys"):
        if exercise.twin != "not-restarted":
            new.restart()
        unseal(exercise, new, "vault-0", shares_of(exercise.twin, keys, temporary))
    with exercise.step("verify", "the secret can be read with the original token"):
        expected = "written-before-the-snapshot"
        exercise.recovered("the secret is read", lambda: new.read(keys.root, "before") == expected)
        exercise.lost(vault.newest_heartbeat(new, keys.root))
    with exercise.step("recover", "the other members join, and each is unsealed with three keys"):
        whole = join(exercise, kubectl, keys)
    with exercise.step("verify", "three voters; later secrets and temporary keys are gone; nothing lies around"):
        verify(exercise, whole, keys, temporary, backup)
        exercise.within_objectives()


def back_up(exercise: Exercise, old: Vault, keys: Keys, backup: Safe) -> str:
    """The snapshot, encrypted in a pipe; returns the name of its file. The guide's command has no token."""
    if not exercise.twin:
        refused = refusal(old, "vault operator raft snapshot save /tmp/literal")
        exercise.holds("to the letter: a backup without a token is refused", refused, "it is not", said=refused)
    name = time.strftime("vault-snapshot-%Y%m%d-%H%M%S.gpg", time.gmtime())
    file = backup.put(name, old.save(keys.root))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    exercise.holds("the snapshot is whole", not damage(backup.get(name)), "it is not", sha256=digest)
    left = old.kubectl.query("vault-0", "sh", "-c", "find /tmp /vault -name '*save*' -o -name '*literal*'")
    exercise.holds("no plaintext is left", not left and not backup.plain(), "there is", pod=left, files=backup.plain())
    return name


def back_up_another(exercise: Exercise, storage_class: str, backup: Safe) -> str:
    """A snapshot that is whole, encrypted, dated, and of another Vault, with five keys of its own."""
    other = vault.deploy(exercise, exercise.namespace("other"), storage_class, members=1)
    keys = vault.start(other)
    other.put(keys.root, "before", "of-another-vault")
    return backup.put("vault-snapshot-of-another.gpg", other.save(keys.root)).name


def lose(exercise: Exercise, old: Vault) -> None:
    """The claims, their volumes and the directories on the node: Retain alone would bring everything back."""
    claims = [each["metadata"]["name"] for each in old.kubectl.list("persistentvolumeclaims")]
    places = [place_of(exercise, old.kubectl, each) for each in claims]
    old.kubectl.delete("statefulset", "vault")
    old.kubectl.gone("pods", "app=vault")
    bound = exercise.cluster.timeouts.gone
    old.kubectl.act("delete", "persistentvolumeclaims", *claims, timeout=bound)
    exercise.everywhere.act("delete", "persistentvolumes", *(each.volume for each in places), timeout=bound)
    for node in sorted({each.node for each in places}):
        exercise.node(node, "rm", "-r", "--", *(each.path for each in places if each.node == node))


def restore_to_the_letter(new: Vault, snapshot: bytes) -> str:
    """Steps 3 and 4 of the guide: copy the snapshot in, restore it with -force; unsealing comes later there."""
    new.kubectl.exec("vault-0", "sh", "-c", "cat > /tmp/literal", stdin=snapshot)
    said = refusal(new, "vault operator raft snapshot restore -force /tmp/literal")
    new.kubectl.exec("vault-0", "sh", "-c", "rm /tmp/literal")
    return said


def refusal(asked: Vault, command: str) -> str:
    """Why a command is refused; empty when it is not."""
    try:
        asked.kubectl.exec("vault-0", *command.split())
    except CommandError as error:
        said = error.output.stderr if error.output else str(error)
        return " ".join(line.strip() for line in said.splitlines() if line.startswith("*")) or str(error)
    return ""


def shares_of(twin: str, keys: Keys, temporary: Keys) -> Sequence[str]:
    """Whose keys are used after the restore."""
    if twin == "temporary-keys":
        return temporary.shares * 3
    return keys.shares[2:4] if twin == "two-keys" else keys.shares[2:5]


def unseal(exercise: Exercise, asked: Vault, pod: str, shares: Sequence[str]) -> None:
    """Three different shares; any three will do, so others than those that unsealed it first."""
    refused = asked.unseal(pod, shares)
    bound = 8.0 if exercise.twin else exercise.cluster.timeouts.ready
    try:
        asked.kubectl.until(f"{pod} is unsealed", lambda: refused or asked.unsealed(pod), bound)
    except NotHeldError as error:
        refused = refused or str(error)
    status = asked.status(pod)
    seen = {"progress": status["progress"], "needed": status["t"], "pod": pod, "refused": refused}
    exercise.holds(UNSEALED, asked.unsealed(pod), "it is still sealed", **seen)


def join(exercise: Exercise, kubectl: Kubectl, keys: Keys) -> Vault:
    """Scale up; step 7 of the guide has one key for each, which leaves them sealed."""
    kubectl.scale("statefulset/vault", 3)
    whole = Vault(kubectl, 3)
    for pod in whole.pods[1:]:
        whole.answering(pod)
        whole.unseal(pod, keys.shares[:1])
        status = whole.status(pod)
        one = status["sealed"] and status["progress"] == 1
        exercise.holds("to the letter: one key leaves it sealed", one, "it does not", progress=status["progress"])
        unseal(exercise, whole, pod, keys.shares[1:3])
    kubectl.ready("statefulset/vault")
    bound = exercise.cluster.timeouts.ready
    kubectl.until("three voters", lambda: whole.voters(keys.root) == whole.pods, bound)
    return whole


def verify(exercise: Exercise, whole: Vault, keys: Keys, temporary: Keys, backup: Safe) -> None:
    """All that the guide does not look at."""
    sealed = [each for each in whole.pods if not whole.unsealed(each)]
    exercise.holds(UNSEALED, not sealed, "some are sealed", sealed=sealed)
    exercise.same("three voters", whole.pods, whole.voters(keys.root), "the list of voters")
    follower = whole.read(keys.root, "before", pod="vault-2")
    exercise.same("another member answers alike", "written-before-the-snapshot", follower, "the secret")
    later = whole.read(keys.root, "after")
    exercise.holds("what was written after the snapshot is lost", not later, "it is there", found=later)
    old = whole.read(temporary.root, "before")
    exercise.holds("the temporary token is rejected", not old, "it is accepted")
    whole.put(keys.root, "again", "written-after-the-restore")
    exercise.same("it can be written", "written-after-the-restore", whole.read(keys.root, "again"), "the secret")
    entries = whole.kubectl.query("vault-0", "sh", "-c", "wc -l < /vault/audit/audit.log")
    exercise.holds("the audit log goes on", int(entries), "it is empty", entries=entries)
    left = whole.kubectl.query("vault-0", "sh", "-c", "find /tmp -name '*save*' -o -name '*restore*'")
    exercise.holds("no plaintext is left", not left and not backup.plain(), "there is", pod=left, files=backup.plain())
    kept = json.dumps([whole.kubectl.list(each) for each in ("secrets", "configmaps", "pods")])
    found = [each for each in (*keys.shares, *temporary.shares, keys.root, temporary.root) if each in kept]
    exercise.holds("no share is in the cluster", not found, f"{len(found)} shares or tokens are")
