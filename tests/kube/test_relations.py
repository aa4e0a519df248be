from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from conformance.kube.inventory import Inventory
from conformance.kube.object import Location, Object
from conformance.kube.path import Path
from conformance.kube.place import rendering, together
from conformance.kube.references import references
from conformance.kube.relations import Relations, relations
from conformance.kube.selecting import makes_pods, selector_of


@dataclass
class Origin:
    path: str = "all.yaml"
    via: str = ""

    def locate(self, path: Path) -> Location:
        return Location(self.path)


def obj(text: str, path: str = "all.yaml", via: str = "") -> Object:
    return Object(yaml.safe_load(text), Origin(path, via))


def deployment(name: str, namespace: str | None = "shop", labels: str = "", spec: str = "", **origin: str) -> Object:
    where = f", namespace: {namespace}" if namespace else ""
    return obj(
        f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}{where}, labels: {{app: not-this}}}}, "
        f"spec: {{{spec} template: {{metadata: {{labels: {labels or f'{{app: {name}}}'}}}, "
        "spec: {containers: []}}}}",
        **origin,
    )


def service(name: str, selector: str, namespace: str | None = "shop", **origin: str) -> Object:
    where = f", namespace: {namespace}" if namespace else ""
    return obj(
        f"{{apiVersion: v1, kind: Service, metadata: {{name: {name}{where}}}, spec: {{selector: {selector}}}}}",
        **origin,
    )


def named(things: list[Any]) -> list[str]:
    return [each.owner.name if hasattr(each, "owner") else each.name for each in things]


def selected(near: Object, *others: Object) -> list[str]:
    return named(Relations(Inventory([near, *others])).selected(near, selector_of(near)))


def test_a_selector_speaks_of_the_pods_labels_and_not_of_the_workloads() -> None:
    assert selected(service("s", "{app: web}"), deployment("web"), deployment("api")) == ["web"]
    assert selected(service("s", "{app: not-this}"), deployment("web")) == []


def test_all_labels_must_match() -> None:
    assert selected(service("s", "{app: web, tier: front}"), deployment("web")) == []
    both = deployment("both", labels="{app: web, tier: front, more: x}")
    assert selected(service("s", "{app: web, tier: front}"), both) == ["both"]


def test_a_service_without_selector_selects_nothing_and_a_policy_with_an_empty_one_everything() -> None:
    policy = obj(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop},"
        " spec: {podSelector: {}}}"
    )
    assert selected(service("s", "{}"), deployment("web")) == []
    assert selected(policy, deployment("web"), deployment("api"), deployment("other", "elsewhere")) == ["web", "api"]


def test_another_namespace_is_another_world() -> None:
    assert selected(service("s", "{app: web}"), deployment("web", "elsewhere")) == []
    assert selected(service("s", "{app: web}"), deployment("web", None)) == []


def test_labels_that_controllers_add_are_not_asked_for() -> None:
    chosen = service("web-0", "{app: web, statefulset.kubernetes.io/pod-name: web-0}")
    assert selected(chosen, deployment("web"), deployment("api")) == ["web"]
    leader = service("leader", "{app: web, cnpg.io/instanceRole: primary}")
    assert selected(leader, deployment("web")) == ["web"]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("web/a.yaml", ""), ("web/b.yaml", ""), True),
        (("web/a.yaml", ""), ("web/policies/b.yaml", ""), True),
        (("web/a.yaml", ""), ("api/b.yaml", ""), False),
        (("web/a.yaml", ""), ("webshop/b.yaml", ""), False),
        (("base/a.yaml", "rendered by overlays/prod"), ("overlays/prod/b.yaml", "rendered by overlays/prod"), True),
        (("base/a.yaml", "rendered by overlays/prod"), ("base/a.yaml", "rendered by overlays/dev"), False),
        (("one/templates/a.yaml", "with values.yaml"), ("two/templates/b.yaml", "with values.yaml"), False),
        (("one/templates/a.yaml", "with values.yaml"), ("one/charts/x/templates/b.yaml", "with values.yaml"), True),
    ],
)
def test_objects_without_a_namespace_are_together_by_rendering_or_directory(
    left: tuple[str, str], right: tuple[str, str], expected: bool
) -> None:
    one = deployment("web", None, path=left[0], via=left[1])
    other = deployment("web", None, path=right[0], via=right[1])
    assert together(one, other) is expected
    assert together(other, one) is expected


def test_a_known_namespace_joins_whatever_the_rendering() -> None:
    one = deployment("web", path="a/templates/x.yaml", via="with values.yaml")
    assert together(one, deployment("web", path="b.yaml"))
    assert rendering(one) == "with values.yaml"


