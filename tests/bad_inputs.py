"""Every bad input that docs/bad-input.md promises an answer to: how it is made, and what must be said about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good, namespace: shop}\n"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: web, image: web}]}\n"
)
PROFILE = "name: house\ntitle: House rules\ndocument: House rules\n"
RULE = """\
- id: house-two
  title: Two of everything
  statement: A Deployment MUST have two replicas.
  source: {section: "1"}
  keyword: MUST
  basis: explicit
  severity: high
  scope: [manifests]
  match: {kind: Deployment}
  check: declared
  expect: {spec: {replicas: 2}}
  remediation: Raise spec.replicas.
"""
WAIVER = """\
- requirement: pod-security-baseline-host-ports
  object: Pod/shop/web
  reason: for a while
  owner: me
  expires: "2999-01-01"
"""


def file(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Makes one file below the folder of a case."""

    def make(place: Path) -> None:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def both(*makers: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        for each in makers:
            each(place)

    return make


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda place: (place / name).symlink_to(target)


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines) + "\n"


def nothing(place: Path) -> None:
    """The folder `tree` with one good object is always there."""


@dataclass(frozen=True)
class Case:
    """One row: the input in words, what must be said word for word, the exit code, and how to bring it about."""

    input: str
    message: str
    code: int
    make: Callable[[Path], None] = nothing
    arguments: tuple[str, ...] = ("tree",)


FILES = (
    Case(
        "a wrongly indented key",
        'tree/x.yaml:1:5  document: a second ": " in one value, or a wrongly indented key',
        1,
        file("tree/x.yaml", "a: b: c\n"),
    ),
    Case(
        "a broken document between good ones",
        'tree/x.yaml:5:4  document: a [list] is not closed, or a "," is missing',
        1,
        file("tree/x.yaml", f"{CONFIG_MAP}---\na: [\n  b\n---\n{CONFIG_MAP}"),
    ),
    Case(
        "a tab in the indentation",
        "tree/x.yaml:2:1  document: a tab where YAML allows only spaces",
        1,
        file("tree/x.yaml", "a:\n\tb: 1\n"),
    ),
    Case(
        "a quote that is never closed",
        "tree/x.yaml:1:4  document: a quoted string is not closed",
        1,
        file("tree/x.yaml", 'a: "b\nc: d\n'),
    ),
    Case(
        "a document that is one word",
        "tree/x.yaml:1:1  document: a single value, not a mapping or a list",
        1,
        file("tree/x.yaml", "hello\n"),
    ),
    Case(
        "a Go template outside a chart",
        "tree/x.yaml:3:1  document: looks like a template, not YAML: line 3",
        1,
        file("tree/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.name }}}\n"),
    ),
    Case(
        "a key that stands twice",
        'tree/x.yaml:3:1  key "b" stands twice, on lines 2 and 3; the last one counts',
        1,
        file("tree/x.yaml", "a: 1\nb: 2\nb: 3\n"),
    ),
    Case(
        "an alias without an anchor",
        "tree/x.yaml:1:4  document: *nothing names an anchor that is not defined before it",
        1,
        file("tree/x.yaml", "a: *nothing\n"),
    ),
    Case(
        "aliases that multiply (a bomb)",
        "tree/x.yaml:6:30  document: aliases expand to more than 400000 values",
        1,
        file("tree/x.yaml", bomb()),
    ),
    Case(
        "nesting without end",
        "tree/x.yaml:1:203  document: nested deeper than 200 levels",
        1,
        file("tree/x.yaml", "a: " + "[" * 100_000 + "\n"),
    ),
    Case(
        "broken JSON",
        'tree/x.json:1:8  document: not JSON: a "," is missing here, or a bracket is not closed',
        1,
        file("tree/x.json", '{"a": 1'),
    ),
    Case(
        "a List whose elements are no objects",
        "tree/x.yaml:3:9  element: element 0 of this List is no object",
        1,
        file("tree/x.yaml", "apiVersion: v1\nkind: List\nitems: [1]\n"),
    ),
    Case(
        "a field of the wrong type",
        "spec.containers is a string, not a list",
        1,
        file("tree/x.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: many}\n"),
    ),
    Case(
        "a binary file named .yaml",
        "tree/x.yaml  file: binary, not text: a NUL byte at offset 8",
        1,
        file("tree/x.yaml", b"\x89PNG\r\n\x1a\n\x00\x00"),
    ),
    Case(
        "bytes that are not UTF-8",
        "tree/x.yaml:1:5  document: byte 0xFF is not UTF-8",
        1,
        file("tree/x.yaml", b'a: "\xff"\n'),
    ),
    Case(
        "UTF-16 with a byte order mark (read like any other)",
        "tree/x.yaml:4:21  Pod shop/web",
        1,
        file("tree/x.yaml", b"\xff\xfe" + POD.encode("utf-16-le")),
        ("tree", "--profile", "pod-security"),
    ),
    Case(
        "a file above 64 MiB",
        "tree/x.yaml  file: 67108865 bytes, above the limit of 67108864",
        1,
        lambda place: _sparse(place / "tree" / "x.yaml", 64 * 2**20 + 1),
    ),
    Case(
        "a pipe named .yaml",
        "tree/x.yaml  file: a pipe, socket or device, not a file",
        1,
        lambda place: os.mkfifo(place / "tree" / "x.yaml"),
    ),
    Case(
        "a symbolic link to itself",
        "tree/x.yaml  file: a symbolic link that leads back to itself",
        1,
        link("tree/x.yaml", "x.yaml"),
    ),
    Case(
        "a symbolic link to nothing",
        "tree/x.yaml  file: a symbolic link to nothing",
        1,
        link("tree/x.yaml", "y.yaml"),
    ),
    Case(
        "a symbolic link out of the given paths",
        "tree/x.yaml  file: a symbolic link that leads out of the given paths",
        1,
        both(file("other.yaml", POD), link("tree/x.yaml", "../other.yaml")),
    ),
    Case(
        "a kustomization that names a missing file",
        "tree/kustomization.yaml:1:13  kustomization: resources names nope.yaml, which does not exist",
        1,
        file("tree/kustomization.yaml", "resources: [nope.yaml]\n"),
    ),
)

