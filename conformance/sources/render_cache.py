"""Results of helm and kustomize, kept under the digest of everything that went into them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from conformance.sources.cache import LOADER_VERSION

#: Bytes that all kept renderings together may take; the ones not used for longest go first.
TOTAL_CAP = 256 << 20
# To be raised whenever what is kept, or what is asked of a program, changes its meaning.
_VERSION = 1


def digest(facts: Any, files: Iterable[Path], relative_to: Path) -> str:
    """The key of one rendering: plain facts, and every input file by relative name and content.

    Names are relative, so that a cache that travels with CI fits another checkout. A file that cannot be read counts
    as absent: the program will say so.
    """
    hashed = hashlib.sha256(orjson.dumps([_VERSION, LOADER_VERSION, facts], option=orjson.OPT_SORT_KEYS))
    for name, file in sorted({os.path.relpath(file, relative_to): file for file in files}.items()):
        with contextlib.suppress(OSError):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            hashed.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()


def is_secret(raw: Any) -> bool:
    """Whether an object holds secrets. What was rendered together with one is not kept: a cache is no place for it."""
    return isinstance(raw, dict) and raw.get("kind") == "Secret" and bool(raw.get("data") or raw.get("stringData"))


class RenderCache:
    """A directory of JSON files; None keeps nothing. Broken or unwritable files are as good as none."""

    def __init__(self, directory: Path | None, *, total_cap: int = TOTAL_CAP) -> None:
        self._directory = directory / "rendered" if directory else None
        self._total_cap = total_cap
        self._changed = False

    def get(self, key: str) -> Any:
        """What was kept, or None."""
        if self._directory is None:
            return None
        try:
            value = orjson.loads((self._directory / key).read_bytes())
            os.utime(self._directory / key)
        except (OSError, orjson.JSONDecodeError):
            return None
        return value

    def put(self, key: str, value: Any) -> None:
        """Keeps a value. Written aside and renamed, so that runs at the same time never read half a file."""
        if self._directory is None:
            return
        with contextlib.suppress(OSError, orjson.JSONEncodeError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(orjson.dumps(value))
                Path(name).replace(self._directory / key)
            finally:
                Path(name).unlink(missing_ok=True)
            self._changed = True

    def prune(self) -> None:
        """Removes what was not used for longest, if this run kept anything and all together take too much."""
        if self._directory is None or not self._changed:
            return
        with contextlib.suppress(OSError):
            files = sorted(
                (place.stat().st_mtime_ns, place.stat().st_size, place) for place in self._directory.iterdir()
            )
            excess = sum(size for _, size, _ in files) - self._total_cap
            for _, size, place in files:
                if excess <= 0:
                    break
                place.unlink(missing_ok=True)
                excess -= size
