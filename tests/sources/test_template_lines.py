"""Numbers of template lines."""

from __future__ import annotations

from textwrap import dedent

import pytest

from conformance.sources.template_lines import annotate, prints, template_line


def numbered(text: str) -> list[str]:
    return annotate(dedent(text).lstrip("\n"), "a1").split("\n")


def test_lines_that_print_carry_their_number() -> None:
    assert numbered("""
        kind: Pod
        metadata:
          name: {{ .Release.Name }}
    """) == [
        "kind: Pod #plumbline:a1:1",
        "metadata: #plumbline:a1:2",
        "  name: {{ .Release.Name }} #plumbline:a1:3",
        "",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{{- if .Values.enabled }}",
        "  {{- else if and .a (eq .b 2) }}",
        "{{- end }}",
        "{{- range $key, $value := .Values.env }}",
        "{{- with .Values.x }}{{- if .y }}",
        '{{- $name := include "x" . }}',
        "{{/* nothing */}}",
        "# comment",
        "",
        "---",
    ],
)
def test_lines_that_only_steer_carry_none(line: str) -> None:
    assert annotate(line, "a1") == line
    assert not prints(line) or line == "---"


@pytest.mark.parametrize(
    "line", ["{{ if .x }}{{ .y }}{{ end }}", "{{- toYaml .x | nindent 4 }}", '{{ include "x" . }}']
)
def test_lines_that_steer_and_print_do(line: str) -> None:
    assert annotate(line, "a1") == f"{line} #plumbline:a1:1"
    assert prints(line)


def test_a_comment_after_a_trimming_action_would_join_its_value() -> None:
    assert numbered("name: {{ .Values.name -}}\n") == ["name: {{ .Values.name -}}", ""]


def test_an_action_of_several_lines_is_not_broken() -> None:
    assert numbered("""
        name: {{ printf "%s"
          .Release.Name }}
        kind: Pod
    """) == ['name: {{ printf "%s"', "  .Release.Name }} #plumbline:a1:2", "kind: Pod #plumbline:a1:3", ""]


def test_a_value_of_several_lines_is_not_broken() -> None:
    assert numbered("""
        description: a text
          that goes on
        kind: Pod
    """) == ["description: a text", "  that goes on", "kind: Pod #plumbline:a1:3", ""]


def test_a_file_that_defines_templates_stays_as_it_is() -> None:
    text = '{{- define "name" }}\nname: x\n{{- end }}\n'
    assert annotate(text, "a1") == text


TEMPLATE = [
    "kind: Pod",
    "spec:",
    "  {{- with .Values.selector }}",
    "  nodeSelector:",
    "    {{- toYaml . | nindent 4 }}",
    "  {{- end }}",
    "  hostNetwork: true",
]
OUTPUT = [
    "kind: Pod #plumbline:a1:1",
    "spec: #plumbline:a1:2",
    "  nodeSelector: #plumbline:a1:4",
    "    a: b",
    "    c: d #plumbline:a1:5",
    "  hostNetwork: true #plumbline:a1:7",
]


@pytest.mark.parametrize(("index", "line"), [(0, 1), (2, 4), (3, 5), (4, 5), (5, 7)])
def test_a_printed_line_leads_to_its_template_line(index: int, line: int) -> None:
    assert template_line(OUTPUT, index, TEMPLATE, "a1") == line


def test_a_line_without_a_number_is_not_guessed() -> None:
    template = ["a: {{ .x -}}", "b: {{ .y }}"]
    assert template_line(["a: 1", "b: 2 #plumbline:a1:2"], 0, template, "a1") == 0


def test_a_line_of_plain_text_prints_only_itself() -> None:
    assert template_line(["a: 1", "b: 2 #plumbline:a1:1"], 0, ["b: 2"], "a1") == 0


def test_a_line_that_another_template_printed_has_no_line_here() -> None:
    assert template_line(["a: 1 #plumbline:b2:3"], 0, ["a: 1"], "a1") == 0
