"""Argo CD and Flux: what delivers manifests, from where, to where, and whether it does so by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.kube.path import Path

_FLUX = ".toolkit.fluxcd.io"
_SKIP = "argocd.argoproj.io/skip-reconcile"
#: Fields of a chart version that leave a choice, so that the newest match is taken.
_RANGE = ("*", "x", "^", "~", ">", "<", "||", " - ")


def _spec(application: Object) -> Node:
    """The Application's spec, or the one that an ApplicationSet makes Applications of."""
    return application.at("spec.template.spec" if application.kind == "ApplicationSet" else "spec")


def _is_argo(thing: Object) -> bool:
    return thing.group == "argoproj.io" and thing.kind in ("Application", "ApplicationSet")


def _patched(application: Object, word: str) -> bool:
    """Whether an ApplicationSet's `templatePatch`, which is text, may set a field."""
    return application.kind == "ApplicationSet" and word in application.text("spec.templatePatch")


@check
def test_sync_automatic(thing: Object) -> Iterator[Said]:
    """Argo CD syncs by itself (`syncPolicy.automated`, not switched off by `enabled: false`); Flux is not suspended.

    An empty `automated: {}` is automatic. A kustomization.yaml is no Flux Kustomization.
    https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/
    """
    if thing.group.endswith(_FLUX):
        if thing.flag("spec.suspend"):
            yield Finding(thing, "spec.suspend", "is suspended: changes in Git are not applied", False, True)
        return
    if not _is_argo(thing):
        yield NotApplicable("neither of Argo CD nor of Flux")
        return
    if str(thing.annotations.get(_SKIP)).lower() == "true":
        yield Finding(thing, ("metadata", "annotations", _SKIP), "is not reconciled at all", "no such annotation")
    automated = _spec(thing).at("syncPolicy.automated")
    if automated.raw is None and not _patched(thing, "automated"):
        yield Finding(thing, automated.path, "is synced by hand only", "automated")
    elif automated.raw is not None and automated.flag("enabled") is False:
        yield Finding(thing, (*automated.path, "enabled"), "automated sync is switched off", True, False)


@check
def test_sync_corrects(thing: Object) -> Iterator[Said]:
    """Automated sync undoes manual changes (`selfHeal`) and removes what Git no longer has (`prune`).

    Both are off in Argo CD unless set; Flux corrects always and has `prune` as a required field. An Application that is
    synced by hand is not judged here.
    https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/#automatic-self-healing
    """
    if thing.group == "kustomize" + _FLUX:
        if thing.flag("spec.prune", False) is False:
            yield Finding(thing, "spec.prune", "objects removed from Git stay in the cluster", True, False)
        return
    automated = _spec(thing).at("syncPolicy.automated") if _is_argo(thing) else None
    if automated is None or automated.raw is None or automated.flag("enabled") is False:
        yield NotApplicable("not synced automatically")
        return
    for field, consequence in (
        ("selfHeal", "manual changes stay until the next commit"),
        ("prune", "objects removed from Git stay in the cluster"),
    ):
        if not automated.flag(field) and not _patched(thing, field):
            yield Finding(thing, (*automated.path, field), consequence, True, automated.get(field))


@check
def test_revision_named(application: Object) -> Iterator[Said]:
    """Every source tracks a named branch, tag or chart version.

    An absent `targetRevision` is HEAD, the default branch, whatever that will be; `*` and ranges of a chart take the
    newest. A template's `{{…}}` is filled in from elsewhere.
    https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/
    """
    for source in _sources(_spec(application)):
        revision = source.get("targetRevision", "HEAD")
        chart = source.get("chart") is not None
        floating = chart and any(mark in str(revision) for mark in _RANGE)
        if floating or (str(revision) == "HEAD" and not chart):
            message = "takes the newest chart that fits" if floating else "tracks whatever the default branch is"
            yield Finding(application, (*source.path, "targetRevision"), message, "a named revision", revision)


def _sources(spec: Node) -> list[Node]:
    one = spec.at("source")
    return spec.sequence("sources") or ([one] if one.raw is not None else [])


@check
def test_application_shape(application: Object, inventory: Inventory) -> Iterator[Said]:
    """An Application names a project, a source and one destination; a Flux object names a source that is declared.

    A source needs `repoURL` and one of `path`, `chart`, `ref`; a chart needs `targetRevision`. A destination has
    `server` or `name`, not both. Its namespace may be absent, because objects can bring their own.
    A source of Flux is looked for where these manifests declare sources of that kind in that namespace at all; a
    bootstrap may have made the others.
    https://argo-cd.readthedocs.io/en/stable/user-guide/application-specification/ and
    https://fluxcd.io/flux/components/kustomize/kustomizations/#source-reference
    """
    if not _is_argo(application):
        yield from _flux_source(application, inventory)
        return
    spec = _spec(application)
    if not spec.text("project") and not _patched(application, "project"):
        yield Finding(application, (*spec.path, "project"), "names no project", "an AppProject")
    sources = _sources(spec)
    if not sources and spec.get("sourceHydrator") is None and not _patched(application, "source"):
        yield Finding(application, (*spec.path, "source"), "has no source", "repoURL and path, or chart")
    for source in sources:
        yield from _source_faults(application, source)
    destination = spec.at("destination")
    said = [field for field in ("server", "name") if destination.get(field)]
    if not said and not _patched(application, "destination"):
        message = "names no cluster to deliver to"
        yield Finding(application, (*spec.path, "destination"), message, "server or name")
    elif len(said) == 2:
        yield Finding(application, (*destination.path, "name"), "names the cluster twice", "server or name")


