from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance.kube.object import Rejected
from conformance.sources import files
from conformance.sources.fault import Fault
from conformance.sources.files import SIZE_CAP, Walk, is_yaml, read_bytes, show


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")


def write(names: Mapping[str, str]) -> None:
    for name, text in names.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def forms(*paths: str) -> dict[str, str]:
    return {path: file.form for path, file in Walk(paths or (".",)).files.items()}


def told(rejected: list[Rejected]) -> list[tuple[str, str, str]]:
    return [(str(each.location), each.what, each.reason) for each in rejected]


def test_files_are_told_apart_by_name_and_sorted() -> None:
    names = (
        "b.yaml",
        "a/z.yml",
        "a/b.JSON",
        "Kustomization",
        "run.sh",
        "x.yaml.tmpl",
        ".github/workflows/ci.yaml",
        "README",
    )
    write(dict.fromkeys(names, ""))
    assert list(forms().items()) == [
        (".github/workflows/ci.yaml", "yaml"),
        ("Kustomization", "yaml"),
        ("README", "text"),
        ("a/b.JSON", "yaml"),
        ("a/z.yml", "yaml"),
        ("b.yaml", "yaml"),
        ("run.sh", "text"),
        ("x.yaml.tmpl", "text"),
    ]
    assert Walk(["."]).seen == list(forms())


@pytest.mark.parametrize("name", ["a.yaml", "A.YML", "b/c.json", "a/Kustomization", "kustomization.yaml"])
def test_names_of_yaml(name: str) -> None:
    assert is_yaml(name)
    assert not is_yaml(name + ".bak")


def test_templates_of_a_chart_are_no_yaml() -> None:
    write(
        dict.fromkeys(
            (
                *(
                    "web/Chart.yaml",
                    "web/values.yaml",
                    "web/templates/a.yaml",
                    "web/templates/sub/_x.tpl",
                    "web/crds/c.yaml",
                ),
                *("web/charts/db/Chart.yaml", "web/charts/db/templates/a.yaml", "templates/no-chart.yaml"),
            ),
            "",
        )
    )
    expected = {
        "templates/no-chart.yaml": "yaml",
        "web/Chart.yaml": "yaml",
        "web/charts/db/Chart.yaml": "yaml",
        "web/charts/db/templates/a.yaml": "template",
        "web/crds/c.yaml": "yaml",
        "web/templates/a.yaml": "template",
        "web/templates/sub/_x.tpl": "template",
        "web/values.yaml": "yaml",
    }
    assert forms() == expected
    # given by itself, such a directory or file is still known for what it is
    assert forms("web/templates/sub") == {"web/templates/sub/_x.tpl": "template"}
    assert forms("web/templates/a.yaml") == {"web/templates/a.yaml": "template"}


def test_directories_of_tools_are_not_entered() -> None:
    skipped = [f"{name}/a.yaml" for name in sorted(files.SKIPPED)]
    write(dict.fromkeys([*skipped, "env/pyvenv.cfg", "env/lib/a.yaml", "deep/.git/a.yaml", "kept/a.yaml"], ""))
    assert Walk(["."]).seen == ["kept/a.yaml"]


def test_excluded_paths_are_passed_over() -> None:
    write(dict.fromkeys(("a/b.yaml", "a/c.yaml", "d/b.yaml", "e/f/g.yaml"), ""))
    assert Walk(["."], exclude=["a/b.yaml", "e"]).seen == ["a/c.yaml", "d/b.yaml"]


def test_paths_are_shown_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write({"a/b.yaml": "", "c.yaml": ""})
    here = str(tmp_path / "tree")
    assert forms(here) == forms("./") == forms(f"{here}/../tree") == {"a/b.yaml": "yaml", "c.yaml": "yaml"}
    assert list(forms("a", "c.yaml")) == ["a/b.yaml", "c.yaml"]
    monkeypatch.chdir("a")
    assert list(forms("..")) == ["../a/b.yaml", "../c.yaml"]
    assert list(forms(here)) == [f"{here}/a/b.yaml", f"{here}/c.yaml"]
    assert (show("."), show("x/../y")) == ("", "y")


def test_a_file_is_found_once_however_often_it_is_named() -> None:
    write({"a/b.yaml": ""})
    assert Walk(["a", ".", "a/b.yaml", "./a/"]).seen.count("a/b.yaml") >= 1
    assert list(Walk(["a", ".", "a/b.yaml"]).files) == ["a/b.yaml"]


def test_a_path_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError, match=r"^nowhere: no such file or directory$"):
        Walk(["nowhere"])


def test_links_inside_the_tree_are_read_where_they_stand() -> None:
    write({"a/b.yaml": "", "node_modules/m/c.yaml": ""})
    Path("again").symlink_to("a")
    Path("b-again.yaml").symlink_to("a/b.yaml")
    Path("c.yaml").symlink_to("node_modules/m/c.yaml")
    Path("m").symlink_to("node_modules/m")
    walk = Walk(["."])
    assert list(walk.files) == ["a/b.yaml", "c.yaml"]
    assert walk.seen == ["a/b.yaml", "b-again.yaml", "c.yaml", "m/c.yaml"]
    assert walk.rejected == []


