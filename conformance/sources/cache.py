"""Parsed documents kept between runs, one file for each set of judged paths.

An entry's key is the digest of a file's content, so a stale entry cannot be found; a damaged cache is ignored and
written anew. Only the entries that the last run used are kept, which bounds a file by the tree that it belongs to.
What may be kept at all is decided where files are parsed: never Secrets.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

#: to be raised whenever a document would load differently than before
LOADER_VERSION = 1
#: bytes that all cache files together may take; the ones not used for longest go first
TOTAL_CAP = 512 * 1024 * 1024

_DIGEST = 32
_SUFFIX = ".documents"
_PART = ".part"


class Cache:
    """Blobs by content digest. Nothing here raises: a cache that cannot be read or written is no cache."""

    def __init__(self, folder: Path, paths: Sequence[str], *, total_cap: int = TOTAL_CAP) -> None:
        where = "\0".join(sorted(str(Path.cwd() / path) for path in paths))
        name = hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._file = folder / (name + _SUFFIX)
        self._total_cap = total_cap
        #: what the last run left
        self.entries: dict[bytes, bytes] = _read(self._file)
        self._used: dict[bytes, bytes] = {}
        self._changed = False

    def get(self, stamp: bytes, json: bool) -> bytes | None:
        """The blob of a content, if the last run kept it. A `.json` file has rules of its own, and so its own key."""
        key = _key(stamp, json)
        blob = self.entries.get(key)
        if blob is not None:
            self._used[key] = blob
        return blob

    def put(self, stamp: bytes, json: bool, blob: bytes) -> None:
        """Keeps a blob for the next run."""
        self._used[_key(stamp, json)] = blob
        self._changed = True

    def save(self) -> None:
        """Writes what this run used, if that differs from what is on disk; concurrent writers replace each other."""
        if not self._changed and len(self._used) == len(self.entries):
            with suppress(OSError):
                os.utime(self._file)
            return
        payload = marshal.dumps(self._used)
        if len(payload) > self._total_cap // 2:
            return
        with suppress(OSError):
            folder = self._file.parent
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._file.with_suffix(f".{os.getpid()}{_PART}")
            try:
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(_head(payload))
                    file.write(payload)
                part.replace(self._file)
            finally:
                part.unlink(missing_ok=True)
            _prune(folder, self._total_cap)


def _key(stamp: bytes, json: bool) -> bytes:
    return stamp + b"j" if json else stamp


def _head(payload: bytes) -> bytes:
    """Digest of the payload together with everything that its meaning depends on."""
    seal = hashlib.blake2b(payload, digest_size=_DIGEST)
    seal.update(f"{LOADER_VERSION} {sys.implementation.cache_tag} {marshal.version}".encode())
    return seal.digest()


def _read(file: Path) -> dict[bytes, bytes]:
    try:
        data = file.read_bytes()
    except OSError:
        return {}
    payload = memoryview(data)[_DIGEST:]
    if data[:_DIGEST] != _head(payload):  # type: ignore[arg-type]
        return {}
    # Only what this module wrote has the right digest, so marshal meets no damaged input.
    return dict(marshal.loads(payload))  # noqa: S302


def _prune(folder: Path, cap: int) -> None:
    """Removes the files not used for longest, and what an interrupted writer left behind an hour ago."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((_SUFFIX, _PART)) and entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, status.st_size, entry.path))
    found.sort(reverse=True)
    now = found[0][0] if found else 0.0
    total = 0
    for modified, size, path in found:
        total += size
        if total > cap or (path.endswith(_PART) and modified < now - 3600):
            with suppress(OSError):
                Path(path).unlink()
