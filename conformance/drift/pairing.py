"""Which object of the cluster an object of Git is, and what stands on one side only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.drift.ignored import TRACKING
from conformance.kube.inventory import NotListedError
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.workload import SYSTEM_NAMESPACES

#: configuration of tools and of components of Kubernetes: no object of a cluster
_FILES = ("kustomize.config.k8s.io", "kind.x-k8s.io", "audit.k8s.io", "client.authentication.k8s.io", "skaffold")
#: kinds that moved to another group; both are the same objects
_MOVED = {
    ("extensions", "Deployment"): "apps",
    ("extensions", "DaemonSet"): "apps",
    ("extensions", "ReplicaSet"): "apps",
    ("extensions", "Ingress"): "networking.k8s.io",
    ("extensions", "NetworkPolicy"): "networking.k8s.io",
}
_HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")
#: what controllers of Kubernetes make in every namespace, and kinds that only they make
_DEFAULTS = {
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "istio-ca-root-cert"),
    ("ConfigMap", "openshift-service-ca.crt"),
}
_MADE_KINDS = ("Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision", "CSIStorageCapacity", "PodMetrics")
_MADE_SECRETS = ("kubernetes.io/service-account-token", "helm.sh/release.v1", "bootstrap.kubernetes.io/token")
#: labels and annotations by which others say that an object is theirs
_MARKS = (
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
    "argocd.argoproj.io/instance",
    "meta.helm.sh/release-name",
    "olm.owner",
    "cert-manager.io/certificate-name",
    "velero.io/restore-name",
    "app.kubernetes.io/managed-by",
)

Key = tuple[str, str, str | None, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """One object on both sides."""

    git: Object
    live: Object


@dataclass
class Paired:
    """What was found of everything that Git has."""

    pairs: list[Pair] = field(default_factory=list)
    #: with the reason
    only_git: list[tuple[Object, str]] = field(default_factory=list)
    only_cluster: list[Object] = field(default_factory=list)
    #: what could not be compared, and why
    unread: list[tuple[Object | None, str]] = field(default_factory=list)
    #: what is not in the cluster and need not be
    passed_over: list[tuple[Object, str]] = field(default_factory=list)


class Cluster:
    """The cluster's objects by key. A kind that may not be listed raises NotListedError."""

    def __init__(self, kinds: Mapping[str, list[Object]], absent: Collection[str] = ()) -> None:
        self._kinds = kinds
        #: kinds that the cluster does not know, as far as they were asked for
        self.absent = absent
        self._index: dict[str, dict[tuple[str, str], list[Object]]] = {}

    def named(self, group: str, kind: str, name: str) -> list[Object]:
        """The objects of that name in all namespaces."""
        if kind not in self._index:
            index: dict[tuple[str, str], list[Object]] = defaultdict(list)
            for each in self._kinds[kind]:
                index[each.group, each.name].append(each)
            self._index[kind] = index
        return self._index[kind].get((group, name), [])

    def listed(self, kind: str) -> Sequence[Object]:
        """All objects of a kind; none where they may not be listed."""
        try:
            return self._kinds[kind]
        except NotListedError:
            return ()


def pair(objects: Iterable[Object], cluster: Cluster, namespaces: Sequence[str] = ()) -> Paired:
    """Every object of Git with its counterpart. With `namespaces` only what lies in these, or in none, is asked for."""
    found = Paired()
    refused: dict[str, str] = {}
    for each in objects:
        reason = _is_no_object(each)
        if reason:
            found.passed_over.append((each, reason))
            continue
        if each.kind in refused:
            continue
        try:
            _pair(each, cluster, namespaces, found)
        except NotListedError as error:
            refused[each.kind] = str(error)
            found.unread.append((None, f"{each.kind} cannot be compared: {error}"))
    return found


def group_of(thing: Object) -> str:
    """The group under which a cluster has a kind today."""
    return _MOVED.get((thing.group, thing.kind), thing.group)


def _is_no_object(thing: Object) -> str:
    if thing.group in _FILES or thing.group.endswith("config.k8s.io"):
        return "configuration of a tool, no object of a cluster"
    if not thing.name or thing.name.endswith("*"):
        return "has no name until it is created"
    return ""


