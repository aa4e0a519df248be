"""Where the copies that a job takes end up: a bucket, another machine, a volume, or nowhere that outlives the pod."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.mounts import Mount
from conformance.kube.path import Path
from conformance.scripts.backup import encrypts, outputs, uploads
from conformance.scripts.dumps import Act, dumps
from conformance.scripts.jobs import Job, Step
from conformance.scripts.shell import Command

_SENDING = {
    "aws": ("cp", "sync", "mv", "put-object"),
    "s3cmd": ("put", "sync"),
    "mc": ("cp", "mirror", "pipe", "mv"),
    "rclone": ("copy", "copyto", "sync", "move", "moveto", "rcat"),
    "gsutil": ("cp", "rsync", "mv"),
    "gcloud": ("cp", "rsync"),
    "az": ("upload", "upload-batch", "copy"),
    "restic": ("backup",),
    "scp": (),
    "rsync": (),
    "sftp": (),
}
#: programs whose copy is away as soon as it is made
_REMOTE = ("restic", "kopia", "borg", "pgbackrest", "wal-g", "barman", "velero", "elasticdump", "curl")
_REMOTE_PLACE = re.compile(r"(?:s3|gs)://|[\w.-]+:")
_FLAGS = frozenset(
    ("--quiet", "--recursive", "--only-show-errors", "--no-progress", "--delete", "--verbose", "--archive")
)
#: volumes whose storage is another machine's
_NETWORKED = frozenset(("nfs", "csi", "cephfs", "azureFile", "glusterfs", "rbd"))
_SERVER_SIDE = re.compile(r"--sse|--server-side-encryption|--encrypt")


@dataclass(frozen=True, slots=True)
class Send:
    """A command that sends files out of the pod or off the host."""

    step: Step
    command: Command

    @property
    def target(self) -> str:
        """Where to, as it is written."""
        plain = _operands(self.command)
        return next((word for word in reversed(plain) if ":" in word), plain[-1] if plain else "")


def sends(job: Job) -> list[Send]:
    """Every command of a job that sends files away; `aws s3 ls` does not, nor does a copy from a bucket."""
    return [Send(step, each) for step in job.steps for each in uploads(step.shell) if _sends(each)]


def _sends(command: Command) -> bool:
    wanted = _SENDING.get(command.name)
    if wanted is None or (wanted and not any(word in wanted for word in command.words)):
        return False
    if command.name not in ("aws", "gsutil", "rclone", "scp", "rsync", "s3cmd"):
        return True
    plain = [word for word in _operands(command) if word not in ("s3", "s3api", *wanted)]
    return len(plain) < 2 or not _REMOTE_PLACE.match(plain[0]) or _REMOTE_PLACE.match(plain[-1]) is not None


def _operands(command: Command) -> list[str]:
    """The words that are neither options nor the values of long options."""
    words = command.words[1:]
    return [
        word
        for before, word in zip(("", *words), words, strict=False)
        if not word.startswith("--") and not (before.startswith("--") and "=" not in before and before not in _FLAGS)
    ]


def leaves(job: Job) -> bool:
    """Whether anything that a job does takes its copies off the volumes of the cluster."""
    remote = any(act.program in _REMOTE or "create_remote" in act.command.words for act in dumps(job))
    networked = any(each.source in _NETWORKED for each in kept(job))
    return job.kind == "Velero Schedule" or remote or networked or bool(sends(job))


def encrypted(job: Job, *, server_side: bool) -> bool:
    """Whether what a job makes is encrypted before it is stored, or by the store when it is asked to."""
    for _, command in job.commands:
        if encrypts(command) or (command.name == "openssl" and "enc" in command.words):
            return True
        if command.name in ("restic", "kopia", "borg") or (server_side and _SERVER_SIDE.search(command.text)):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Kept:
    """A copy that stays: on which volume of the pod; `mount` is None for the container's own layer or a host."""

    act: Act
    target: str
    mount: Mount | None

    @property
    def source(self) -> str:
        """What is behind the place, in words."""
        if self.act.step.container is None:
            return "the host's own disk"
        return self.mount.volume.source if self.mount and self.mount.volume else "the container's own layer"

    @property
    def path(self) -> Path:
        """The volume's field, or where the step's text stands."""
        return self.mount.volume.path if self.mount and self.mount.volume else self.act.step.at(self.act.command.line)


def kept(job: Job) -> Iterator[Kept]:
    """The files that the dumps of a job write, each with the volume it lies on."""
    for act in dumps(job):
        container = act.step.container
        for output in outputs(act.step.shell):
            same = output.command.pipeline == act.command.pipeline
            if same and output.target != "/dev/null":
                mount = container.pod.covering_mount(container, output.target) if container is not None else None
                yield Kept(act, output.target, mount)


def elsewhere(job: Job) -> Iterator[tuple[Send, Kept]]:
    """Sends that read another volume than the one that the dump was written to, in another container."""
    written = [each for each in kept(job) if each.mount is not None]
    for send in sends(job):
        container = send.step.container
        sources = [word for word in send.command.words[1:] if word.startswith("/")]
        for each in written:
            if container is None or container is each.act.step.container or not sources:
                continue
            mounts = [container.pod.covering_mount(container, word) for word in sources]
            names = {mount.text("name") for mount in mounts if mount is not None}
            if each.mount is not None and each.mount.text("name") not in names:
                yield send, each


def data_claims(inventory: Inventory) -> dict[tuple[str | None, str], str]:
    """The claims that workloads other than jobs keep their data on: namespace and name, with who mounts it."""
    found: dict[tuple[str | None, str], str] = {}
    for pod in inventory.pods():
        if pod.owner.kind in ("CronJob", "Job"):
            continue
        for volume in pod.volumes.values():
            if volume.claim:
                found[pod.owner.namespace, volume.claim] = str(pod.owner)
            elif volume.claim_template:
                found[pod.owner.namespace, f"{volume.name}-{pod.owner.name}-"] = str(pod.owner)
    return found


def whose(namespace: str | None, claim: str, claims: dict[tuple[str | None, str], str]) -> str:
    """Who keeps data on a claim; empty for nobody. A StatefulSet's claims end in the number of the pod."""
    for (where, name), owner in claims.items():
        if where == namespace and (
            name == claim or (name.endswith("-") and re.fullmatch(re.escape(name) + r"\d+", claim))
        ):
            return owner
    return ""
