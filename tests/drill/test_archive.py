"""Whether an archive can be read to its end."""

from __future__ import annotations

import io
import tarfile

from conformance.drill.archive import contents, damage


def archive() -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as opened:
        for number in range(3):
            member = tarfile.TarInfo(f"var/lib/data/{number}")
            member.size = 300_000
            opened.addfile(member, io.BytesIO(bytes((number * each * each) % 251 for each in range(300_000))))
    return plain.getvalue()


def test_a_whole_archive_is_read_to_its_end() -> None:
    assert damage(archive()) == ""


def test_an_archive_that_is_cut_off_is_noticed_wherever_it_is_cut() -> None:
    whole = archive()
    for length in (len(whole) // 3, len(whole) // 2, len(whole) - 20, len(whole) - 1):
        assert damage(whole[:length]).startswith("EOFError"), length


def test_what_is_no_archive_is_noticed() -> None:
    assert damage(b"").startswith("ReadError")
    assert damage(b"Error from server: no such pod").startswith("BadGzipFile")


def test_an_empty_archive_is_no_backup() -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz"):
        pass
    assert damage(plain.getvalue()) == "no file is in it"


def test_the_files_are_named_with_their_sizes() -> None:
    assert contents(archive()) == {f"var/lib/data/{each}": 300_000 for each in range(3)}
