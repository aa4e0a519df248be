from __future__ import annotations

import pytest

from conformance.scripts.shell import Shell, alternatives, dated


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in Shell(text).commands]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b # c d\n# e\nf#g", [("a", "b"), ("f#g",)]),
        ("a 'b # c' \"d; e\"", [("a", "b # c", "d; e")]),
        ("a \\\n  b\r\nc", [("a", "b"), ("c",)]),
        ("cat <<EOF\nrm -rf /\nEOF\nb", [("cat",), ("b",)]),
        ("cat <<-'EOF'\n\tx\n\tEOF\nb", [("cat",), ("b",)]),
        ("if a; then b; else c; fi", [("a",), ("b",), ("c",)]),
        ("! a && b || c", [("a",), ("b",), ("c",)]),
        ("x=$(a b | c) d", [("a", "b"), ("c",), ("d",)]),
        ("a 'unclosed", [("a", "unclosed")]),
        ("a $(b", [("a", "$(b")]),
    ],
)
def test_commands_are_split_as_a_shell_splits_them(text: str, expected: list[tuple[str, ...]]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1; a $A ${A}x \"$A\" '$A'", ("a", "1", "1x", "1", "$A")),
        ("export A=b; a $A", ("a", "b")),
        ("A=${B:-c}; a $A", ("a", "c")),
        ("A=b; A=c; a ${A:?}", ("a", "c")),
        ("a $UNKNOWN ${OTHER}", ("a", "$UNKNOWN", "$OTHER")),
        ("for i in 0 1; do a w-$i; done", ("a", "w-{0,1}")),
        ("for i in 7; do a w-$i; done", ("a", "w-7")),
        ("D=$(date +%Y); a $D", ("a", "$(date +%Y)")),
        ("A=b\na \\$A", ("a", "$A")),
    ],
)
def test_variables_are_expanded_as_far_as_the_text_tells(text: str, expected: tuple[str, ...]) -> None:
    assert words(text)[-1] == expected


def test_the_last_assignment_counts_and_is_located() -> None:
    shell = Shell("A=1\nreadonly B='2'\nA=3\n")
    assert (shell.value("A"), shell.assigned["A"], shell.value("B"), shell.value("C")) == ("3", 3, "2", None)


def test_redirections_are_no_words() -> None:
    command = Shell("tar czf - x 2>/dev/null > out.tar.gz").commands[0]
    assert command.words == ("tar", "czf", "-", "x")
    assert command.outputs == ["out.tar.gz"]


def test_pipelines_know_their_stages_and_what_may_fail() -> None:
    one, two, three = Shell("a | b\nc || true").commands[:3]
    assert (one.pipeline == two.pipeline, one.stage, two.stage) == (True, 0, 1)
    assert (one.tolerated, three.tolerated) == (False, True)


@pytest.mark.parametrize(
    ("text", "stops", "pipe"),
    [
        ("set -euo pipefail", True, True),
        ("set -e", True, False),
        ("set -o errexit", True, False),
        ("#!/bin/bash -e\n", True, False),
        ("# set -e", False, False),
        ("set -u", False, False),
        ("echo set -e", False, False),
    ],
)
def test_whether_a_failure_ends_the_script(text: str, stops: bool, pipe: bool) -> None:
    assert (Shell(text).stops_on_error, Shell(text).stops_on_pipe_error) == (stops, pipe)


def test_lines_are_counted_through_continuations_and_quotes() -> None:
    shell = Shell("a\nb 'x\ny' \\\n c\nd $(\ne)\n")
    assert [(command.name, command.line) for command in shell.commands] == [("a", 1), ("b", 2), ("e", 6), ("d", 5)]


@pytest.mark.parametrize("text", ["$(date +%Y%m%d)", "$(date '+%Y%m%d')", '$(date -u +"%Y%m%d")'])
def test_dates_in_any_quoting_are_one(text: str) -> None:
    assert dated(f"a-{text}.json") == "a-{%Y%m%d}.json"


def test_braces_stand_for_alternatives_but_dates_do_not() -> None:
    assert alternatives("w-{0,1}.{a,b}") == ["w-0.a", "w-0.b", "w-1.a", "w-1.b"]
    assert alternatives("a-{%Y%m%d}") == ["a-{%Y%m%d}"]


@pytest.mark.parametrize("text", ["$(" * 5000, "a " + "{0,1}" * 40, "'" * 999, "${" * 3000, "<<A\n" * 500, "(" * 9999])
def test_hostile_scripts_are_read_to_their_end(text: str) -> None:
    for command in Shell(text).commands:
        assert len([each for word in command.words for each in alternatives(word)]) < 5000
