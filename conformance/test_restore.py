"""Scripts that restore, verify and mend: nothing fails unnoticed, nothing is chosen by chance. Read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.scripts.failing import masked
from conformance.scripts.find import Script, scripts
from conformance.scripts.shell import Command, alternatives
from conformance.scripts.typed import typed

#: they say what others do
_PRINTING = ("echo", "printf", "logger", ":")
_ENFORCING = "pod-security.kubernetes.io/"
_STOPS = re.compile(r"\bON_ERROR_STOP=(?:1|on|true)\b", re.IGNORECASE)
_VOLUMES = ("persistentvolumeclaims", "persistentvolumes", "pvc", "pv")


@check
def test_script_steps(
    inventory: Inventory,
    *,
    script: str,
    steps: list[str],
    avoid: dict[str, str] = {},  # noqa: B006
) -> Iterator[Said]:
    """A script takes each step and fails where it fails, and does none of what is known not to work.

    Steps, and what to `avoid` (with the reason), are regular expressions over a command as it is typed, variables
    expanded. A failure counts when `set -e` stops the script, behind a pipe with `pipefail`, or when what follows
    `||` or `if !` exits with non-zero. `|| true` hides it. What is only printed is no step.
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        for step in steps:
            taken = [c for c in each.shell.commands if c.name not in _PRINTING and re.search(step, typed(c))]
            if not taken:
                yield Finding(each.subject, each.at(), f"lacks the step {step}", step, None)
            for command in taken:
                lack = masked(each.shell, command)
                if lack:
                    yield Finding(each.subject, each.at(command.line), "its failure goes unnoticed", lack, None)
        for pattern, reason in avoid.items():
            for command in each.shell.commands:
                if re.search(pattern, typed(command)):
                    yield Finding(each.subject, each.at(command.line), reason, None, command.text)


