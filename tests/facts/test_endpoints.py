"""URLs asked for real: a server on loopback, with TLS, slow, broken, and with a certificate about to end."""

from __future__ import annotations

import ipaddress
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.cluster.facts_endpoints import Timeouts, endpoints

QUICK = Timeouts(connect=2.0, answer=1.0, requests=3)


class Handler(BaseHTTPRequestHandler):
    """/status/N answers with N, /slow waits, /moved redirects to what answers 200, /flaky fails once of three."""

    asked = 0

    def do_GET(self) -> None:
        Handler.asked += 1
        if self.path == "/slow":
            time.sleep(3)
        code = int(self.path.rpartition("/")[2]) if self.path.startswith("/status/") else 200
        if self.path == "/flaky":
            code = 503 if Handler.asked % 3 == 0 else 200
        if self.path == "/moved":
            code = 302
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/status/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(tls: Path | None = None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


def test_status_and_times() -> None:
    with serving() as base:
        [found] = endpoints((f"{base}/health",), QUICK)
    assert (found["kind"], found["metadata"]["name"]) == ("Endpoint", f"{base}/health")
    assert found["status"] == 200
    assert len(found["seconds"]) == 3
    assert found["seconds"] == sorted(found["seconds"])
    assert "certificate" not in found


@pytest.mark.parametrize(
    ("path", "status"), [("/status/500", 500), ("/moved", 302), ("/status/404", 404), ("/flaky", 503)]
)
def test_redirects_are_not_followed_and_the_worst_status_counts(path: str, status: int) -> None:
    with serving() as base:
        [found] = endpoints((base + path,), QUICK)
    assert found["status"] == status


def test_what_is_too_slow_or_not_there_has_an_error() -> None:
    started = time.monotonic()
    with serving() as base:
        [slow] = endpoints((f"{base}/slow",), QUICK)
    [gone] = endpoints((base,), QUICK)
    assert slow["error"].startswith("ReadTimeout: ")
    assert gone["error"].startswith("ConnectionError: ")
    assert time.monotonic() - started < 10


def test_days_of_a_certificate(tmp_path: Path) -> None:
    with serving(certificate(tmp_path, 9)) as base:
        [found] = endpoints((f"{base}/health",), QUICK, str(tmp_path / "tls.crt"))
    assert found["status"] == 200
    assert found["certificate"]["daysLeft"] == 9


def test_a_certificate_that_ended_is_an_error_and_is_still_read(tmp_path: Path) -> None:
    with serving(certificate(tmp_path, -3)) as base:
        [found] = endpoints((f"{base}/health",), QUICK, str(tmp_path / "tls.crt"))
    assert found["error"].startswith("SSLError: ")
    assert found["certificate"]["daysLeft"] == -3