def test_a_given_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.yaml").write_text("")
    Path("link").symlink_to(tmp_path / "other")
    assert list(Walk(["link"]).files) == ["link/a.yaml"]


def test_links_that_lead_nowhere_or_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("password: x")
    (tmp_path / "out").mkdir()
    write({"a/b.yaml": ""})
    Path("loop.yaml").symlink_to("loop.yaml")
    Path("a/up").symlink_to(".")
    Path("dangling.yaml").symlink_to("gone.yaml")
    Path("no-yaml").symlink_to("gone")
    Path("secret.yaml").symlink_to(tmp_path / "secret.yaml")
    Path("secret.txt").symlink_to(tmp_path / "secret.yaml")
    Path("out").symlink_to(tmp_path / "out")
    walk = Walk(["."])
    assert list(walk.files) == ["a/b.yaml"]
    assert told(walk.rejected) == [
        ("dangling.yaml", "file", "a symbolic link to nothing"),
        ("loop.yaml", "file", "a symbolic link that leads back to itself"),
        ("out", "directory", "a symbolic link that leads out of the given paths"),
        ("secret.yaml", "file", "a symbolic link that leads out of the given paths"),
    ]


def test_what_is_no_file_is_never_read() -> None:
    os.mkfifo("pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.yaml")
        for name, reason in (
            ("pipe.yaml", "a pipe, socket or device, not a file"),
            ("/dev/null", "a pipe, socket or device, not a file"),
            ("socket.yaml", "cannot be read: no such device or address"),
            ("gone.yaml", "cannot be read: no such file or directory"),
            (".", "a pipe, socket or device, not a file"),
        ):
            with pytest.raises(Fault) as caught:
                read_bytes(name)
            assert (caught.value.reason, caught.value.line) == (reason, 0)


def test_too_large_files_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.yaml").write_bytes(b"")
    os.truncate("a.yaml", SIZE_CAP + 1)
    with pytest.raises(Fault) as caught:
        read_bytes("a.yaml")
    assert caught.value.reason == "67108865 bytes, above the limit of 67108864"
    Path("a.yaml").write_bytes(b"a: 1")
    assert read_bytes("a.yaml", 4) == b"a: 1"
    with pytest.raises(Fault):
        read_bytes("a.yaml", 3)


@pytest.fixture
def _unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, to whom nothing is unreadable."""
    opened, listed = os.open, os.scandir

    def refuse(path: str) -> None:
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied", path)

    def fake_open(path: str, *rest: int) -> int:
        refuse(path)
        return opened(path, *rest)

    def fake_scandir(path: str) -> object:
        refuse(path)
        return listed(path)

    monkeypatch.setattr(os, "open", fake_open)
    monkeypatch.setattr(os, "scandir", fake_scandir)


@pytest.mark.usefixtures("_unreadable")
def test_unreadable_files_and_directories() -> None:
    write({"closed/a.yaml": "", "b-closed.yaml": "", "c.yaml": ""})
    walk = Walk(["."])
    assert list(walk.files) == ["b-closed.yaml", "c.yaml"]
    assert told(walk.rejected) == [("closed", "directory", "cannot be read: permission denied")]
    with pytest.raises(Fault) as caught:
        read_bytes("b-closed.yaml")
    assert caught.value.reason == "cannot be read: permission denied"


def test_texts_are_read_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("run.sh").write_bytes(b"\xef\xbb\xbfecho caf\xe9\nexit\n")
    write({"web/Chart.yaml": "", "web/templates/a.yaml": "{{ x }}", "a.yaml": ""})
    reads: list[str] = []
    real = files.read_bytes

    def counted(path: str, cap: int) -> bytes:
        reads.append(Path(path).name)
        return real(path, cap)

    monkeypatch.setattr(files, "read_bytes", counted)
    script, template = Walk(["."]).texts(SIZE_CAP)
    assert reads == []
    assert script.lines == ["echo caf\ufffd", "exit"]
    assert script.text == script.text
    assert reads == ["run.sh"]
    assert (template.path, template.text) == ("web/templates/a.yaml", "{{ x }}")


def test_asking_for_a_text_that_cannot_be_read_raises() -> None:
    write({"run.sh": "exit 0\n"})
    (script,) = Walk(["."]).texts(3)
    with pytest.raises(OSError, match=r"run\.sh: 7 bytes, above the limit of 3$"):
        _ = script.text


def test_names_that_are_no_utf8_stay_apart_and_printable() -> None:
    for name in (b"caf\xe9.yaml", b"caf\xe8.yaml"):
        Path(os.fsdecode(name)).write_text("")
    assert list(forms()) == ["caf\\xe8.yaml", "caf\\xe9.yaml"]
