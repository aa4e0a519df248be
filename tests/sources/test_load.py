from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.kube.object import Document, Location, Rejected
from conformance.sources import parse, share
from conformance.sources.load import Loaded, Rendering, SourceFile, Tree, load, read_file

LOST = ("document", "file", "directory")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str | bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)


def told(loaded: Loaded) -> list[tuple[str, str, str]]:
    return [(str(each.location), each.what, each.reason) for each in loaded.rejected]


def lost(loaded: Loaded) -> int:
    return sum(each.what in LOST for each in loaded.rejected)


def object_of(kind: str, name: str, more: str = "") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n{more}"


def test_objects_documents_and_texts() -> None:
    write("a.yaml", object_of("ConfigMap", "one", "  namespace: web\n") + "---\n" + object_of("Secret", "two"))
    write("b/values.yaml", "replicas: 1\n")
    write("b/list.yml", "- a\n- b\n")
    write("package.json", '{"name": "x", "version": 1}')
    write("number.json", "12")
    write("run.sh", "exit 0\n")
    write("empty.yaml", "# nothing\n")
    write("vault.yaml", "$ANSIBLE_VAULT;1.1;AES256\n6638\n")
    loaded = load(["."])
    assert [(str(each), each.namespace) for each in loaded.objects] == [
        ("ConfigMap web/one", "web"),
        ("Secret two", None),
    ]
    assert [(each.origin.path, type(each.raw)) for each in loaded.documents] == [
        ("b/list.yml", list),
        ("b/values.yaml", dict),
        ("number.json", int),
        ("package.json", dict),
        ("vault.yaml", str),
    ]
    assert [(each.path, each.text) for each in loaded.texts] == [("run.sh", "exit 0\n")]
    assert loaded.files == sorted(
        ["a.yaml", "b/list.yml", "b/values.yaml", "empty.yaml", "number.json", "package.json", "run.sh", "vault.yaml"]
    )
    assert (loaded.rejected, loaded.total, loaded.loaded) == ([], 7, 7)


def test_what_does_not_load_is_told_and_costs_nothing_else() -> None:
    write("a.yaml", object_of("Pod", "one") + "---\na: [\n---\n" + object_of("Pod", "two", "kind: Pod\n"))
    write("b.yaml", b"\x00\x01")
    write("c.yaml", "a: {{ .Values.a }}\n")
    write("d.yaml", "apiVersion:v1\nkind:Pod\n")
    write("e.yaml", "apiVersion: 1\nkind: Pod\n---\napiVersion: v1\nkind: ''\n---\napiVersion: v1\nkind: [Pod]\n")
    write("f.json", '{"a": ')
    Path("g.yaml").symlink_to("gone.yaml")
    loaded = load(["."])
    assert [each.name for each in loaded.objects] == ["one", "two"]
    assert told(loaded) == [
        ("g.yaml", "file", "a symbolic link to nothing"),
        ("a.yaml:6:4", "document", "a value is missing here"),
        (
            "a.yaml:12:1",
            "duplicate key",
            'key "kind" stands twice, on lines 9 and 12; the last one counts',
        ),
        ("b.yaml", "file", "binary, not text: a NUL byte at offset 0"),
        ("c.yaml:1:1", "document", "looks like a template, not YAML: line 1"),
        ("d.yaml:1:1", "document", "a single value, not a mapping or a list"),
        ("f.json:1:7", "document", "not JSON: a value is missing here"),
        ("e.yaml:1:1", "document", "apiVersion must be text, not 1"),
        ("e.yaml:5:1", "document", "kind must be text, not empty"),
        ("e.yaml:8:1", "document", "kind must be text, not a list"),
    ]
    assert loaded.loaded == 2
    assert loaded.total == loaded.loaded + lost(loaded) == 11


def test_a_file_above_the_cap_is_told() -> None:
    write("a.yaml", "a: " + "x" * 100)
    assert told(load(["."], size_cap=50)) == [("a.yaml", "file", "103 bytes, above the limit of 50")]
    assert told(load(["."], size_cap=103)) == []


def test_a_document_that_the_parser_itself_fails_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(data: bytes, *, json: bool) -> None:
        raise MemoryError("no room\nat all")

    write("a.yaml", "a: 1\n")
    monkeypatch.setattr(parse, "read", fail)
    assert told(load(["."])) == [("a.yaml", "file", "reading it failed: MemoryError: no room")]


def test_excluded_paths_are_passed_over() -> None:
    write("a/b.yaml", "a: [\n")
    write("c.yaml", "a: 1\n")
    assert told(load(["."], exclude=["a"])) == []
    assert told(load(["."])) != []


def test_a_path_that_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError, match="no such file or directory"):
        load(["nowhere"])


