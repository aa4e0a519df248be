"""An API server of our own, with an audit log: what a test did to it can be proven afterwards.

Runs where PLUMBLINE_CONTROL_PLANE names a folder with `etcd` and `kube-apiserver` (and, for what needs them,
`kube-controller-manager`, `kube-scheduler`, `kwok`), and has to run where PLUMBLINE_REQUIRE_API_SERVER is 1.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

#: seconds until the server answers that it is ready
READY = 60.0
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def unavailable() -> str:
    """Why there can be no control plane here; empty when there can."""
    folder = os.environ.get("PLUMBLINE_CONTROL_PLANE", "")
    if not folder:
        return "PLUMBLINE_CONTROL_PLANE names no folder with etcd and kube-apiserver"
    missing = [name for name in ("etcd", "kube-apiserver") if not (Path(folder) / name).is_file()]
    return f"{folder} has no {missing[0]}" if missing else ""


@dataclass
class ControlPlane:
    """A running server. `tokens` are of users by name; `admin` may do anything, `nobody` nothing."""

    folder: Path
    server: str
    tokens: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def kubeconfig(self, user: str = "admin", name: str = "") -> Path:
        """A kubeconfig of one user, 0600."""
        file = self.folder / (name or f"{user}.kubeconfig")
        cluster = {"server": self.server, "certificate-authority": str(self.folder / "tls.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bare", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": user}}],
            "current-context": "bare",
        }
        file.write_text(yaml.safe_dump(config))
        file.chmod(0o600)
        return file

    def request(self, method: str, path: str, body: Any = None, user: str = "admin") -> Any:
        """One request, past everything that is tested. Raises urllib.error.HTTPError."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(self.server + path, data, headers, method=method)
        context = ssl.create_default_context(cafile=str(self.folder / "tls.crt"))
        with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
            content = answer.read()
            return json.loads(content) if content[:1] in b"{[" else content.decode()

    def audited(self) -> list[dict[str, Any]]:
        """Everything the audit log holds about users of ours, as events of audit.k8s.io/v1."""
        lines = (self.folder / "audit.log").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [each for each in events if each["user"]["username"] in self.tokens]

    def stop(self, name: str) -> None:
        """Kill one of the programs, as a crash would."""
        self.processes[name].kill()
        self.processes[name].wait()


@contextmanager
def control_plane(folder: Path, users: Sequence[str] = (), more: Sequence[str] = ()) -> Iterator[ControlPlane]:
    """etcd and an API server with RBAC, on free ports of the loopback device, until the end of the block.

    `users` get tokens and no rights; `more` are arguments of kube-apiserver.
    """
    programs = Path(os.environ["PLUMBLINE_CONTROL_PLANE"])
    client, peer, port = _free_ports(3)
    tokens = {"admin": secrets.token_hex(16)} | {user: secrets.token_hex(16) for user in ("nobody", *users)}
    rows = [f'{token},{user},{user},"{"system:masters" if user == "admin" else ""}"' for user, token in tokens.items()]
    (folder / "tokens.csv").write_text("\n".join(rows) + "\n")
    (folder / "audit.yaml").write_text(yaml.safe_dump(_AUDIT))
    _keys(folder)
    plane = ControlPlane(folder, f"https://127.0.0.1:{port}", tokens)
    with ExitStack() as stack:

        def start(name: str, *arguments: str) -> None:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen([str(programs / name), *arguments], stdout=log, stderr=log)
            plane.processes[name] = process
            stack.callback(_end, process)

        start(
            "etcd", f"--data-dir={folder}/etcd", f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}", f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}", "--unsafe-no-fsync", "--log-level=warn",
        )  # fmt: skip
        start(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{client}", "--bind-address=127.0.0.1",
            f"--secure-port={port}", f"--tls-cert-file={folder}/tls.crt", f"--tls-private-key-file={folder}/tls.key",
            f"--token-auth-file={folder}/tokens.csv", "--authorization-mode=RBAC",
            "--service-account-issuer=https://localhost", f"--service-account-key-file={folder}/tls.key",
            f"--service-account-signing-key-file={folder}/tls.key", "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none", "--allow-privileged",
            f"--audit-policy-file={folder}/audit.yaml", f"--audit-log-path={folder}/audit.log", *more,
        )  # fmt: skip
        _await_ready(plane)
        yield plane


@contextmanager
def control_planes(folders: pytest.TempPathFactory, names: Sequence[str]) -> Iterator[dict[str, ControlPlane]]:
    """Several at once, by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(control_plane(folders.mktemp(name))) for name in names}


def _await_ready(plane: ControlPlane) -> None:
    end = time.monotonic() + READY
    while time.monotonic() < end:
        for name, process in plane.processes.items():
            assert process.poll() is None, f"{name} ended: {(plane.folder / f'{name}.log').read_text()[-2000:]}"
        try:
            plane.request("GET", "/readyz")  # the built-in roles are there, too
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"not ready within {READY} s: {(plane.folder / 'kube-apiserver.log').read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]


def _keys(folder: Path) -> None:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "tls.key").write_bytes(private)
    (folder / "tls.key").chmod(0o600)


def encoded(text: str) -> str:
    """A value of a Secret's `data`."""
    return base64.b64encode(text.encode()).decode()
