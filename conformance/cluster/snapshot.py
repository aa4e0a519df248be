"""A snapshot: everything that one audit listed, in one file, to judge again later or elsewhere.

gzip over JSON lines: a header, then for each kind a line that opens it, its objects, and a line that closes it with
their number; the last line says that the file is whole. Written while listing, so that memory does not bound it.
"""

from __future__ import annotations

import gzip
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

import orjson

from conformance import __version__
from conformance.cluster.fault import ClusterError

FORMAT = 1
#: a line is one object, and etcd takes none above 1.5 MiB by default
_LONGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot is of. `cluster` has context, server, user and version."""

    cluster: Mapping[str, str]
    taken: datetime
    namespaces: tuple[str, ...] = ()


@dataclass(slots=True)
class Kind:
    """What became of one kind: its objects, or why it was `refused`, or that the cluster has none such (`absent`)."""

    name: str
    objects: list[dict[str, Any]] = field(default_factory=list)
    refused: str = ""
    absent: bool = False


class Writer:
    """Writes a snapshot beside its place, readable by the user alone, and moves it there when it is whole.

    `salt` makes the digests of one snapshot comparable with each other and with no other; it is never written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.salt = secrets.token_bytes(32)
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
        try:
            raw = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise ClusterError(f"{path}: the snapshot cannot be written: {error.strerror}") from None
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=os.fdopen(raw, "wb"), mtime=0)
        self._objects = 0
        self._write(
            {
                "plumbline": "snapshot",
                "version": FORMAT,
                "tool": __version__,
                "taken": header.taken.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "cluster": dict(header.cluster),
                "namespaces": list(header.namespaces),
            }
        )

    def kind(
        self, name: str, objects: Iterator[dict[str, Any]] | None, refused: str = "", *, absent: bool = False
    ) -> int:
        """One kind: its objects while they come in, or why there are none. Returns how many there are."""
        self._write({"kind": name, "refused": refused, "absent": absent})
        count = 0
        for each in objects or ():
            self._write({"object": each})
            count += 1
        self._objects += count
        self._write({"end": name, "objects": count})
        return count

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the file only when everything went well: half a snapshot would pass for a small cluster."""
        try:
            if kind is None:
                self._write({"whole": True, "objects": self._objects})
            self._close()
            if kind is None:
                self._partial.replace(self._path)
        except OSError as failure:
            raise ClusterError(f"{self._path}: the snapshot was not written: {failure.strerror}") from None
        finally:
            self._partial.unlink(missing_ok=True)

    def _close(self) -> None:
        inner = cast(BinaryIO, self._file.fileobj) if self._file.fileobj else None
        self._file.close()
        if inner is not None:
            inner.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def read(path: Path) -> tuple[Header, dict[str, Kind]]:
    """A snapshot as it was written. Raises ClusterError, which names the file, for whatever is none or not whole."""
    try:
        with gzip.open(path, "rb") as file:
            lines = _lines(path, cast(BinaryIO, file))
            header = _header(path, next(lines, (1, {}))[1])
            return header, _kinds(path, lines)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "this is no snapshot, or it is not whole"
        raise ClusterError(f"{path}: {reason}") from None


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise ClusterError(f"{path}: line {number} of the snapshot is not what a snapshot holds")
        yield number, found


def _header(path: Path, line: dict[str, Any]) -> Header:
    if line.get("plumbline") != "snapshot":
        raise ClusterError(f"{path}: this is no snapshot")
    if line.get("version") != FORMAT:
        raise ClusterError(
            f"{path}: a snapshot of version {line.get('version')}; this plumbline reads version {FORMAT}"
        )
    try:
        taken = datetime.fromisoformat(line["taken"])
        return Header(dict(line["cluster"]), taken, tuple(line["namespaces"]))
    except (KeyError, TypeError, ValueError):
        raise ClusterError(f"{path}: the first line of the snapshot lacks what it should say") from None


def _kinds(path: Path, lines: Iterator[tuple[int, dict[str, Any]]]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    now: Kind | None = None
    whole = False
    for number, line in lines:
        if whole:
            raise ClusterError(f"{path}: line {number} of the snapshot stands behind its end")
        if line.get("whole") is True and now is None:
            whole = True  # read on: the checksum stands behind it
            continue
        if "kind" in line and now is None:
            now = Kind(str(line["kind"]), [], str(line.get("refused") or ""), line.get("absent") is True)
        elif now is not None and isinstance(line.get("object"), dict):
            now.objects.append(line["object"])
        elif now is not None and line.get("end") == now.name and line.get("objects") == len(now.objects):
            found[now.name], now = now, None
        else:
            raise ClusterError(f"{path}: line {number} of the snapshot is not what a snapshot holds")
    if not whole:
        raise ClusterError(f"{path}: the snapshot is not whole: its end is missing")
    return found
