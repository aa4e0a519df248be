from __future__ import annotations

from datetime import timedelta

import pytest

from conformance.evidence import listing, records
from conformance.kube.object import Document, FieldTypeError
from tests.kube.no_file import NoFile

FILE = {"path": "/b/v/s.gpg", "type": "f", "size": 9, "mode": "600", "modified": "2026-11-20T02:00:00Z", "head": ""}


def read(**changed: object) -> listing.Artefact:
    raw = {"taken": "2026-11-20T06:00:00Z", "files": [{**FILE, **changed}]}
    return listing.read(Document(raw, NoFile())).artefacts[0]


@pytest.mark.parametrize(
    ("head", "encrypted"),
    [
        ("85020c03a1b2c3d4", True),  # old packet format, session key
        ("c1c04c03", True),  # new packet format
        ("8c0d0409", True),  # symmetric session key
        ("2d2d2d2d2d424547", True),  # armoured
        ("6167652d656e6372", True),  # age
        ("1f8b080000000000", False),
        ("99010d04", False),  # a public key is no message
        ("7b0a", False),
        ("", False),
    ],
)
def test_encryption_is_told_by_content(head: str, encrypted: bool) -> None:
    assert read(head=head).is_encrypted is encrypted


def test_ages_count_from_the_listing() -> None:
    raw = {"taken": "2026-11-20T06:00:00Z", "files": [{**FILE, "modified": "2026-11-20T13:30:00.1234567890+09:00"}]}
    found = listing.read(Document(raw, NoFile()))
    assert found.age(found.artefacts[0]) == timedelta(hours=1, minutes=30) - timedelta(microseconds=123456)


@pytest.mark.parametrize("mode", ["600", 0o600, "0600"])
def test_modes_are_octal_however_they_were_read(mode: object) -> None:
    assert read(mode=mode).mode == 0o600


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "rw-"),
        ("mode", None),
        ("size", "9"),
        ("size", None),
        ("modified", "yesterday"),
        ("modified", "2026-11-20T02:00:00"),
        ("head", "xyz"),
    ],
)
def test_what_is_malformed_is_an_error_at_its_field(field: str, value: object) -> None:
    with pytest.raises(FieldTypeError) as caught:
        read(**{field: value})
    assert caught.value.path == ("files", 0, field)


def test_below_tells_directories_apart() -> None:
    raw = {
        "taken": "2026-11-20T06:00:00Z",
        "files": [FILE, {**FILE, "path": "/b/vault/s.gpg"}, {**FILE, "path": "/b/v", "type": "d"}],
    }
    found = listing.read(Document(raw, NoFile()))
    assert [each.path for each in found.below("/b/v", "*.gpg")] == ["/b/v/s.gpg"]


def test_records_are_sorted_and_only_passed_counts() -> None:
    raw = {
        "records": [
            {"kind": "drill", "date": "2026-02-01", "result": "skipped"},
            {"kind": "drill", "date": "2026-01-01", "result": "passed"},
        ]
    }
    found = records.read(Document(raw, NoFile()))
    assert [(each.on.month, each.passed) for each in found] == [(1, True), (2, False)]
    with pytest.raises(FieldTypeError):
        records.read(Document({"records": [{"kind": "drill", "date": "soon"}]}, NoFile()))