OPTIONS = (
    Case(
        "no command", "plumbline: the following arguments are required: COMMAND (plumbline --help shows the usage)", 4
    ),
    Case("an unknown option", "plumbline: unrecognized arguments: --nope (plumbline --help shows the usage)", 4),
    Case("a path that does not exist", "plumbline: nope: no such file or directory", 4, nothing, ("nope",)),
    Case("an empty path", "plumbline: a PATH is empty: is a variable not set?", 4, nothing, ("",)),
    Case(
        "an unknown or empty profile",
        "plumbline: --profile nope: there is no such profile; there are access, gitops, homelab",
        4,
        nothing,
        ("tree", "--profile", "nope"),
    ),
    Case(
        "a number of jobs below 0",
        "plumbline: --jobs -1: 0 (one for each core) or more",
        4,
        nothing,
        ("tree", "--jobs", "-1"),
    ),
    Case(
        "an unknown severity",
        "plumbline: --fail-on bad: not one of info, low, medium, high, critical",
        4,
        nothing,
        ("tree", "--fail-on", "bad"),
    ),
    Case(
        "a day that is none",
        "plumbline: --as-of soon: not a date such as 2027-01-31, nor today",
        4,
        nothing,
        ("tree", "--as-of", "soon"),
    ),
    Case(
        "a Kubernetes version without schemas",
        "plumbline: --kube-version: no schemas of Kubernetes 1.2; there are 1.32, 1.33, 1.34, 1.35, 1.36, 1.37",
        4,
        nothing,
        ("tree", "--kube-version", "1.2"),
    ),
    Case(
        "a schema file that is none",
        "tree/good.yaml holds no schemas written by `plumbline schemas`",
        4,
        nothing,
        ("tree", "--schemas", "tree/good.yaml"),
    ),
    Case(
        "a values option without a chart",
        "plumbline: --values x: expected CHART_GLOB=FILE[,FILE...], e.g. charts/*=values-prod.yaml",
        4,
        nothing,
        ("tree", "--values", "x"),
    ),
    Case(
        "an expression that pytest does not understand",
        "ERROR: Wrong expression passed to '-k': and: at column 1: expected not OR left parenthesis OR identifier;",
        4,
        nothing,
        ("tree", "-k", "and"),
    ),
    Case(
        "an expression that selects nothing",
        "No requirement was selected, so nothing was judged (exit code 5): does -k match the id of any?",
        5,
        nothing,
        ("tree", "-k", "nosuchthing"),
    ),
    Case(
        "nothing that any requirement speaks of",
        "Nothing is known about empty: no requirement found anything to look at (exit code 5).",
        5,
        lambda place: (place / "empty").mkdir(),
        ("empty",),
    ),
)

REPORTS = (
    Case(
        "an unknown format of a report",
        "--report pdf=x: write FORMAT=FILE with a format of text, json, junit, sarif, markdown, html, gitlab,"
        " policyreport, openreports",
        4,
        nothing,
        ("tree", "--report", "pdf=x"),
    ),
    Case(
        "a report into a folder that does not exist",
        "plumbline: --report json=no/x: the folder of that file does not exist",
        4,
        nothing,
        ("tree", "--report", "json=no/x"),
    ),
    Case(
        "a folder in place of a report",
        "plumbline: --report json=tree: that is a folder, not a file",
        4,
        nothing,
        ("tree", "--report", "json=tree"),
    ),
    Case(
        "a report that cannot be written",
        "plumbline: /dev/full: the json report was not written: No space left on device",
        1,
        nothing,
        ("tree", "--report", "json=/dev/full"),
    ),
)

