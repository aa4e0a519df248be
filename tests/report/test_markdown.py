"""Job summaries, read back by a Markdown parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from conformance.report import markdown, write
from conformance.report.markdown_text import code, in_html, inline
from conformance.report.record import Report
from tests.report import records
from tests.report.records import NASTY, finding, result

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
#: what we write ourselves; inside <summary> Markdown is not read
OURS = re.compile(r"</?(details|summary|b|code)>")


def text(report: Report) -> str:
    return write(report, "markdown").decode()


def tokens(source: str) -> Iterator[Token]:
    for token in PARSER.parse(source):
        yield token
        yield from token.children or ()


def cells(source: str) -> list[list[str]]:
    """Rows of all tables, each cell as the text a reader sees."""
    rows: list[list[str]] = []
    for token in PARSER.parse(source):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 3:
            rows[-1].append("".join(each.content for each in token.children or () if each.type != "html_inline"))
    return rows


@pytest.mark.parametrize("make", [records.mixed, records.nasty, records.empty, records.clean, records.huge])
def test_foreign_text_never_becomes_markup(make: Callable[[], Report]) -> None:
    source = text(make())
    kinds = {token.type for token in tokens(source)}
    assert not kinds & {"em_open", "s_open", "link_open", "image", "code_block", "fence", "hr", "heading_open_h1"}
    for token in tokens(source):
        if token.type in ("html_block", "html_inline"):
            assert "<" not in OURS.sub("", token.content)


def test_a_nasty_finding_is_one_row_that_reads_as_it_was() -> None:
    rows = [row for row in cells(text(records.nasty())) if len(row) == 6 and "über" in row[0]]
    assert rows
    spelled = (
        "a\\x00b\\x1b[2J <b>&amp;</b> ]]> | `tick` ``two`` ](http://x) \\u202egnp\\ufffe 🦊 \\udcff\\r\\nnext\\tline"
    )
    assert rows[0][2] == spelled
    assert rows[0][4] == spelled


def test_every_row_has_as_many_cells_as_its_head() -> None:
    assert {len(row) for row in cells(text(records.nasty()))} == {2, 6}


def test_counts_and_verdict() -> None:
    source = text(records.mixed())
    assert source.startswith("## ❌ plumbline: 2 failed, 1 could not be judged\n")
    assert ["❌ failed", "2"] in cells(source)
    assert ["⛔ could not be judged", "1"] in cells(source)
    assert text(records.clean()).startswith("## ✅ plumbline: everything judged held\n")
    assert text(records.empty()).startswith("## ⛔ plumbline: nothing was judged\n")
    warned = text(records.run(result(outcome="warned", findings=[finding()])))
    assert warned.startswith("## ⚠️ plumbline: everything binding held, 1 warned\n")


def test_worst_first_and_nothing_about_what_held() -> None:
    source = text(records.mixed())
    names = re.findall(r"<summary><b>\w+</b> <code>([\w-]+)</code>", source)
    assert names == [
        "sources-documents-load",
        "persistence-storageclass-retain",
        "gitops-image-tag",
        "gitops-probes-liveness",
        "persistence-backup-offsite",
    ]
    assert "persistence-held" not in source


def test_details_hold_statement_fix_and_source() -> None:
    source = text(records.mixed())
    assert "StorageClass local-path MUST have reclaimPolicy Retain." in source
    assert "**Fix:** Re-create the StorageClass" in source
    assert "**Source:** Persistence guide, 1. StorageClass, lines 11-20: “reclaimPolicy: Retain”" in source
    assert source.count("<details>") == source.count("</details>") == 5


def test_waived_rows_say_until_when() -> None:
    assert "(waived: moving in May (until 2027-06-01, ops@example.com))" in text(records.mixed())


def test_many_findings_are_cut_with_a_word_about_it() -> None:
    source = text(records.huge(markdown.ROWS + 37))
    assert len([row for row in cells(source) if len(row) == 6]) == markdown.ROWS + 1
    assert "… and 37 more; the json, html and sarif reports have all of them." in source
    assert "more; the json" not in text(records.huge(markdown.ROWS))


def test_stays_below_what_github_accepts_and_says_what_is_left_out() -> None:
    wide = "wörter " * 2000
    loud = [
        result(id=f"p-{n:04}", outcome="failed", statement=wide, severity="low" if n else "high", findings=[finding()])
        for n in range(200)
    ]
    content = write(records.run(*loud), "markdown")
    assert 900_000 < len(content) <= markdown.MAXIMUM == 1024 * 1024
    source = content.decode()
    kept = source.count("<details>")
    assert f"the {200 - kept} least urgent requirements with findings are left out" in source
    assert "<code>p-0000</code>" in source
    assert f"<code>p-{kept:04}</code>" not in source


def test_nothing_follows_the_cut_so_that_what_is_left_out_is_the_least_urgent() -> None:
    loud = [
        result(id="p-big", severity="high", outcome="failed", statement="x" * markdown.MAXIMUM, findings=[finding()]),
        result(id="p-small", severity="low", outcome="failed", findings=[finding()]),
    ]
    source = text(records.run(*loud))
    assert "p-small" not in source
    assert "the 2 least urgent requirements with findings are left out" in source


def test_nothing_is_cut_needlessly() -> None:
    assert "left out" not in text(records.mixed())


@pytest.mark.parametrize(
    "foreign",
    [
        "*a* _b_ ~~c~~",
        "[x](http://evil)",
        "![x](y)",
        "<script>alert(1)</script>",
        "&lt;",
        "# no heading",
        "- no list",
        "1. no list",
        "2) no list",
        "=== no underline",
        "a | b",
        "`code`",
        "back\\slash",
        "$math$",
        "> no quote",
        NASTY,
    ],
)
def test_inline_text_reads_as_it_was(foreign: str) -> None:
    found = PARSER.parse(inline(foreign))
    assert [token.type for token in found] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in found[1].children or ()} <= {"text", "text_special"}
    shown = "".join(child.content for child in found[1].children or ())
    assert shown == (foreign if foreign != NASTY else shown)
    assert "\x1b" not in shown


@pytest.mark.parametrize("foreign", ["a", "`", "``a`", "`a", "a\\b", "<b>", "*x*", "{{ .Values.x }}"])
def test_code_reads_as_it_was(foreign: str) -> None:
    (_, line, _) = PARSER.parse(code(foreign))
    assert [(each.type, each.content) for each in line.children or ()] == [("code_inline", foreign)]


def test_code_with_a_bar_stays_in_its_cell() -> None:
    assert cells(f"| a | b |\n|---|---|\n| {code('x | <y> `z`')} | 2 |")[1] == ["x | <y> `z`", "2"]


def test_no_code_for_nothing() -> None:
    assert code("") == ""


def test_text_in_html_blocks_is_escaped_once() -> None:
    assert in_html("a <b> & *c*\nd") == "a &lt;b&gt; &amp; *c* d"
