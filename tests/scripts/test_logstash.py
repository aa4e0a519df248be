"""Pipelines of Logstash: their grammar, and what filters make of events."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.scripts.logstash import Branch, Field, LogstashError, Plugin, parse, plugins
from conformance.scripts.logstash_events import run


def _run(filters: str, **event: Any) -> dict[str, Any]:
    return run(parse(f"filter {{ {filters} }}")["filter"], dict(event))


def test_plugins_settings_and_branches() -> None:
    found = parse(
        """
        # a comment with "quotes" and { braces
        input { beats { port => 5044 ssl_enabled => false } }
        filter {
          if [a][b] == "x" and ([c] or !([d] =~ /y.z/)) {
            mutate { add_tag => [ "one", 'two' ] rename => { "a" => "b" "c" => "d" } }
          } else if "t" in [tags] { drop { } } else { json { source => "message" } }
        }
        output { stdout { } }
        output { elasticsearch { hosts => "h:9200" } }
        """
    )
    assert [each.name for each in plugins(found["input"])] == ["beats"]
    (beats,) = plugins(found["input"])
    assert beats.settings == {"port": 5044.0, "ssl_enabled": "false"}
    (branch,) = found["filter"]
    assert isinstance(branch, Branch)
    assert [each.name for each in plugins(found["filter"])] == ["mutate", "drop", "json"]
    mutate = branch.cases[0][1][0]
    assert isinstance(mutate, Plugin)
    assert (mutate.line, mutate.settings["add_tag"]) == (6, ["one", "two"])
    assert mutate.settings["rename"] == {"a": "b", "c": "d"}
    assert branch.cases[1][0].parts[1] == Field(("tags",))
    assert branch.cases[2][0] is None
    assert [each.name for each in plugins(found["output"])] == ["stdout", "elasticsearch"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("filter {", "line 1: the end stands where word is expected"),
        ("filter {\n grok { match => } }", "line 2: } is no value"),
        ("filters { }", "line 1: filters is no section"),
        ("filter { if [a { } }", "line 1: { stands where ] is expected"),
        ("filter { ` }", "is not understood"),
    ],
)
def test_what_is_no_pipeline_says_where(text: str, problem: str) -> None:
    with pytest.raises(LogstashError, match=problem.replace("[", r"\[").replace("]", r"\]")):
        parse(text)


def test_grok_captures_converts_and_overwrites() -> None:
    pattern = '"message" => "%{LOGLEVEL:level} %{GREEDYDATA:message} took=%{NUMBER:took:float}ms"'
    event = _run(f'grok {{ match => {{ {pattern} }} overwrite => ["message"] }}', message="INFO GET / took=12.5ms")
    assert event == {"level": "INFO", "message": "GET /", "took": 12.5, "tags": []}
    kept = _run(f"grok {{ match => {{ {pattern} }} }}", message="INFO GET / took=12.5ms")
    assert kept["message"] == ["INFO GET / took=12.5ms", "GET /"]


def test_a_grok_that_fails_tags_and_adds_nothing() -> None:
    event = _run('grok { match => { "message" => ["%{INT:n}!", "%{INT:n}\\?"] } add_tag => ["matched"] }', message="x")
    assert event["tags"] == ["_grokparsefailure"]


@pytest.mark.parametrize(
    ("condition", "event", "holds"),
    [
        ("[n] > 1000", {"n": 1000.1}, True),
        ("[n] > 1000", {"n": 1000}, False),
        ("[n] > 1000", {"n": "2000"}, False),
        ("[n] > 1000", {}, False),
        ("[n] and [n] <= 5", {"n": 5}, True),
        ('[a][b] != "x"', {}, True),
        ('[a] in ["x", "y"]', {"a": "y"}, True),
        ('[a] not in ["x", "y"]', {"a": "y"}, False),
        ('"err" in [message]', {"message": "an error"}, True),
        ("[a] =~ /^gate.*/", {"a": "gateway"}, True),
        ("[a] !~ /^gate.*/", {"a": "gateway"}, False),
        ("!([a]) or [b]", {"a": 1}, False),
        ("[a] xor [b]", {"a": 1, "b": 2}, False),
        ("[a] nand [b]", {"a": 1}, True),
    ],
)
def test_conditions(condition: str, event: dict[str, Any], holds: bool) -> None:
    found = _run(
        f'if {condition} {{ mutate {{ add_tag => "held" }} }} else {{ mutate {{ add_tag => "not" }} }}', **event
    )
    assert found["tags"] == ["held" if holds else "not"]


def test_json_with_and_without_a_target() -> None:
    assert _run('json { source => "message" }', message='{"a": {"b": 1}}')["a"] == {"b": 1}
    assert _run('json { source => "message" target => "[x][y]" }', message='{"a": 1}')["x"] == {"y": {"a": 1}}
    assert _run('json { source => "message" }', message="no")["tags"] == ["_jsonparsefailure"]
    assert "tags" not in _run('json { source => "message" skip_on_invalid_json => true }', message="no")


def test_mutate_converts_removes_and_adds() -> None:
    filters = 'mutate { convert => { "n" => "float" } remove_field => ["x"] add_field => { "y" => "z" } }'
    assert _run(filters, n="1.5", x=1) == {"n": 1.5, "y": "z", "tags": []}


def test_a_filter_that_is_not_known_is_an_error() -> None:
    with pytest.raises(LogstashError, match="the filter ruby is not tried out"):
        _run('ruby { code => "event" }')
    with pytest.raises(LogstashError, match="the pattern NOTHING is not known"):
        _run('grok { match => { "message" => "%{NOTHING:x}" } }', message="x")
