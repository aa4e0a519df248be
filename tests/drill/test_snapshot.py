"""Backups outside the cluster: encrypted, never plain on a disk, whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import stat
import tarfile

import pytest

from conformance.drill.command import CommandError
from conformance.drill.snapshot import damage, safe


def snapshot(content: dict[str, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(plain.getvalue())


def sums(content: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in content.items()).encode()


CONTENT = {"meta.json": b"{}", "state.bin": os.urandom(4096)}


def test_a_snapshot_with_the_sums_it_names_is_whole() -> None:
    assert damage(snapshot(CONTENT | {"SHA256SUMS": sums(CONTENT)})) == ""


def test_changed_content_is_noticed() -> None:
    changed = CONTENT | {"state.bin": b"other", "SHA256SUMS": sums(CONTENT)}
    assert damage(snapshot(changed)) == "state.bin: other content than its sum says"


def test_missing_content_is_noticed() -> None:
    assert "state.bin" in damage(snapshot({"SHA256SUMS": sums(CONTENT), "meta.json": b"{}"}))


def test_a_snapshot_without_sums_is_not_taken_for_whole() -> None:
    assert damage(snapshot(CONTENT)) == "no sum of state.bin"


def test_a_truncated_snapshot_is_noticed() -> None:
    whole = snapshot(CONTENT | {"SHA256SUMS": sums(CONTENT)})
    assert damage(whole[: len(whole) // 2]).startswith("EOFError")


def test_a_snapshot_with_a_changed_byte_is_noticed() -> None:
    whole = bytearray(snapshot(CONTENT | {"SHA256SUMS": sums(CONTENT)}))
    whole[len(whole) // 2] ^= 0xFF
    assert damage(bytes(whole)) != ""


def test_what_is_no_archive_is_noticed() -> None:
    assert damage(b"").startswith(("EOFError", "ReadError", "BadGzipFile"))
    assert damage(b"permission denied").startswith("BadGzipFile")


@pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed")
def test_backups_are_encrypted_and_go_with_their_key() -> None:
    plain = snapshot(CONTENT)
    with safe() as found:
        file = found.put("vault.gpg", plain)
        assert plain not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700
        assert found.get("vault.gpg") == plain
        assert found.plain() == []
        (found.folder / "vault-snapshot.gpg").write_bytes(plain)
        assert found.plain() == ["vault-snapshot.gpg"]
        file.write_bytes(file.read_bytes()[:-200])
        with pytest.raises(CommandError):
            found.get("vault.gpg")
    assert not found.folder.parent.exists()
