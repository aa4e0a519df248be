"""PolicyReport objects (wgpolicyk8s.io/v1alpha2), one list to apply, for dashboards of the Kubernetes policy group.

https://github.com/kubernetes-sigs/wg-policy-prototypes/tree/master/policy-report
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from conformance.report.json import dumps
from conformance.report.record import FindingRecord, Report, ResultRecord

#: of one object, in bytes: etcd takes 1.5 MiB, and an API server 3 MiB of a request
LARGEST = 900_000
#: characters of a message: a field of an object, quoted, may be as long as a ConfigMap
_MESSAGE = 1_000
_RESULTS = {
    "passed": "pass",
    "failed": "fail",
    "warned": "warn",
    "error": "error",
    "skipped": "skip",
    "waived": "skip",
}
_COUNTS = ("pass", "fail", "warn", "error", "skip")
Entry = dict[str, Any]


def write(report: Report) -> bytes:
    """A List of PolicyReports, one for each namespace with findings, and ClusterPolicyReports for everything else."""
    return listed(report, "wgpolicyk8s.io/v1alpha2", ("PolicyReport", "ClusterPolicyReport"))


def listed(report: Report, api_version: str, kinds: tuple[str, str]) -> bytes:
    """The same for any API group that kept the shape: `kinds` are that of a namespace and that of the cluster."""
    places: dict[str, list[Entry]] = defaultdict(list)
    for each in report["results"]:
        for namespace, entry in _entries(each):
            places[namespace].append(entry)
    items = []
    for namespace, entries in sorted(places.items()):
        for number, chunk in enumerate(_chunks(entries)):
            metadata: Entry = {"name": f"plumbline-{number}", "labels": {"app.kubernetes.io/managed-by": "plumbline"}}
            if namespace:
                metadata["namespace"] = namespace
            counts = {name: sum(each["result"] == name for each in chunk) for name in _COUNTS}
            kind = kinds[0] if namespace else kinds[1]
            items.append(
                {"apiVersion": api_version, "kind": kind, "metadata": metadata, "summary": counts, "results": chunk}
            )
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    return dumps(whole, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _entries(result: ResultRecord) -> Iterator[tuple[str, Entry]]:
    """A result for each finding and each error, at the namespace of its object; one for a requirement without any."""
    for finding in result["findings"]:
        outcome = "skip" if finding["waived"] else _RESULTS["warned" if result["outcome"] == "warned" else "failed"]
        yield _about(result, outcome, finding["message"], finding)
    for error in result["errors"]:
        yield _about(result, "error", error["reason"], error)
    if not result["findings"] and not result["errors"]:
        yield _about(result, _RESULTS[result["outcome"]], result["reason"] or result["title"], None)


def _about(result: ResultRecord, outcome: str, message: str, said: Any) -> tuple[str, Entry]:
    entry: Entry = {
        "source": "kube-plumbline",
        "policy": result["profile"],
        "rule": result["id"],
        "severity": result["severity"],
        "result": outcome,
        "scored": result["keyword"] == "MUST",
        "message": message[:_MESSAGE],
    }
    finding: FindingRecord | None = said
    thing = finding["object"] if finding is not None else None
    if finding is not None and finding["field"]:
        entry["properties"] = {"field": finding["field"]}
    if thing is None:
        return "", entry
    resource = {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "name": thing["name"]}
    namespace = thing["namespace"] or ""
    entry["resources"] = [resource | ({"namespace": namespace} if namespace else {})]
    return namespace, entry


def _chunks(entries: list[Entry]) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    size = 0
    for each in entries:
        length = len(dumps(each))
        if chunk and size + length > LARGEST:
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += length
    yield chunk
