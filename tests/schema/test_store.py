import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.kube.scope import is_namespaced
from conformance.schema import SchemaFileError, SchemaSet, store
from conformance.schema.engine import Judge
from conformance.schema.openapi import OBJECT_META, POINTER, references
from tests.schema.loading import documents, thing

VERSIONS = store.versions()


def test_six_minor_versions_travel_with_the_package() -> None:
    assert VERSIONS == ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")


def test_versions_sort_as_numbers() -> None:
    assert sorted(["1.10", "1.9", "2.0"], key=store.order) == ["1.9", "1.10", "2.0"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_says_which_version_it_is(version: str) -> None:
    assert store.stored(version).minor == version
    assert store.stored(version).crds == []


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_compiles_and_judges(version: str) -> None:
    known = store.stored(version)
    schemas = SchemaSet(known)
    assert len(known.kinds) > 80
    for key, (name, scope) in known.kinds.items():
        judge = Judge(schemas.closed({"$ref": POINTER + name}))
        assert [str(p) for p in judge.judge({"notAField": 1}).problems][-1].startswith(
            'notAField: unknown field "notAField"'
        )
        assert scope in ("Namespaced", "Cluster"), key


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_stored_is_missing_or_left_over(version: str) -> None:
    known = store.stored(version)
    referred = {OBJECT_META, *(name for name, _ in known.kinds.values())}
    for schema in known.definitions.values():
        referred |= references(schema)
    assert referred == set(known.definitions)


@pytest.mark.parametrize("version", VERSIONS)
def test_no_prose_is_stored(version: str) -> None:
    def walk(schema: Any) -> None:
        if isinstance(schema, dict):
            assert not {"description", "example", "default"} & set(schema)
            for key, child in schema.items():
                for each in child.values() if key == "properties" else [child]:
                    walk(each)
        elif isinstance(schema, list):
            for each in schema:
                walk(each)

    walk(list(store.stored(version).definitions.values()))


@pytest.mark.parametrize("version", VERSIONS)
def test_scopes_agree_with_the_table_of_kinds(version: str) -> None:
    for key, (_, scope) in store.stored(version).kinds.items():
        known = is_namespaced(*store.group_and_kind(key))
        assert known is None or known == (scope == "Namespaced"), key


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("raw", documents("good.yaml"), ids=lambda raw: f"{raw['kind']}-{raw['metadata']['name']}")
def test_good_objects_are_valid_in_every_version_that_serves_them(version: str, raw: dict[str, Any]) -> None:
    verdict = SchemaSet.load(version).judge(thing(raw))
    if raw["apiVersion"] == "resource.k8s.io/v1" and store.order(version) < (1, 34):
        assert verdict.problems[0].message.endswith("(first served by 1.34)")
    else:
        assert verdict.valid, verdict


def test_the_newest_is_the_default() -> None:
    assert SchemaSet.load().version == VERSIONS[-1]


@pytest.mark.parametrize("text", ["1.34", "v1.34", "v1.34.2", "1.34.9-gke.100", " 1.34 ", "v1.34.1+k3s1"])
def test_a_version_may_be_written_in_many_ways(text: str) -> None:
    assert SchemaSet.load(text).version == "1.34"


@pytest.mark.parametrize("text", ["1.3", "1.99", "2.34"])
def test_an_unknown_version_names_those_there_are(text: str) -> None:
    with pytest.raises(SchemaFileError, match=f"no schemas of Kubernetes {text}; there are 1.32, .*, 1.37"):
        SchemaSet.load(text)


@pytest.mark.parametrize("text", ["latest", "1", "1.x", "one.two"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(SchemaFileError, match="no Kubernetes version"):
        SchemaSet.load(text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        gzip.compress(b"text"),
        gzip.compress(b"[]"),
        gzip.compress(b'{"version": "v1.34"}'),
        gzip.compress(json.dumps({"version": "x", "kinds": {}, "definitions": {}, "crds": []}).encode()),
        gzip.compress(b"0123456789" * 100)[:40],
    ],
    ids=["empty", "text", "no JSON", "a list", "not all", "no version", "cut off"],
)
def test_a_strange_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(SchemaFileError, match="holds no schemas"):
        SchemaSet.read(tmp_path / "file")


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SchemaSet.read(tmp_path / "file")
