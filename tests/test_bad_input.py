"""The tables of docs/bad-input.md, row by row, by real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bad_inputs import CASES, CONFIG_MAP, POD, Case, page

DOCUMENT = Path(__file__).parent.parent / "docs" / "bad-input.md"


def environment(place: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PLUMBLINE_", "COV_"))}
    return kept | {"XDG_CACHE_HOME": str(place / ".cache")}


def plumbline(place: Path, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "conformance.cli", *arguments]
    given = environment(place)
    return subprocess.run(command, cwd=place, env=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a `tree` that holds one good object."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "good.yaml").write_text(CONFIG_MAP)
    return tmp_path


def interruptible() -> None:
    """A shell starts what it runs in the background with Ctrl-C ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_page_lists_exactly_these_inputs() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    begin, end = text.index("## Files"), text.index("\n## The process itself")
    assert text[begin:end] == page()


def arguments(case: Case) -> list[str]:
    if case.input == "no command":
        return []
    return ["check", *case.arguments, *(["--nope"] if case.input == "an unknown option" else [])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.input)
def test_bad_input(place: Path, case: Case) -> None:
    case.make(place)
    done = plumbline(place, *arguments(case))
    said = done.stdout + done.stderr
    assert done.returncode == case.code, said
    assert any(case.message in line for line in said.splitlines()), said
    assert "Traceback" not in said
    if case.code == 4:
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1


def test_what_may_not_be_read_is_an_error(place: Path) -> None:
    for name in ("x.yaml", "folder"):
        path = place / "tree" / name
        path.mkdir() if name == "folder" else path.write_text(POD)
        path.chmod(0)
    # root may read everything unless it gives that up
    drop = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    try:
        done = plumbline(place, "check", "tree", before=drop if os.geteuid() == 0 else ())
    except FileNotFoundError:
        pytest.skip("setpriv is not installed, and root may read everything")
    finally:
        (place / "tree" / "folder").chmod(0o700)
    if "setpriv" in done.stderr:
        pytest.skip("capabilities cannot be dropped here")
    assert done.returncode == 1
    assert "tree/x.yaml  file: cannot be read: permission denied" in done.stdout
    assert "tree/folder  directory: cannot be read: permission denied" in done.stdout


@contextmanager
def reading(place: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run that has just begun to read 4,000 files by two processes, and the ids of these."""
    for index in range(4000):
        (place / "tree" / f"{index:04}.yaml").write_text(POD)
    command = [sys.executable, "-m", "conformance.cli", "check", "tree", "--jobs", "2", "--report", "json=out.json"]
    with subprocess.Popen(
        command,
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            process.kill()
            pytest.skip("no /proc here that tells the children of a process")
        while process.poll() is None and len(children.read_text().split()) < 2:
            time.sleep(0.001)
        yield process, [int(each) for each in children.read_text().split()]
        if process.poll() is None:
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_a_signal_leaves_the_old_report_and_no_process(place: Path, number: signal.Signals, code: int) -> None:
    (place / "out.json").write_text("old")
    with reading(place) as (process, _):
        process.send_signal(number)
        # Workers hold standard output too: it ends with the last of them.
        output, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert output == ""
    assert errors == ("plumbline: broken off; nothing was reported\n" if code == 2 else "")
    assert (place / "out.json").read_text() == "old"
    assert list(place.glob(".out.json*")) == []


def test_a_worker_that_is_killed_fails_the_run(place: Path) -> None:
    with reading(place) as (process, workers):
        os.kill(workers[0], signal.SIGKILL)
        output, errors = process.communicate(timeout=30)
    killed = "plumbline: a process that was reading files was killed, perhaps for lack of memory; try fewer jobs"
    assert (process.returncode, output, errors) == (1, "", killed + "; nothing was reported\n")
    assert not (place / "out.json").exists()


def test_a_file_that_disappears_is_an_error(place: Path) -> None:
    with reading(place) as (process, workers):
        for each in workers:
            os.kill(each, signal.SIGSTOP)
        (place / "tree" / "3999.yaml").unlink()
        (place / "tree" / "good.yaml").unlink()
        for each in workers:
            os.kill(each, signal.SIGCONT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "tree/3999.yaml  file: cannot be read: no such file or directory" in output


@pytest.mark.parametrize("command", [["list"], ["check", "tree"], ["explain", "gitops-probes"]])
def test_a_full_standard_output_is_told(place: Path, command: list[str]) -> None:
    arguments = " ".join(command)
    done = plumbline(place, before=("sh", "-c", f'exec "$@" {arguments} > /dev/full', "-"))
    assert (done.returncode, done.stderr) == (1, "plumbline: standard output: No space left on device\n")


def test_a_reader_that_goes_away_is_no_error_of_ours(place: Path) -> None:
    shell = 'exec 3>&1; { "$@" list; echo "code $?" >&3; } | true'
    done = plumbline(place, before=("sh", "-c", shell, "-"))
    assert (done.stdout, done.stderr) == ("code 1\n", "")


def test_a_closed_standard_output_changes_no_exit_code(place: Path) -> None:
    (place / "tree" / "x.yaml").write_text("a: b: c\n")
    for tree, code in (("tree/good.yaml", 0), ("tree", 1)):
        done = plumbline(place, before=("sh", "-c", f'exec "$@" check {tree} >&-', "-"))
        assert (done.returncode, done.stderr) == (code, "")


def test_a_cache_that_cannot_be_written_changes_nothing(place: Path) -> None:
    (place / ".cache").write_text("in the way")
    done = plumbline(place, "check", "tree")
    assert (done.returncode, done.stderr) == (0, "")
