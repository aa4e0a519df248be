"""Why a server's recovery failed, from its log."""

from __future__ import annotations

import pytest

from conformance.drills.point_in_time_restored import last_words

STARTING = """\
2026-11-21 17:22:39.368 UTC [16] LOG:  starting archive recovery
2026-11-21 17:22:39.370 UTC [17] FATAL:  the database system is starting up
2026-11-21 17:22:39.401 UTC [16] LOG:  invalid checkpoint record
"""


def test_a_server_that_only_starts_has_not_failed() -> None:
    assert last_words(STARTING) == ""
    assert last_words("") == ""


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-21 17:22:39.402 UTC [16] FATAL:  could not locate required checkpoint record",
        "2026-11-21 17:22:39.402 UTC [16] FATAL:  recovery ended before configured recovery target was reached",
        "2026-11-21 17:22:39.402 UTC [16] PANIC:  could not locate a valid checkpoint record",
    ],
)
def test_the_reason_is_told_when_it_has(said: str) -> None:
    assert last_words(f"{STARTING}{said}\n{STARTING}") == said
