"""Whatever stands in a field, nothing is raised, and nothing that cannot be read is called encrypted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.scope import settle_namespaces
from conformance.mesh import Mesh
from tests.mesh.tree import Origin, created, mesh_config, namespace, objects, peer, rule, service, virtual, workload

NOTES = """{sidecar.istio.io/inject: "true", inject.istio.io/templates: sidecar,
  traffic.sidecar.istio.io/excludeInboundPorts: "9"}"""
WRITTEN = "hostNetwork: false, containers: [{name: istio-proxy, image: p, args: [x]}]"
PORTS = "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}"
RULE = """{host: web, exportTo: ['*'], workloadSelector: {matchLabels: {app: api}},
  trafficPolicy: {tls: {mode: SIMPLE, credentialName: c},
    portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]},
  subsets: [{name: v1, labels: {app: web}, trafficPolicy: {tls: {mode: DISABLE}}}]}"""
ROUTE = """{hosts: [web], gateways: [mesh, gw], http: [{name: a, timeout: 1s,
  retries: {attempts: 1, perTryTimeout: 1s, retryOn: 5xx}, mirror: {host: api}, mirrorPercentage: {value: 1},
  mirrors: [{destination: {host: api}, percentage: {value: 1}}],
  route: [{destination: {host: web, subset: v1, port: {number: 80}}, weight: 1}]}]}"""
TREE = [
    each.raw
    for each in objects(
        namespace("shop"),
        workload("web", labels="istio.io/dataplane-mode: none", annotations=NOTES),
        workload("api", spec=WRITTEN),
        service("api", ports="[{name: http, port: 80, targetPort: http, protocol: TCP}]", more="clusterIP: None"),
        service("web"),
        peer("default", "{mtls: {mode: STRICT}}", meta=created(1)),
        peer("web", PORTS),
        rule("web", RULE, meta=created(1)),
        virtual("web", ROUTE),
        rule("gw", "{servers: [{hosts: [web], tls: {httpsRedirect: false, mode: SIMPLE}}]}", kind="Gateway"),
        rule("s", "{workloadSelector: {labels: {app: web}}, egress: [{hosts: ['*/*']}]}", kind="Sidecar"),
        rule("e", "{hosts: [example.org]}", kind="ServiceEntry"),
        mesh_config("enableAutoMtls: true"),
    )
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field below a value."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(each, (*path, key))


@pytest.mark.parametrize("odd", [None, 7, "odd", [], {}, True, [7], {"odd": 7}], ids=repr)
def test_no_field_of_any_type_raises(odd: Any) -> None:
    for number, raw in enumerate(TREE):
        for path in places(raw):
            if path[0] in ("apiVersion", "kind"):
                continue
            changed = copy.deepcopy(TREE)
            target: Any = changed[number]
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = odd
            found = [Object(each, Origin()) for each in changed]
            settle_namespaces(found, {})
            mesh = Mesh(Inventory(found))
            assert all(edge.verdict.reasons for edge in mesh.matrix()), path
            assert all(problem.message for problem in mesh.problems()), path
