"""The quick reader may give up at any time; when it answers, libyaml's events must give the same."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.sources import yaml_block
from conformance.sources.fault import Fault
from conformance.sources.yaml_events import Builder

KEYS = (
    "a",
    "b",
    "c.d/e",
    "'f'",
    '"g"',
    "yes",
    "1",
    "1.5",
    "null",
    "<<",
    "x y",
    "h:i",
    "*",
    "?",
    "''",
    "-j",
    "~",
    "- k",
)
VALUES = (
    *("1", "0644", "1e3", "on", "~", "x", "x y", "x: y", "x #c", "x# c", "x:y", "http://h/p?q=r#s", "-1", "--f=g:8"),
    *("'q'", "'it''s'", '"q"', '"a \\" b"', '"\\q"', "'q' # c", "'q' r", "'open", '"open', "$(X)", "^a$", "a'b", "\\"),
    *("[]", "{}", "[a, 'b']", "{a: 1, b: [2]}", "[a] # c", "[a", "{a: 1, a: 2}", "[&x 1, *x]", "{{ .Values.x }}"),
    *(
        "|",
        "|-",
        "|+",
        ">",
        ">-",
        ">+",
        "|2",
        "> # c",
        "&x y",
        "*x",
        "!!str 1",
        "- a",
        "- - a",
        "@a",
        "`a",
        "%a",
        "=",
        "",
    ),
)
LOOSE = ("more", "more # c", "b'", 'b"', "]", "}", "# c", "- x", "x: y", "'", "...", "---x")

indents = st.integers(0, 6).map(lambda width: " " * width)
keyed = st.builds(
    lambda dash, key, colon, value: f"{dash}{key}{colon}{value}",
    st.sampled_from(("", "", "", "- ", "-  ")),
    st.sampled_from(KEYS),
    st.sampled_from((": ", ": ", ":  ", ":")),
    st.sampled_from(VALUES),
)
lines = st.builds(
    str.__add__,
    indents,
    st.one_of(
        keyed, keyed, st.sampled_from(VALUES).map("- ".__add__), st.sampled_from(LOOSE), st.just(""), st.just("-")
    ),
)


@st.composite
def manifests(draw: st.DrawFn, depth: int = 0, column: int = 0) -> list[str]:
    """Lines that are mostly well indented, so that the quick reader seldom gives up at once."""
    found: list[str] = []
    for key in draw(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4, unique=True)):
        kind = draw(st.integers(0, 9)) if depth < 4 else 0
        head = f"{' ' * column}{key}:"
        if kind < 4:
            found.append(f"{head} {draw(st.sampled_from(VALUES))}")
        elif kind < 6:
            found += [head, *draw(manifests(depth + 1, column + draw(st.sampled_from((1, 2, 2, 4)))))]
        elif kind < 8:
            dash = column + draw(st.sampled_from((0, 0, 2)))
            below = draw(manifests(depth + 1, dash + 2))
            found += [head, " " * dash + "- " + below[0].lstrip(" "), *below[1:]]
        else:
            deeper = " " * (column + draw(st.sampled_from((1, 2, 2, 4))))
            text = draw(st.lists(st.sampled_from(("t", "  t", "", "# t", "k: v", "\t")), max_size=4))
            found += [f"{head} {draw(st.sampled_from(('|', '>', '|-', '>-', '|+', 'p', 'open')))}"]
            found += [deeper + each for each in text]
    return found


def agree(text: str) -> None:
    found = yaml_block.build(text)
    if found is None:
        return
    builder = Builder(text)
    try:
        value = builder.build()
    except Fault as fault:
        pytest.fail(f"accepted although {fault.reason}: {text!r}")
    assert json.dumps(found[0]) == json.dumps(value)
    assert not builder.repeated
    assert value is None or found[1] == builder.line


@settings(max_examples=600, deadline=None)
@given(st.one_of(manifests(), manifests(), st.lists(lines, max_size=6)), st.sampled_from(("\n", "", "\n\n")))
def test_agrees_with_libyaml(found: list[str], end: str) -> None:
    if not any(line.startswith(("---", "...", "%")) for line in found):
        agree("\n".join(found) + end)


MANIFEST = """\
# a comment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web   # the name
  annotations:
    "quoted/key": 'it''s'
    escaped: "a \\"b\\""
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: registry.example.org:5000/web:1.0
        args:
        - --listen=:8080
        - -v
        command: ["sh", "-c", "exit 0"]
        resources: {limits: {cpu: 100m}}
      -
        name: second
      volumes: []
data:
  script: |
    #!/bin/sh
    # not a comment

    echo "a: b"
  folded: >-
    two
    lines
  plain: goes on
    below
  quoted: "goes on
    below"
  list: [a,
    b]
"""


def test_reads_what_manifests_are_made_of() -> None:
    found = yaml_block.build(MANIFEST)
    assert found is not None
    value, first = found
    assert first == 2
    assert value == Builder(MANIFEST).build()
    web, second = value["spec"]["template"]["spec"]["containers"]
    assert web["args"] == ["--listen=:8080", "-v"]
    assert second == {"name": "second"}
    assert value["data"] == {
        "script": '#!/bin/sh\n# not a comment\n\necho "a: b"\n',
        "folded": "two lines",
        "plain": "goes on below",
        "quoted": "goes on below",
        "list": ["a", "b"],
    }


def test_begins_behind_a_marker() -> None:
    assert yaml_block.build("--- # first\na: 1\n") == ({"a": 1}, 2)
    assert yaml_block.build("--- {a: 1}\n") is None


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a: &x 1\n",
        "a: *x\n",
        "a: !!str 1\n",
        "<<: {a: 1}\n",
        "a:\n  b: 1\n c: 2\n",
        "a: 1\n  b: 2\n",
        "a:\n\tb: 1\n",
        "a: [&x 1, *x]\n",
        "a: {b: 1, b: 2}\n",
        "? a\n: b\n",
        "null: 1\n",
        "a\n",
        "- a\nb: 1\n",
        "a: " + "[" * 30 + "]" * 30 + "\n",
        "".join(" " * n + "a:\n" for n in range(190)) + " " * 190 + "a: 1\n",
        "a: " + "x" * 30_000 + "\n",
    ],
)
def test_gives_up_where_it_is_not_sure(text: str) -> None:
    assert yaml_block.build(text) is None


def test_values_of_one_line_are_shared_by_documents() -> None:
    one, two = yaml_block.build("a: [x, y]\n"), yaml_block.build("b: 1\na: [x, y]\n")
    assert one is not None
    assert two is not None
    assert one[0]["a"] is two[0]["a"]
