"""Drift of kinds that Kubernetes does not define, of snapshots, and of what a server never shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from conformance.drift.drift import Drift, compare_all
from conformance.kube.inventory import NotListedError
from conformance.kube.object import Location, Object
from conformance.kube.path import Path, render


class Nowhere:
    path = "git.yaml"

    def locate(self, path: Path) -> Location:
        return Location("git.yaml", 1, 1)


def objects(text: str) -> list[Object]:
    documents = [each for each in yaml.safe_load_all(text) if each]
    return [Object(each, Nowhere(), (each.get("metadata") or {}).get("namespace")) for each in documents]


class Listed(dict[str, list[Object]]):
    """A kind that is not here has no objects; one named in `refused` may not be listed."""

    def __init__(self, text: str, refused: str = "") -> None:
        super().__init__()
        self.refused = refused
        for each in objects(text):
            self.setdefault(each.kind, []).append(each)

    def __missing__(self, kind: str) -> list[Object]:
        if kind == self.refused:
            raise NotListedError(f"not allowed to list {kind}")
        return []


def drift(git: str, cluster: str | Mapping[str, list[Object]], digest: Callable[[Any], str] | None = None) -> Drift:
    return compare_all(objects(git), Listed(cluster) if isinstance(cluster, str) else cluster, "v1.34.2", digest)


def fields(found: Drift) -> list[str]:
    return [render(one.path) for each in found.changed for one in each.differences]


def accepted(found: Drift) -> list[tuple[str, str]]:
    return [(render(one.path), reason) for each in found.changed for one, reason in each.accepted]


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  template:
    spec:
      containers: [{name: app, image: "web:1"}, {name: proxy, image: "proxy:1"}]
"""
APPLICATION = """
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  destination: {namespace: shop}
  ignoreDifferences:
  - group: apps
    kind: Deployment
    RULE
"""


def ignoring(rule: str, change: tuple[str, str]) -> Drift:
    git = DEPLOYMENT + APPLICATION.replace("RULE", rule)
    return drift(git, git.replace(*change))


def test_a_json_pointer_of_argo_cd_silences_its_place_only() -> None:
    rule = "jsonPointers: [/spec/replicas]"
    assert fields(ignoring(rule, ("replicas: 2", "replicas: 3"))) == []
    assert fields(ignoring(rule, ("web:1", "web:2"))) == ["spec.template.spec.containers[0].image"]


def test_jq_paths_of_argo_cd_choose_elements() -> None:
    one = """jqPathExpressions: ['.spec.template.spec.containers[] | select(.name == "proxy") | .image']"""
    assert fields(ignoring(one, ("proxy:1", "proxy:2"))) == []
    assert fields(ignoring(one, ("web:1", "web:2"))) == ["spec.template.spec.containers[0].image"]
    every = "jqPathExpressions: ['.spec.template.spec.containers[]?.image']"
    assert fields(ignoring(every, ("web:1", "web:2"))) == []


def test_jq_paths_choose_elements_that_only_the_cluster_has() -> None:
    rule = """jqPathExpressions: ['.spec.template.spec.containers[] | select(.name == "agent")']"""
    added = ('{name: proxy, image: "proxy:1"}', '{name: proxy, image: "proxy:1"}, {name: agent, image: a}')
    assert fields(ignoring(rule, added)) == []
    other = ('{name: proxy, image: "proxy:1"}', '{name: proxy, image: "proxy:1"}, {name: miner, image: a}')
    assert fields(ignoring(rule, other)) == ["spec.template.spec.containers"]


def test_what_is_not_understood_silences_nothing_and_is_named() -> None:
    found = ignoring("jqPathExpressions: ['.spec | del(.replicas)']", ("replicas: 2", "replicas: 3"))
    assert fields(found) == ["spec.replicas"]
    assert any(".spec | del(.replicas) is not evaluated" in note for note in found.notes)
    found = ignoring("managedFieldsManagers: [kube-controller-manager]", ("replicas: 2", "replicas: 3"))
    assert fields(found) == ["spec.replicas"]
    assert any("managedFieldsManagers (kube-controller-manager) are not evaluated" in note for note in found.notes)


def test_an_application_speaks_of_its_own_namespace() -> None:
    git = DEPLOYMENT + APPLICATION.replace("RULE", "jsonPointers: [/spec/replicas]").replace(
        "destination: {namespace: shop}", "destination: {namespace: other}"
    )
    assert fields(drift(git, git.replace("replicas: 2", "replicas: 3"))) == ["spec.replicas"]


