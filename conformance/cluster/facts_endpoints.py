"""URLs asked from here: status, how long it took, and the days that their certificates have left."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from conformance.cluster.facts import fact


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Every wait, in seconds."""

    connect: float = 5.0
    #: until the whole answer is there; above the slowest that a document allows
    answer: float = 15.0
    #: requests to one URL, for percentiles
    requests: int = 5


def endpoints(
    urls: tuple[str, ...], timeouts: Timeouts | None = None, trusted: str | None = None
) -> Iterator[dict[str, Any]]:
    """An `Endpoint` for each URL; one that does not answer has an `error` instead of a `status`.

    Redirects are not followed: a login page that answers 200 is no health endpoint. `trusted` is a file of further CAs.
    """
    for url in urls:
        yield fact("Endpoint", url, **_asked(url, timeouts or Timeouts(), trusted))


def _asked(url: str, timeouts: Timeouts, trusted: str | None) -> dict[str, Any]:
    import requests

    seconds: list[float] = []
    code = 0
    session = requests.Session()
    for _ in range(timeouts.requests):
        started = time.perf_counter()
        try:
            answer = session.get(
                url,
                timeout=(timeouts.connect, timeouts.answer),
                allow_redirects=False,
                verify=trusted or True,
                headers={"User-Agent": "kube-plumbline", "Cache-Control": "no-cache"},
            )
        except (requests.RequestException, OSError) as error:
            return {"error": f"{type(error).__name__}: {_reason(error)}"} | _certificate(url, timeouts, trusted)
        seconds.append(round(time.perf_counter() - started, 6))
        code = answer.status_code if not code or answer.status_code >= code else code  # the worst of all answers
    return {"status": code, "seconds": sorted(seconds)} | _certificate(url, timeouts, trusted)


def _reason(error: BaseException) -> str:
    inner = error.__cause__ or error.__context__
    while inner is not None:
        error, inner = inner, inner.__cause__ or inner.__context__
    return str(getattr(error, "strerror", None) or error).strip().partition("\n")[0][:200]


def _certificate(url: str, timeouts: Timeouts, trusted: str | None) -> dict[str, Any]:
    """When the certificate of an https URL ends; nothing where none can be had."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return {}
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an expired one is what we want to see
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), timeouts.connect) as raw,
            context.wrap_socket(raw, server_hostname=parts.hostname) as wrapped,
        ):
            content = wrapped.getpeercert(binary_form=True)
    except OSError:
        return {}
    if not content:
        return {}
    from cryptography import x509

    end = x509.load_der_x509_certificate(content).not_valid_after_utc
    return {"certificate": {"notAfter": end.strftime("%Y-%m-%dT%H:%M:%SZ"), "daysLeft": (end - datetime.now(UTC)).days}}
