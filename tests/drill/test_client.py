"""What a client's log tells."""

from __future__ import annotations

from conformance.drill.client import Request, failed, read

LOG = """\
1795279312 ok release 1
1795279313 failed wget: server returned error: HTTP/1.1 404 Not Found
1795279314 failed
1795279315 ok release 2
"""


def test_each_line_is_a_request() -> None:
    assert read(LOG) == [
        Request(1795279312, True, "release 1"),
        Request(1795279313, False, "wget: server returned error: HTTP/1.1 404 Not Found"),
        Request(1795279314, False, ""),
        Request(1795279315, True, "release 2"),
    ]


def test_requests_that_time_out_without_a_word_have_failed() -> None:
    assert [each.second for each in failed(read(LOG))] == [1795279313, 1795279314]


def test_further_lines_of_an_answer_and_cut_lines_are_no_requests() -> None:
    assert read("1795279312 ok <html>\n12 apples\nok\n\n17952\n") == [Request(1795279312, True, "<html>")]
