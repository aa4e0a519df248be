"""The page."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from conformance.report import html, write
from conformance.report.record import Report
from tests.report import records
from tests.report.records import finding, result

VOID = {"meta", "input", "br", "wbr", "rect", "link", "img"}


class Page(HTMLParser):
    """Elements with attributes and text; fails on tags that do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and tag not in ("p",):
            while self.open[-1] == "p" != tag:
                self.open.pop()
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def cards(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag == "details"]


def text(report: Report) -> str:
    return write(report, "html").decode()


def page(report: Report) -> Page:
    return Page(text(report))


@pytest.mark.parametrize("make", [records.mixed, records.nasty, records.clean, records.empty, records.run])
def test_elements_nest(make: object) -> None:
    assert callable(make)
    assert page(make()).elements[0][0] == "html"


def test_nothing_is_fetched() -> None:
    for report in (records.mixed(), records.nasty()):
        for tag, attributes in page(report).elements:
            assert tag not in ("link", "img", "iframe", "object", "embed", "base")
            assert "src" not in attributes
            assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]
        assert "url(" not in text(report)
        assert "@import" not in text(report)


def test_only_our_own_style_and_script_may_run() -> None:
    source = text(records.mixed())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', source)
    assert policy is not None
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none'")
    assert " style=" not in source
    assert not re.search(r"\son\w+=", source)


def test_foreign_text_is_text() -> None:
    plain = [tag for tag, _ in page(records.mixed()).elements]
    nasty = [tag for tag, _ in page(records.nasty()).elements]
    assert nasty.count("script") == plain.count("script") == 1
    assert nasty.count("b") == len(list(records.nasty()["results"]))  # the counts of five outcomes, none from outside
    assert any("<b>&amp;</b>" in each for each in page(records.nasty()).texts["code"])


def test_language_and_title_and_one_heading_of_each_section() -> None:
    found = page(records.mixed())
    assert found.elements[0] == ("html", {"lang": "en"})
    assert found.texts["title"] == ["2 requirements failed, 1 could not be judged · plumbline"]
    assert found.texts["h1"] == ["2 requirements failed, 1 could not be judged"]
    headings = [each.strip() for each in found.texts["h2"]]
    assert headings == ["What to do next", "Not all judged", "Failed", "Warned", "Waived", "Skipped", "Held"]


def test_every_label_refers_to_something() -> None:
    elements = page(records.mixed()).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for name in ("aria-labelledby",):
            assert attributes.get(name, ids[0]) in ids
        if (attributes.get("href") or "").startswith("#"):
            assert (attributes["href"] or "")[1:] in ids


def test_what_needs_attention_is_open() -> None:
    opened = {card["id"] for card in page(records.mixed()).cards() if "open" in card}
    assert opened == {"sources-documents-load", "persistence-storageclass-retain", "gitops-image-tag"}


def test_a_finding_is_a_row() -> None:
    source = text(records.mixed())
    assert '<td class="where"><code>manifests/<wbr>storage.yaml:4:1</code></td>' in source
    assert '<td class="object">StorageClass local-path</td>' in source
    assert '<td class="what"><code>reclaimPolicy</code><br>data is deleted with the claim</td>' in source
    assert "<br>rendered by overlays/prod</td>" in source


def test_columns_without_any_value_are_left_out() -> None:
    bare = finding(object=None, expected="", observed="")
    source = text(records.run(result(outcome="failed", findings=[bare])))
    assert re.findall(r'<th scope="col">(\w+)</th>', source) == ["Where", "What"]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (records.clean(), "Everything judged held"),
        (records.empty(), "Nothing was judged"),
        (records.run(result(outcome="warned", findings=[finding()])), "Everything binding held, 1 warning"),
        (records.run(result(outcome="error", errors=[records.error()])), "1 could not be judged"),
    ],
)
def test_verdict(report: Report, words: str) -> None:
    assert page(report).texts["h1"] == [words]


def test_keyword_of_the_statement_stands_out() -> None:
    source = text(records.run(result(outcome="failed", findings=[finding()], statement="It MUST NOT, MAYBE.")))
    assert "It <b>MUST NOT</b>, MAYBE." in source


def test_bar_shows_all_requirements() -> None:
    widths = [float(attributes["width"] or 0) for tag, attributes in page(records.mixed()).elements if tag == "rect"]
    assert sum(widths) == pytest.approx(1000)
    assert len(widths) == 6


def test_rows_are_limited_and_the_limit_is_told() -> None:
    source = text(records.huge(html.ROWS + 5))
    assert source.count('<td class="where">') == html.ROWS
    assert "… and 5 more; the json report has all of them." in source
    assert "more; the json" not in text(records.huge(html.ROWS))


def test_skipped_say_whether_anything_checks_them() -> None:
    source = text(records.mixed())
    assert '<span class="number">not checked by anything yet</span>' in source
    assert '<span class="number">nothing to judge</span>' in source


def test_filter_is_hidden_until_the_script_shows_it() -> None:
    forms = [attributes for tag, attributes in page(records.mixed()).elements if tag == "form"]
    assert "hidden" in forms[0]
    script = text(records.mixed()).split("<script>")[1]
    assert "form.hidden = cards.length === 0" in script