def test_reverse_lookups() -> None:
    web, front = deployment("web"), service("front", "{app: web}")
    budget = obj(
        "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b, namespace: shop},"
        " spec: {selector: {matchExpressions: [{key: app, operator: In, values: [web, api]}]}}}"
    )
    known = Relations(Inventory([web, front, budget]))
    assert named(known.services_of(web)) == ["front"]
    assert named(known.budgets_of(web)) == ["b"]
    assert known.policies_of(web) == []


def test_a_selector_of_a_wrong_type_takes_no_part() -> None:
    web, broken, fine = deployment("web"), service("broken", "[app]"), service("fine", "{app: web}")
    assert named(Relations(Inventory([web, broken, fine])).services_of(web)) == ["fine"]


HPA = "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h, namespace: {}}}, spec: {}}}"


def hpa(target: str, namespace: str = "shop", least: str = "minReplicas: 3, ") -> Object:
    kind, name = target.split("/")
    return obj(HPA.format(namespace, f"{{{least}maxReplicas: 9, scaleTargetRef: {{kind: {kind}, name: {name}}}}}"))


def test_the_autoscalers_minimum_counts_instead_of_replicas() -> None:
    web = deployment("web", spec="replicas: 7,")
    assert Relations(Inventory([web])).fewest_replicas(web) == 7
    assert Relations(Inventory([web, hpa("Deployment/web")])).fewest_replicas(web) == 3
    assert Relations(Inventory([web, hpa("Deployment/web", least="")])).fewest_replicas(web) == 1
    assert Relations(Inventory([web, hpa("Deployment/web", "elsewhere")])).fewest_replicas(web) == 7
    assert Relations(Inventory([web, hpa("StatefulSet/web")])).fewest_replicas(web) == 7


def test_a_rollout_has_the_pods_of_the_workload_it_refers_to() -> None:
    web = deployment("web")
    rollout = obj(
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r, namespace: shop},"
        " spec: {replicas: 5, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}"
    )
    scaler = hpa("Rollout/r")
    known = Relations(Inventory([web, rollout, scaler]))
    pods = known.pods_of(rollout)
    assert pods is not None
    assert pods.owner is web
    assert known.autoscalers_of(web) == [scaler]
    assert known.target(scaler, "spec.scaleTargetRef") is rollout


def test_of_two_renderings_the_same_one_is_found_first() -> None:
    dev = deployment("web", path="base/web.yaml", via="rendered by overlays/dev")
    prod = deployment("web", path="base/web.yaml", via="rendered by overlays/prod")
    near = service("s", "{app: web}", path="overlays/prod/s.yaml", via="rendered by overlays/prod")
    assert Relations(Inventory([dev, prod, near])).named("Deployment", "web", near) is prod


def test_an_operators_resource_means_that_pods_may_be_unseen() -> None:
    near = service("s", "{app: web}")
    prometheus = obj("{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, metadata: {name: p, namespace: shop}}")
    rule = obj("{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: p, namespace: shop}}")
    assert Relations(Inventory([near, prometheus])).has_unseen_pods(near)
    assert not Relations(Inventory([near, rule, deployment("web")])).has_unseen_pods(near)
    assert not makes_pods(deployment("web"))


def test_relations_are_built_once_and_do_not_keep_the_inventory() -> None:
    inventory = Inventory([deployment("web")])
    assert relations(inventory) is relations(inventory)
    gone = weakref.ref(inventory)
    del inventory
    gc.collect()
    assert gone() is None


def test_references_of_a_pod() -> None:
    pod = obj(
        """
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  serviceAccount: web
  imagePullSecrets: [{name: registry}]
  initContainers: [{name: i, envFrom: [{secretRef: {name: boot, optional: true}}, {configMapRef: {name: settings}}]}]
  containers:
    - name: c
      env:
        - {name: A, valueFrom: {secretKeyRef: {name: db, key: password}}}
        - {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  volumes:
    - {name: v, secret: {secretName: tls}}
    - {name: w, projected: {sources: [{configMap: {name: ca}}, {secret: {name: key, optional: true}}]}}
    - {name: x, emptyDir: {}}
"""
    )
    spec = Inventory([pod]).pod_spec(pod)
    assert spec is not None
    found = {(each.kind, each.name): each.optional for each in references(spec)}
    assert found == {
        ("ServiceAccount", "web"): False,
        ("Secret", "registry"): True,
        ("Secret", "boot"): True,
        ("ConfigMap", "settings"): False,
        ("Secret", "db"): False,
        ("Secret", "tls"): False,
        ("ConfigMap", "ca"): False,
        ("Secret", "key"): True,
    }
    paths = {each.name: each.path for each in references(spec)}
    assert paths["tls"] == ("spec", "volumes", 0, "secret", "secretName")
    assert paths["web"] == ("spec", "serviceAccount")
