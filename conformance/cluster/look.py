"""Looking at a cluster, or at the snapshot of one: the connection, the kinds, and what a report says of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from conformance.cluster import snapshot
from conformance.cluster.client import Client
from conformance.cluster.connection import IN_CLUSTER, connect
from conformance.cluster.discovery import discover
from conformance.cluster.facts import Questions, Source, replayed, with_facts
from conformance.cluster.fault import AnswerError
from conformance.cluster.kinds import Kinds, Live, replay
from conformance.kube.live import LiveInventory


@dataclass(frozen=True, slots=True)
class Look:
    """Which cluster, as whom, what of it, and where to keep what was listed.

    A kubeconfig that lies in one of `trees` is refused; `day` is the day to judge ages against, when one was said.
    """

    context: str = ""
    kubeconfig: str = ""
    snapshot: str = ""
    namespaces: tuple[str, ...] = ()
    output: str = ""
    trees: tuple[Path, ...] = ()
    day: date | None = None
    #: what is asked beside the API server
    questions: Questions = field(default_factory=Questions)


@dataclass
class Looked:
    """A cluster as it was found, and what the report says of it."""

    inventory: LiveInventory
    kinds: Kinds
    about: dict[str, Any]
    #: of the digests of Secrets, which a snapshot does not hold
    salt: bytes | None = None
    #: the cluster itself, where there is one and not a snapshot
    live: Live | None = None


@contextmanager
def look(asked: Look) -> Iterator[Looked]:
    """The cluster to judge. A snapshot that is being written is kept only when the block ends well.

    Raises ClusterError.
    """
    if asked.snapshot:
        header, kinds = snapshot.read(Path(asked.snapshot))
        yield _looked(header, Kinds(replayed(kinds, replay(kinds))), asked.day, {"snapshot": asked.snapshot})
        return
    connection = connect(asked.context, asked.kubeconfig, asked.trees)
    client = Client(connection)
    version = _version(client)
    discovery = discover(client)
    cluster = connection.describe() | {"version": version}
    header = snapshot.Header(cluster, datetime.now(UTC).replace(microsecond=0), asked.namespaces)
    live = Live(client, discovery, os.urandom(32), header.namespaces)
    listed = _kinds(live, asked)
    if not asked.output:
        yield _looked(header, listed, asked.day, {}, live.salt)
        return
    with snapshot.Writer(Path(asked.output), header) as writer:
        live.writer, live.salt = writer, writer.salt
        looked = _looked(header, listed, asked.day, {}, live.salt)
        looked.live = live
        yield looked


def _kinds(live: Live, asked: Look) -> Kinds:
    """The kinds of the cluster, and the facts whose options were given. Their modules are read only then."""
    questions = asked.questions
    sources: dict[str, Source] = {}
    kinds = Kinds(with_facts(live, sources, lambda: live.writer))
    if questions.outside:
        from conformance.cluster.facts_endpoints import endpoints

        sources["Endpoint"] = partial(endpoints, questions.endpoints)
    if questions.prometheus:
        from conformance.cluster.facts_prometheus import answers

        sources["PrometheusAnswer"] = partial(answers, questions.prometheus, questions.queries)
    if questions.inside:
        from conformance.cluster.facts_pods import facts

        # inside a pod kubectl finds the service account by itself, and knows no context
        context = live.client.connection.context if live.client.connection.context != IN_CLUSTER else ""
        sources["PodFact"] = partial(facts, questions.pods, lambda: kinds["Pod"], asked.kubeconfig, context)
    return kinds


def _version(client: Client) -> str:
    """The server's version; empty when the user may not see it, which hides nothing that is judged."""
    try:
        return str(client.json("/version").get("gitVersion", ""))
    except AnswerError as error:
        if error.status in (401, 500):
            raise
        return ""


def _looked(
    header: snapshot.Header, kinds: Kinds, day: date | None, more: dict[str, str], salt: bytes | None = None
) -> Looked:
    inventory = LiveInventory(kinds, header.taken, day, kinds.absent)
    about: dict[str, Any] = {**header.cluster, "taken": header.taken.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}
    if header.namespaces:
        about["namespaces"] = list(header.namespaces)
    return Looked(inventory, kinds, about, salt)
