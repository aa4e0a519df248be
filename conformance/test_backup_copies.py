"""Where the copies go that backup jobs take: off the volume, encrypted, kept for a while."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.scripts.backup_jobs import at_line, chosen, copies, unjudged
from conformance.scripts.destination import data_claims, elsewhere, encrypted, kept, leaves, sends, whose
from conformance.scripts.dumps import Act, dumps
from conformance.scripts.jobs import Job
from conformance.scripts.retention import Keeping, keeping


@check
def test_backup_leaves_volume(
    inventory: Inventory, *, job: str = "*", data: list[str] | None = None, outside: bool = True, target: str = ""
) -> Iterator[Said]:
    """A copy does not stay where the data is: it is sent away, or at least lies on another claim than the data.

    With `outside` it has to leave the cluster: an upload, or a dump that goes to a store by itself. `target` is a glob
    over where to. What is sent has to be the volume that the dump was written to: two containers may mount different
    ones at the same path. A copy in an emptyDir or in the container is gone with the pod.
    https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
    """
    yield from unjudged(inventory)
    claims = data_claims(inventory)
    judged = False
    for each in chosen(inventory, job, data):
        if not copies(each) or each.kind == "Velero Schedule":
            continue
        judged = True
        for send, written in elsewhere(each):
            message = f"sends another volume than the one with {written.target}"
            yield at_line(send.step, send.command.line, message, written.mount and written.mount.text("name"))
        named = [send.target for send in sends(each)]
        if leaves(each):
            if target and not any(fnmatchcase(name, target) for name in named):
                first = sends(each)[0] if named else None
                if first is not None:
                    yield at_line(
                        first.step, first.command.line, "sends the copy to another place", target, first.target
                    )
                else:
                    yield Finding(each.subject, each.when[0].path, "sends the copy to no such place", target)
            continue
        yield from _staying(each, claims, outside)
    if not judged:
        yield NotApplicable("no job takes a dump")


def _staying(job: Job, claims: dict[tuple[str | None, str], str], outside: bool) -> Iterator[Finding]:
    written = list(kept(job))
    namespace = job.subject.namespace if isinstance(job.subject, Object) else None
    for each in written:
        claim = each.mount.volume.claim if each.mount and each.mount.volume else ""
        owner = whose(namespace, claim, claims) if claim else ""
        if owner:
            message = f"the copy lies on the very claim of the data, {claim} of {owner}"
            yield Finding(job.subject, each.path, message, "another place", claim)
        elif not claim:
            yield at_line(
                each.act.step, each.act.command.line, f"the copy stays on {each.source}", "a place off the cluster"
            )
        elif outside:
            yield Finding(
                job.subject, each.path, "the copy never leaves the cluster", "an upload", claim or each.source
            )
    if not written:
        acts: list[Act] = dumps(job)
        for act in acts:
            yield at_line(act.step, act.command.line, f"nothing keeps what {act.program} prints", "a file or an upload")


@check
def test_backup_encrypts(
    inventory: Inventory, *, job: str = "*", data: list[str] | None = None, server_side: bool = True
) -> Iterator[Said]:
    """A job that copies data encrypts it: gpg, age, openssl, restic, or with `server_side` the bucket's own encryption.

    Compression is no encryption. Whether a bucket encrypts by default only the bucket tells.
    """
    yield from unjudged(inventory)
    found = [each for each in chosen(inventory, job, data) if dumps(each)]
    if not found:
        yield NotApplicable("no job takes a dump")
    for each in found:
        if not encrypted(each, server_side=server_side):
            act = dumps(each)[0]
            yield at_line(act.step, act.command.line, "the copy is stored unencrypted", "gpg, age or --sse")


@check
def test_backup_retained(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    exactly: Annotated[str, duration.parse] | None = None,
    at_least: Annotated[str, duration.parse] | None = None,
    lifecycle: str = "",
) -> Iterator[Said]:
    """Copies are kept for the documented time, and then deleted: by `ttl`, by the script, or by the bucket's rules.

    `find -mtime +30` deletes what is older than 31 days, which counts as 30 here, as everybody means it. A Velero
    Schedule without `ttl` takes the server's, 30 days unless told otherwise. `lifecycle` is a glob over files with
    a bucket's lifecycle rules.
    https://velero.io/docs/main/api-types/schedule/
    """
    yield from unjudged(inventory)
    found = chosen(inventory, job, data)
    said: list[Keeping] = [kept_for for each in found for kept_for in keeping(each, inventory, lifecycle)]
    if not found:
        yield NotApplicable("no such job")
    elif not said:
        subject, path = found[0].subject, found[0].when[0].path
        yield Finding(subject, path, "nothing says how long copies are kept", exactly or at_least)
    for each in said:
        seconds = each.seconds
        if seconds is None:
            yield Finding(each.subject, each.path, each.problem, exactly or at_least, each.text, location=each.location)
        elif (exactly is not None and seconds != float(duration.parse(exactly))) or (
            at_least is not None and seconds < float(duration.parse(at_least))
        ):
            message = "keeps copies for another time" if exactly else "deletes copies too early"
            yield Finding(each.subject, each.path, message, exactly or at_least, each.text, location=each.location)
