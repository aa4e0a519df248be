from __future__ import annotations

import pytest

from conformance.sources.fault import Fault
from conformance.sources.unrendered import template_line
from conformance.sources.yaml_events import Builder


def guess(text: str) -> int:
    with pytest.raises(Fault) as caught:
        Builder(text).build()
    return template_line(text, caught.value, lambda again: Builder(again).build())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: {{ .Values.b }}\n", 2),
        ("# {{ comment }}\n{{- if .b }}\nb: 1\n{{- end }}\n", 2),
        ("a: 1\n{% if b %}\nb: 1\n{% endif %}\n", 2),
        ("a:\n  {{- toYaml .Values.a | nindent 2 }}\n", 2),
        ("a:\n  {{- toYaml .a }}\nb: {{ .b }}\n", 2),
        ('a: x{{ printf "%s: y" .a }}\n', 1),
        ("- {{ .a }}\n- b\n", 1),
        ('{{ define "x" }}\na: 1\n{{ end }}\n', 1),
        ("a: [ {{ .a }} ]\nb: {{ .b }}: c\n", 1),
    ],
)
def test_templates(text: str, line: int) -> None:
    assert guess(text) == line


@pytest.mark.parametrize(
    "text",
    [
        'a: "{{ $labels.instance }} is down"\nb: c: d\n',
        "a: '{{ inputs.x }}'\nb: [1, 2\n",
        "a: |\n  {{ range .x }}\n  {{ end }}\nb: c: d\n",
        "a: b: c\nd: '{{ x }}'\n",
        "a: b: c\n",
        "# {{ x }}\na: 'b\n",
    ],
)
def test_other_faults_in_files_with_braces(text: str) -> None:
    assert guess(text) == 0
