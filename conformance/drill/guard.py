"""The proof, asked for anew before every destructive call, that what will be harmed is a cluster this run made.

A name proves nothing and a context may be switched between two commands, so every fact is looked up each time: our
private kubeconfig unchanged, its server on loopback and the port of our own container, every node made by kind for
this cluster, and our nonce inside it. One that does not hold ends the drill before anything is touched.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import stat
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from conformance.drill.command import CommandError, run
from conformance.drill.fault import NotOursError
from conformance.drill.state import State
from conformance.drill.timeouts import Timeouts

#: the ConfigMap in kube-system that holds the nonce
NONCE = "plumbline-drill"
LABEL = "io.x-k8s.kind.cluster"
ROLE = "io.x-k8s.kind.role"


@dataclass
class Guard:
    """Knows one cluster of ours. `destructive` is what the user said with --destructive."""

    state: State
    destructive: bool
    timeouts: Timeouts = field(default_factory=Timeouts)
    #: how often the proof was given
    proven: int = 0
    #: the nodes' containers by name at the last proof, with their ids
    seen: dict[str, str] = field(default_factory=dict)

    def prove(self, act: str) -> None:
        """Raise NotOursError, which says what is missing, unless every fact holds right now."""
        if not self.destructive:
            raise self._refused(act, "--destructive was not given")
        try:
            server = self._kubeconfig()
            containers = self._containers()
            self._serving(server, containers)
            nodes = self._nodes()
            self._nonce()
        except NotOursError as error:
            raise self._refused(act, str(error)) from None
        except CommandError as error:
            raise self._refused(act, f"it cannot be asked: {error}") from None
        self.proven += 1
        self.seen = {name: each for name, each in _ids(containers).items() if name in nodes}

    def container(self, name: str, act: str) -> str:
        """The id of a node's container, for what is done while the API server is lost on purpose.

        The server cannot be asked then. An id belongs to one container for ever, so one that was part of the cluster
        at the last whole proof still is. Raises NotOursError for any other, and when there was no whole proof before.
        """
        if not self.destructive:
            raise self._refused(act, "--destructive was not given")
        try:
            self._kubeconfig()
            now = _ids(self._containers())
        except NotOursError as error:
            raise self._refused(act, str(error)) from None
        except CommandError as error:
            raise self._refused(act, f"it cannot be asked: {error}") from None
        found = now.get(name, "")
        if not found or self.seen.get(name) != found:
            raise self._refused(act, f"{name} is no container that was proven to be part of it")
        return found

    def _refused(self, act: str, why: str) -> NotOursError:
        return NotOursError(f"{act}: refused, {why} (cluster {self.state.name}); nothing was touched")

    def _kubeconfig(self) -> str:
        """The server that our private kubeconfig names."""
        file = self.state.kubeconfig
        try:
            status = file.lstat()
            content = file.read_bytes()
        except OSError as error:
            raise NotOursError(f"its kubeconfig cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise NotOursError("its kubeconfig is not a file of ours alone (0600)")
        if hashlib.sha256(content).hexdigest() != self.state.kubeconfig_digest:
            raise NotOursError("its kubeconfig is not the one that kind wrote for it")
        server = _server(content, self.state.context)
        if not _is_loopback(server):
            raise NotOursError(f"its API server {server} is not on this machine")
        return server

    def _containers(self) -> list[dict[str, Any]]:
        """Those that kind labelled with the cluster's name, stopped ones as well."""
        label = f"label={LABEL}={self.state.name}"
        command = ["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", "{{json .}}"]
        listed = run(command, timeout=self.timeouts.command)
        return [json.loads(line) for line in listed.text.splitlines()]

    def _serving(self, server: str, containers: list[dict[str, Any]]) -> None:
        """The API server's port is that of one of these containers."""
        port = urlsplit(server).port
        if not any(f":{port}->6443/tcp" in str(each.get("Ports")) for each in containers):
            raise NotOursError(f"no container of that name serves the port {port}")

    def _nodes(self) -> set[str]:
        """Their names."""
        nodes = self.ask("get", "nodes").get("items") or []
        wanted = f"kind://docker/{self.state.name}/"
        strangers = [
            each["metadata"]["name"]
            for each in nodes
            if not str((each.get("spec") or {}).get("providerID") or "").startswith(wanted)
        ]
        if not nodes or strangers:
            raise NotOursError(f"nodes that kind did not make for it: {', '.join(strangers) or 'no nodes at all'}")
        return {each["metadata"]["name"] for each in nodes}

    def _nonce(self) -> None:
        data = self.ask("get", "configmap", NONCE, "--namespace=kube-system").get("data") or {}
        if data.get("nonce") != self.state.nonce:
            raise NotOursError("the nonce in it is not the one that this run put there")

    def ask(self, *arguments: str) -> Any:
        """A question to the cluster, as JSON; never anything that changes it."""
        found = run(
            [*kubectl(self.state), *arguments, "--output=json", f"--request-timeout={self.timeouts.request:g}s"],
            timeout=self.timeouts.command,
        )  # fmt: skip
        return json.loads(found.stdout)


def kubectl(state: State) -> list[str]:
    """kubectl with the private kubeconfig and the context named, whatever the environment says."""
    return ["kubectl", f"--kubeconfig={state.kubeconfig}", f"--context={state.context}"]


def _ids(containers: list[dict[str, Any]]) -> dict[str, str]:
    return {str(each.get("Names")): str(each.get("ID")) for each in containers}


def _server(content: bytes, context: str) -> str:
    try:
        raw = yaml.safe_load(content)
        chosen = next(each["context"] for each in raw["contexts"] if each["name"] == context)
        server = next(each["cluster"]["server"] for each in raw["clusters"] if each["name"] == chosen["cluster"])
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        raise NotOursError(f"its kubeconfig does not name the context {context}") from None
    return str(server)


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(server).hostname or "").is_loopback
    except ValueError:
        return False  # a name may mean another machine tomorrow
