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

# Changes whenever what is kept, or what is asked of a program, changes its meaning.
_VERSION = "1"


def digest(facts: Any, files: Iterable[Path], relative_to: Path) -> str:
    """The key of one rendering: plain facts, and every input file by relative name and content.

    Names are relative, so that a cache that travels with CI fits another checkout. A file that cannot be read counts
    as absent: the program will say so.
    """
    hashed = hashlib.sha256(orjson.dumps([_VERSION, facts], option=orjson.OPT_SORT_KEYS))
    for name, file in sorted({os.path.relpath(file, relative_to): file for file in files}.items()):
        with contextlib.suppress(OSError):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            hashed.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return hashed.hexdigest()


class RenderCache:
    """A directory of JSON files; None keeps nothing. Broken or unwritable files are as good as none."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory / "rendered" if directory else None

    def get(self, key: str) -> Any:
        """What was kept, or None."""
        if self._directory is None:
            return None
        try:
            return orjson.loads((self._directory / key[:2] / key).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Keeps a value. Written aside and renamed, so that runs at the same time never read half a file."""
        if self._directory is None:
            return
        folder = self._directory / key[:2]
        with contextlib.suppress(OSError, orjson.JSONEncodeError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(orjson.dumps(value))
                Path(name).replace(folder / key)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
