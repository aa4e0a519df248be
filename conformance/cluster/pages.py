"""A list, page by page, as raw objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from conformance.cluster.client import Client
from conformance.cluster.discovery import Resource
from conformance.cluster.fault import AnswerError, ClusterError

#: objects of one page: what kubectl asks for
PAGE = 500
#: how often a list may begin anew because the server forgot where it was
_RESTARTS = 3


def objects(client: Client, resource: Resource, namespaces: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Every object of a kind, of all namespaces or of the given ones; a kind of the whole cluster is listed whole.

    Items of a list carry neither apiVersion nor kind, which are filled in. A list that the server forgot half-way
    (410 Gone: etcd was compacted) begins anew, without showing an object twice. Raises ClusterError.
    """
    for path in (
        [resource.path(each) for each in namespaces] if resource.namespaced and namespaces else [resource.path()]
    ):
        seen: set[str] = set()
        for item in _restarted(client, path):
            uid = str((item.get("metadata") or {}).get("uid") or "")
            if uid and uid in seen:
                continue
            seen.add(uid)
            yield {"apiVersion": resource.api_version, "kind": resource.kind} | item


def _restarted(client: Client, path: str) -> Iterator[dict[str, Any]]:
    token = ""
    for restart in range(_RESTARTS + 1):
        try:
            while True:
                items, token = _page(client, path, token)
                yield from items
                if not token:
                    return
        except AnswerError as error:
            if error.status != 410 or restart == _RESTARTS:
                raise
            token = ""  # the token that a 410 offers goes on with a later state: the whole would be of no moment


def _page(client: Client, path: str, token: str) -> tuple[list[dict[str, Any]], str]:
    query: dict[str, str | int] = {"limit": PAGE} | ({"continue": token} if token else {})
    answer = client.json(path, query)
    items = answer.get("items") or [] if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ClusterError(f"{client.connection.server}{path}: the answer is no list")
    return items, str((answer.get("metadata") or {}).get("continue") or "")
