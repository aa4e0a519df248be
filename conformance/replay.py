"""Results of the last run of the same question, given again when nothing that they depend on has changed.

Depends on: the settings, the day, this package's own files, the policies, the waivers, and every file below the judged
paths. A file counts as unchanged when its size and times are, or else its content. Trees that concern rendering are not
kept: what helm and kustomize make of them depends on more than the tree.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from conformance import __version__
from conformance.settings import PACKAGE, Settings
from conformance.sources.files import Walk

#: results of larger runs are not kept, in bytes
LIMIT = 64 << 20
#: a file changed within these nanoseconds before it was looked at may change again without its times telling
RACY = 2_000_000_000
#: how many different questions are kept for one cache folder
KEPT = 32

#: size, modification and change time in nanoseconds, content digest ("" until it was needed)
Stamp = list[Any]


def stamp(path: str) -> Stamp:
    """What tells that a file is the same as before; unreadable files have a stamp too."""
    try:
        found = os.stat(path)
    except OSError as error:
        return [-1, 0, 0, str(error.errno)]
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, ""]


def digest(path: str) -> str:
    """Digest of the content, or why it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=16).hexdigest()
    except OSError as error:
        return str(error.errno)


def _tree(paths: Iterable[Path]) -> str:
    """Digest of names, sizes and times of small trees of our own: the package, policies, waivers."""
    found = []
    for path in paths:
        for folder, _, names in os.walk(path) if path.is_dir() else [(str(path.parent), [], [path.name])]:
            found += [(f"{folder}/{name}", *stamp(f"{folder}/{name}")) for name in names if not name.endswith(".pyc")]
    return hashlib.blake2b(repr(sorted(found)).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Replay:
    """What is remembered of one question; `records` are by item id."""

    place: Path | None
    files: dict[str, Stamp] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    objects: int = 0
    #: whether `records` may be used: everything is as it was
    valid: bool = False
    #: whether what this run finds may be kept
    storable: bool = True
    added: int = 0
    #: when the stamps were taken, in nanoseconds since 1970
    taken: int = 0
    #: the files that were found, for the load that follows
    walk: Walk | None = None

    @classmethod
    def open(cls, cache: Path | None, settings: Settings, policies: Sequence[Path]) -> Replay:
        """The replay of this question; an empty one without a cache, or when nothing usable is there."""
        if cache is None:
            return cls(None, storable=False)
        own = _tree([PACKAGE, *policies, *(Path(each) for each in (*settings.waivers, settings.schemas) if each)])
        asked = {**asdict(settings), "jobs": 0, "version": __version__, "own": own, "cwd": os.getcwd()}
        asked["today"] = datetime.now(UTC).date().isoformat()
        key = hashlib.blake2b(repr(sorted(asked.items())).encode(), digest_size=16).hexdigest()
        replay = cls(cache / "results" / f"{key}.json")
        replay._read(settings)
        return replay

    def _read(self, settings: Settings) -> None:
        seen: dict[str, Stamp] = {}
        self.taken = time.time_ns()
        paths = [path for target in settings.targets for path in target.paths]
        walk = self.walk = Walk(paths, settings.exclude)
        for file in walk.files.values():
            seen[file.real] = stamp(file.real)
        for rejected in walk.rejected:
            seen[f"rejected {rejected.location.path} {rejected.reason}"] = [0, 0, 0, ""]
        kept: Mapping[str, Any] = {}
        with suppress(OSError, ValueError, AttributeError):
            kept = orjson.loads(self.place.read_bytes()) if self.place else {}
        self.files = seen
        before = kept.get("files") if isinstance(kept, dict) else None
        if isinstance(before, dict) and before.keys() == seen.keys():
            taken = kept.get("taken", 0)
            self.valid = all(self._same(name, seen[name], before[name], taken) for name in seen)
            if self.valid:
                self.records, self.objects = kept["records"], kept["objects"]

    def _same(self, name: str, now: Stamp, before: Stamp, taken: int) -> bool:
        """Whether a file is what it was when its stamp was taken; carries the known digest over."""
        if now[:3] == before[:3] and taken - max(now[1], now[2]) > RACY:
            now[3] = before[3]
            return True
        if now[0] != before[0]:
            return False
        now[3] = digest(name) if now[0] >= 0 else before[3]
        self.added += 1  # so that the newer times are kept
        return bool(now[3] == before[3])

    def keep(self, name: str, record: Any) -> None:
        """Remember what one item found."""
        self.records[name] = record
        self.added += 1

    def save(self, objects: int, digests: Mapping[str, str]) -> None:
        """Write what this run found, if anything is new; atomically, so that runs side by side cannot mix.

        `digests` are of the contents that were really judged. Other files are read once more; when one of them has
        changed meanwhile, nothing is kept.
        """
        if self.place is None or not self.storable or not self.added:
            return
        for name, known in self.files.items():
            if name in digests:
                known[3] = digests[name]
            elif not known[3] and known[0] >= 0 and os.path.isabs(name):
                known[3] = digest(name)
                if stamp(name)[:3] != known[:3]:
                    return
        kept = {"files": self.files, "records": self.records, "objects": max(objects, self.objects)}
        content = orjson.dumps({**kept, "taken": self.taken})
        if len(content) > LIMIT:
            return
        with suppress(OSError):
            self.place.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.place.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(name, self.place)
            _forget(self.place.parent)


def _forget(folder: Path) -> None:
    """Keep the newest questions only."""
    files = sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in files[KEPT:]:
        old.unlink(missing_ok=True)
