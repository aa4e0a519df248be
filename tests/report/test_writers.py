"""What all formats have in common."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.report import FORMATS, replace, write
from conformance.report.record import Report
from tests.report import records


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "make", [records.mixed, records.clean, records.empty, records.nasty, records.huge, records.run]
)
def test_every_format_writes_every_report_in_utf8(name: str, make: Callable[[], Report]) -> None:
    content = write(make(), name)
    text = content.decode("utf-8")
    assert text.endswith("\n")
    assert "\x1b" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_report_gives_the_same_bytes_and_stays_as_it_was(name: str) -> None:
    report = records.mixed()
    assert write(report, name) == write(report, name)
    assert report == records.mixed()


@pytest.mark.parametrize("name", [each for each in FORMATS if each not in ("gitlab", "policyreport", "openreports")])
def test_a_run_in_which_nothing_was_judged_is_never_shown_as_held(name: str) -> None:
    text = write(records.empty(), name).decode().lower()
    assert "everything judged held" not in text
    assert "no storageclass local-path among 0 objects" in text or "nothing was judged" in text


def test_an_unknown_format_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match="pdf: there is no such report format; there are text, json"):
        write(records.clean(), "pdf")


def test_nothing_heavy_is_imported_before_a_format_is_asked_for() -> None:
    code = (
        "import sys, conformance.report; "
        "print([m for m in ('xml.etree.ElementTree', 'orjson', 'html', 'conformance.catalogue') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_replace_leaves_no_half_report(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    replace(file, b"new")
    assert file.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_replace_keeps_what_was_there_when_it_cannot_write(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with pytest.raises(OSError, match="gone"):
        replace(folder / "report.json", b"new")


def test_replace_follows_links_and_obeys_the_umask(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.touch()
    link.symlink_to(real)
    replace(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    umask = os.umask(0)
    os.umask(umask)
    replace(tmp_path / "fresh", b"new")
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o666 & ~umask


def test_replace_writes_to_a_pipe_instead_of_replacing_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace(pipe, b"new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
