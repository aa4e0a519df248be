"""Persistence guide, scenario 4: the whole cluster is gone, and is built again from backups that were kept outside."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from conformance.drill import files, vault
from conformance.drill.archive import ArchiveError, contents
from conformance.drill.exercise import Exercise
from conformance.drill.files import Files
from conformance.drill.kubectl import Kubectl, Object
from conformance.drill.registry import Image, Objective, Twin, drill
from conformance.drill.snapshot import Safe, damage, safe
from conformance.drill.vault import Keys, Vault
from conformance.drill.volume import place, restorable

REPLICAS = ("signoz-clickhouse-0", "signoz-clickhouse-1")
EXPORTED = ("appprojects.argoproj.io", "applications.argoproj.io")
SECRET = "written-before-the-snapshot"  # noqa: S105 -- test data


@dataclass
class Platform:
    """The three add-ons; kubectl in their namespaces knows whatever cluster there is."""

    exercise: Exercise
    namespaces: dict[str, Kubectl] = field(default_factory=dict)

    def use_all_nodes(self) -> None:
        """The control plane takes pods as well, so that there are two nodes to carry directories to."""
        taint = "node-role.kubernetes.io/control-plane:NoSchedule-"
        self.exercise.everywhere.act("taint", "nodes", "--selector=node-role.kubernetes.io/control-plane", taint)

    def make_namespaces(self) -> None:
        """Of the same names in every cluster: a volume's claimRef names the namespace."""
        self.namespaces = {name: self.exercise.namespace(name) for name in ("vault", "argocd", "signoz")}

    def storage_class(self) -> str:
        """The documents' class, made if it is not there."""
        return files.storage_class(self.exercise, self.namespaces["signoz"])

    def start_argocd(self) -> None:
        """The kinds that it stores, known to the API server."""
        self.exercise.deploy(self.exercise.everywhere, "cluster-rebuilt/argocd-definitions.yaml")
        for kind in EXPORTED:
            bound = f"--timeout={self.exercise.cluster.timeouts.effect:g}s"
            established = ("wait", f"customresourcedefinition/{kind}", "--for=condition=Established", bound)
            self.exercise.everywhere.act(*established)

    def start_signoz(self, storage_class: str) -> None:
        """Both replicas, ready."""
        tools = self.exercise.image("tools")
        kubectl = self.namespaces["signoz"]
        self.exercise.deploy(kubectl, "cluster-rebuilt/signoz.yaml", tools=tools, storage_class=storage_class)
        kubectl.ready("statefulset/signoz-clickhouse")

    def replicas(self) -> list[Files]:
        """The volumes of SigNoz."""
        return [Files(self.namespaces["signoz"], f"statefulset.kubernetes.io/pod-name={each}") for each in REPLICAS]

    def volumes(self) -> list[Object]:
        """Those that SigNoz claims."""
        found = self.exercise.everywhere.list("persistentvolumes")
        own = self.namespaces["signoz"].namespace
        return [each for each in found if (each["spec"].get("claimRef") or {}).get("namespace") == own]

    def export(self) -> list[Object]:
        """`kubectl get appprojects,applications`, without what the API server added."""
        found = [each for kind in EXPORTED for each in self.namespaces["argocd"].list(kind)]
        return [
            {key: each[key] for key in ("apiVersion", "kind", "spec")}
            | {"metadata": {"name": each["metadata"]["name"]}}
            for each in found
        ]


@drill(
    name="cluster-rebuilt",
    title="a cluster that is gone is built again, with its data, from backups outside it",
    requirements=("persistence-dr-rebuild-data-bound", "persistence-dr-rebuild-order"),
    objectives=(Objective("persistence guide, lines 157 and 387, derived from a backup a day", rpo=86_400),),
    images=(Image("vault", "hashicorp/vault:1.19.0"), Image("tools", "busybox:1.36")),
    twins=(Twin("without-volumes", "the manifests of the volumes are not brought back", fails="the old data is read"),),
    workers=1,
    alone=True,
)
def cluster_rebuilt(exercise: Exercise) -> None:
    """The backups are read to their end before anything is destroyed. Then another cluster, in this order: the storage
    class; the directories of the volumes, each on the successor of its node, and the volumes themselves, reserved for
    their claims by name; Vault, restored from its snapshot and unsealed with the original keys; Argo CD and what it
    knew; SigNoz.
    """
    exercise.stand_in("kind delete and kind create in the role of terraform destroy and terraform apply")
    exercise.stand_in("files and their writer in the role of ClickHouse; Argo CD's objects without its controllers")
    exercise.note("two nodes, one of them the control plane, instead of three workers")
    exercise.note("Vault has one member, and its volumes are not brought back: its snapshot is")
    with safe() as backup:
        carry_out(exercise, backup)