def _pair(git: Object, cluster: Cluster, namespaces: Sequence[str], found: Paired) -> None:
    if namespaces and git.namespace and git.namespace not in namespaces:
        return
    same = cluster.named(group_of(git), git.kind, git.name)
    namespace = git.namespace
    if namespace is None and len(namespaces) == 1:
        namespace = namespaces[0]
    if namespace is None and len(same) > 1:
        where = ", ".join(sorted(str(each.namespace) for each in same))
        found.unread.append((git, f"nothing says its namespace, and the cluster has it in {where}"))
        return
    live = next((each for each in same if namespace is None or (each.namespace or "") == namespace), None)
    if live is not None:
        found.pairs.append(Pair(git, live))
        return
    reason = _comes_and_goes(git)
    if reason:
        found.passed_over.append((git, reason))
    else:
        unknown = git.kind in cluster.absent
        found.only_git.append((git, "the cluster does not know the kind" if unknown else "not in the cluster"))


def _comes_and_goes(git: Object) -> str:
    try:
        hook = next((name for name in _HOOKS if name in git.annotations), "")
        if hook:
            return f"{hook} runs and is deleted"
        if git.kind == "Job" and git.get("spec.ttlSecondsAfterFinished") is not None:
            return "a finished Job is deleted after ttlSecondsAfterFinished"
    except FieldTypeError:
        return ""
    return ""


def only_in_cluster(paired: Paired, objects: Sequence[Object], cluster: Cluster) -> Iterator[Object]:
    """Objects of the kinds that Git has, in the namespaces that Git manages, which nobody is known to have made."""
    namespaces = {each.namespace for each in objects if each.namespace}
    namespaces |= {each.name for each in objects if each.kind == "Namespace"}
    namespaces -= SYSTEM_NAMESPACES  # what is there is the distribution's own
    mine = {id(each.live) for each in paired.pairs}
    marks = {mark for each in paired.pairs for mark in _marks(each.live)}
    kinds = dict.fromkeys((group_of(each), each.kind) for each in objects if not _is_no_object(each))
    expected = {(each.live.namespace, name) for each in paired.pairs for name in secrets_of(each.git)}
    for group, kind in kinds:
        if kind in _MADE_KINDS:
            continue
        for each in cluster.listed(kind):
            if id(each) in mine or each.group != group or each.namespace not in namespaces:
                continue
            known = kind == "Secret" and (each.namespace, each.name) in expected
            if not known and not _has_maker(each, cluster) and not set(_marks(each)) - marks:
                yield each


def _has_maker(thing: Object, cluster: Cluster) -> bool:
    if (thing.kind, thing.name) in _DEFAULTS or thing.raw.get("type") in _MADE_SECRETS:
        return True
    try:
        return bool(thing.sequence("metadata.ownerReferences")) or _is_claim_of_set(thing, cluster)
    except FieldTypeError:
        return False


def _is_claim_of_set(thing: Object, cluster: Cluster) -> bool:
    """Whether a StatefulSet made a claim: `data-db-0` of `data` and `db`; nothing in the claim says so.

    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage
    """
    if thing.kind != "PersistentVolumeClaim":
        return False
    stem, _, number = thing.name.rpartition("-")
    return number.isdigit() and any(
        stem == f"{claim.text('metadata.name')}-{each.name}"
        for each in cluster.listed("StatefulSet")
        if each.namespace == thing.namespace
        for claim in each.sequence("spec.volumeClaimTemplates")
    )


def _marks(thing: Object) -> Iterator[str]:
    try:
        both = {**thing.labels, **thing.annotations}
    except FieldTypeError:
        return
    tracked = str(both.get(TRACKING) or "").partition(":")[0]
    if tracked:
        yield f"argocd.argoproj.io/instance={tracked}"
    for name in _MARKS:
        if both.get(name):
            yield f"{name}={both[name]}"


def secrets_of(git: Object) -> list[str]:
    """The Secrets that an object of Git makes in the cluster, so that they are expected there."""
    try:
        if (git.group, git.kind) == ("bitnami.com", "SealedSecret"):
            return [git.text("spec.template.metadata.name") or git.name]
        if (git.group, git.kind) == ("external-secrets.io", "ExternalSecret"):
            return [git.text("spec.target.name") or git.name]
        if (git.group, git.kind) == ("cert-manager.io", "Certificate") and git.text("spec.secretName"):
            return [git.text("spec.secretName")]
    except FieldTypeError:
        return []
    return []
