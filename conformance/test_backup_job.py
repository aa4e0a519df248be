"""What backup jobs do: a command that takes a dump, whose failure shows, and another that sends it away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.choosing import containers_of, place_of, runs_image, tag_of
from conformance.kube.inventory import Inventory
from conformance.kube.mounts import Mount
from conformance.kube.object import Object
from conformance.kube.podspec import Container
from conformance.kube.versions import minor_of
from conformance.scripts.backup import outputs
from conformance.scripts.backup_jobs import at_line, chosen, unjudged
from conformance.scripts.destination import sends
from conformance.scripts.dumps import dumps
from conformance.scripts.failing import dash_pipefail, looked_at, swallowed
from conformance.scripts.jobs import Job
from conformance.scripts.shell import Command
from conformance.scripts.steps import Step, step

_DUMPS = ("mysqldump", "mariadb-dump", "pg_dump", "pg_dumpall")


def _dumping(job: Object, inventory: Inventory) -> list[tuple[Container, Step, Command]]:
    """Every dump of the job, in containers of whatever kind."""
    found = []
    for each in _containers(job, inventory):
        done = step(each, inventory)
        found += [(each, done, command) for command in done.shell.commands if command.name in _DUMPS]
    return found


def _containers(job: Object, inventory: Inventory) -> list[Container]:
    first = containers_of(job, inventory, "*", kind="initContainer")
    return [*first, *containers_of(job, inventory, "*")]


@check
def test_dump_step(job: Object, inventory: Inventory, *, image_name: str, version: str, target: str) -> Iterator[Said]:
    """An init container of that image dumps the database, compresses the dump and writes it to that file.

    Init containers run before the others and to their end; with dump and upload swapped, what is sent away is the dump
    of nobody. `target` has dates as `{%Y%m%d}`. The script may lie in a ConfigMap.
    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/
    """
    dumps = [each for each in _dumping(job, inventory) if each[0].kind == "initContainer"]
    if not dumps:
        yield Finding(*place_of(job, inventory, "initContainer"), "no init container dumps the database", "mysqldump")
    for each, done, command in dumps:
        written = each.text("image")
        if not runs_image(each, image_name) or minor_of(tag_of(each)) != minor_of(version):
            expected = f"{image_name}:{version}"
            yield Finding(each.pod.owner, (*each.path, "image"), "is dumped by another image", expected, written)
        piped = [one for one in done.shell.commands if one.pipeline == command.pipeline and one.stage > command.stage]
        if not any(one.name in ("gzip", "pigz") for one in (*piped, *_later(done, command))):
            yield Finding(each.pod.owner, done.path, "the dump is not compressed", "gzip")
        made = [one.target for one in outputs(done.shell)]
        if target not in made:
            yield Finding(each.pod.owner, done.path, "the dump goes to another file", target, made)


def _later(done: Step, command: Command) -> list[Command]:
    at = done.shell.commands.index(command)
    return done.shell.commands[at + 1 :]


@check
def test_upload_step(job: Object, inventory: Inventory, *, image_name: str, tag: str, bucket: str) -> Iterator[Said]:
    """The main container is of that image and copies to that bucket, and never deletes there.

    `aws s3 sync --delete` from an empty volume erases every backup there is.
    https://docs.aws.amazon.com/cli/latest/reference/s3/sync.html
    """
    found = containers_of(job, inventory, "*", image_name)
    sent = False
    for each in found:
        if not runs_image(each, image_name) or tag_of(each) != tag:
            expected = f"{image_name}:{tag}"
            yield Finding(each.pod.owner, (*each.path, "image"), "is another image", expected, each.text("image"))
        done = step(each, inventory)
        for command in done.shell.commands:
            copies = command.has("s3", "cp") or command.has("s3", "sync") or command.has("s3", "mv")
            if command.name == "aws" and copies and any(word.startswith(bucket) for word in command.words):
                sent = True
                if "--delete" in command.words:
                    yield Finding(each.pod.owner, done.path, "deletes in the bucket what is not here", "aws s3 cp")
    if not sent:
        yield Finding(*place_of(job, inventory), f"no container copies to {bucket}", bucket)


@check
def test_volume_shared(job: Object, inventory: Inventory, *, path: str) -> Iterator[Said]:
    """All containers that mount the path, init and main ones, mount the very same volume there, not one of memory.

    https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
    """
    names: dict[tuple[str, str], Mount] = {}
    for each in _containers(job, inventory):
        mount = each.pod.covering_mount(each, path)
        if mount is None or mount.volume is None:
            yield Finding(each.pod.owner, (*each.path, "volumeMounts"), f"{each.name} has no volume at {path}", path)
            continue
        place = (mount.volume.name, mount.text("subPath"))
        names.setdefault(place, mount)
        if len(names) > 1 and mount is names[place]:
            expected = next(iter(names))[0]
            yield Finding(each.pod.owner, mount.path, f"{each.name} has another volume at {path}", expected, place[0])
        if mount.volume.get("emptyDir.medium") == "Memory":
            yield Finding(each.pod.owner, mount.volume.path, "what is written there counts as memory", "disk")


@check
def test_dump_consistent(job: Object, inventory: Inventory) -> Iterator[Said]:
    """mysqldump takes one state of the database, not each table at its own moment.

    `--single-transaction` does so for InnoDB without a lock; `--lock-all-tables` does too and stops every writer.
    https://dev.mysql.com/doc/refman/8.0/en/mysqldump.html#option_mysqldump_single-transaction
    """
    dumps = [each for each in _dumping(job, inventory) if each[2].name in ("mysqldump", "mariadb-dump")]
    for each, done, command in dumps:
        if any(word.startswith(("--defaults-file", "--defaults-extra-file")) for word in command.words):
            continue
        if not {"--single-transaction", "--lock-all-tables", "-x"} & set(command.words):
            yield Finding(each.pod.owner, done.path, "tables are dumped at different moments", "--single-transaction")
    if not dumps:
        yield NotApplicable("no container runs mysqldump; another requirement says so")


@check
def test_job_policy(
    job: Object, *, restart: list[str], deadline_at_most: Annotated[str, duration.parse] = "24h"
) -> Iterator[Said]:
    """Runs do not overlap, give up after a while, and leave a failed one to look at.

    The default concurrencyPolicy is Allow; `Replace` is as good as `Forbid`. Without activeDeadlineSeconds a run that
    hangs keeps every later one away; absent, backoffLimit is 6 and one failed Job is kept.
    https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
    """
    spec = job.at("spec.jobTemplate.spec")
    policy = job.text("spec.concurrencyPolicy", "Allow")
    if policy not in ("Forbid", "Replace"):
        yield Finding(job, "spec.concurrencyPolicy", "two runs may overlap", "Forbid", policy)
    if spec.number("backoffLimit") is None:
        yield Finding(job, (*spec.path, "backoffLimit"), "how often it is tried is left to the default of 6", 2)
    limit = spec.number("activeDeadlineSeconds")
    if limit is None or limit > float(duration.parse(deadline_at_most)):
        yield Finding(job, (*spec.path, "activeDeadlineSeconds"), "a run may hang", deadline_at_most, limit)
    again = spec.text("template.spec.restartPolicy", "Always")
    if again not in restart:
        yield Finding(job, (*spec.path, "template", "spec", "restartPolicy"), "is another policy", restart, again)
    if job.number("spec.failedJobsHistoryLimit", 1) == 0:
        yield Finding(job, "spec.failedJobsHistoryLimit", "no failed run is kept to look at", "at least 1", 0)


@check
def test_backup_dumps(
    inventory: Inventory,
    *,
    job: str = "*",
    data: list[str] | None = None,
    programs: list[str] | None = None,
    options: list[str] | None = None,
) -> Iterator[Said]:
    """A backup job really copies data: by a command that takes a dump, not one that prints a status.

    `data` are kinds (postgresql, mysql, redis, etcd, vault, velero …), `programs` the ones that may take it, `options`
    words that each dump needs. `pg_dump --schema-only` and `--help` copy nothing.
    https://www.postgresql.org/docs/current/backup-dump.html
    """
    yield from unjudged(inventory)
    found = chosen(inventory, job, None)
    if not found:
        yield NotApplicable("no such job")
    for each in found:
        if each.kind == "Velero Schedule" and (not data or "velero" in data):
            continue
        taken = [a for a in dumps(each) if (not data or a.data in data) and (not programs or a.program in programs)]
        if not taken:
            wanted = " or ".join(programs or data or ["a dump"])
            subject, path = (each.steps[0].subject, each.steps[0].at()) if each.steps else (each.subject, ())
            yield Finding(subject, path, "copies no data: nothing in it takes a dump", wanted, _programs(each))
        for act in taken:
            for option in options or ():
                words = act.command.text.split() if act.inner is None else act.inner.text.split()
                if option not in words:
                    yield at_line(act.step, act.command.line, f"{act.program} runs without {option}", option)


def _programs(job: Job) -> str:
    return ", ".join(dict.fromkeys(command.name for _, command in job.commands if command.name)) or None  # type: ignore[return-value]


@check
def test_backup_fails_loudly(
    inventory: Inventory, *, job: str = "*", data: list[str] | None = None, verified: bool = False
) -> Iterator[Said]:
    """A dump or an upload that fails makes the job fail, so that somebody hears of it.

    `pg_dump | gzip > FILE` ends with gzip's status unless `pipefail` is set, and leaves a valid archive of 20 bytes.
    `|| true`, a `;` without `set -e` and a condition that nobody acts on do the same. A dump whose end is looked for
    (`grep 'Dump completed'`) is sure without `pipefail`. With `verified` somebody looks at each dump behind it:
    `gzip -t`, `test -s`, or its last line; copies of files are no dumps.
    https://www.gnu.org/software/bash/manual/html_node/Pipelines.html
    """
    yield from unjudged(inventory)
    judged = False
    for each in chosen(inventory, job, data):
        for act in dumps(each):
            judged = True
            for message in swallowed(act.step, act.command, act.inner):
                yield at_line(act.step, act.command.line, f"{act.program}: {message}", "set -euo pipefail")
            if dash_pipefail(act.step):
                message = "this image's sh is dash, which stops at `set -o pipefail`: run it with bash"
                yield at_line(act.step, act.command.line, message, "bash", act.step.reader)
            if verified and act.data != "files" and not looked_at(each, act.command):
                yield at_line(act.step, act.command.line, "nobody looks whether the dump is whole", "gzip -t")
        for send in sends(each):
            judged = True
            for message in swallowed(send.step, send.command):
                yield at_line(send.step, send.command.line, f"{send.command.name}: {message}", "set -euo pipefail")
    if not judged:
        yield NotApplicable("no job takes a dump")
