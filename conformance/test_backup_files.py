"""Backup files: encrypted, out of reach, off the cluster, complete and fresh.

Scripts tell what will be written, a listing of the backup directories (see `evidence.listing`) what really is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.evidence.listing import Artefact, Listing, listings
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.mounts import Mount
from conformance.kube.object import Object
from conformance.kube.path import Path
from conformance.kube.podspec import PodSpec
from conformance.kube.storage import is_claim
from conformance.scripts.backup import (
    encrypts,
    is_encrypted_name,
    outputs,
    removed_later,
    uploads,
)
from conformance.scripts.find import Script, environment, runs, scripts
from conformance.scripts.shell import Command, Shell

NEITHER = "neither such a script nor a listing of backup files"
_PLACEHOLDER = re.compile(r"@(?:[\w-]+\.)*example(?:\.(?:com|org|net))?\Z", re.IGNORECASE)
_READING = re.compile(r"umask 0?[0-7]77\Z")


@check
def test_backup_encrypted(
    inventory: Inventory, *, script: str, directory: str, pattern: str, listing: str
) -> Iterator[Said]:
    """Every backup is encrypted: the script makes an encrypted file, and what is named so is an OpenPGP or age message.

    Judged by content, never by suffix. A passphrase inside the script protects nothing. A plaintext copy that stays
    beside the encrypted one is the business of another requirement.
    """
    found, (listed, broken) = scripts(inventory, script), listings(inventory, listing)
    yield from broken
    if not (found or listed or broken):
        yield NotApplicable(NEITHER)
    for each in found:
        made = [o for o in outputs(each.shell) if fnmatchcase(o.target, f"{directory}/{pattern}")]
        if made and not any(output.encrypted for output in made):
            where = each.at(made[0].command.line)
            yield Finding(
                each.subject, where, "the backup is written unencrypted", "gpg --encrypt or age", made[0].target
            )
        for command in each.shell.commands:
            secret = command.option("--passphrase")
            if encrypts(command) and secret and not secret.startswith("$"):
                yield Finding(each.subject, each.at(command.line), "the passphrase stands in the script")
    for there in listed:
        artefacts = there.below(directory, pattern)
        encrypted = {re.sub(r"\.\w+\Z", "", a.name) for a in artefacts if is_encrypted_name(a.name)}
        for artefact in artefacts:
            if is_encrypted_name(artefact.name) and not artefact.is_encrypted:
                yield there.finding(artefact, "head", "is named encrypted and is not", artefact.head)
            elif not is_encrypted_name(artefact.name) and artefact.name not in encrypted and not artefact.is_encrypted:
                yield there.finding(artefact, "path", "has no encrypted copy", artefact.path)


@check
def test_backup_no_plaintext(
    inventory: Inventory, *, script: str, directory: str, pattern: str, pod: str, listing: str
) -> Iterator[Said]:
    """Nothing unencrypted stays: not beside the encrypted file, and not in the pod that made the snapshot.

    `gpg --encrypt FILE` leaves FILE where it is. In a listing a plaintext backup is recognised by its content, whatever
    it is called; one whose name claims encryption is the business of another requirement.
    """
    found, (listed, broken) = scripts(inventory, script), listings(inventory, listing)
    yield from broken
    if not (found or listed or broken):
        yield NotApplicable(NEITHER)
    for each in found:
        for output in outputs(each.shell):
            plain = not output.encrypted and fnmatchcase(output.target, f"{directory}/{pattern}")
            if plain and not removed_later(each.shell, output):
                where = each.at(output.command.line)
                yield Finding(each.subject, where, "leaves an unencrypted copy", "encryption in a pipe", output.target)
        yield from _left_in_pod(each, pod)
    for there in listed:
        for artefact in there.below(directory):
            unencrypted = artefact.is_gzip or (fnmatchcase(artefact.name, pattern) and not artefact.is_encrypted)
            if unencrypted and not is_encrypted_name(artefact.name):
                yield there.finding(artefact, "path", "is an unencrypted backup", artefact.path)


def _left_in_pod(script: Script, pod: str) -> Iterator[Finding]:
    """A snapshot saved to a file of the pod is removed there; `/dev/stdout` is no such file."""
    commands = script.shell.commands
    for command in commands:
        if not command.has("snapshot", "save"):
            continue
        target = command.words[-1]
        if target in ("-", "/dev/stdout", "save"):
            continue
        removed = any(
            c.name == "kubectl" and "exec" in c.words and "rm" in c.words and pod in c.words for c in commands
        )
        trapped = any(c.name == "trap" and "rm" in c.text and target.split("$")[0] in c.text for c in commands)
        if not removed and not trapped:
            where = script.at(command.line)
            yield Finding(script.subject, where, f"leaves {target} in pod {pod}", "rm after copying", target)


@check
def test_backup_recipient(inventory: Inventory, *, script: str) -> Iterator[Said]:
    """Backups are encrypted to a key that somebody holds, not to the placeholder of an example.

    A recipient that comes from the environment is looked up in the CronJob that runs the script. Whether the private
    key exists, only a decryption tells.
    """
    judged = False
    for each in scripts(inventory, script):
        for command in each.shell.commands:
            if not encrypts(command):
                continue
            for recipient in _recipients(command, inventory, script):
                judged = True
                if _PLACEHOLDER.search(recipient):
                    where = each.at(command.line)
                    yield Finding(each.subject, where, "encrypts to a placeholder", "a managed recovery key", recipient)
    if not judged:
        yield NotApplicable("no script that encrypts to a recipient known here")


def _recipients(command: Command, inventory: Inventory, program: str) -> Iterator[str]:
    for name, value in zip(command.words, command.words[1:], strict=False):
        if name in ("--recipient", "-r", "--hidden-recipient", "-R"):
            if not value.startswith("$"):
                yield value
                continue
            for job in inventory.of_kind("CronJob", "batch"):
                given = environment(job).get(value[1:]) if runs(job, program.rpartition("/")[2]) else None
                if given is not None:
                    yield given


@check
def test_backup_permissions(inventory: Inventory, *, script: list[str], directory: str, listing: str) -> Iterator[Said]:
    """Nobody but the owner reads backups: `umask 077` before anything is written, files 0600, directories 0700.

    With the usual umask 022 a shell redirection makes files that everybody can read.
    """
    found, (listed, broken) = scripts(inventory, *script), listings(inventory, listing)
    yield from broken
    if not (found or listed or broken):
        yield NotApplicable(NEITHER)
    for each in found:
        written = [o for o in outputs(each.shell) if o.target.startswith(directory.rstrip("/") + "/")]
        if written and not _private(each.shell, written[0].command):
            where = each.at(written[0].command.line)
            yield Finding(each.subject, where, "others can read what is written here", "umask 077", None)
    for there in listed:
        for artefact in there.artefacts:
            inside = artefact.path == directory or artefact.path.startswith(directory.rstrip("/") + "/")
            if inside and artefact.mode & 0o077:
                yield there.finding(artefact, "mode", "others can read it", f"{artefact.mode:o}")


def _private(shell: Shell, first: Command) -> bool:
    before = shell.commands[: shell.commands.index(first)]
    masks = [each for each in before if each.name == "umask"]
    if masks:
        return _READING.match(masks[-1].text) is not None
    return any(
        each.name == "chmod" and re.fullmatch(r"0?[0-7]?00|go-rwx|go=", each.words[1]) for each in shell.commands
    )


@check
def test_backup_fresh(
    inventory: Inventory,
    *,
    directory: str,
    pattern: str,
    within: Annotated[str, duration.parse],
    listing: str,
    encrypted: bool = False,
) -> Iterator[Said]:
    """When the listing was taken there was a good and young backup: not empty, not broken, not from the future.

    Ages count from the listing's own time, because copying resets nothing there. With a date to judge as of, a listing
    that is older than a day says nothing about today.
    """
    listed, broken = listings(inventory, listing)
    yield from broken
    if not (listed or broken):
        yield NotApplicable(f"no listing of backup files {listing}")
    for there in listed:
        artefacts = there.below(directory, pattern)
        limit = timedelta(seconds=float(duration.parse(within)))
        good = [a for a in artefacts if not list(_faults(there, a, encrypted)) and there.age(a) < limit]
        if not good:
            newest = max(artefacts, key=lambda a: a.modified, default=None)
            if newest is None:
                yield Finding(there.document, "files", f"no {pattern} below {directory}", pattern, None)
                continue
            faults = list(_faults(there, newest, encrypted)) or [("modified", f"is {there.age(newest)} old")]
            for name, message in faults:
                yield there.finding(newest, name, message, newest.node.get(name))
        as_of = inventory.as_of
        if as_of is not None and (as_of - there.taken.date()).days > 1:
            yield Finding(
                there.document, "taken", f"says nothing about {as_of}", f"within a day of {as_of}", str(there.taken)
            )


def _faults(listing: Listing, artefact: Artefact, encrypted: bool) -> Iterator[tuple[str, str]]:
    """Why a file is no backup; (field, words)."""
    if artefact.size == 0:
        yield "size", "is empty"
    elif artefact.intact is False:
        yield "intact", "is truncated or damaged"
    elif encrypted and not artefact.is_encrypted:
        yield "head", "is not encrypted"
    if listing.age(artefact) < -timedelta(minutes=5):
        yield "modified", "is dated in the future"


@check
def test_backup_off_node(inventory: Inventory, *, program: str, directory: str) -> Iterator[Said]:
    """Backups are not written to the nodes or the volumes that they protect.

    Judged for CronJobs: what is mounted at the backup directory is no hostPath, no emptyDir, and no claim, unless the
    script itself sends the files away. A crontab does not say what its host mounts.
    """
    judged = False
    sending = [each for each in scripts(inventory, program) if uploads(each.shell)]
    for job in inventory.of_kind("CronJob", "batch"):
        pod = inventory.pod_spec(job)
        if pod is None or not runs(job, program):
            continue
        judged = True
        if not sending:
            yield from _on_node(job, pod, directory)
    if not judged:
        yield NotApplicable(f"no CronJob runs {program}")


def _on_node(job: Object, pod: PodSpec, directory: str) -> Iterator[Finding]:
    for container in pod.containers:
        if container.kind != "container":
            continue
        below = directory.rstrip("/") + "/"
        inside: list[Mount | None] = [m for m in container.mounts if m.text("mountPath").startswith(below)]
        for mount in inside or [pod.covering_mount(container, directory)]:
            source = mount.volume.source if mount and mount.volume else "the container's own layer"
            if is_claim(mount) or source in ("hostPath", "emptyDir", "ephemeral", "the container's own layer"):
                place: Path = mount.volume.path if mount and mount.volume else container.path
                message = f"backups stay with the cluster they protect: {directory} is {source}"
                yield Finding(job, place, message, "storage outside of the cluster", source)


@check
def test_argocd_backup_complete(inventory: Inventory, *, script: str, resources: list[str]) -> Iterator[Said]:
    """What an empty Argo CD needs to sync again is exported: credentials, its ConfigMaps, ApplicationSets.

    `argocd admin export` holds all of it. Credentials leave the script encrypted.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script")
    for each in found:
        commands = each.shell.commands
        whole = [c for c in commands if c.has("argocd", "admin", "export")]
        words = {
            part for c in commands if c.name == "kubectl" and "get" in c.words for w in c.words for part in w.split(",")
        }
        missing = [name for name in resources if not any(fnmatchcase(word, name) for word in words)]
        if not whole and missing:
            yield Finding(each.subject, each.at(), f"does not export {', '.join(missing)}")
        secrets = whole or [c for c in commands if c.name == "kubectl" and _gets_secrets(c)]
        for command in secrets:
            if not any(encrypts(c) for c in commands if c.pipeline == command.pipeline):
                yield Finding(each.subject, each.at(command.line), "credentials are written unencrypted")


def _gets_secrets(command: Command) -> bool:
    return "get" in command.words and any(part in ("secret", "secrets") for w in command.words for part in w.split(","))
