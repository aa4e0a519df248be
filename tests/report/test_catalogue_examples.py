"""Fixtures as examples."""

from __future__ import annotations

from pathlib import Path

from conformance.report.catalogue_examples import SHOWN, failing, passing
from tests.report.catalogues import BAD, GOOD, fixtures

NAME = "persistence-storageclass-retain"


def test_marks_disappear_and_only_ours_become_arrows(tmp_path: Path) -> None:
    example = failing(NAME, fixtures(tmp_path, t__c__bad=BAD))
    assert example is not None
    assert example.path == "t/c/bad.yaml"
    assert example.text.splitlines() == [
        "apiVersion: storage.k8s.io/v1",
        "kind: StorageClass",
        "metadata: {name: local-path}",
        "reclaimPolicy: Delete  # <-- here",
    ]


def test_shortest_is_chosen(tmp_path: Path) -> None:
    long = GOOD + "    parameters: {a: b}\n"
    example = passing(NAME, fixtures(tmp_path, t__c__good=long, t__c__good_short=GOOD))
    assert example is not None
    assert example.path == "t/c/good_short.yaml"


def test_fixtures_of_other_requirements_are_no_examples(tmp_path: Path) -> None:
    folder = fixtures(tmp_path, t__c__good=GOOD, t__c__bad=BAD)
    assert passing("persistence-other", folder) is None
    assert failing("persistence-storageclass", folder) is None


def test_a_bad_fixture_that_marks_only_others_is_no_example(tmp_path: Path) -> None:
    bad = BAD.replace("# finding: persistence-storageclass-retain persistence-other", "")
    assert failing(NAME, fixtures(tmp_path, t__c__bad=bad)) is None


def test_only_documents_that_are_pointed_at(tmp_path: Path) -> None:
    bad = f"    # requirement: {NAME}\n    a: 1\n    ---\n    b: 2  # finding: {NAME}\n    ---\n    c: 3\n"
    example = failing(NAME, fixtures(tmp_path, t__c__bad=bad))
    assert example is not None
    assert example.text == "b: 2  # <-- here"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    bad = f"    # requirement: {NAME}\n    # missing: {NAME}\n    # missing: persistence-other\n    a: 1\n"
    example = failing(NAME, fixtures(tmp_path, t__c__bad=bad))
    assert example is not None
    assert example.text == "# <-- what the requirement asks for is missing\na: 1"


def test_folders_are_trees_and_only_files_with_arrows_are_shown(tmp_path: Path) -> None:
    folder = fixtures(
        tmp_path,
        **{
            "t__c__bad-tree__values": f"# requirement: {NAME}\nquiet: 1\n",
            "t__c__bad-tree__sub__job": f"loud: 1  # finding: {NAME}\n",
            "t__c__good-tree__values": f"# requirement: {NAME}\nquiet: 1\n",
            "t__c__good-tree__more": "b: 2\n",
        },
    )
    bad, good = failing(NAME, folder), passing(NAME, folder)
    assert bad is not None
    assert good is not None
    assert (bad.path, bad.text) == ("t/c/bad-tree", "# sub/job.yaml\nloud: 1  # <-- here")
    assert (good.path, good.text) == ("t/c/good-tree", "# more.yaml\nb: 2\n\n# values.yaml\nquiet: 1")


def test_long_examples_are_cut_around_the_first_arrow(tmp_path: Path) -> None:
    lines = [f"line{n}: {n}" for n in range(200)]
    lines[100] += f"  # finding: {NAME}"
    example = failing(NAME, fixtures(tmp_path, t__c__bad=f"# requirement: {NAME}\n" + "\n".join(lines)))
    assert example is not None
    shown = example.text.splitlines()
    assert shown[0] == "# … 80 lines"
    assert shown[-1] == "# … 80 lines"
    assert "line100: 100  # <-- here" in shown
    assert len(shown) == SHOWN + 2


def test_many_documents_are_cut_between_documents(tmp_path: Path) -> None:
    documents = "\n---\n".join(f"a: {n}  # finding: {NAME}\nb:\n" + "- x\n" * 16 for n in range(5))
    example = failing(NAME, fixtures(tmp_path, t__c__bad=f"# requirement: {NAME}\n{documents}"))
    assert example is not None
    assert example.text.count("# <-- here") == 2
    assert example.text.splitlines()[-1] == "# … and 3 more like this"


def test_files_that_are_no_utf8_do_no_harm(tmp_path: Path) -> None:
    folder = fixtures(tmp_path, t__c__good=GOOD)
    (tmp_path / "t" / "c" / "good-bytes.bin").write_bytes(b"\xff\xfe\x00")
    assert passing(NAME, folder) is not None
