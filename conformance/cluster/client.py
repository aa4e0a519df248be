"""GET, and nothing else: raw answers of an API server, with bounded retries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from conformance.cluster.connection import Connection
from conformance.cluster.fault import AnswerError, ClusterError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Every wait of a client, in seconds."""

    #: until a connection stands
    connect: float = 10.0
    #: between two pieces of an answer
    read: float = 60.0
    #: the longest pause before a retry, whatever the server asks for
    pause: float = 20.0
    #: requests for one answer, the first included
    attempts: int = 5


@dataclass
class Client:
    """One user's view of one API server. It has no method but GET, so that it cannot change anything."""

    connection: Connection
    timeouts: Timeouts = field(default_factory=Timeouts)
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def _session(self) -> Any:
        import requests

        access = self.connection.access
        session = requests.Session()
        session.trust_env = access.proxy is None  # proxies of the environment, as kubectl takes them
        if access.cert_file and access.key_file:
            session.cert = (access.cert_file, access.key_file)
        if access.proxy:
            session.proxies = {"http": access.proxy, "https": access.proxy}
        if access.username is not None and access.password is not None:
            session.auth = (access.username, access.password)
        if access.tls_server_name:
            session.mount("https://", _named(access.tls_server_name))
        if not access.verify_ssl:
            import urllib3

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return session

    def get(self, path: str, query: Mapping[str, str | int] | None = None, accept: str = "application/json") -> bytes:
        """The body of an answer.

        Retried are 429 and 5xx, after the pause that the server asks for, and broken connections; everything else is
        final. Raises AnswerError for a refusal and ClusterError when no answer came.
        """
        failure: ClusterError = ClusterError("not asked")
        for attempt in range(self.timeouts.attempts):
            if attempt:
                self.sleep(self._pause(attempt, failure))
            try:
                return self._once(path, query or {}, accept)
            except ClusterError as error:
                if not error.passing:
                    raise
                failure = error
        raise failure

    def json(self, path: str, query: Mapping[str, str | int] | None = None, accept: str = "application/json") -> Any:
        """The answer as values. Raises ClusterError for what is no JSON."""
        body = self.get(path, query, accept)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise ClusterError(f"{self.connection.server}{path}: the answer is no JSON") from None

    def _once(self, path: str, query: Mapping[str, str | int], accept: str) -> bytes:
        import requests

        headers = {"Accept": accept, "User-Agent": "kube-plumbline"}
        authorization = self.connection.access.authorization
        if authorization:
            headers["Authorization"] = authorization
        times = (self.timeouts.connect, self.timeouts.read)
        # said with each request: $REQUESTS_CA_BUNDLE would win over what the session says
        verify = (self.connection.access.ssl_ca_cert or True) if self.connection.access.verify_ssl else False
        address = self.connection.server.rstrip("/") + path
        try:
            answer = self._session.get(address, params=query, headers=headers, timeout=times, verify=verify)
        except (requests.RequestException, OSError) as error:
            raise _unreachable(self.connection.server, error) from None
        if answer.status_code == 200:
            body: bytes = answer.content
            return body
        raise _refusal(answer)

    def _pause(self, attempt: int, failure: ClusterError) -> float:
        asked = failure.retry_after if isinstance(failure, AnswerError) else 0.0
        own: float = 0.2 * 2**attempt * random.uniform(0.5, 1)  # noqa: S311 -- spreads retries, hides nothing
        return min(max(asked, own), self.timeouts.pause)


def _unreachable(server: str, error: Exception) -> ClusterError:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return ClusterError(f"{server}: its certificate is not trusted: {_reason(error)}")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return ClusterError(f"{server}: this is no address of an API server")
    what = "gave no answer in time" if isinstance(error, requests.exceptions.Timeout) else "cannot be reached"
    return ClusterError(f"{server}: {what}: {_reason(error)}", passing=True)


def _reason(error: BaseException) -> str:
    """The innermost cause: what `requests` wraps around it repeats the address three times."""
    while (inner := error.__cause__ or error.__context__ or _argument(error)) is not None:
        error = inner
    text = str(getattr(error, "strerror", None) or error).strip().partition("\n")[0]
    return text or type(error).__name__


def _argument(error: BaseException) -> BaseException | None:
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return inner if isinstance(inner, BaseException) else None


def _refusal(answer: Any) -> AnswerError:
    try:
        status = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        status = {}
    status = status if isinstance(status, dict) else {}
    said = str(status.get("message") or answer.reason or "").partition("\n")[0]
    after, metadata = answer.headers.get("Retry-After", ""), status.get("metadata")
    return AnswerError(
        answer.status_code,
        str(status.get("reason") or ""),
        f"HTTP {answer.status_code}: {said}",
        retry_after=float(after) if after.isdigit() else 0.0,
        continue_token=str(metadata.get("continue") or "") if isinstance(metadata, dict) else "",
    )


def _named(name: str) -> Any:
    """An adapter that expects the certificate of `name`, as `tls-server-name` of a kubeconfig asks."""
    from requests.adapters import HTTPAdapter

    class Named(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, server_hostname=name, assert_hostname=name, **options)

    return Named()
