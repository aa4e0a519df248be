"""Recovery: the order of the steps in scripts, and what they address. Scripts are read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object, TextFile
from conformance.kube.path import Path
from conformance.kube.storage import replicas
from conformance.scripts.find import scripts
from conformance.scripts.shell import Command, alternatives

ALL = "*.sh"
_POD = re.compile(r"(?:[\w-]+/)?(?:pod/)?([a-z0-9-]+)-([0-9]+)(?::.*)?\Z")


@check
def test_workload_identity(
    inventory: Inventory, *, namespace: str, name: str, labels: dict[str, str]
) -> Iterator[Said]:
    """The workload that scripts address exists under that name, and their selector finds its pods and no others.

    An operator calls its StatefulSets otherwise (`chi-<name>-<cluster>-0-0`), so a hard-coded pod name finds nothing.
    """
    sets = [each for each in inventory.of_kind("StatefulSet", "apps") if each.namespace == namespace]
    named = [each for each in sets if each.name == name]
    managed = [each for each in inventory.of_kind("ClickHouseInstallation") if each.namespace == namespace]
    if not named and not sets and not managed:
        yield NotApplicable(f"no workload of namespace {namespace} is rendered")
        return
    if not named:
        message = f"no StatefulSet {namespace}/{name}" + ("; an operator names its own" if managed else "")
        for each in managed:
            yield Finding(each, "metadata.name", message, name, each.name)
        if not managed:
            yield Finding(None, "", message)
    for pod in inventory.pods():
        carries = all(pod.labels.get(key) == value for key, value in labels.items())
        if pod.owner.namespace != namespace or pod.owner.kind in ("Job", "CronJob"):
            continue
        if pod.owner in named and not carries:
            path = (*pod.metadata_path, "labels")
            yield Finding(pod.owner, path, "its pods lack the label that scripts select by", labels, dict(pod.labels))
        elif pod.owner not in named and carries:
            path = (*pod.metadata_path, "labels")
            yield Finding(pod.owner, path, f"its pods are selected like those of {name}", None, labels)
    for workload in named:
        yield from _addressed(inventory, workload, namespace)


def _addressed(inventory: Inventory, workload: Object, namespace: str) -> Iterator[Finding]:
    """Pods `name-N` that scripts exec into must be among the replicas."""
    for script in scripts(inventory, ALL):
        for command in script.shell.commands:
            if command.name != "kubectl" or command.option("-n", "--namespace") != namespace:
                continue
            for word in (each for raw in command.words for each in alternatives(raw)):
                found = _POD.match(word)
                if found and found.group(1) == workload.name and int(found.group(2)) >= replicas(workload):
                    where = script.at(command.line)
                    yield Finding(script.subject, where, f"{workload} has no pod {word}", replicas(workload), word)


@check
def test_quiesced_before_restore(inventory: Inventory, *, namespace: str, workload: str) -> Iterator[Said]:
    """A script that replaces data scales the workload to zero first, and waits until its pods are gone.

    `kubectl scale` returns at once; files replaced under a running database are overwritten or corrupted.
    """
    judged = False
    for script in scripts(inventory, ALL):
        commands = script.shell.commands
        replacing = [c for c in commands if _replaces(c)]
        about = [c for c in commands if c.name == "kubectl" and workload in c.text and namespace in c.words]
        if not replacing or not about:
            continue
        judged = True
        first = commands.index(replacing[0])
        scaled = [i for i, c in enumerate(commands) if c in about and "scale" in c.words and "--replicas=0" in c.words]
        waited = [
            i for i, c in enumerate(commands) if c.name == "kubectl" and "wait" in c.words and "--for=delete" in c.words
        ]
        where = script.at(replacing[0].line)
        if not scaled or scaled[0] > first:
            yield Finding(
                script.subject, where, f"data is replaced before {workload} is scaled to 0", "--replicas=0", None
            )
        elif not any(scaled[0] < index < first for index in waited):
            message = f"data is replaced before the pods of {workload} are gone"
            yield Finding(script.subject, where, message, "kubectl wait --for=delete", None)
    if not judged:
        yield NotApplicable("no script replaces its data")


def _replaces(command: Command) -> bool:
    """Extracting an archive, here or in a remote shell."""
    return re.search(r"(?:^|\s|/)tar\s+(?:-?[a-zA-Z]*x|--extract)", command.text) is not None


@check
def test_rebuild_order(inventory: Inventory, *, script: str, steps: list[str]) -> Iterator[Said]:
    """A rebuild takes its steps in the documented order. A step is a regular expression over commands.

    helm returns before anything runs, so each step is also expected to wait; that only a drill shows.
    """
    found = scripts(inventory, script)
    if not found:
        yield NotApplicable("no such script")
    for each in found:
        commands = each.shell.commands
        last = -1
        for step in steps:
            places = [i for i, c in enumerate(commands) if re.search(step, c.line_text)]
            if not places:
                yield Finding(each.subject, each.at(), f"lacks the step {step}", step, None)
                continue
            if places[0] < last:
                where = each.at(commands[places[0]].line)
                yield Finding(each.subject, where, "comes before a step that has to be finished first", step, None)
            last = max(last, places[0])


@check
def test_git_is_source(application: Object) -> Iterator[Said]:
    """Every source of an Argo CD Application is a Git repository, so that the Application is all there is to back up.

    A source with `chart` comes from a Helm repository or an OCI registry, whatever its URL looks like.
    """
    single = [application.at("spec.source")] if application.get("spec.source") is not None else []
    sources = [*single, *application.sequence("spec.sources")]
    if not sources:
        yield Finding(application, "spec.source", "has no source")
    for source in sources:
        url = source.text("repoURL")
        if source.get("chart") is not None or url.startswith("oci://") or not url:
            path = (*source.path, "chart" if source.get("chart") is not None else "repoURL")
            yield Finding(application, path, "does not come from Git", "a Git repository", source.get("chart") or url)


@check
def test_releases(inventory: Inventory, *, releases: dict[str, str], values: dict[str, str]) -> Iterator[Said]:
    """Each release is installed under its name into the namespace of the same name, and its values file exists.

    By an Argo CD Application or a `helm` command of a script; `releases` maps names to charts (globs).
    """
    installed = list(_installed(inventory))
    if not installed:
        yield NotApplicable("neither an Argo CD Application nor a helm command")
        return
    for name, chart in releases.items():
        own = [each for each in installed if each.name == name]
        if not own:
            yield Finding(None, "", f"release {name} is installed by nothing")
        for each in own:
            if each.namespace != name:
                message = f"release {name} belongs into namespace {name}"
                yield Finding(each.subject, each.path, message, name, each.namespace)
            if each.chart and each.chart.rpartition("/")[2] != chart.rpartition("/")[2]:
                yield Finding(each.subject, each.path, f"release {name} is another chart", chart, each.chart)
    for name, file in values.items():
        if not any(fnmatchcase("/" + each, f"*/{file}") for each in inventory.files):
            yield Finding(None, "", f"the values file {file} of release {name} is not there")


@dataclass(frozen=True, slots=True)
class _Release:
    """A Helm release or what takes its place; `chart` is empty when it is installed from a directory."""

    name: str
    namespace: str
    chart: str
    subject: Object | TextFile
    path: Path


def _installed(inventory: Inventory) -> Iterator[_Release]:
    for application in inventory.of_kind("Application", "argoproj.io"):
        place = ("spec", "destination", "namespace")
        single = [application.at("spec.source")] if application.get("spec.source") is not None else []
        sources = [*single, *application.sequence("spec.sources")]
        named = next((n for each in sources if (n := each.text("helm.releaseName"))), application.name)
        chart = next((c for each in sources if (c := each.text("chart"))), "")
        yield _Release(named, application.text(place), chart, application, place)
    for script in scripts(inventory, ALL):
        for command in script.shell.commands:
            words = [word for word in command.words[1:] if not word.startswith("-")]
            if command.name == "helm" and words[:1] in (["install"], ["upgrade"]) and len(words) > 2:
                namespace = command.option("-n", "--namespace")
                yield _Release(words[1], namespace, words[2], script.subject, script.at(command.line))
