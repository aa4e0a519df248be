"""Attempts to make a drill harm a cluster that is not its own. What production saw is in its audit log."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from conformance import cli
from conformance.drill import state as states
from conformance.drill.command import run
from conformance.drill.fault import NotOursError
from conformance.drill.guard import LABEL, NONCE, ROLE, Guard, kubectl
from conformance.drill.kind import Cluster
from conformance.drill.kubectl import Kubectl
from conformance.drill.state import State
from tests.control_plane import ControlPlane


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """States of a test are its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def refused(guard: Guard) -> str:
    with pytest.raises(NotOursError) as raised:
        guard.prove("delete everything")
    assert str(raised.value).endswith("; nothing was touched")
    return str(raised.value)


def pretending(plane: ControlPlane, **changes: Any) -> State:
    """A state file and kubeconfig of ours that lead to production, as somebody with write access could make them."""
    state = states.new()
    config = yaml.safe_load(plane.kubeconfig().read_text())
    config["contexts"][0]["name"] = state.context
    config["clusters"][0]["cluster"].update(changes)
    state.kubeconfig.write_text(yaml.safe_dump(config))
    state.kubeconfig.chmod(0o600)
    return state.with_kubeconfig(hashlib.sha256(state.kubeconfig.read_bytes()).hexdigest())


def test_without_the_word_nothing_is_proven(production: ControlPlane) -> None:
    assert "--destructive was not given" in refused(Guard(pretending(production), destructive=False))


def test_production_behind_a_forged_state_is_not_even_asked(production: ControlPlane) -> None:
    before = len(production.audited())
    port = urlsplit(production.server).port
    assert f"no container of that name serves the port {port}" in refused(
        Guard(pretending(production), destructive=True)
    )
    assert len(production.audited()) == before


def test_a_replaced_kubeconfig_is_seen(production: ControlPlane) -> None:
    state = pretending(production)
    state.kubeconfig.write_text(state.kubeconfig.read_text() + "# changed\n")
    assert "is not the one that kind wrote" in refused(Guard(state, destructive=True))


def test_a_kubeconfig_that_others_may_read_is_refused(production: ControlPlane) -> None:
    state = pretending(production)
    state.kubeconfig.chmod(0o640)
    assert "not a file of ours alone" in refused(Guard(state, destructive=True))


def test_a_link_is_no_kubeconfig(production: ControlPlane, tmp_path: Path) -> None:
    state = pretending(production)
    elsewhere = state.kubeconfig.rename(tmp_path / "elsewhere")
    state.kubeconfig.symlink_to(elsewhere)
    assert "not a file of ours alone" in refused(Guard(state, destructive=True))


@pytest.mark.parametrize("server", ["https://10.1.2.3:6443", "https://localhost:6443", "https://prod.example.com"])
def test_only_loopback_addresses_count(production: ControlPlane, server: str) -> None:
    assert f"{server} is not on this machine" in refused(Guard(pretending(production, server=server), destructive=True))


def test_our_own_cluster_is_proven(cluster: Cluster) -> None:
    cluster.guard.prove("nothing")
    assert cluster.guard.proven >= 1


def test_a_kind_cluster_that_is_not_ours_is_left_alone(cluster: Cluster) -> None:
    stranger = Guard(replace(cluster.state, nonce="0" * 32), destructive=True)
    assert "the nonce in it is not the one" in refused(stranger)
    assert Kubectl(cluster, "default").find("namespace", "default") is not None


def test_a_changed_nonce_ends_the_drill(cluster: Cluster) -> None:
    ask = [*kubectl(cluster.state), "--namespace=kube-system", "patch", "configmap", NONCE, "--type=merge"]
    run([*ask, '--patch={"data":{"nonce":"another"}}'], timeout=30)
    try:
        with pytest.raises(NotOursError, match="the nonce in it is not the one"):
            Kubectl(cluster, "default").apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}])
        assert Kubectl(cluster, "default").find("configmap", "x") is None
    finally:
        run([*ask, f'--patch={{"data":{{"nonce":"{cluster.state.nonce}"}}}}'], timeout=30)
    cluster.guard.prove("nothing")


