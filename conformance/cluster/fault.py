"""What can go wrong between us and an API server, each in one line."""

from __future__ import annotations


class ClusterError(RuntimeError):
    """The cluster cannot be asked: no context, no route, no certificate, no credentials, or it stopped answering.

    `passing` tells that trying again may help.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class AnswerError(ClusterError):
    """The server answered with a refusal.

    `status` is the HTTP status, `reason` that of its Status object, `retry_after` the seconds it asks for, and
    `continue_token` where an expired list may go on.
    """

    def __init__(
        self, status: int, reason: str, message: str, *, retry_after: float = 0.0, continue_token: str = ""
    ) -> None:
        super().__init__(message, passing=status in (429, 500, 502, 503, 504))
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.continue_token = continue_token