POLICIES = (
    Case(
        "a policies folder without a profile",
        "plumbline: --policies tree: no profile.yaml there or in a folder below it",
        4,
        nothing,
        ("tree", "--policies", "tree"),
    ),
    Case(
        "a profile without a title",
        'plumbline: house/profile.yaml:1:1: "title" is a required property',
        4,
        file("house/profile.yaml", "name: house\ndocument: House rules\n"),
        ("tree", "--policies", "house"),
    ),
    Case(
        "a policy file that is broken YAML",
        'plumbline: house/a.yaml:1:5: a second ": " in one value, or a wrongly indented key',
        4,
        both(file("house/profile.yaml", PROFILE), file("house/a.yaml", "a: b: c\n")),
        ("tree", "--policies", "house"),
    ),
    Case(
        "a policy with a word that is none",
        'plumbline: house/a.yaml:7:3: [0].severity: "hi" is not one of critical, high, medium, low, info',
        4,
        both(file("house/profile.yaml", PROFILE), file("house/a.yaml", RULE.replace("severity: high", "severity: hi"))),
        ("tree", "--policies", "house"),
    ),
    Case(
        "a policy that names an unknown check",
        "plumbline: house/a.yaml:10:3: house-two: check: there is no check named x",
        4,
        both(file("house/profile.yaml", PROFILE), file("house/a.yaml", RULE.replace("check: declared", "check: x"))),
        ("tree", "--policies", "house"),
    ),
    Case(
        "an unknown key in plumbline.toml",
        "plumbline: tree/plumbline.toml: profile: no such key; there are profiles, policies, waivers,",
        4,
        file("tree/plumbline.toml", 'profile = "gitops"\n'),
    ),
    Case(
        "a plumbline.toml that is no TOML",
        "plumbline: tree/plumbline.toml: Invalid value",
        4,
        file("tree/plumbline.toml", "profiles = [\n"),
    ),
)

WAIVERS = (
    Case(
        "a waiver file that does not exist",
        "plumbline: --waivers nope.yaml: no such file or directory",
        4,
        nothing,
        ("tree", "--waivers", "nope.yaml"),
    ),
    Case(
        "a waiver file that is something else",
        "tree/good.yaml:1:1  a waiver file is a list of waivers",
        1,
        nothing,
        ("tree", "--waivers", "tree/good.yaml"),
    ),
    Case(
        "a waiver file that is named as a text",
        "w.txt  a file of waivers is YAML or JSON and named so (.yaml, .yml, .json)",
        1,
        file("w.txt", WAIVER),
        ("tree", "--waivers", "w.txt"),
    ),
    Case(
        "a waiver without an owner",
        "w.yaml:1:3  the waiver has no owner",
        1,
        file("w.yaml", WAIVER.replace("  owner: me\n", "")),
        ("tree", "--waivers", "w.yaml"),
    ),
    Case(
        "a waiver that has expired",
        "w.yaml:1:3  the waiver for pod-security-baseline-host-ports expired on 2020-01-01",
        1,
        file("w.yaml", WAIVER.replace("2999", "2020")),
        ("tree", "--waivers", "w.yaml"),
    ),
    Case(
        "a waiver for an unknown requirement",
        "w.yaml:1:3  there is no requirement pod-security-x",
        1,
        file("w.yaml", WAIVER.replace("pod-security-baseline-host-ports", "pod-security-x")),
        ("tree", "--waivers", "w.yaml"),
    ),
    Case(
        "a waiver that nothing needs",
        "w.yaml:1:3  nothing needs the waiver for pod-security-baseline-host-ports on Pod/shop/web any more: remove it",
        1,
        both(file("w.yaml", WAIVER), file("tree/x.yaml", POD)),
        ("tree", "--waivers", "w.yaml"),
    ),
)

GROUPS = {
    "Files": FILES,
    "Options": OPTIONS,
    "Reports": REPORTS,
    "Policies and plumbline.toml": POLICIES,
    "Waivers": WAIVERS,
}
CASES = [case for group in GROUPS.values() for case in group]


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        stream.truncate(size)


def _code(text: str) -> str:
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def page() -> str:
    """The tables of docs/bad-input.md."""
    parts = []
    for title, cases in GROUPS.items():
        rows = [f"| {case.input} | {_code(case.message)} | {case.code} |" for case in cases]
        parts.append("\n".join([f"## {title}", "", "| input | what is said | exit code |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"