def test_the_settings_of_argo_cd_silence_all_of_a_kind() -> None:
    settings = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data:
  resource.customizations.ignoreDifferences.apps_Deployment: |
    jsonPointers: [/spec/replicas]
"""
    git = DEPLOYMENT + settings
    assert fields(drift(git, git.replace("replicas: 2", "replicas: 3"))) == []


SCALED = """
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: NAMESPACE}
spec: {scaleTargetRef: {name: web}}
"""


def test_keda_decides_replicas_in_its_namespace() -> None:
    git = DEPLOYMENT + SCALED.replace("NAMESPACE", "shop")
    assert fields(drift(git, git.replace("replicas: 2", "replicas: 3"))) == []
    git = DEPLOYMENT + SCALED.replace("NAMESPACE", "other")
    assert fields(drift(git, git.replace("replicas: 2", "replicas: 3"))) == ["spec.replicas"]


ROLLOUT = """
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  progressDeadline: 10m
  strategy:
    canary:
      trafficRouting: {istio: {virtualService: {name: web}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
  - name: primary
    route:
    - {destination: {host: stable}, weight: 100}
    - {destination: {host: canary}, weight: 0}
"""


def test_a_rollout_scales_its_workload_down_and_shifts_weights() -> None:
    git = DEPLOYMENT + ROLLOUT
    cluster = git.replace("replicas: 2", "replicas: 0").replace("weight: 100", "weight: 80")
    found = drift(git, cluster.replace("weight: 0", "weight: 20"))
    assert fields(found) == []
    assert [path for path, _ in accepted(found)] == [
        "spec.replicas",
        "spec.http[0].route[0].weight",
        "spec.http[0].route[1].weight",
    ]
    assert fields(drift(git, git.replace("hosts: [web]", "hosts: [all]"))) == ["spec.hosts[0]"]


def test_custom_kinds_compare_by_any_meaning_and_by_names() -> None:
    assert fields(drift(ROLLOUT, ROLLOUT.replace("10m", "600s"))) == []
    assert fields(drift(ROLLOUT, ROLLOUT.replace("10m", "11m"))) == ["spec.progressDeadline"]
    own = "apiVersion: x.example/v1\nkind: Disk\nmetadata: {name: d, namespace: s}\nspec: {size: SIZE, parts: PARTS}\n"
    git = own.replace("SIZE", "1Gi").replace("PARTS", "[{name: a, n: 1}, {name: b, n: 2}]")
    same = own.replace("SIZE", "1024Mi").replace("PARTS", "[{name: b, n: 2}, {name: a, n: 1, more: 3}]")
    assert fields(drift(git, same)) == []
    other = own.replace("SIZE", "1024Mi").replace("PARTS", "[{name: b, n: 3}, {name: a, n: 1}]")
    assert fields(drift(git, other)) == ["spec.parts[1].n"]


def test_a_text_of_a_built_in_kind_is_no_quantity() -> None:
    git = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: s}\ndata: {cpu: '1'}\n"
    assert fields(drift(git, git.replace("'1'", "1000m"))) == ["data.cpu"]


OLD = """
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {maxReplicas: 5, targetCPUUtilizationPercentage: 80, scaleTargetRef: {kind: Deployment, name: web}}
"""


def test_of_two_versions_only_what_both_have_is_compared() -> None:
    live = OLD.replace("autoscaling/v1", "autoscaling/v2").replace("targetCPUUtilizationPercentage: 80, ", "")
    found = drift(OLD, live)
    assert fields(found) == []
    assert found.notes == [
        "HorizontalPodAutoscaler shop/web: autoscaling/v1 in Git, autoscaling/v2 in the cluster; "
        "only fields that both have were compared"
    ]
    assert fields(drift(OLD, live.replace("maxReplicas: 5", "maxReplicas: 9"))) == ["spec.maxReplicas"]


def test_a_group_that_kinds_moved_from_is_the_same_object() -> None:
    about = "kind: Ingress\nmetadata: {name: web, namespace: s}\nspec: {tls: [{hosts: [a]}]}\n"
    git = f"apiVersion: extensions/v1beta1\n{about}"
    live = git.replace("extensions/v1beta1", "networking.k8s.io/v1").replace("[a]", "[b]")
    assert fields(drift(git, live)) == ["spec.tls[0].hosts[0]"]


SEALED = """
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: db, namespace: shop}
spec: {encryptedData: {password: AgB}}
"""
SECRET = """
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
data: {password: "hmac-sha256:aabbccddeeff:21"}
"""


def test_a_sealed_secret_makes_a_secret_expected() -> None:
    found = drift(SEALED, SEALED)
    assert [reason for _, reason in found.only_git] == ["the Secret db that it makes is not in the cluster"]
    found = drift(SEALED, SEALED + SECRET)
    assert (found.only_git, found.only_cluster) == ([], [])


def test_of_a_snapshot_secrets_are_compared_by_size() -> None:
    git = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {password: VALUE}\n"
    found = drift(git.replace("VALUE", "correct-horse-battery"), SECRET)
    assert fields(found) == []
    assert found.notes == ["values of Secrets were compared by their size alone: a snapshot holds no values"]
    assert fields(drift(git.replace("VALUE", "short"), SECRET)) == ["data.password"]


def test_an_unresolved_namespace_is_the_only_one_or_unread() -> None:
    git = DEPLOYMENT.replace(", namespace: shop", "")
    other = DEPLOYMENT.replace("namespace: shop", "namespace: other")
    assert fields(drift(git, DEPLOYMENT.replace("replicas: 2", "replicas: 3"))) == ["spec.replicas"]
    found = drift(git, DEPLOYMENT + "---" + other)
    assert [reason for _, reason in found.unread] == [
        "nothing says its namespace, and the cluster has it in other, shop"
    ]
    assert found.drifted


def test_a_field_of_a_wrong_type_is_unread() -> None:
    found = drift(DEPLOYMENT.replace("metadata: {", "metadata: {labels: 7, "), DEPLOYMENT)
    assert [reason for _, reason in found.unread] == ["metadata.labels is a number, not a mapping"]
    assert found.compared == 0
    changed = drift(
        DEPLOYMENT.replace('[{name: app, image: "web:1"}, {name: proxy, image: "proxy:1"}]', "7"), DEPLOYMENT
    )
    assert fields(changed) == ["spec.template.spec.containers"]


def test_what_is_declared_twice_counts_by_the_nearest() -> None:
    other = DEPLOYMENT.replace("replicas: 2", "replicas: 7")
    found = drift(other + "---" + DEPLOYMENT, DEPLOYMENT)
    assert fields(found) == []
    assert found.notes == ["Deployment shop/web is declared 2 times (git.yaml, git.yaml); the nearest counts"]


def test_jobs_that_delete_themselves_and_hooks_need_not_be_there() -> None:
    job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: s}\nspec: {ttlSecondsAfterFinished: 60}\n"
    assert (drift(job, "").only_git, len(drift(job, "").passed_over)) == ([], 1)
    hook = (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: s, annotations: {helm.sh/hook: pre-install}}\n"
    )
    assert (drift(hook, "").only_git, len(drift(hook, "").passed_over)) == ([], 1)
    plain = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: s}\n"
    assert [str(each) for each, _ in drift(plain, "").only_git] == ["Job s/j"]


def test_configuration_of_tools_is_no_object() -> None:
    found = drift("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: k}\n", "")
    assert (found.only_git, found.drifted) == ([], False)


def test_claims_of_a_set_are_not_hinted_at() -> None:
    claim = "\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: NAME, namespace: shop}\nspec: {}\n"
    owner = """
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec: {volumeClaimTemplates: [{metadata: {name: data}}]}
"""
    git = owner + claim.replace("NAME", "own")
    found = drift(git, git + claim.replace("NAME", "data-db-0") + claim.replace("NAME", "stray"))
    assert [str(each) for each in found.only_cluster] == ["PersistentVolumeClaim shop/stray"]


def test_a_kind_that_may_not_be_listed_is_unread() -> None:
    found = drift(DEPLOYMENT, Listed("", refused="Deployment"))
    assert [reason for _, reason in found.unread] == ["Deployment cannot be compared: not allowed to list Deployment"]
    assert found.drifted


def test_values_that_look_like_credentials_are_hidden() -> None:
    from conformance.drift.record import record

    git = DEPLOYMENT.replace('image: "web:1"', 'image: "web:1", env: [{name: DB_PASSWORD, value: Zx81kkqW0p}]')
    found = record(drift(git, git.replace("Zx81kkqW0p", "Zx82kkqW0p")), ["."], {}, [])
    [field] = found["changed"][0]["differences"]
    assert field["field"] == "spec.template.spec.containers[0].env[0].value"
    assert "Zx8" not in str(found)
