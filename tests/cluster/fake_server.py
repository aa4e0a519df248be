"""A server that answers as it is told: refusals, cuts and forgotten lists that no real API server gives on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import yaml


@dataclass
class Answer:
    """`body` is JSON; `headers` are added."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[str, dict[str, str]], Answer]


def refusal(status: int, reason: str, message: str = "no", **headers: str) -> Answer:
    """A Status object, as an API server sends it; `retry_after` becomes the header."""
    named = {key.replace("_", "-").title(): value for key, value in headers.items()}
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status}
    return Answer(status, body, named)


@dataclass
class FakeServer:
    """`asked` are the paths of all requests, in order."""

    url: str
    asked: list[str]

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig for it."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "tester", "user": {"token": "t"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "tester"}}],
            "current-context": "fake",
        }
        file = folder / "fake.kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file


@contextmanager
def fake_server(script: Script) -> Iterator[FakeServer]:
    """A server on a free port of the loopback device that asks `script` for each answer, by path and query."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parsed = urlparse(self.path)
            asked.append(parsed.path)
            answer = script(parsed.path, {key: value[0] for key, value in parse_qs(parsed.query).items()})
            content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for key, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Says nothing: requests are in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield FakeServer(f"http://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
