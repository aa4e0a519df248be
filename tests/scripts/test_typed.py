"""Commands as somebody typed them."""

from __future__ import annotations

from conformance.scripts.shell import Shell
from conformance.scripts.typed import typed


def last(script: str) -> str:
    return typed(Shell(script).commands[-1])


def test_variables_are_filled_in_and_dates_shortened() -> None:
    assert last('A=$(date +%Y%m%d)\ncp one "two_$A" > log\n') == "cp one two_{%Y%m%d} > log"


def test_a_substitution_is_a_command_of_its_own() -> None:
    script = 'B=$(velero backup get | head -1)\n[ -z "$B" ]\n'
    assert last(script) == "[ -z $(…) ]"
    assert [each.name for each in Shell(script).commands] == ["velero", "head", "["]


def test_substitutions_inside_of_each_other() -> None:
    assert last("echo $(one $(two)) and $(three)\n") == "echo $(…) and $(…)"


def test_one_that_does_not_end() -> None:
    assert last("echo a$(one\n").startswith("echo a")


def test_a_pipe_may_go_on_in_the_next_line() -> None:
    one, two = Shell("one |\n\n  two\n").commands
    assert (one.pipeline, one.stage) == (two.pipeline, two.stage - 1)
    three, four = Shell("three &&\n  four\n").commands
    assert three.pipeline != four.pipeline
