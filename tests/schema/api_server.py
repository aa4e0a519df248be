"""A real API server to ask: server-side dry run with strict field validation. Nothing is stored but definitions."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

_UNKNOWN = re.compile(r'unknown field "((?:[^"\\]|\\.)*)"')
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Answer:
    """What the server said. 201: accepted; 400: not decoded; 422: decoded, then refused by its validation."""

    code: int
    message: str

    @property
    def unknown_fields(self) -> set[str]:
        return set(_UNKNOWN.findall(self.message))


@dataclass
class ApiServer:
    """Talks through `kubectl proxy`, which knows how to log in."""

    kubeconfig: str
    _proxy: subprocess.Popen[str] | None = None
    _base: str = ""
    _resources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def __enter__(self) -> ApiServer:
        command = ["kubectl", "--kubeconfig", self.kubeconfig, "proxy", "--port=0"]
        self._proxy = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._proxy.stdout is not None
        line = self._proxy.stdout.readline()
        assert "127.0.0.1:" in line, line
        self._base = "http://127.0.0.1:" + line.strip().rpartition(":")[2]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._proxy is not None
        assert self._proxy.stdout is not None
        self._proxy.terminate()
        self._proxy.wait(10)
        self._proxy.stdout.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._base + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
                return error.code, json.loads(said) if said.startswith(b"{") else {"message": said.decode()}

    def version(self) -> str:
        return str(self.ask("GET", "/version")[1]["gitVersion"])

    def submit(self, raw: dict[str, Any]) -> Answer:
        """Create without storing."""
        code, body = self.ask("POST", self._address(raw) + "?dryRun=All&fieldValidation=Strict", raw)
        return Answer(code, body.get("message", ""))

    def define(self, crd: dict[str, Any]) -> None:
        """Store a CustomResourceDefinition and wait until its kind is served."""
        code, body = self.ask("POST", _CRDS, crd)
        assert code in (201, 409), body
        for _ in range(100):
            versions = [version["name"] for version in crd["spec"]["versions"] if version["served"]]
            plural = crd["spec"]["names"]["plural"]
            paths = [f"/apis/{crd['spec']['group']}/{name}/{plural}" for name in versions]
            if all(self.ask("GET", path)[0] == 200 for path in paths):
                return
            time.sleep(0.1)
        raise AssertionError("the definition is never served")

    def undefine(self, crd: dict[str, Any]) -> None:
        self.ask("DELETE", f"{_CRDS}/{crd['metadata']['name']}")

    def serves(self, raw: dict[str, Any]) -> bool:
        return raw["kind"] in self._kinds(self._prefix(raw))

    def _prefix(self, raw: dict[str, Any]) -> str:
        version = raw["apiVersion"]
        return f"/apis/{version}" if "/" in version else f"/api/{version}"

    def _kinds(self, prefix: str) -> dict[str, dict[str, Any]]:
        if prefix not in self._resources:
            found = self.ask("GET", prefix)[1].get("resources", ())
            self._resources[prefix] = {each["kind"]: each for each in found if "/" not in each["name"]}
        return self._resources[prefix]

    def _address(self, raw: dict[str, Any]) -> str:
        prefix = self._prefix(raw)
        resource = self._kinds(prefix)[raw["kind"]]
        return f"{prefix}{'/namespaces/default' if resource['namespaced'] else ''}/{resource['name']}"
