from __future__ import annotations

import codecs
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.sources.yaml_stream import Problem, read


def values(data: bytes | str, *, json: bool = False) -> list[Any]:
    found = read(data.encode() if isinstance(data, str) else data, json=json)
    assert found.problems == []
    return [value for _, value in found.documents]


def problems(data: bytes | str, *, json: bool = False) -> list[Problem]:
    return read(data.encode() if isinstance(data, str) else data, json=json).problems


#: every bad input and what is said of it: line, column, reason
BAD: list[tuple[str, bytes, tuple[int, int, str]]] = [
    ("mapping in a value", b"a: b: c\n", (1, 5, 'a second ": " in one value, or a wrongly indented key')),
    ("deeper key", b"a: 1\n  b: 2\n", (2, 4, 'a second ": " in one value, or a wrongly indented key')),
    ("indentation", b"a:\n  b: 1\n c: 2\n", (3, 2, "a key was expected here: the indentation or a quote is wrong")),
    ("key after items", b"- a\nb: 1\n", (2, 1, 'a "- " list item was expected here: the indentation is wrong')),
    ("item in a value", b"a: - b\n", (1, 4, 'a "- " list item cannot start here')),
    ("key mark in a value", b"a: ? b\n", (1, 4, 'a "? " key cannot start here')),
    ("no colon", b"a: 1\nb\nc: 2\n", (3, 1, 'a key without ":" after it, or a wrongly indented line')),
    ("tab", b"a:\n\tb: 1\n", (2, 1, "a tab where YAML allows only spaces")),
    ("tab in a block", b"a: |\n\tb\n", (2, 1, "a tab in the indentation, where YAML allows only spaces")),
    ("open list", b"a: [1,\n  2\nb: 1\n", (3, 2, 'a [list] is not closed, or a "," is missing')),
    ("open list at the end", b"x: 1\na: [1, 2\n\n", (2, 4, 'a [list] is not closed, or a "," is missing')),
    ("open mapping", b"a: {b: 1\n", (1, 4, 'a {mapping} is not closed, or a "," is missing')),
    ("open quote", b"a: 1\nb: 'c\nd: 1\n", (2, 4, "a quoted string is not closed")),
    ("open quote, next document", b"b: \"c\n---\nd: 1\n", (1, 4, "a quoted string is not closed")),
    ("escape", b'a: "\\q"\n', (1, 5, 'an unknown \\ escape in a "double-quoted" string')),
    ("surrogate escape", b'a: "\\ud800"\n', (1, 7, "an escape that is no character")),
    ("at sign", b"a: @b\n", (1, 4, "a value cannot start with @: quote it")),
    ("per cent", b"a: %b\n", (1, 4, "a value cannot start with %: quote it")),
    ("unknown anchor", b"a: *b\n", (1, 4, "*b names an anchor that is not defined before it")),
    ("own anchor", b"a: &b [*b]\n", (1, 8, "*b stands inside the value that it names")),
    ("list as key", b"? [a]\n: 1\n", (1, 3, "a mapping or list is used as a key")),
    ("null as key", b"~: 1\n", (1, 1, "a key must be text, not ~")),
    ("merge of a value", b"<<: 1\n", (1, 5, "<< can only merge a mapping or a list of mappings")),
    ("not a number", b"a: .nan\n", (1, 4, ".nan is a number that JSON, and so Kubernetes, cannot hold")),
    ("wrong tag", b"a: !!int b\n", (1, 4, "a value is no int, as its tag !!int says")),
    ("unknown prefix", b"a: !b!c 1\n", (1, 4, "a tag whose prefix no %TAG line declares")),
    ("YAML 3", b"%YAML 3.0\n---\na: 1\n", (1, 1, "a %YAML version other than 1.1 or 1.2")),
    ("two YAML lines", b"%YAML 1.1\n%YAML 1.1\n---\na: 1\n", (2, 1, "two %YAML lines in one document")),
    ("directive", b"%ODD 1\n---\na: 1\n", (1, 5, "a line that starts with % and is neither %YAML nor %TAG")),
    ("trailing text", b"[a]\nb: 1\n", (2, 1, 'text after the end of the document, without a "---" line')),
    ("deep", b"[" * 201 + b"]" * 201, (1, 201, "nested deeper than 200 levels")),
    ("bomb", b"a: &a [1]\nb: [" + b"*a, " * 250_000, (2, 800_005, "aliases expand to more than 400000 values")),
    ("control character", b"a: 1\nb: \x07\n", (2, 4, "control character U+0007")),
    ("Latin-1", b"a: caf\xe9\n", (1, 7, "byte 0xE9 is not UTF-8")),
    ("template", b"a: 1\nb: {{ .Values.b }}\n", (2, 1, "looks like a template, not YAML: line 2")),
    ("template block", b"# {{ x }}\n{{ if .b }}\nb: 1\n{{ end }}\n", (2, 1, "looks like a template, not YAML: line 2")),
    ("Jinja", b"a: 1\n{% if b %}\nb: 1\n{% endif %}\n", (2, 1, "looks like a template, not YAML: line 2")),
]  # fmt: skip

