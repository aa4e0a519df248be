"""Snapshot files: what is written comes back, and what is broken is refused in one line."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance import cli
from conformance.cluster.fault import ClusterError
from conformance.cluster.snapshot import Header, Writer, read

HEADER = Header({"context": "c", "server": "s", "user": "u", "version": "v1"}, datetime(2026, 11, 21, 9, tzinfo=UTC))
#: orjson writes no larger numbers, and JSON has no others
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.lists(st.dictionaries(st.text("abcdef", max_size=4), _VALUES, max_size=4), max_size=5)
_KINDS = st.dictionaries(
    st.text("PodSecret", min_size=1, max_size=8), st.tuples(_OBJECTS, st.sampled_from(["", "not allowed"])), max_size=5
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=_KINDS, namespaces=st.lists(st.text("abc", min_size=1, max_size=3), max_size=2))
def test_what_was_written_is_read(kinds: dict, namespaces: list[str], tmp_path: Path) -> None:  # type: ignore[type-arg]
    file = tmp_path / "s.gz"
    header = Header(HEADER.cluster, HEADER.taken, tuple(namespaces))
    with Writer(file, header) as writer:
        for name, (objects, refused) in kinds.items():
            writer.kind(name, iter(objects), refused, absent=not objects)
    found, back = read(file)
    assert found == header
    assert {name: (each.objects, each.refused) for name, each in back.items()} == kinds
    assert all(each.absent is (not each.objects) for each in back.values())
    assert [each.name for each in tmp_path.iterdir()] == ["s.gz"]


def test_nothing_is_left_of_one_that_was_broken_off(tmp_path: Path) -> None:
    def cut() -> None:
        with Writer(tmp_path / "s.gz", HEADER) as writer:
            writer.kind("Pod", iter([{"a": 1}]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut()
    assert list(tmp_path.iterdir()) == []


def whole(tmp_path: Path) -> bytes:
    with Writer(tmp_path / "whole.gz", HEADER) as writer:
        writer.kind("Pod", iter([{"kind": "Pod", "n": number} for number in range(200)]))
    return (tmp_path / "whole.gz").read_bytes()


def packed(*lines: object) -> bytes:
    return gzip.compress(b"".join(orjson.dumps(each) + b"\n" for each in lines))


_FIRST = {"plumbline": "snapshot", "version": 1, "taken": "2026-11-21T09:00:00Z", "cluster": {}, "namespaces": []}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not gzip at all", "Not a gzipped file|this is no snapshot"),
        (b"", "this is no snapshot"),
        (packed(), "this is no snapshot"),
        (packed({"a": 1}), "this is no snapshot"),
        (packed(_FIRST | {"version": 7}), "a snapshot of version 7; this plumbline reads version 1"),
        (packed(_FIRST | {"taken": "noon"}), "the first line of the snapshot lacks what it should say"),
        (packed({**_FIRST, "cluster": 3}), "the first line of the snapshot lacks what it should say"),
        (packed(_FIRST), "the snapshot is not whole: its end is missing"),
        (packed(_FIRST, {"object": {}}), "line 2 of the snapshot is not what a snapshot holds"),
        (packed(_FIRST, {"kind": "Pod"}, {"end": "Pod", "objects": 2}), "line 3 of the snapshot is not what"),
        (packed(_FIRST, {"kind": "Pod"}, {"whole": True}), "line 3 of the snapshot is not what"),
        (packed(_FIRST, [1]), "line 2 of the snapshot is not what"),
        (gzip.compress(orjson.dumps(_FIRST) + b"\n{broken\n"), "line 2 of the snapshot is not what"),
    ],
)
def test_what_is_no_snapshot_is_refused_in_one_line(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s.gz"
    file.write_bytes(content)
    with pytest.raises(ClusterError, match=said):
        read(file)
    assert cli.main(["audit", "--snapshot", str(file), "--profile", "pod-security"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert str(file) in shown.err


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_one_that_was_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    content = whole(tmp_path)
    file = tmp_path / "cut.gz"
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ClusterError, match=r"cut\.gz: "):
        read(file)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.999), byte=st.integers(0, 255))
def test_one_wrong_byte_is_refused_or_changes_nothing(place: float, byte: int, tmp_path: Path) -> None:
    content = bytearray(whole(tmp_path))
    content[int(place * len(content))] = byte
    file = tmp_path / "wrong.gz"
    file.write_bytes(content)
    try:
        _, kinds = read(file)
    except ClusterError:
        return
    assert [each["n"] for each in kinds["Pod"].objects] == list(range(200))
