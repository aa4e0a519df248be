"""Parts of small systems that expose something."""

from __future__ import annotations

from typing import Any

import yaml

from conformance.network.exposure import Exposed, Exposure
from tests.network.world import deployment, inventory

Raw = dict[str, Any]

WEB = deployment("web", ports={"http": 8080})
DB = deployment("db", ports={"sql": 5432})


def service(name: str = "web", namespace: str = "shop", app: str = "", **spec: Any) -> Raw:
    """A Service of the pods with the label `app`, with port 80 to the port named http unless `ports` say otherwise."""
    body: Raw = {"selector": {"app": app or name}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": body}


def thing(api_version: str, kind: str, name: str, spec: str, namespace: str = "shop") -> Raw:
    """Any object by its spec."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)}


def found(*parts: str | Raw) -> Exposure:
    """The exposure of a system."""
    exposure = Exposure(inventory(*parts))
    assert exposure.unreadable == []
    return exposure


def told(exposure: Exposure, workload: str = "") -> list[str]:
    """Audience, end, ports, hosts and the answer of each exposed port; of one workload when it is named."""
    return [
        f"{each.way.audience}: {_end(each)} {_answer(exposure, each)}"
        for each in exposure.exposed
        if not workload or each.pod.owner.name == workload
    ]


def _end(each: Exposed) -> str:
    return f"{each.pod.owner.name} {each.ports} {','.join(each.way.hosts) or 'any'}"


def _answer(exposure: Exposure, each: Exposed) -> str:
    return {True: "open", False: "closed", None: "unknown"}[exposure.answer(each).open]


def problems(exposure: Exposure) -> list[tuple[str, str, str]]:
    """Code, object and field of each problem."""
    return [(each.code, str(each.subject), each.field) for each in exposure.problems]


def chain(each: Exposed) -> str:
    """The objects of a way."""
    return " -> ".join(str(link.subject) for link in each.way.chain)
