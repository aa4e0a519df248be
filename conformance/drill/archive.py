"""Compressed tar archives, as backups are: whether they can be read to their very end, and what is in them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib


class ArchiveError(ValueError):
    """An archive is not whole, or is none."""


def contents(archive: bytes) -> dict[str, int]:
    """Names and sizes of the files in it. Raises ArchiveError.

    The compressed stream is read to its own end first, where its checksum stands: tar alone stops before that and
    would not miss it.
    """
    try:
        plain = gzip.decompress(archive)
        with tarfile.open(fileobj=io.BytesIO(plain)) as opened:
            return {each.name: _length(opened, each) for each in opened.getmembers() if each.isfile()}
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ArchiveError(f"{type(error).__name__}: {error}") from None


def damage(archive: bytes) -> str:
    """What is wrong with an archive; empty when it can be read to its end and something is in it."""
    try:
        return "" if contents(archive) else "no file is in it"
    except ArchiveError as error:
        return str(error)


def _length(opened: tarfile.TarFile, member: tarfile.TarInfo) -> int:
    found = opened.extractfile(member)
    length = 0 if found is None else len(found.read())
    if length != member.size:
        raise EOFError(f"{member.name} has {length} of {member.size} bytes")
    return length