def carry_out(exercise: Exercise, backup: Safe) -> None:
    """The procedure, with a folder outside the cluster."""
    platform = Platform(exercise)
    with exercise.step("prepare", "Vault, Argo CD and SigNoz, with known data"):
        platform.use_all_nodes()
        platform.make_namespaces()
        storage_class = platform.storage_class()
        keys = vault.start(vault.deploy(exercise, platform.namespaces["vault"], storage_class, members=1))
        old = Vault(platform.namespaces["vault"], 1)
        old.put(keys.root, "before", SECRET)
        platform.start_argocd()
        argocd = platform.namespaces["argocd"]
        exercise.deploy(argocd, "cluster-rebuilt/argocd.yaml", namespace=platform.namespaces["signoz"].namespace)
        platform.start_signoz(storage_class)
        checksums = [each.fill() for each in platform.replicas()]
    with exercise.step("prepare", "backups outside: directories by node, volumes, Applications, Vault's snapshot"):
        workers = back_up(exercise, platform, backup, keys)
        known, volumes = platform.export(), sorted(each["metadata"]["name"] for each in platform.volumes())
        exercise.keep_objects("before", platform.namespaces["signoz"], ["persistentvolumeclaims", "pods"])
    with exercise.step("steady", "everything answers, and writes go on after the backup"):
        exercise.holds("steady state", all(checksums) and all(each.writes() for each in platform.replicas()), "not so")
    with exercise.step("steady", "every backup is read to its end before anything is destroyed"):
        fault = damaged(backup, workers)
        exercise.holds("the backups are whole", not fault, fault, workers=len(workers))
    with exercise.fault("the cluster is destroyed"):
        exercise.destroy_cluster()
    with exercise.step("recover", "another cluster, empty"):
        exercise.make_cluster()
        platform.use_all_nodes()
        successors = dict(zip(workers, exercise.cluster.workers(), strict=True))
        platform.make_namespaces()
    with exercise.step("recover", "first the storage class"):
        storage_class = platform.storage_class()
    with exercise.step("recover", "second the directories of each node, then the volumes, reserved for their claims"):
        put_back(exercise, backup, successors)
    with exercise.step("recover", "third Vault: its snapshot, and three of the original keys"):
        new = restore_vault(exercise, platform, storage_class, backup, keys)
    with exercise.step("recover", "fourth Argo CD, and what it knew"):
        platform.start_argocd()
        platform.namespaces["argocd"].apply(yaml.safe_load(backup.get("applications.gpg")))
    with exercise.step("recover", "last SigNoz"):
        platform.start_signoz(storage_class)
    with exercise.step("verify", "Bound, which proves nothing; then the data, the secret, the Applications"):
        exercise.holds("every claim is Bound", all_bound(platform), "not every one is")
        bound = 10.0 if exercise.twin else None
        exercise.recovered("the old data is read", lambda: sums(platform) == checksums, bound)
        fault_at = exercise.timeline.moments["fault"]
        exercise.lost(min(each.newest_heartbeat(fault_at) for each in platform.replicas()))
        now = sorted(each["metadata"]["name"] for each in platform.volumes())
        exercise.same("the same volumes", volumes, now, "the volumes that are claimed")
        exercise.same("the secret is read", SECRET, new.read(keys.root, "before"), "the secret")
        exercise.same("the Applications are as they were", known, platform.export(), "what was exported")
        exercise.holds("SigNoz writes again", all(each.writes() for each in platform.replicas()), "it does not")
        verify_order(exercise, platform, storage_class)
        exercise.within_objectives()


