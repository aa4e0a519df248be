from __future__ import annotations

import json
import marshal
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from conformance.sources import cache as caches
from conformance.sources.cache import Cache
from conformance.sources.load import load

# An anchor, so that the line reader gives up: what it reads is not worth keeping.
POD = "apiVersion: &v v1\nkind: Pod\nmetadata: {name: %s}\n"
SECRET = "very-secret-word"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kube-plumbline"


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def names(folder: Path) -> list[str]:
    return [each.name for each in load(["."], cache=folder).objects]


def cached_values(folder: Path) -> list[Any]:
    return [value for blob in Cache(folder, ["."]).entries.values() for _, value in marshal.loads(blob)[0]]


def test_what_was_read_is_kept_privately_and_found_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yaml").write_text(POD % "one")
    assert names(folder) == ["one"]
    (file,) = kept(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setattr("conformance.sources.parse.read", None)  # nothing is parsed any more
    assert names(folder) == ["one"]


def test_changed_content_is_read_anew_and_the_old_is_dropped(folder: Path) -> None:
    for name in ("one", "two", "one"):
        Path("a.yaml").write_text(POD % name)
        assert names(folder) == [name]
        assert [each["metadata"]["name"] for each in cached_values(folder)] == [name]


def test_the_same_bytes_mean_other_things_in_json(folder: Path) -> None:
    text = '{"apiVersion": "v1", "kind": "Pod", "a": "\\/"}'
    for name in ("a.json", "a.yaml"):
        Path(name).write_text(text)
    assert [each.raw["a"] for each in load(["."], cache=folder).objects] == ["/", "/"]


def test_what_is_read_line_by_line_is_not_kept(folder: Path) -> None:
    Path("a.yaml").write_text(POD.replace("&v ", "") % "one")
    assert names(folder) == ["one"]
    assert cached_values(folder) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "apiVersion: v1\nkind: Secret\nstringData: {a: %s}\n"),
        ("a.yaml", POD % "x" + "---\napiVersion: v1\nkind: Secret\ndata: {a: %s}\n"),
        ("a.yaml", "apiVersion: v1\nkind: SecretList\nitems: [{data: {a: %s}}]\n"),
        ("a.yaml", "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, data: {a: %s}}]\n"),
        ("a.yaml", 'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: "S\\x65cret", data: {a: %s}}]\n'),
        ("a.yaml", 'apiVersion: v1\nkind: "S\\x65cret"\ndata: {a: %s}\n'),
        ("a.json", '{"apiVersion": "v1", "kind": "Secret", "data": {"a": "%s"}}'),
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  nested: |\n    kind: Secret\n    data: {a: %s}\n"),
        ("a.yaml", "apiVersion: x/v1\nkind: Policy\ndata: {a: %s}\nsops: {mac: x}\n"),
        ("a.yaml", "apiVersion: x/v1\nkind: Policy\ndata: {a: '%s', b: 'ENC[AES256_GCM,data:x]'}\n"),
        ("a.yaml", "apiVersion: x/v1\nkind: Policy\ndata: {a: '%s', b: '-----BEGIN PRIVATE KEY-----'}\n"),
        ("values.yaml", "password: %s\n"),
    ],
)
def test_what_may_be_secret_is_never_written(folder: Path, name: str, text: str) -> None:
    Path(name).write_text((text % SECRET).replace("apiVersion: ", "apiVersion: &w ", 1))
    Path("pod.yaml").write_text(POD % "public")
    first = load(["."], cache=folder)
    assert SECRET in json.dumps([each.raw for each in (*first.objects, *first.documents)])
    assert [each["metadata"]["name"] for each in cached_values(folder)] == ["public"]
    assert all(SECRET.encode() not in file.read_bytes() for file in kept(folder))


def test_a_secret_in_utf_16_is_never_written(folder: Path) -> None:
    Path("a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    kind: Secret\n", encoding="utf-16")
    assert len(load(["."], cache=folder).objects) == 1
    assert cached_values(folder) == []