@check
def test_script_cleans_up(inventory: Inventory, *, script: str, action: str) -> Iterator[Said]:
    """A script undoes on every way out what it set up: `trap … EXIT`, before an error can end it.

    `action` is a regular expression over what the trap does: its text, or the body of the function it names. A
    clean-up at the end is not reached when a step before it fails.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script; its absence is reported by the requirement that it exists")
    for each in found:
        traps = [c for c in each.shell.commands if c.name == "trap" and {"EXIT", "0"} & set(c.words[2:])]
        if not any(re.search(action, _done_by(each, trap)) for trap in traps):
            line = next((c.line for c in each.shell.commands if re.search(action, typed(c))), 0)
            message = "is not undone when a step fails" if line else "is never undone"
            yield Finding(each.subject, each.at(line), message, f"trap … EXIT with {action}", None)


def _done_by(script: Script, trap: Command) -> str:
    body = re.search(
        rf"(?m)^\s*(?:function\s+)?{re.escape(trap.words[1])}\s*\(\)\s*\{{(.*?)^\}}", script.shell.text, re.S
    )
    return body.group(1) if body else trap.words[1]


@check
def test_namespaces_keep_labels(inventory: Inventory, *, namespaces: list[str]) -> Iterator[Said]:
    """No script makes a namespace bare whose manifest carries Pod Security labels.

    `kubectl create namespace X --dry-run=client -o yaml | kubectl apply -f -` takes away every label that an earlier
    apply had set; and a restore by Velero leaves a namespace alone that exists already. Either ends with Pod Security
    switched off. `kubectl label namespace X pod-security.kubernetes.io/enforce-` does the same. What a later command
    of the same script puts right is no finding.
    """
    found = scripts(inventory, "*.sh")
    if not found:
        yield NotApplicable("no script")
    for each in found:
        commands = each.shell.commands
        for position, command in enumerate(commands):
            for name in namespaces:
                stripped = _names_namespace(command, name) and _strips(command)
                if stripped and not any(_labels(later, name) for later in commands[position + 1 :]):
                    message = f"leaves namespace {name} without its Pod Security labels"
                    wanted = "kubectl apply of its manifest"
                    yield Finding(each.subject, each.at(command.line), message, wanted, command.text)


def _names_namespace(command: Command, name: str) -> bool:
    words = {word.rpartition("/")[2] for raw in command.words for word in alternatives(raw)}
    return command.name in ("kubectl", "oc") and name in words


def _labels(command: Command, namespace: str) -> bool:
    """Whether a command puts the labels on again: by itself, or with the manifest."""
    levels = (f"{_ENFORCING}enforce=baseline", f"{_ENFORCING}enforce=restricted")
    labelled = "label" in command.words and _names_namespace(command, namespace)
    applied = "apply" in command.words and re.search(r"namespaces?\S*\.ya?ml", command.text) is not None
    return applied or (labelled and any(level in command.words for level in levels))


def _strips(command: Command) -> bool:
    about = bool({"namespace", "namespaces", "ns"} & set(command.words))
    labels = [word for word in command.words if word.startswith(_ENFORCING)]
    removed = any(word.endswith("-") or word.endswith("=privileged") for word in labels)
    return about and ("create" in command.words or ("label" in command.words and removed))


@check
def test_newest_backup(inventory: Inventory, *, script: str, lists: str, selector: str = "") -> Iterator[Said]:
    """A script that takes one backup out of a list sorts that list, and asks only for backups of its own schedule.

    `velero backup get` sorts by name, so its first completed line may belong to another schedule; `ls -t` sorts by the
    time of copying. `lists` is a regular expression over the listing command, `selector` over its label selector.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script; its absence is reported by the requirement that it exists")
    for each in found:
        listing = [c for c in each.shell.commands if c.name not in _PRINTING and re.search(lists, typed(c))]
        if not listing:
            yield Finding(each.subject, each.at(), "lists no backups", lists, None)
        for command in listing:
            where = each.at(command.line)
            pipeline = [c for c in each.shell.commands if c.pipeline == command.pipeline]
            if command.name == "ls" and any(re.match(r"-[a-zA-Z]*t", word) for word in command.words[1:]):
                yield Finding(each.subject, where, "sorts by modification, which a copy resets", "sort", command.text)
            elif not any(_sorts(c) for c in pipeline):
                yield Finding(each.subject, where, "takes one backup of an unsorted list", "sort", command.text)
            chosen = command.option("-l", "--selector")
            if selector and not re.search(selector, chosen):
                yield Finding(each.subject, where, "takes backups of any schedule", selector, chosen or None)


def _sorts(command: Command) -> bool:
    return command.name == "sort" or "--sort-by" in command.text or "sort_by" in command.text


