"""Results are given again only when nothing that they depend on has changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from conformance import replay as module
from conformance.replay import Replay
from conformance.settings import Settings, Target


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.yaml").write_text("a: 1\n")
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "profile.yaml").write_text("name: x\n")
    for file in tmp_path.rglob("*.yaml"):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return tmp_path


def opened(place: Path, **changes: Any) -> Replay:
    settings = Settings(paths=("tree",), targets=(Target("", ("tree",), ("x",)),), **changes)
    return Replay.open(place / "cache", settings, [place / "policy"])


def filled(place: Path, **changes: Any) -> None:
    replay = opened(place, **changes)
    replay.keep("x-one", {"id": "x-one"})
    replay.save(3, {})


def test_an_unchanged_tree_gives_its_results_again(place: Path) -> None:
    assert not opened(place).valid
    filled(place)
    again = opened(place)
    assert (again.valid, again.records, again.objects) == (True, {"x-one": {"id": "x-one"}}, 3)


def test_a_checkout_with_new_times_is_told_by_its_content(place: Path) -> None:
    filled(place)
    os.utime(place / "tree" / "a.yaml", (1_800_000_000, 1_800_000_000))
    assert opened(place).valid


def change_content(place: Path) -> None:
    (place / "tree" / "a.yaml").write_text("a: 2\n")


def change_content_and_keep_the_times(place: Path) -> None:
    file = place / "tree" / "a.yaml"
    before = file.stat()
    file.write_text("a: 2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_a_file(place: Path) -> None:
    (place / "tree" / "b.sh").write_text("true\n")


def remove_a_file(place: Path) -> None:
    (place / "tree" / "a.yaml").unlink()


def change_a_policy(place: Path) -> None:
    (place / "policy" / "profile.yaml").write_text("name: y\n")


def forbid_a_file(place: Path) -> None:
    (place / "tree" / "a.yaml").unlink()
    (place / "tree" / "a.yaml").symlink_to("a.yaml")


def spoil_the_cache(place: Path) -> None:
    for file in (place / "cache" / "results").iterdir():
        file.write_bytes(file.read_bytes()[:-5])


@pytest.mark.parametrize(
    "change",
    [
        change_content,
        change_content_and_keep_the_times,
        add_a_file,
        remove_a_file,
        change_a_policy,
        forbid_a_file,
        spoil_the_cache,
    ],
)
def test_whatever_changes_asks_anew(place: Path, change: Any) -> None:
    filled(place)
    change(place)
    again = opened(place)
    assert (again.valid, again.records) == (False, {})


@pytest.mark.parametrize(
    "changes", [{"hardened": True}, {"fail_on": "high"}, {"exclude": ("b*",)}, {"as_of": "2027-01-01"}]
)
def test_another_question_has_another_answer(place: Path, changes: dict[str, Any]) -> None:
    filled(place)
    assert not opened(place, **changes).valid
    filled(place, **changes)
    assert opened(place, **changes).valid
    assert opened(place).valid


def test_a_file_that_changes_while_it_is_judged_keeps_nothing(place: Path) -> None:
    replay = opened(place)
    replay.keep("x-one", {"id": "x-one"})
    (place / "tree" / "a.yaml").write_text("a: 22\n")
    replay.save(3, {})
    assert not opened(place).valid


def test_what_was_judged_counts_not_what_stands_there_now(place: Path) -> None:
    replay = opened(place)
    replay.keep("x-one", {"id": "x-one"})
    name = str((place / "tree" / "a.yaml").resolve())
    judged = module.digest(name)
    (place / "tree" / "a.yaml").write_text("a: 2\n")
    replay.save(3, {name: judged})
    assert not opened(place).valid


def test_nothing_is_kept_without_a_cache_or_of_what_depends_on_more(place: Path) -> None:
    without = Replay.open(None, Settings(), [])
    without.keep("x-one", {})
    without.save(1, {})
    rendered = opened(place)
    rendered.storable = False
    rendered.keep("x-one", {})
    rendered.save(1, {})
    assert not (place / "cache").exists()


def test_only_the_newest_questions_are_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    for day in ("2027-01-01", "2027-01-02", "2027-01-03"):
        filled(place, as_of=day)
    assert len(list((place / "cache" / "results").iterdir())) == 2
