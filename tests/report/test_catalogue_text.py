"""`plumbline list`, `explain` and `defects`."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml
from markdown_it import MarkdownIt

from conformance import registry
from conformance.kube.object import Document
from conformance.report import catalogue_text
from conformance.waiver import load
from tests.report import catalogues
from tests.report.catalogues import BAD, GOOD, TODAY, fixtures, requirement, small


def explained(folder: Path, **changes: object) -> str:
    return catalogue_text.explanation(requirement(**changes), folder, today=TODAY)


def test_list_json_has_every_field_of_the_data() -> None:
    document = orjson.loads(catalogue_text.listing(small(), "json"))
    assert document["version"] == 1
    (profile,) = document["profiles"]
    assert (profile["name"], profile["document"], profile["generic"]) == ("persistence", "Persistence guide", False)
    first, second = profile["requirements"]
    assert first["expect"] == {"reclaimPolicy": "Retain"}
    assert first["match"] == {"kind": ["StorageClass"], "name": ["local-path"]}
    assert second == {
        "id": "persistence-restore-drill",
        "title": "A restore | was tried",
        "statement": "A restore SHOULD be tried every quarter.",
        "why": "",
        "source": {"section": "Checklist", "lines": "455", "quote": ""},
        "keyword": "SHOULD",
        "basis": "recommended",
        "severity": "medium",
        "scope": ["drill"],
        "match": {},
        "require": "optional",
        "check": None,
        "expect": None,
        "with": {},
        "reason": "needs a cluster that may be broken",
        "remediation": "Run the drill.",
    }
    assert profile["defects"][0]["requirements"] == ["persistence-storageclass-retain"]


def test_list_refuses_other_formats() -> None:
    with pytest.raises(ValueError, match="xml: there is no such format; there are text, json, markdown"):
        catalogue_text.listing(small(), "xml")


def test_list_table_is_aligned() -> None:
    lines = catalogue_text.listing(small()).splitlines()
    head = next(line for line in lines if "REQUIREMENT" in line)
    first = next(line for line in lines if "persistence-storageclass-retain" in line)
    for column, cell in (("BINDING", "MUST"), ("SEVERITY", "critical"), ("CHECK", "declared"), ("TITLE", "Deleting")):
        assert head.index(column) == first.index(cell)


def test_page_keeps_bars_inside_their_cells() -> None:
    source = catalogue_text.listing(small(), "markdown")
    found = MarkdownIt("commonmark").enable("table").parse(source)
    rows = [0]
    for token in found:
        if token.type == "tr_open":
            rows.append(0)
        rows[-1] += token.type in ("td_open", "th_open")
    assert rows[1:] == [6, 6, 6, 6, 6, 5, 5]


def test_explain_tells_what_binding_means(tmp_path: Path) -> None:
    assert "MUST (explicit), critical: a violation fails the run" in explained(tmp_path)
    advice = explained(tmp_path, keyword="SHOULD", basis="recommended", severity="low")
    assert "SHOULD (recommended), low: a violation warns, and fails with --hardened" in advice


def test_explain_shows_the_checks_own_documentation(tmp_path: Path) -> None:
    text = catalogue_text.explanation(requirement(), tmp_path, registry.find("declared"), today=TODAY)
    assert "Check       declared\n            The object has the declared fields" in text
    assert "The object has the declared fields" not in explained(tmp_path)


def test_explain_tells_what_is_looked_at(tmp_path: Path) -> None:
    assert "StorageClass local-path (none at all is a finding)" in explained(tmp_path)
    assert "StorageClass local-path (none at all is skipped)" in explained(tmp_path, require="optional")
    assert "Looks at" not in explained(tmp_path, match={})


def test_explain_of_what_nothing_judges(tmp_path: Path) -> None:
    text = explained(tmp_path, check=None, reason="needs a cluster")
    assert "nothing judges this yet: needs a cluster" in text
    assert "--waivers" not in text


def test_explain_without_fixtures_still_explains(tmp_path: Path) -> None:
    assert "Holds (" not in explained(tmp_path / "nowhere")
    assert "Fix         Re-create" in explained(tmp_path / "nowhere")


def test_explain_shows_what_holds_and_what_does_not(tmp_path: Path) -> None:
    text = explained(fixtures(tmp_path, storage__retain__good=GOOD, storage__retain__bad=BAD))
    assert "Holds (fixture storage/retain/good.yaml):\n\n    apiVersion" in text
    assert "Does not hold (fixture storage/retain/bad.yaml):" in text
    assert "    reclaimPolicy: Delete  # <-- here\n" in text


def test_prose_is_wrapped(tmp_path: Path) -> None:
    text = catalogue_text.explanation(requirement(why="word " * 80), tmp_path, width=60, today=TODAY)
    assert all(len(line) <= 60 for line in text.splitlines() if "word" in line)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"kind": "StorageClass", "name": "local-path"}, "StorageClass/local-path"),
        ({"kind": "Deployment"}, "Deployment/NAMESPACE/NAME"),
        ({"kind": ["StatefulSet", "Pod"], "namespace": "vault", "name": "vault"}, "StatefulSet/vault/vault"),
        ({"path": "addons/*.yaml"}, "addons/*.yaml"),
        ({}, "KIND/NAMESPACE/NAME"),
    ],
)
def test_proposed_waiver_is_a_waiver(tmp_path: Path, match: dict[str, object], expected: str) -> None:
    lines = explained(tmp_path, match=match).split("--waivers):\n")[1]
    waivers = load([Document(yaml.safe_load(lines), catalogues.Place("waivers.yaml"))], today=TODAY)
    assert waivers.problems == []
    (waiver,) = waivers.entries
    assert waiver.requirement == "persistence-storageclass-retain"
    assert waiver.object == expected
    assert (waiver.expires - TODAY).days == catalogue_text.WAIVED_DAYS


def test_defects_of_a_document_without_any() -> None:
    profile = small(profile=catalogues.PROFILE).profiles["persistence"]
    assert catalogue_text.defects(profile) == "Persistence guide: no mistake is on record.\n"


def test_defects_leave_out_what_is_not_given() -> None:
    only = "- {id: persistence-defect-a, severity: high, where: line 3, statement: Wrong.}"
    profile = small(profile=catalogues.PROFILE, defects=only).profiles["persistence"]
    assert catalogue_text.defects(profile).splitlines() == [
        "Persistence guide: 1 mistake on record",
        "",
        "high      persistence-defect-a  line 3",
        "          Wrong.",
    ]