def back_up(exercise: Exercise, platform: Platform, backup: Safe, keys: Keys) -> list[str]:
    """Everything that the rebuild needs, encrypted; returns the workers that it was taken from."""
    volumes = platform.volumes()
    backup.put("volumes.gpg", yaml.safe_dump(volumes).encode())
    backup.put("applications.gpg", yaml.safe_dump(platform.export()).encode())
    backup.put("vault-snapshot.gpg", Vault(platform.namespaces["vault"], 1).save(keys.root))
    workers = exercise.cluster.workers()
    directory = place(exercise, volumes[0]).parent
    for number, node in enumerate(workers):
        encoded = exercise.node(node, "sh", "-c", 'tar czf - -C / ".$0" | base64 -w 0', directory)
        backup.put(f"pv-backup-worker-{number}.gpg", base64.b64decode(encoded))
    exercise.holds("no plaintext is left", not backup.plain(), "there is", files=backup.plain())
    return workers


def damaged(backup: Safe, workers: Sequence[str]) -> str:
    """What is wrong with the backups; empty when all of them can be read."""
    wrong = damage(backup.get("vault-snapshot.gpg"))
    if wrong:
        return f"Vault's snapshot: {wrong}"
    for number in range(len(workers)):
        name = f"pv-backup-worker-{number}"
        try:
            found = contents(backup.get(f"{name}.gpg"))
        except ArchiveError as error:
            return f"{name}: {error}"
        if not any(each.endswith("/file1") for each in found):
            return f"{name}: no volume with data in it"
    return ""


def put_back(exercise: Exercise, backup: Safe, successors: Mapping[str, str]) -> None:
    """`tar xzf pv-backup-worker-N -C /` on each worker; then the volumes, of which a new etcd knows nothing."""
    for number, node in enumerate(successors.values()):
        archive = backup.get(f"pv-backup-worker-{number}.gpg")
        exercise.node(node, "tar", "xzf", "-", "-C", "/", "--same-owner", stdin=archive)
    if exercise.twin == "without-volumes":
        return
    volumes = [restorable(each, successors) for each in yaml.safe_load(backup.get("volumes.gpg"))]
    exercise.everywhere.apply(volumes)


def restore_vault(exercise: Exercise, platform: Platform, storage_class: str, backup: Safe, keys: Keys) -> Vault:
    """As in the drill vault-lost, with one member; the others wait until it is unsealed and ready."""
    kubectl = platform.namespaces["vault"]
    new = vault.deploy(exercise, kubectl, storage_class, members=1)
    temporary = new.init(shares=1, threshold=1)
    new.unseal("vault-0", temporary.shares)
    new.active()
    new.restore(temporary.root, backup.get("vault-snapshot.gpg"))
    new.restart()
    new.unseal("vault-0", keys.shares[2:5])
    kubectl.ready("statefulset/vault")
    new.active()
    return new


def all_bound(platform: Platform) -> bool:
    """`kubectl get pvc --all-namespaces`, the guide's last step."""
    claims = platform.namespaces["signoz"].list("persistentvolumeclaims")
    return len(claims) == len(REPLICAS) and all(each["status"]["phase"] == "Bound" for each in claims)


def sums(platform: Platform) -> list[str]:
    """Of each replica's files."""
    return [each.checksum() for each in platform.replicas()]


def verify_order(exercise: Exercise, platform: Platform, storage_class: str) -> None:
    """Whether the API server saw things come in the documented order."""
    everywhere, namespaces = exercise.everywhere, platform.namespaces
    objects = [
        everywhere.get("storageclass", storage_class),
        *platform.volumes(),
        namespaces["vault"].get("statefulset", "vault"),
        *namespaces["argocd"].list("applications.argoproj.io"),
        namespaces["signoz"].get("statefulset", "signoz-clickhouse"),
    ]
    times = [str(each["metadata"]["creationTimestamp"]) for each in objects]
    exercise.holds("in the documented order", times == sorted(times), "they came in another", times=times)