def test_an_ambient_kubeconfig_changes_nothing(
    cluster: Cluster, production: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(production.audited())
    monkeypatch.setenv("KUBECONFIG", str(production.kubeconfig()))
    Kubectl(cluster, "default").apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ambient"}}])
    assert Kubectl(cluster, "default").find("configmap", "ambient") is not None
    assert len(production.audited()) == before


def test_a_proxy_to_production_is_not_followed(cluster: Cluster, production: ControlPlane) -> None:
    before = len(production.audited())
    original = cluster.state.kubeconfig.read_bytes()
    with _proxy(urlsplit(production.server).port or 0) as port:
        config = yaml.safe_load(original)
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        forged = yaml.safe_dump(config).encode()
        cluster.state.kubeconfig.write_bytes(forged)
        try:
            assert "is not the one that kind wrote" in refused(cluster.guard)
            known = replace(cluster.state, kubeconfig_digest=hashlib.sha256(forged).hexdigest())
            assert f"serves the port {port}" in refused(Guard(known, destructive=True))
        finally:
            cluster.state.kubeconfig.write_bytes(original)
    assert len(production.audited()) == before


def test_without_an_api_server_only_proven_containers_count(cluster: Cluster) -> None:
    """For drills that take the API server away: the container itself, by its id, as it was at the last whole proof."""
    node = f"{cluster.state.name}-control-plane"
    cluster.guard.prove("nothing")
    inspected = run(["docker", "inspect", "--format", "{{.Id}}", node], timeout=30).text
    assert cluster.guard.container(node, "stop etcd") == inspected
    for guard, why in (
        (Guard(cluster.state, destructive=True), f"{node} is no container that was proven to be part of it"),
        (replace(cluster.guard, destructive=False), "--destructive was not given"),
        (replace(cluster.guard, seen={node: "0" * 64}), f"{node} is no container that was proven to be part of it"),
    ):
        with pytest.raises(NotOursError, match=why):
            guard.container(node, "stop etcd")


def test_a_strangers_container_with_the_clusters_label_is_no_node(cluster: Cluster, node_image: str) -> None:
    cluster.guard.prove("nothing")
    name = f"{cluster.state.name}-worker"
    create = ["docker", "create", f"--label={LABEL}={cluster.state.name}", f"--label={ROLE}=external-load-balancer"]
    run([*create, f"--name={name}", node_image], timeout=60)
    try:
        cluster.guard.prove("nothing")
        with pytest.raises(NotOursError, match=f"{name} is no container that was proven"):
            cluster.guard.container(name, "stop it")
    finally:
        run(["docker", "rm", "--force", name], timeout=60)


def test_the_command_wants_the_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["drill", "claim-deleted"]) == 4
    assert "say --destructive" in capsys.readouterr().err


@contextmanager
def _proxy(target: int) -> Iterator[int]:
    """Bytes from a free port of this machine to another port of it, both ways."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", target))
            for ends in ((client, upstream), (upstream, client)):
                threading.Thread(target=_pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with source, target:
        while data := source.recv(65536):
            target.sendall(data)


def test_states_of_dead_runs_are_known_as_dead() -> None:
    mine = states.new()
    assert mine.alive
    assert not replace(mine, started="1").alive
    assert not replace(mine, process=2**22 + 1).alive
    assert [each.name for each in states.known()] == [mine.name]
    assert mine.file.stat().st_mode & 0o077 == 0
    (mine.file.parent / f"{states.PREFIX}broken.json").write_text("{")
    assert [each.name for each in states.known()] == [mine.name]
    mine.forget()
    assert [each.name for each in mine.file.parent.iterdir()] == [f"{states.PREFIX}broken.json"]