@check
def test_times_told_apart(inventory: Inventory, *, script: str, names: list[str]) -> Iterator[Said]:
    """Artefacts whose names write the time in different ways are not named by one variable as it stands.

    `names` hold `{}` where the time is. `backup-$DATE` and `dump_$DATE.sql.gz` cannot both exist when one writes
    `20261120010004` and the other `20261120_010004`, and neither is ever called `latest`; a variable that is rewritten
    on the way (`${DATE/_/}`) may be right.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script; its absence is reported by the requirement that it exists")
    for each in found:
        seen: dict[str, str] = {}
        for number, line in enumerate(each.shell.text.splitlines(), start=1):
            for name in names:
                before, _, after = map(re.escape, name.partition("{}"))
                for variable in re.findall(rf"{before}\$\{{?(\w+)\}}?{after}(?![\w/])", line):
                    if seen.setdefault(variable, name) != name:
                        message = f"${variable} names {seen[variable]} as well, which writes the time in another way"
                        yield Finding(each.subject, each.at(number), message, "a name looked up in a list", name)


@check
def test_restore_stops(inventory: Inventory, *, script: str) -> Iterator[Said]:
    """A script that loads a dump stops at the first error: `psql -v ON_ERROR_STOP=1`, and nothing that hides it.

    psql goes on after an error and exits with 0; what it loaded then looks like a restored database.
    https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-VARIABLES-ON-ERROR-STOP
    """
    found = scripts(inventory, script)
    if not found:
        yield Finding(None, "", f"no script {script}")
    for each in found:
        loads = [c for c in each.shell.commands if _loads(c)]
        if not loads:
            yield Finding(each.subject, each.at(), "loads no dump", "psql -v ON_ERROR_STOP=1", None)
        for command in loads:
            where = each.at(command.line)
            strict = "pg_restore" in command.text and re.search(r"\s(?:-e|--exit-on-error)\b", command.text)
            if not strict and not _STOPS.search(command.text):
                yield Finding(each.subject, where, "goes on after an error, and exits with 0", "-v ON_ERROR_STOP=1")
            lack = masked(each.shell, command) or _masked_before(each, command)
            if lack:
                yield Finding(each.subject, where, "a failure goes unnoticed", lack, None)


def _masked_before(script: Script, command: Command) -> str:
    """What fails in front of the pipe: a truncated archive ends `gunzip` with an error and psql with none."""
    before = [c for c in script.shell.commands if c.pipeline == command.pipeline and c.stage < command.stage]
    return next((lack for each in before if (lack := masked(script.shell, each))), "")


def _loads(command: Command) -> bool:
    words = {word.rpartition("/")[2] for word in command.words}
    fed = command.stage > 0 or any(sign == "<" for sign, _ in command.redirects) or bool(words & {"-f", "--file"})
    return "pg_restore" in words or ("psql" in words and fed)


@check
def test_restored_once(inventory: Inventory, *, script: str, database: str) -> Iterator[Said]:
    """A script does not load a dump over data that a restored volume brought back already.

    Without a primary key every row is there twice, and the exit status is 0; with one the load fails and the old rows
    stay. So either the volumes are left out of the restore, or the database is made anew before the load.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script; its absence is reported by the requirement that it exists")
    for each in found:
        commands = each.shell.commands
        volumes = [c for c in commands if c.has("velero", "restore", "create") and not _without_volumes(c)]
        for load in (c for c in commands if _loads(c)) if volumes else ():
            before = commands[commands.index(volumes[0]) : commands.index(load)]
            if not any(_empties(c, database) for c in before):
                message = f"loads the dump over {database}, which the restored volume holds already"
                yield Finding(each.subject, each.at(load.line), message, "an empty database, or no volumes", load.text)


def _without_volumes(restore: Command) -> bool:
    excluded = restore.option("--exclude-resources").split(",")
    return "--restore-volumes=false" in restore.words and all(
        any(name in excluded for name in pair) for pair in (_VOLUMES[0::2], _VOLUMES[1::2])
    )


def _empties(command: Command, database: str) -> bool:
    dropped = re.search(rf"\bDROP\s+DATABASE\b[^;]*\b{re.escape(database)}\b", command.text, re.IGNORECASE)
    return dropped is not None or ("dropdb" in command.words and database in command.words)


@check
def test_recovery_stated(workload: Object, inventory: Inventory, *, annotation: str) -> Iterator[Said]:
    """A workload says what becomes of its data: lost with it (`cache`), or kept on a claim (`snapshot`, `backup`).

    Whether the loss of a cache matters no manifest shows; that durable data has a claim to be on, one does.
    """
    value = workload.annotations.get(annotation)
    path = ("metadata", "annotations", annotation)
    if value not in ("cache", "snapshot", "backup"):
        yield Finding(workload, path, "does not say how its data comes back", ["cache", "snapshot", "backup"], value)
    elif value != "cache":
        pod = inventory.pod_spec(workload)
        volumes = pod.sequence("volumes") if pod else []
        claimed = any(each.get("persistentVolumeClaim") for each in volumes)
        claimed = claimed or bool(workload.sequence("spec.volumeClaimTemplates"))
        if not claimed:
            yield Finding(workload, path, "has no claim that could be restored", "cache, or a claim", value)
