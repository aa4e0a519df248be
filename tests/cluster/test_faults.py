"""What servers refuse and forget: what is tried again, how often and after which pause, and what is said in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.cluster import pages
from conformance.cluster.client import Client, Timeouts
from conformance.cluster.connection import connect
from conformance.cluster.discovery import Resource
from conformance.cluster.fault import AnswerError, ClusterError
from tests.cluster.fake_server import Answer, FakeServer, fake_server, refusal

PODS = Resource("", "v1", "Pod", "pods", True, ("list",))


def client(server: FakeServer, folder: Path, pauses: list[float] | None = None) -> Client:
    """A client whose pauses are written down and take no time."""
    connection = connect(kubeconfig=str(server.kubeconfig(folder)))
    return Client(connection, Timeouts(), (pauses if pauses is not None else []).append)


def page(*names: str, token: str = "") -> Answer:
    items = [{"metadata": {"name": name, "uid": name}} for name in names]
    return Answer(body={"kind": "PodList", "metadata": {"continue": token}, "items": items})


def in_turn(answers: list[Answer]) -> Any:
    left: Iterator[Answer] = iter(answers)
    return lambda path, query: next(left)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int, tmp_path: Path) -> None:
    pauses: list[float] = []
    with fake_server(in_turn([refusal(status, "Busy"), refusal(status, "Busy"), Answer(body={"a": 1})])) as server:
        assert client(server, tmp_path, pauses).json("/x") == {"a": 1}
    assert len(pauses) == 2
    assert pauses[0] < pauses[1] * 2
    assert all(0 < each <= Timeouts().pause for each in pauses)


def test_what_does_not_pass_is_given_up(tmp_path: Path) -> None:
    pauses: list[float] = []
    with fake_server(lambda path, query: refusal(503, "Unavailable", "etcd is away")) as server:
        with pytest.raises(AnswerError, match=r"^HTTP 503: etcd is away$"):
            client(server, tmp_path, pauses).get("/x")
        assert len(server.asked) == Timeouts().attempts
    assert len(pauses) == Timeouts().attempts - 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422])
def test_a_refusal_is_final(status: int, tmp_path: Path) -> None:
    with fake_server(lambda path, query: refusal(status, "No")) as server:
        with pytest.raises(AnswerError) as error:
            client(server, tmp_path).get("/x")
        assert error.value.status == status
        assert len(server.asked) == 1


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("3600", Timeouts().pause)])
def test_the_pause_that_the_server_asks_for_is_kept_up_to_a_bound(asked: str, waited: float, tmp_path: Path) -> None:
    pauses: list[float] = []
    with fake_server(in_turn([refusal(429, "Busy", retry_after=asked), Answer()])) as server:
        client(server, tmp_path, pauses).get("/x")
    assert pauses == [waited]


def test_a_forgotten_list_begins_anew_and_shows_nothing_twice(tmp_path: Path) -> None:
    answers = [page("a", "b", token="1"), refusal(410, "Expired"), page("a", "b", token="2"), page("c")]
    with fake_server(in_turn(answers)) as server:
        found = list(pages.objects(client(server, tmp_path), PODS))
    assert [each["metadata"]["name"] for each in found] == ["a", "b", "c"]
    assert {(each["apiVersion"], each["kind"]) for each in found} == {("v1", "Pod")}


def test_a_list_that_is_forgotten_again_and_again_is_given_up(tmp_path: Path) -> None:
    def script(path: str, query: dict[str, str]) -> Answer:
        return refusal(410, "Expired", "too old") if "continue" in query else page("a", token="1")

    with fake_server(script) as server, pytest.raises(AnswerError, match=r"^HTTP 410: too old$"):
        list(pages.objects(client(server, tmp_path), PODS))
    assert len(server.asked) == 8


@pytest.mark.parametrize("body", [[], {"items": 3}, {"items": ["a"]}, "text", None])
def test_what_is_no_list_is_said_to_be_none(body: object, tmp_path: Path) -> None:
    with (
        fake_server(lambda path, query: Answer(body=body)) as server,
        pytest.raises(ClusterError, match=r"/api/v1/pods: the answer is no list$"),
    ):
        list(pages.objects(client(server, tmp_path), PODS))


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with fake_server(lambda path, query: Answer()) as server:
        file = server.kubeconfig(tmp_path)
    pauses: list[float] = []
    asking = Client(connect(kubeconfig=str(file)), Timeouts(), pauses.append)
    with pytest.raises(ClusterError, match=f"^{server.url}: cannot be reached: Connection refused$"):
        asking.get("/x")
    assert len(pauses) == Timeouts().attempts - 1
