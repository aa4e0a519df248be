"""Asking the admission of a real API server what it thinks of pods, without keeping any of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

VERSION = "v1.34"
PATIENCE = 30.0  # seconds for one request

#: what the admission says -> our control, without the level
_REASONS = {
    "allowPrivilegeEscalation != false": "restricted-privilege-escalation",
    "forbidden AppArmor profile": "baseline-app-armor",
    "forbidden AppArmor profiles": "baseline-app-armor",
    "forbidden sysctls": "baseline-sysctls",
    "host namespaces": "baseline-host-namespaces",
    "hostPath volumes": "baseline-host-path-volumes",
    "hostPort": "baseline-host-ports",
    "hostProcess": "baseline-windows-host-process",
    "non-default capabilities": "baseline-capabilities",
    "privileged": "baseline-privileged-containers",
    "probe or lifecycle host": "baseline-host-probes-lifecycle",
    "procMount": "baseline-proc-mount",
    "restricted volume types": "restricted-volume-types",
    "runAsNonRoot != true": "restricted-running-as-non-root",
    "runAsUser=0": "restricted-running-as-non-root-user",
    "seLinuxOptions": "baseline-se-linux",
    "unrestricted capabilities": "restricted-capabilities",
}
_VIOLATES = re.compile(r'violates? PodSecurity "(\w+):' + re.escape(VERSION) + r'": (.*)', re.DOTALL)
_REASON = re.compile(r'([^(,]+?)(?: \(((?:"(?:[^"\\]|\\.)*"|[^()"])*)\))?(?:, |\Z)')
_CONTAINERS = re.compile(r'containers? ((?:"[^"]*"(?:, )?)+)')

Violated = Mapping[str, frozenset[str]]


class Answer(NamedTuple):
    """Status code, and by level the controls that were named, each with the names of the containers it blames."""

    status: int
    violated: Mapping[str, Violated]
    message: str


def parse(message: str) -> tuple[str, Violated] | None:
    """Level and controls of a refusal or a warning of the admission; None for any other message."""
    found = _VIOLATES.search(message)
    if found is None:
        return None
    level, text = found.groups()
    violated = {}
    position = 0
    for reason in _REASON.finditer(text):
        assert reason.start() == position, text
        position = reason.end()
        name, detail = reason.groups()
        control = f"{level}-seccomp" if name == "seccompProfile" else _REASONS[name]
        blamed = _CONTAINERS.findall(detail or "")
        violated[control] = frozenset(json.loads(f"[{','.join(each.rstrip(', ') for each in blamed)}]"))
    assert position == len(text), text
    return level, violated


class Server:
    """One kept connection to the API server of a kubeconfig that holds a token and a CA file, as `bare.sh` writes."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        address = urlsplit(cluster["server"]).netloc
        self._connection = http.client.HTTPSConnection(address, context=context, timeout=PATIENCE)
        self._headers = {"Authorization": f"Bearer {user['token']}"}

    def close(self) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Answer:
        """One request; every violation of the answer's message and warnings."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {**self._headers, "Content-Type": kind})
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        message = answer.get("message", "") if answer.get("kind") == "Status" else ""
        said = [message] if response.status == 403 else []
        said += [re.sub(r"\\(.)", r"\1", header) for header in response.headers.get_all("Warning", [])]
        said = [re.sub(r'^299 - "(.*)"\Z', r"\1", each, flags=re.DOTALL) for each in said]
        return Answer(response.status, dict(each for each in map(parse, said) if each), message)

    @contextmanager
    def namespace(self, enforce: str, warn: str = "privileged") -> Iterator[str]:
        """A namespace with levels of its own, gone afterwards."""
        name = f"pod-security-{enforce}-{uuid.uuid4().hex[:8]}"
        labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in (("enforce", enforce), ("warn", warn))}
        labels |= {f"pod-security.kubernetes.io/{mode}-version": VERSION for mode in ("enforce", "warn")}
        metadata = {"name": name, "labels": labels}
        created = self.send("POST", "/api/v1/namespaces", {"kind": "Namespace", "metadata": metadata})
        assert created.status == 201, created
        try:
            yield name
        finally:
            self.send("DELETE", f"/api/v1/namespaces/{name}")


def kubeconfig() -> Path | None:
    """The API server to compare with, named by PLUMBLINE_API_SERVER."""
    name = os.environ.get("PLUMBLINE_API_SERVER")
    return Path(name) if name else None
