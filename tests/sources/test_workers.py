from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.sources import parse
from conformance.sources.load import load
from conformance.sources.workers import WorkerError, run


def test_every_task_is_done_once() -> None:
    for count, processes in ((1, 2), (7, 2), (1000, 3), (5, 8)):
        found = sorted(run(lambda number: [number * number], count, processes))
        assert found == [(number, [number * number]) for number in range(count)]


def test_the_work_is_done_by_other_processes() -> None:
    def work(number: int) -> int:
        time.sleep(0.002)
        return os.getpid()

    pids = {pid for _, pid in run(work, 200, 2)}
    assert os.getpid() not in pids
    assert len(pids) == 2


def test_large_results() -> None:
    assert [len(result) for _, result in run(lambda number: bytes(5_000_000), 4, 2)] == [5_000_000] * 4


def end_by(cause: Callable[[], None]) -> str:
    def work(number: int) -> int:
        if number == 77:
            cause()
        return number

    with pytest.raises(WorkerError) as caught:
        list(run(work, 200, 2))
    return str(caught.value)


def test_a_worker_that_dies_fails_everything() -> None:
    killed = end_by(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert killed == "a process that was reading files was killed, perhaps for lack of memory; try fewer jobs"
    assert end_by(lambda: os.kill(os.getpid(), signal.SIGUSR1)) == "a process that was reading files ended by SIGUSR1"
    assert end_by(lambda: os._exit(3)) == "a process that was reading files failed"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no process is left behind


def test_a_worker_that_ends_early_and_well_fails_everything() -> None:
    def work(number: int) -> int:
        os._exit(0)

    with pytest.raises(WorkerError, match=r"^\d+ batches of files were not read: a worker process ended early$"):
        list(run(work, 200, 2))


def test_an_error_in_the_work_fails_everything() -> None:
    def work(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(WorkerError, match="a process that was reading files failed"):
        list(run(work, 200, 2))


def test_workers_end_when_the_caller_loses_interest() -> None:
    found = run(lambda number: time.sleep(0.01), 1000, 2)
    next(found)
    found.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_nothing_is_forked_beside_other_threads() -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert {pid for _, pid in run(lambda number: os.getpid(), 20, 2)} == {os.getpid()}
    finally:
        stop.set()
        other.join()


def test_a_load_whose_worker_dies_gives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        (tmp_path / f"{number}.yaml").write_text("a: 1\n")

    def read(data: bytes, *, json: bool) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(parse, "_PARALLEL_FILES", 2)
    monkeypatch.setattr(parse, "read", read)
    with pytest.raises(WorkerError, match="was killed"):
        load([tmp_path], jobs=2)


def test_few_files_are_read_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        pytest.fail("forked for three files")

    monkeypatch.setattr(os, "fork", fork)
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("a: 1\n")
    assert len(load([tmp_path], jobs=4).documents) == 3


def test_two_large_files_are_read_by_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        (tmp_path / f"{number}.yaml").write_text(f"a: {'x' * 1000}\n---\n" * 1000)
    seen: list[int] = []

    def counted(work: Callable[[int], Any], count: int, processes: int) -> Iterator[tuple[int, Any]]:
        seen.append(processes)
        return run(work, count, processes)

    monkeypatch.setattr(parse, "run", counted)
    assert len(load([tmp_path], jobs=4).documents) == 2000
    assert len(load([tmp_path], jobs=1).documents) == 2000
    assert seen == [2]


def test_workers_end_when_their_parent_is_killed() -> None:
    program = (
        "import sys, time; from conformance.sources import workers\n"
        "for _ in workers.run(lambda number: 'x' * 1_000_000, 64, 2):\n"
        "    print('begun', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "begun\n"
        parent.kill()
        # Workers inherit standard output: it ends with the last of them.
        assert parent.communicate(timeout=20)[0] == ""
