"""Files to documents: from the cache, in this process, or in several.

What one file holds travels as one `marshal` blob: between processes, and into the cache. It is by far the fastest way
to move plain values, and a blob is read only where it was written, by the same Python: the cache checks that first.
"""

from __future__ import annotations

import gc
import marshal
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.sources.cache import Cache
from conformance.sources.fault import Fault
from conformance.sources.files import SourceFile, read_bytes
from conformance.sources.origin import stamp_of
from conformance.sources.share import Shared
from conformance.sources.workers import cpus, run
from conformance.sources.yaml_stream import Stream, read

# Starting processes costs about 20 ms; below this much work they do not pay.
_PARALLEL_FILES = 400
_PARALLEL_BYTES = 1_500_000
_SHARED_FILES = 20_000
# Text in which a Secret might stand, be it in a list, in a template or in a patch; also encrypted and sealed ones.
_SECRET = re.compile(rb"""kind["']?\s*:\s*["']?\w*Secret|ENC\[|PRIVATE KEY-----""")

#: digest of the content, blob, and whether the blob may be written to disk
_Parsed = tuple[bytes, bytes, bool]


def parse(files: Sequence[SourceFile], *, jobs: int, cap: int, cache: Cache | None = None) -> list[Stream]:
    """What each file holds, in order; sets the files' stamps.

    `jobs` is the number of processes, 0 for one per CPU that this process may use. Raises `workers.WorkerError` when a
    process dies.
    """
    shared = Shared() if len(files) >= _SHARED_FILES else None
    streams = _recalled(files, cap, cache, shared) if cache is not None and cache.entries else {}
    missing = [index for index in range(len(files)) if index not in streams]
    count = _processes(jobs, [files[index] for index in missing])
    if count > 1:

        def work(place: int) -> _Parsed:
            stream, stamp, keep = parse_file(files[missing[place]], cap)
            return stamp, _blob(stream), keep

        for place, (stamp, blob, keep) in run(work, len(missing), count):
            index = missing[place]
            streams[index] = _stream(blob, shared)
            _keep(files[index], stamp, blob if keep else None, cache)
    else:
        for index in missing:
            stream, stamp, keep = parse_file(files[index], cap)
            _keep(files[index], stamp, _blob(stream) if keep and cache is not None else None, cache)
            streams[index] = stream if shared is None else _share(stream, shared)
    return [streams[index] for index in range(len(files))]


def parse_file(file: SourceFile, cap: int) -> tuple[Stream, bytes, bool]:
    """What one file holds, the digest of its content, and whether that may be written to disk."""
    try:
        data = read_bytes(file.real, cap)
    except Fault as fault:
        return Stream(problems=[(fault.line, fault.column, fault.reason, "file")], found=1), b"", False
    try:
        stream = read(data, json=file.is_json)
    except Exception as error:  # one file that we fail on must not hide all others
        reason = f"reading it failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return Stream(problems=[(0, 0, reason, "file")], found=1), stamp_of(data), False
    return stream, stamp_of(data), _may_keep(data, stream)


@contextmanager
def no_collection() -> Iterator[None]:
    """Suspends the cyclic garbage collector: a load makes millions of values and no garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _recalled(files: Sequence[SourceFile], cap: int, cache: Cache, shared: Shared | None) -> dict[int, Stream]:
    streams = {}
    for index, file in enumerate(files):
        try:
            stamp = stamp_of(read_bytes(file.real, cap))
        except Fault:
            continue
        blob = cache.get(stamp, file.is_json)
        if blob is not None:
            file.stamp = stamp
            streams[index] = _stream(blob, shared)
    return streams


def _keep(file: SourceFile, stamp: bytes, blob: bytes | None, cache: Cache | None) -> None:
    file.stamp = stamp
    if cache is not None and blob is not None:
        cache.put(stamp, file.is_json, blob)


def _blob(stream: Stream) -> bytes:
    return marshal.dumps((stream.documents, stream.problems, stream.found))


def _stream(blob: bytes, shared: Shared | None) -> Stream:
    stream = Stream(*marshal.loads(blob))  # noqa: S302 - our own blob: see above
    return stream if shared is None else _share(stream, shared)


def _share(stream: Stream, shared: Shared) -> Stream:
    stream.documents = [(number, shared.document(value)) for number, value in stream.documents]
    return stream


def _may_keep(data: bytes, stream: Stream) -> bool:
    """Whether content is worth keeping and may be written to disk: Kubernetes objects that are no Secrets.

    A values file may hold a password under any name. UTF-16 would hide a Secret from the search.
    """
    if not stream.slow or data[:2] in (b"\xff\xfe", b"\xfe\xff") or _SECRET.search(data):
        return False
    return not stream.problems and all(_is_public(value) for _, value in stream.documents)


def _is_public(value: Any) -> bool:
    """Whether a document is a Kubernetes object and no Secret, however its kind is spelled in the file."""
    if not isinstance(value, dict) or not isinstance(value.get("apiVersion"), str) or "sops" in value:
        return False
    kind = value.get("kind")
    if not isinstance(kind, str) or "Secret" in kind:
        return False
    items = value.get("items")
    return not kind.endswith("List") or not isinstance(items, list) or all(_is_public(item) for item in items)


def _processes(jobs: int, files: Sequence[SourceFile]) -> int:
    count = jobs or cpus()
    if count < 2 or len(files) < 2 or not hasattr(os, "fork"):
        return 1
    if len(files) >= _PARALLEL_FILES:
        return count
    size = 0
    for file in files:
        try:
            size += Path(file.real).stat().st_size
        except OSError:
            continue
    return min(count, len(files)) if size >= _PARALLEL_BYTES else 1
