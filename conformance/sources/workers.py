"""Work shared between forked processes: numbered tasks in, plain results out.

Python's own pools import more than a small check may cost, and hide how a worker ended. Here every worker takes the
next batch from one pipe and answers on its own. A worker that dies, by the kernel's out-of-memory killer for instance,
fails the whole load: a part of the tree is never taken for all of it.
"""

from __future__ import annotations

import gc
import marshal
import os
import selectors
import signal
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

_BATCHES_PER_WORKER = 32
# All batch numbers must fit into a pipe, which holds at least 64 KiB, before anybody reads it.
_MOST_BATCHES = 8_000
_LARGEST_BATCH = 256
_NUMBER = struct.Struct("<I")
_SIZE = struct.Struct("<Q")


class WorkerError(RuntimeError):
    """A process that was loading files ended before it was done; the message is one line."""


def run(work: Callable[[int], Any], count: int, processes: int) -> Iterator[tuple[int, Any]]:
    """`(number, work(number))` for every number below `count`, in any order.

    Results must be what `marshal` can hold. Where the process has other threads, which a fork would lose with their
    locks held, the work is done here. Raises `WorkerError`.
    """
    if threading.active_count() > 1:
        for number in range(count):
            yield number, work(number)
        return
    batch = max(1, min(_LARGEST_BATCH, count // (processes * _BATCHES_PER_WORKER)), -(-count // _MOST_BATCHES))
    starts = range(0, count, batch)
    tasks, refill = os.pipe()
    os.write(refill, b"".join(_NUMBER.pack(start) for start in starts))
    os.close(refill)
    workers: dict[int, int] = {}
    try:
        for _ in range(min(processes, len(starts))):
            answers, answer = os.pipe()
            pid = _fork()
            if pid == 0:
                # Whoever can read an answer keeps its writer waiting: were the parent killed, they would wait for ever.
                for inherited in (*workers, answers):
                    os.close(inherited)
                _serve(work, tasks, answer, count, batch)
            os.close(answer)
            workers[answers] = pid
        missing = set(starts)
        for start, results in _answers(workers):
            missing.discard(start)
            yield from enumerate(results, start)
        if missing:
            raise WorkerError(f"{len(missing)} batches of files were not read: a worker process ended early")
    finally:
        os.close(tasks)
        for answers, pid in workers.items():
            os.close(answers)
            _end(pid)


def cpus() -> int:
    """Processors that this process may use; 1 where processes cannot be forked."""
    if not hasattr(os, "fork"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fork() -> int:
    with warnings.catch_warnings():
        # Python warns of threads that libraries started; they hold no lock that parsing needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        # An interrupt among the things that Python does right after a fork would be swallowed there.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            return os.fork()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(work: Callable[[int], Any], tasks: int, answer: int, count: int, batch: int) -> NoReturn:
    """The life of a worker. It never returns, so that nothing of the parent's is flushed or cleaned up twice."""
    code = 1
    try:
        gc.disable()
        while number := os.read(tasks, _NUMBER.size):
            start = _NUMBER.unpack(number)[0]
            results = [work(each) for each in range(start, min(start + batch, count))]
            frame = marshal.dumps((start, results))
            _write(answer, _SIZE.pack(len(frame)))
            _write(answer, frame)
        code = 0
    finally:
        os._exit(code)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _answers(workers: dict[int, int]) -> Iterator[tuple[int, list[Any]]]:
    """Batches as they come; ends when every worker has ended well."""
    buffers = {answers: bytearray() for answers in workers}
    with selectors.DefaultSelector() as selector:
        for answers in workers:
            selector.register(answers, selectors.EVENT_READ)
        while buffers:
            for key, _ in selector.select():
                data = os.read(key.fd, 1 << 20)
                buffer = buffers[key.fd]
                buffer += data
                while len(buffer) >= _SIZE.size:
                    end = _SIZE.size + _SIZE.unpack_from(buffer)[0]
                    if len(buffer) < end:
                        break
                    yield marshal.loads(memoryview(buffer)[_SIZE.size : end])  # noqa: S302 - from our own fork
                    del buffer[:end]
                if not data:
                    selector.unregister(key.fd)
                    del buffers[key.fd]
                    os.close(key.fd)
                    _check(workers.pop(key.fd))


def _check(pid: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == -signal.SIGKILL:
        raise WorkerError("a process that was reading files was killed, perhaps for lack of memory; try fewer jobs")
    if status < 0:
        raise WorkerError(f"a process that was reading files ended by {signal.Signals(-status).name}")
    if status:
        raise WorkerError("a process that was reading files failed")


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
