"""The checks `connectivity` and `policy_gaps`: which line they name, and what they leave unjudged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance import registry
from conformance.check import NotApplicable, Said
from conformance.finding import Finding, Unjudged
from conformance.kube.inventory import Inventory
from conformance.sources import load as sources
from tests.network.world import connectivity as world_of
from tests.network.world import deployment

SYSTEM = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: a, image: a}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: db
  namespace: shop
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: a, image: a, ports: [{name: sql, containerPort: 5432}]}]}
"""
POLICIES = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  policyTypes: [Egress]
  egress:
    - to: [{podSelector: {matchLabels: {app: db}}}]
      ports: [{port: sql}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
      ports: [{port: sql}]
"""
EDGE = {"from": "shop/api", "to": "shop/db", "port": 5432}
Place = tuple[str, str, int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judged(folder: Path, policies: str, *, check: str = "connectivity", **options: Any) -> list[Said]:
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "policies.yaml").write_text(policies)
    loaded = sources.load(["system.yaml", "policies.yaml"])
    inventory = Inventory(loaded.objects, loaded.documents, loaded.texts, loaded.rejected, loaded.files)
    found = registry.find(check)
    assert found is not None
    return list(found.function(inventory, **found.options(options)))


def findings(said: list[Said]) -> list[Place]:
    """Message, file and line of each finding; nothing else may have been said."""
    places = []
    for each in said:
        assert isinstance(each, Finding), each
        where = each.locate()
        places.append((each.message, where.path if where else "", where.line if where else 0))
    return places


def test_what_is_documented_and_nothing_else(folder: Path) -> None:
    assert judged(folder, POLICIES, edges=[EDGE]) == []


def test_a_missing_edge_is_found_at_the_policy_to_change(folder: Path) -> None:
    changed = POLICIES.replace("ports: [{port: sql}]\n---", "ports: [{port: 3306}]\n---")
    assert findings(judged(folder, changed, edges=[EDGE], deny_rest=False)) == [
        (
            "shop/Deployment/api -> shop/StatefulSet/db TCP/5432 is documented, but closed",
            "policies.yaml",
            POLICIES[: POLICIES.index("  egress:")].count("\n") + 1,
        )
    ]


def test_a_surplus_edge_is_found_at_the_rule_that_opens_it(folder: Path) -> None:
    more = POLICIES.replace("  policyTypes: [Egress]", "  policyTypes: [Egress, Ingress]\n  ingress: [{}]")
    found = findings(judged(folder, more, edges=[EDGE], subjects=["shop/api"]))
    line = more[: more.index("ingress: [{}]")].count("\n") + 1
    assert found == [("external -> shop/Deployment/api every port is open, but not documented", "policies.yaml", line)]


def test_without_a_policy_it_is_found_at_the_workload(folder: Path) -> None:
    found = findings(judged(folder, "", edges=[EDGE], subjects=["shop/db"]))
    line = SYSTEM[: SYSTEM.index("name: db")].count("\n") + 1
    assert ("external -> shop/StatefulSet/db every port is open, but not documented", "system.yaml", line) in found
    assert {path for _, path, _ in found} == {"system.yaml"}


def test_a_policy_that_cannot_be_read_is_an_error(folder: Path) -> None:
    said = judged(folder, POLICIES.replace("[{port: sql}]", "[{port: [1]}]", 1), edges=[EDGE])
    (error,) = [each for each in said if isinstance(each, Unjudged)]
    where = error.locate()
    assert where is not None
    assert (where.path, where.line) == ("policies.yaml", POLICIES[: POLICIES.index("[{port: sql}]")].count("\n") + 1)


def test_an_end_that_is_not_there_is_a_finding_and_the_rest_is_judged(folder: Path) -> None:
    other = {"from": "shop/api", "to": "shop/cache", "port": 6379}
    wrong = {"from": "shop/db", "to": "shop/api", "port": 80}
    found = findings(judged(folder, POLICIES, edges=[EDGE, other, wrong]))
    assert [(text.partition(";")[0], path) for text, path, _ in found] == [
        ("there is no workload shop/cache", ""),
        ("shop/StatefulSet/db -> shop/Deployment/api TCP/80 is documented, but closed", "policies.yaml"),
    ]
    assert len(findings(judged(folder, POLICIES, edges=[EDGE], subjects=["shop/cahce"]))) == 1


def test_a_matrix_that_cannot_be_understood_is_an_error(folder: Path) -> None:
    (said,) = judged(folder, POLICIES, edges=[{"from": "shop/api", "too": "shop/db"}])
    assert isinstance(said, Unjudged)
    assert "an edge has from, to, port" in said.reason
    (said,) = judged(folder, POLICIES, edges=[EDGE], ends={"dns": {"namespace": "kube-system", "labels": {}}})
    assert isinstance(said, Unjudged)
    assert "the end dns has namespace, labels" in said.reason


DNS = {"dns": {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}, "ports": {"dns": 53}}}
TO_DNS = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  policyTypes: [Egress]
  egress:
    - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
      ports: [{port: 53}]
"""  # noqa: E501


def test_an_end_that_no_manifest_shows_is_taken_to_be_there(folder: Path) -> None:
    edge = {"from": "shop/api", "to": "dns", "port": 53}
    options: dict[str, Any] = {"ends": DNS, "subjects": ["shop/api"]}
    assert judged(folder, POLICIES + TO_DNS, edges=[EDGE, edge], **options) == []
    found = findings(judged(folder, POLICIES, edges=[EDGE, edge], **options))
    line = POLICIES[: POLICIES.index("  egress:")].count("\n") + 1
    assert found == [
        ("shop/Deployment/api -> kube-system/Pod/dns TCP/53 is documented, but closed", "policies.yaml", line)
    ]


def test_a_stranger_in_the_namespace_is_kept_out(folder: Path) -> None:
    rogue = {"rogue": {"namespace": "shop", "labels": {"who": "knows"}}}
    assert judged(folder, POLICIES, edges=[EDGE], subjects=["shop/db"], ends=rogue) == []
    wide = POLICIES.replace("- from: [{podSelector: {matchLabels: {app: api}}}]", "- from: [{podSelector: {}}]")
    # The stranger's own egress is closed by the policy for the whole namespace.
    assert judged(folder, wide, edges=[EDGE], subjects=["shop/db"], ends=rogue) == []
    open_out = wide.replace("policyTypes: [Ingress, Egress]", "policyTypes: [Ingress]")
    found = findings(judged(folder, open_out, edges=[EDGE], subjects=["shop/db"], ends=rogue))
    line = wide[: wide.index("- from:")].count("\n") + 1
    text = "shop/Pod/rogue -> shop/StatefulSet/db TCP/5432 is open, but not documented"
    assert (text, "policies.yaml", line) in found


def test_an_end_by_labels_is_the_real_workload_where_there_is_one(folder: Path) -> None:
    ends = {"store": {"namespace": "shop", "labels": {"app": "db"}}}
    edge = {**EDGE, "to": "store"}
    assert judged(folder, POLICIES, edges=[edge], ends=ends) == []
    (found,) = findings(judged(folder, POLICIES, edges=[{**edge, "port": 80}], ends=ends, deny_rest=False))
    assert found[0] == "shop/Deployment/api -> shop/StatefulSet/db TCP/80 is documented, but closed"


def test_a_policy_that_selects_nothing_is_found_at_its_selector(folder: Path) -> None:
    wrong = POLICIES.replace(
        "podSelector: {matchLabels: {app: db}}\n  ingress", "podSelector: {matchLabels: {app: d}}\n  ingress"
    )
    line = POLICIES[: POLICIES.rindex("  podSelector:")].count("\n") + 1
    assert findings(judged(folder, wrong, check="policy_gaps")) == [("selects no pod", "policies.yaml", line)]
    assert judged(folder, POLICIES, check="policy_gaps") == []


@pytest.mark.parametrize(
    ("expected", "quiet"),
    [(["shop/db"], True), (["shop/*"], True), (["shop/db spec.podSelector"], True), (["shop/db spec.ingress*"], False)],
)
def test_gaps_that_are_expected(folder: Path, expected: list[str], quiet: bool) -> None:
    wrong = POLICIES.replace(
        "podSelector: {matchLabels: {app: db}}\n  ingress", "podSelector: {matchLabels: {app: d}}\n  ingress"
    )
    assert (judged(folder, wrong, check="policy_gaps", expected=expected) == []) == quiet


def test_peers_and_ports_without_effect_are_found_at_their_rules(folder: Path) -> None:
    wrong = POLICIES.replace("[{podSelector: {matchLabels: {app: api}}}]", "[{podSelector: {matchLabels: {app: apo}}}]")
    line = POLICIES[: POLICIES.index("- from:")].count("\n") + 1
    assert findings(judged(folder, wrong, check="policy_gaps")) == [("its peers match nothing", "policies.yaml", line)]
    found = findings(judged(folder, POLICIES.replace("port: sql", "port: mysql"), check="policy_gaps"))
    assert {text for text, _, _ in found} == {"no container has a port named mysql"}


def test_without_policies_there_is_nothing_to_say(folder: Path) -> None:
    (said,) = judged(folder, "", check="policy_gaps")
    assert isinstance(said, NotApplicable)
    (said,) = judged(folder, POLICIES.replace("[{port: sql}]", "[{port: [1]}]", 1), check="policy_gaps")
    assert isinstance(said, Unjudged)


def test_an_end_is_found_by_every_name_and_by_none_that_is_not_clear() -> None:
    world = world_of(deployment("web"), deployment("web", "other"), deployment("db"))
    assert world.ends.meant("*/web") == ["other/Deployment/web", "shop/Deployment/web"]
    assert world.ends.meant("shop/*") == ["shop/Deployment/db", "shop/Deployment/web"]
    with pytest.raises(ValueError, match="web is not clear: other/Deployment/web, shop/Deployment/web"):
        world.ends.meant("web")


OPERATED = """\
---
apiVersion: example.com/v1
kind: Shop
metadata: {name: shop, namespace: shop}
"""


@pytest.mark.parametrize("other", ["", "kube-system", "elsewhere"])
def test_peers_in_namespaces_that_are_not_shown_may_be_there(folder: Path, other: str) -> None:
    api = "{podSelector: {matchLabels: {app: api}}}"
    selector = f"namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {other}}}}}, " if other else ""
    changed = POLICIES.replace(f"from: [{api}]", f"from: [{{{selector}podSelector: {{matchLabels: {{app: nobody}}}}}}]")
    assert (judged(folder, changed, check="policy_gaps") == []) == bool(other)
    # Whom an operator makes nobody can tell.
    assert judged(folder, changed + OPERATED, check="policy_gaps") == []


def test_pods_of_an_operator_may_be_what_a_policy_selects(folder: Path) -> None:
    wrong = POLICIES.replace("{app: db}}\n  ingress", "{app: d}}\n  ingress")
    assert len(judged(folder, wrong, check="policy_gaps")) == 1
    assert judged(folder, wrong + OPERATED, check="policy_gaps") == []


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("app: nobody", True),
        ("k8s:io.kubernetes.pod.namespace: shop, app: nobody", True),
        ("k8s:io.kubernetes.pod.namespace: far, app: nobody", False),
    ],
)
def test_endpoints_of_cilium_are_looked_for_in_the_namespace_that_they_name(
    folder: Path, labels: str, found: bool
) -> None:
    ingress = f"ingress: [{{fromEndpoints: [{{matchLabels: {{{labels}}}}}]}}]"
    spec = f"{{endpointSelector: {{matchLabels: {{app: db}}}}, {ingress}}}"
    head = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\n"
    assert bool(judged(folder, f"{head}spec: {spec}\n", check="policy_gaps")) == found


def test_ports_of_pods_elsewhere_are_not_judged(folder: Path) -> None:
    to_db = "- to: [{podSelector: {matchLabels: {app: db}}}"
    wrong = POLICIES.replace(f"{to_db}]\n      ports: [{{port: sql}}]", f"{to_db}]\n      ports: [{{port: 9200}}]")
    assert len(judged(folder, wrong, check="policy_gaps")) == 1
    far = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: far}}}"
    assert judged(folder, wrong.replace(to_db, f"{to_db}, {far}"), check="policy_gaps") == []