@pytest.mark.parametrize("harm", ["empty", "cut", "flipped", "replaced", "directory"])
def test_a_damaged_cache_is_ignored_and_written_anew(folder: Path, harm: str) -> None:
    Path("a.yaml").write_text(POD % "one")
    assert names(folder) == ["one"]
    (file,) = kept(folder)
    whole = file.read_bytes()
    if harm == "directory":
        file.unlink()
        file.mkdir()
    else:
        flipped = bytes((*whole[:-5], whole[-5] ^ 1, *whole[-4:]))
        harmed = {"empty": b"", "cut": whole[:-3], "flipped": flipped, "replaced": marshal.dumps({b"x": b"y"})}
        file.write_bytes(harmed[harm])
    assert names(folder) == ["one"]
    if harm != "directory":
        assert file.read_bytes() == whole


def test_another_version_of_the_loader_finds_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yaml").write_text(POD % "one")
    names(folder)
    assert len(Cache(folder, ["."]).entries) == 1
    monkeypatch.setattr(caches, "LOADER_VERSION", caches.LOADER_VERSION + 1)
    assert Cache(folder, ["."]).entries == {}


def test_other_paths_have_a_cache_of_their_own(folder: Path) -> None:
    Path("a").mkdir()
    Path("a/a.yaml").write_text(POD % "one")
    load(["."], cache=folder)
    load(["a"], cache=folder)
    load(["./a"], cache=folder)
    assert len(kept(folder)) == 2


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    Path("a.yaml").write_text(POD % "one")
    (tmp_path / "file").write_text("")
    assert names(tmp_path / "file" / "cache") == ["one"]


def test_all_caches_together_stay_below_their_cap(folder: Path) -> None:
    for number in range(6):
        cache = Cache(folder, [f"tree-{number}"], total_cap=3_000)
        cache.put(b"x" * 16, False, bytes(800))
        cache.save()
        for age, file in enumerate(kept(folder)):
            os.utime(file, (1_000_000 + age, 1_000_000 + age))
    assert 1 <= len(kept(folder)) <= 3
    assert sum(file.stat().st_size for file in kept(folder)) <= 3_000


def test_the_caches_not_used_for_longest_go_first(folder: Path) -> None:
    caches_of: dict[int, Path] = {}
    for number in range(3):
        cache = Cache(folder, [f"tree-{number}"], total_cap=3_000)
        cache.put(b"x" * 16, False, bytes(800))
        cache.save()
        (caches_of[number],) = set(kept(folder)) - set(caches_of.values())
        os.utime(caches_of[number], (1_000_000 + number, 1_000_000 + number))
    again = Cache(folder, ["tree-0"], total_cap=3_000)
    assert again.get(b"x" * 16, False) == bytes(800)
    again.save()  # nothing new: only its date
    last = Cache(folder, ["tree-3"], total_cap=3_000)
    last.put(b"x" * 16, False, bytes(800))
    last.save()
    assert caches_of[0].exists()
    assert caches_of[2].exists()
    assert not caches_of[1].exists()


def test_one_tree_never_fills_the_whole_cap(folder: Path) -> None:
    cache = Cache(folder, ["tree"], total_cap=3_000)
    cache.put(b"x" * 16, False, bytes(2_000))
    cache.save()
    assert kept(folder) == []


def test_what_an_interrupted_writer_left_is_removed(folder: Path) -> None:
    folder.mkdir(parents=True)
    old, new = folder / "a.1.part", folder / "b.2.part"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (1_000_000, 1_000_000))
    Path("a.yaml").write_text(POD % "one")
    names(folder)
    assert not old.exists()
    assert new.exists()


def test_writers_at_the_same_time_leave_one_whole_cache(folder: Path) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            cache = Cache(folder, ["."])
            cache.put(bytes([number]) * 16, False, bytes([number]) * 1000)
            cache.save()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    entries = Cache(folder, ["."]).entries
    assert len(entries) == 1
    assert [blob == key[:1] * 1000 for key, blob in entries.items()] == [True]