def test_consumed_files_and_rendered_documents() -> None:
    write("base/pod.yaml", object_of("Pod", "base"))
    write("own/pod.yaml", object_of("Pod", "own"))
    write("broken.yaml", "a: [")
    seen: list[tuple[str, int]] = []

    class Rendered:
        path = "base/pod.yaml"

        def locate(self, path: tuple[str | int, ...]) -> Location:
            return Location(self.path, 1 + len(path), 1)

    def plan(tree: Tree) -> Rendering:
        seen.extend((file.path, len(document.raw)) for file, document in tree.documents())
        assert [each.location.path for each in tree.rejected] == ["broken.yaml"]
        rendered = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "rendered"}}]}
        return Rendering(
            consumed={"base/pod.yaml"},
            documents=[Document(rendered, Rendered())],
            rejected=[Rejected(Location("chart"), "no helm", "chart")],
            namespaces={"own/pod.yaml": "ours"},
        )

    loaded = load(["."], plan=plan)
    assert seen == [("base/pod.yaml", 3), ("own/pod.yaml", 3)]
    assert [str(each) for each in loaded.objects] == ["Pod ours/own", "Pod rendered"]
    assert loaded.objects[1].locate("spec") == Location("base/pod.yaml", 4, 1)
    assert [each.raw["metadata"]["name"] for each in loaded.documents] == ["base"]
    assert [each.what for each in loaded.rejected] == ["document", "chart"]
    assert (loaded.total, loaded.loaded) == (4, 3)


def test_a_file_outside_the_tree() -> None:
    write("a.yaml", "a: 1\na: 2\n---\nb: 1\n")
    file = read_file(Path("a.yaml"), "shown.yaml")
    assert isinstance(file, SourceFile)
    assert [each.raw for each in file.documents] == [{"a": 2}, {"b": 1}]
    assert file.documents[1].locate("b") == Location("shown.yaml", 4, 1)
    write("b.yaml", "a: 1\n---\nb: [\n")
    assert read_file(Path("b.yaml"), "b.yaml") is None
    assert read_file(Path("gone.yaml"), "gone.yaml") is None


GOOD = ("a: 1", "- 1", "{}", "apiVersion: v1\nkind: Pod", "a: 1\na: 2", '{"a": 1}', "a: |\n  x")
BAD = ("a: [", "a: 'x", "\ta: 1", "a: b: c", "a: *x", "a: {{ .x }}", "a: \x07", "text", "? [a]\n: 1")
NOTHING = ("", "# c", "null", "~", "\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from((*GOOD, *BAD, *NOTHING)), max_size=5), max_size=5))
def test_every_document_is_accounted_for(tmp_path: Path, trees: list[list[str]]) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    expected = {"good": 0, "bad": 0}
    for number, documents in enumerate(trees):
        (folder / f"{number}.yaml").write_text("\n---\n".join(documents))
        expected["good"] += sum(each in GOOD for each in documents)
        expected["bad"] += sum(each in BAD for each in documents)
    loaded = load([folder])
    assert loaded.loaded == len(loaded.objects) + len(loaded.documents) == expected["good"]
    assert lost(loaded) == expected["bad"]
    assert loaded.total == loaded.loaded + lost(loaded)


def write_many(count: int) -> None:
    for number in range(count):
        more = f"data:\n  a: x{number % 3}\n  b: '{number}'\n  c: &c [1, 1.5, true]\n  d: *c\n"
        text = object_of("ConfigMap", f"c{number}", more)
        if number % 10 == 3:
            text = "a: [\n---\n" + text + "kind: ConfigMap\n"
        if number % 10 == 5:
            text = object_of("Secret", f"s{number}")
        write(f"{number % 7}/{number:04}.yaml", text)


def picture(loaded: Loaded) -> str:
    """Everything about a load that a run could see."""
    return json.dumps(
        [
            [[each.raw, str(each.locate()), str(each.locate("data.d[1]"))] for each in loaded.objects],
            [[each.raw, str(each.locate())] for each in loaded.documents],
            told(loaded),
            [loaded.files, loaded.total, loaded.loaded],
        ]
    )


def test_processes_cache_and_sharing_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_many(60)
    monkeypatch.setattr(parse, "_PARALLEL_FILES", 4)
    cache = tmp_path.parent / f"{tmp_path.name}-cache"
    expected = picture(load(["."], jobs=1))
    assert '"c59"' in expected
    for jobs in (1, 2, 3):
        assert picture(load(["."], jobs=jobs)) == expected
        assert picture(load(["."], jobs=jobs, cache=cache)) == expected  # fills the cache, then reads it
        assert picture(load(["."], jobs=jobs, cache=cache)) == expected
    monkeypatch.setattr(parse, "_SHARED_FILES", 1)
    monkeypatch.setattr(share, "_MOST_KNOWN", 20)
    for jobs in (1, 2):
        assert picture(load(["."], jobs=jobs)) == expected
        assert picture(load(["."], jobs=jobs, cache=cache)) == expected