#: the same for whole files
BAD_FILES: list[tuple[str, bytes, str]] = [
    ("binary", b"\x89PNG\r\n\x00\x01", "binary, not text: a NUL byte at offset 6"),
    ("UTF-16 without a mark", "a: 1".encode("utf-16-le"), "binary, not text: a NUL byte at offset 1"),
    ("broken UTF-16", codecs.BOM_UTF16_LE + b"a", "not valid UTF-16, as its byte order mark says"),
    ("UTF-32", codecs.BOM_UTF32_LE + b"a", "UTF-32, which YAML parsers do not read: save it as UTF-8"),
    (
        "Git LFS",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a Git LFS pointer: the file itself was not checked out (git lfs pull)",
    ),
]  # fmt: skip

_COMMA = 'not JSON: a "," is missing here, or a bracket is not closed'

#: the same for .json files
BAD_JSON: list[tuple[str, bytes, tuple[int, int, str]]] = [
    ("no value", b'{"a": }', (1, 7, "not JSON: a value is missing here")),
    ("no comma", b'{"a": 1\n"b": 2}', (2, 1, _COMMA)),
    ("no colon", b'{"a" 1}', (1, 6, 'not JSON: a ":" is missing here')),
    ("plain key", b"{a: 1}", (1, 2, "not JSON: a key in double quotes is missing here")),
    ("open string", b'{"a": "b', (1, 7, "not JSON: a string is not closed")),
    ("line break", b'{"a": "b\nc"}', (1, 9, "not JSON: a line break or control character inside a string")),
    ("escape", b'{"a": "\\q"}', (1, 8, "not JSON: an unknown \\ escape")),
    ("not a number", b'{"a": NaN}', (1, 7, "not JSON: NaN is no JSON number")),
    ("deep", b"[" * 201 + b"]" * 201, (1, 1, "nested deeper than 200 levels")),
    ("very deep", b"[" * 200_000, (1, 1, "nested deeper than 200 levels")),
    ("template", b'{\n"a": {{ .b }}\n}', (2, 1, "looks like a template, not JSON: line 2")),
    ("braces in quotes", b'{"a": "{{ .b }}" "b": 1}', (1, 18, _COMMA)),
    (
        "commented object",
        b'{"apiVersion": "v1", // old\n"kind": "Pod"}',
        (1, 22, "not JSON: a key in double quotes is missing here"),
    ),
]