def _flux_source(thing: Object, inventory: Inventory) -> Iterator[Said]:
    if not thing.group.endswith(_FLUX):
        yield NotApplicable("neither of Argo CD nor of Flux")
        return
    for field in ("spec.sourceRef", "spec.chart.spec.sourceRef", "spec.chartRef"):
        reference = thing.at(field)
        if reference.raw is None:
            continue
        kind, name = reference.text("kind"), reference.text("name")
        namespace = reference.text("namespace") or thing.namespace
        known = {each.name for each in inventory.of_kind(kind) if each.namespace == namespace}
        if known and name not in known and "$" not in name:
            message = f"there is no {kind} {name} in namespace {namespace or 'that is not said'}"
            yield Finding(thing, (*reference.path, "name"), message, sorted(known)[:5], name)


def _source_faults(application: Object, source: Node) -> Iterator[Finding]:
    if not source.text("repoURL"):
        yield Finding(application, (*source.path, "repoURL"), "names no repository", "a repository URL")
    if not any(source.get(field) for field in ("path", "chart", "ref")):
        yield Finding(application, source.path, "names neither path nor chart", "path, chart or ref")
    if source.get("chart") and not source.get("targetRevision"):
        message = "a chart needs its version here"
        yield Finding(application, (*source.path, "targetRevision"), message, "a chart version")


@check
def test_delivered_once(applications: list[Object]) -> Iterator[Finding]:
    """No two Applications of one Argo CD deliver the same directory of the same revision to the same place.

    Sources with Helm values, kustomize options or plugins of their own are different deliveries, and so are those of
    Applications with the same name, which belong to different clusters.
    """
    seen: dict[Path, list[Object]] = defaultdict(list)
    for application in applications:
        for source in _sources(application.at("spec")):
            if source.get("path") and not any(
                source.get(each) for each in ("helm", "kustomize", "plugin", "directory")
            ):
                seen[_identity(application, source)].append(application)
    for same in seen.values():
        for application in same[1:]:
            if application.name != same[0].name:
                yield Finding(application, "spec.source", f"delivers the same as {same[0]}", "one Application")


def _identity(application: Object, source: Node) -> Path:
    place = [str(application.get(f"spec.destination.{each}")) for each in ("server", "name", "namespace")]
    url = source.text("repoURL").removesuffix("/").removesuffix(".git").lower()
    return (str(application.namespace), url, str(source.get("targetRevision")), source.text("path").strip("./"), *place)


@check
def test_project_restricted(project: Object) -> Iterator[Finding]:
    """An AppProject names its repositories, and not every namespace of every cluster.

    A wildcard namespace in one named cluster, or one namespace in every cluster, is a restriction.
    https://argo-cd.readthedocs.io/en/stable/user-guide/projects/
    """
    for each in project.sequence("spec.sourceRepos"):
        if each.raw == "*":
            yield Finding(project, each.path, "takes manifests from any repository", "the repositories it needs", "*")
    for each in project.sequence("spec.destinations"):
        if each.get("namespace") == "*" and "*" in (each.get("server"), each.get("name")):
            message = "delivers to every namespace of every cluster"
            yield Finding(project, (*each.path, "namespace"), message, "the namespaces it needs", "*")


@check
def test_canary_gated(rollout: Object) -> Iterator[Said]:
    """A canary's weights never fall, and something other than time lets it go on: an analysis, or a person.

    A pause without a duration waits for a person. `setWeight` without a traffic router is a share of the replicas.
    https://argo-rollouts.readthedocs.io/en/stable/features/canary/
    """
    canary = rollout.at("spec.strategy.canary")
    steps = canary.sequence("steps") if canary.raw is not None else []
    if not steps:
        yield NotApplicable("no canary with steps")
        return
    weight = 0
    for step in steps:
        now = step.number("setWeight", weight)
        if now is not None and now < weight:
            yield Finding(rollout, (*step.path, "setWeight"), f"falls from {weight} to {now}", "a rising weight", now)
        weight = now or 0
    gated = canary.get("analysis") is not None or any(
        step.get("analysis") or step.get("experiment") or ("pause" in step.raw and not step.get("pause.duration"))
        for step in steps
        if isinstance(step.raw, dict)
    )
    if not gated:
        yield Finding(rollout, canary.at("steps").path, "only time moves it forward", "an analysis")
