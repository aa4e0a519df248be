"""Instant queries to a Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.cluster.facts import fact

#: seconds for one answer, its connection included
TIMEOUT = (5.0, 30.0)
#: series of one answer that are kept
_MOST = 200


def answers(address: str, queries: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A `PrometheusAnswer` for each query: its `series`, or the `error` that came instead."""
    import requests

    session = requests.Session()
    for query in queries:
        try:
            answer = session.get(f"{address.rstrip('/')}/api/v1/query", params={"query": query}, timeout=TIMEOUT)
            said = answer.json()
        except (requests.RequestException, ValueError, OSError) as error:
            yield fact("PrometheusAnswer", query, error=f"{address} gave no answer: {type(error).__name__}")
            continue
        if not isinstance(said, dict) or said.get("status") != "success":
            reason = said.get("error") if isinstance(said, dict) else f"HTTP {answer.status_code}"
            yield fact("PrometheusAnswer", query, error=str(reason))
            continue
        yield fact("PrometheusAnswer", query, series=_series(said.get("data") or {}))


def _series(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Labels and value of each series; a scalar is one series without labels. NaN stays the text that it is."""
    result = data.get("result") or []
    if data.get("resultType") == "scalar":
        return [{"labels": {}, "value": str(result[1])}]
    return [{"labels": each.get("metric") or {}, "value": str(each["value"][1])} for each in result[:_MOST]]
