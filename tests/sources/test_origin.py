from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.object import Location
from conformance.kube.path import Path as FieldPath
from conformance.sources import origin as origins
from conformance.sources.load import load
from conformance.sources.origin import FileOrigin

POD = """\
# a comment
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  securityContext: &context
    runAsNonRoot: true
    fsGroup: 1
  containers:
  - name: web
    image: web:1
    securityContext:
      <<: *context
      privileged: true
  - &second
    name: second
  - *second
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def place(data: str | bytes, field: str | FieldPath, *, name: str = "a.yaml", index: int = 0) -> str:
    Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
    loaded = load(["."])
    things = [*loaded.objects, *loaded.documents]
    return str(things[index].locate(field))


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("", "a.yaml:2:1"),
        ("kind", "a.yaml:3:1"),
        ("metadata.name", "a.yaml:4:12"),
        ("metadata.labels.app", "a.yaml:4:32"),
        ("spec.containers", "a.yaml:9:3"),
        ("spec.containers[0]", "a.yaml:10:5"),
        ("spec.containers[0].image", "a.yaml:11:5"),
        # what is not there is shown at its nearest parent
        ("spec.containers[0].resources.limits", "a.yaml:10:5"),
        ("spec.containers[7].image", "a.yaml:9:3"),
        ("status", "a.yaml:2:1"),
        # merged and aliased content stands where it is written, an aliased element where the alias is
        ("spec.containers[0].securityContext.runAsNonRoot", "a.yaml:7:5"),
        ("spec.containers[0].securityContext.privileged", "a.yaml:14:7"),
        ("spec.containers[2]", "a.yaml:17:5"),
        ("spec.containers[2].name", "a.yaml:16:5"),
    ],
)
def test_fields_of_a_pod(field: str, where: str) -> None:
    assert place(POD, field) == where


@pytest.mark.parametrize(
    "encoded", [POD.replace("\n", "\r\n").encode(), POD.encode("utf-16"), b"\xef\xbb\xbf" + POD.encode()]
)
def test_line_breaks_and_encodings_do_not_matter(encoded: bytes) -> None:
    assert place(encoded, "spec.containers[0].image") == "a.yaml:11:5"
    assert place(encoded, "spec.containers[0].securityContext.fsGroup") == "a.yaml:8:5"


def test_columns_count_characters_not_bytes() -> None:
    assert place('{"é": 1, "b": 2}', "b") == "a.yaml:1:10"


def test_lines_count_from_the_start_of_the_file() -> None:
    text = "# one\n---\na: 1\n---\n\n---\n# six\nb:\n  c: 1\n...\n---\nd: 1\n"
    assert [place(text, field, index=index) for index, field in enumerate(("a", "b.c", "d"))] == [
        "a.yaml:3:1",
        "a.yaml:9:3",
        "a.yaml:12:1",
    ]


def test_the_last_of_two_equal_keys_counts() -> None:
    assert place("a: 1\nb: 1\na: {c: 1}\n", "a.c") == "a.yaml:3:5"


def test_json_is_located_too() -> None:
    text = '{"x": "\\ud83d\\ude00", "y": "\\/",\n\t"spec": {"a": [1, {"b": 2}]}}\n  {"second": 1}'
    assert place(text, "spec.a[1].b", name="a.json") == "a.json:2:21"
    assert place(text, "second", name="a.json", index=1) == "a.json:3:4"


def test_commented_json_is_located_too() -> None:
    assert place('{ // one\n "a": {\n "b": 1, },\n}', "a.b", name="a.json") == "a.json:3:2"


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata:
    name: one
-   apiVersion: v1
    kind: ConfigMap
    metadata: {name: two}
"""


def test_elements_of_a_list_are_located_in_it() -> None:
    assert place(LIST, "metadata.name") == "a.yaml:7:5"
    assert place(LIST, "metadata.name", index=1) == "a.yaml:10:16"
    assert place(LIST, "", index=1) == "a.yaml:8:5"


def test_large_lists_are_searched_element_by_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "_LARGE", 10)
    monkeypatch.setattr(origins, "_SMALL", 0)
    text = "# first\n---\n" + LIST
    assert place(text, "metadata.name") == "a.yaml:9:5"
    assert place(text, "metadata.name", index=1) == "a.yaml:12:16"
    assert place(text, "data.x", index=1) == "a.yaml:10:5"
    aliased = LIST.replace("name: one", "name: &n one").replace("name: two", "name: two, labels: {a: *n}")
    assert place(aliased, "metadata.labels.a", index=1) == "a.yaml:10:36"


def test_no_line_of_a_changed_file_is_shown() -> None:
    Path("a.yaml").write_text(POD)
    pod = load(["."]).objects[0]
    Path("a.yaml").write_text("\n\n" + POD)
    assert pod.locate("kind") == Location("a.yaml")
    Path("a.yaml").unlink()
    assert pod.locate("metadata") == Location("a.yaml")


def test_an_unreadable_document_beside_it_does_not_move_a_line() -> None:
    assert place("a: [\n---\nb: 1\n", "b") == "a.yaml:3:1"


def test_origins_of_one_file_share_it() -> None:
    Path("a.yaml").write_text("a: 1\n---\nb: 1\n")
    one, two = (document.origin for document in load(["."]).documents)
    assert isinstance(one, FileOrigin)
    assert isinstance(two, FileOrigin)
    assert one.file is two.file
    assert (one.number, two.number, one.path) == (0, 1, "a.yaml")