@pytest.mark.parametrize(("data", "said"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_bad_document_is_told_in_one_line(data: bytes, said: tuple[int, int, str]) -> None:
    assert problems(data)[0] == (*said, "document")


@pytest.mark.parametrize(("data", "said"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_bad_document_costs_no_other(data: bytes, said: tuple[int, int, str]) -> None:
    found = read(b"first: 1\n---\n" + data + b"\n---\nlast: 1\n")
    loaded = [value for _, value in found.documents]
    assert {"first": 1} in loaded
    assert {"last": 1} in loaded
    assert len(found.documents) + len(found.problems) == found.found
    assert found.problems[0][0] >= 2


@pytest.mark.parametrize(("data", "reason"), [each[1:] for each in BAD_FILES], ids=[each[0] for each in BAD_FILES])
def test_a_file_that_is_no_text(data: bytes, reason: str) -> None:
    found = read(data)
    assert found.problems == [(0, 0, reason, "file")]
    assert (found.documents, found.found) == ([], 1)


@pytest.mark.parametrize(("data", "said"), [each[1:] for each in BAD_JSON], ids=[each[0] for each in BAD_JSON])
def test_bad_json_is_told_in_the_terms_of_json(data: bytes, said: tuple[int, int, str]) -> None:
    found = read(data, json=True)
    assert found.problems == [(*said, "document")]
    assert (found.documents, found.found) == ([], 1)


@pytest.mark.parametrize(
    "data",
    [
        b"a: 1\n---\nb: 2\n",
        b"---\na: 1\n---\nb: 2",
        b"--- # one\na: 1\n---    \nb: 2\n---\n",
        b"a: 1\n...\n---\nb: 2\n...\n",
        b"a: 1\n...\nb: 2\n",
        b"--- {a: 1}\n--- \n{b: 2}\n",
        b"%YAML 1.1\n---\na: 1\n...\n# c\n%YAML 1.1\n---\nb: 2\n",
        b"\xef\xbb\xbfa: 1\r\n---\r\nb: 2\r\n",
        b"a: 1\r---\rb: 2\r",
        "a: 1\n---\nb: 2\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "a: 1\n---\nb: 2\n".encode("utf-16-be"),
        b'{"a": 1}\n{"b": 2}',
        b'{"a": 1.0}{"b": 2e0}',
        b"null\n---\na: 1\n---\n# nothing\n---\n~\n---\nb: 2\n",
    ],
)
def test_documents_are_told_apart(data: bytes) -> None:
    found = read(data)
    assert [value for _, value in found.documents] == [{"a": 1}, {"b": 2}]
    assert (found.problems, found.found) == ([], 2)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"# only a comment", b"---\n---\n...\n", b"---\n# c\n", b"\xef\xbb\xbf", b"null\n"]
)
def test_empty_files_hold_nothing(data: bytes) -> None:
    assert (read(data).documents, read(data).problems, read(data).found) == ([], [], 0)


def test_a_marker_ends_even_a_block() -> None:
    assert values("a: |\n  x\n---\n  b: 2\n") == [{"a": "x\n"}, {"b": 2}]
    assert values("a: |\n  ---\n  x\n") == [{"a": "---\nx\n"}]


def test_keys_that_stand_twice_are_told_with_both_lines_and_the_document_stays() -> None:
    found = read(b"kind: A\n---\na:\n  b: 1\n  c: [{d: 1, d: 2}]\n  b: 2\na2: 1\n")
    assert [value for _, value in found.documents][1] == {"a": {"b": 2, "c": [{"d": 2}]}, "a2": 1}
    assert found.problems == [
        (5, 14, 'key "a.c[0].d" stands twice, on line 5; the last one counts', "duplicate key"),
        (6, 3, 'key "a.b" stands twice, on lines 4 and 6; the last one counts', "duplicate key"),
    ]


def test_keys_that_stand_twice_in_json() -> None:
    found = read(b'{"x": "\\ud83d\\ude00\\/",\n"a": 1,\n\t"a": 2}', json=True)
    assert [value for _, value in found.documents] == [{"x": "\U0001f600/", "a": 2}]
    assert found.problems == [(3, 2, 'key "a" stands twice, on lines 2 and 3; the last one counts', "duplicate key")]


def test_a_key_that_a_merge_brings_does_not_stand_twice() -> None:
    assert values("a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n")[0]["b"] == {"x": 2}


def test_not_every_one_of_many_repeated_keys_is_told() -> None:
    found = problems("a: 1\n" * 1000)
    assert len(found) == 21
    assert found[-1] == (22, 1, "979 more keys stand twice in this document", "duplicate key")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1.0, "b": 1e3, "c": 9007199254740993, "d": -0.0}', {"a": 1, "b": 1000, "c": 9007199254740993, "d": 0}),
        ('{"a": "\\ud800"}', {"a": "\ufffd"}),
        ('{"a": "\\\\ud800"}', {"a": "\\ud800"}),
        ('{"a": 1, // one\n /* two */ "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ('{"a": "// no", "b": "/* no */", "c": ",]", }', {"a": "// no", "b": "/* no */", "c": ",]"}),
        ("a: yes\n", {"a": True}),
    ],
)
def test_json_files(text: str, value: object) -> None:
    assert values(text, json=True) == [value]


def test_yaml_may_be_json_with_what_only_yaml_allows() -> None:
    assert values("{a: 1, 'b': 2,} # c\n") == [{"a": 1, "b": 2}]


names = st.text("abc-._", min_size=1, max_size=6)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("ab :#-'\"{}[]|>\n\té", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(names, plain, min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(st.lists(objects, min_size=1, max_size=4), st.booleans(), st.sampled_from(("\n", "\r\n")), st.booleans())
def test_streams_of_documents_survive(documents: list[dict[str, Any]], flow: bool, line_end: str, wide: bool) -> None:
    text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper, default_flow_style=flow, allow_unicode=True)
    data = text.replace("\n", line_end).encode("utf-16" if wide else "utf-8")
    assert values(data) == documents


@pytest.mark.parametrize(
    "text",
    [
        "{}" * 50_000,
        "---\n" * 100_000,
        '"' * 100_001,
        "'" * 100_001,
        "a: " + ":" * 200_000,
        "a: x" + " " * 200_000 + "y",
        "".join(f"k{n}: |\n  t\n" for n in range(5_000)),
        "%a\n---\n" * 5_000,
        '{"a": "' + '\\"' * 100_000,
        '{"a": 1,' + "/* " * 100_000,
        "{" + ", " * 100_000,
        "{{" * 50_000,
        "a: {{ x }}\n" + "{% " * 50_000,
        "#" * 1_000_000,
        "\t" * 100_000,
    ],
)
@pytest.mark.parametrize("json", [False, True])
def test_hostile_text_takes_no_more_than_linear_time(text: str, json: bool) -> None:
    started = time.perf_counter()
    found = read(text.encode(), json=json)
    assert len(found.documents) + len(found.problems) >= found.found
    assert time.perf_counter() - started < 10  # a guard against hanging, not a benchmark
