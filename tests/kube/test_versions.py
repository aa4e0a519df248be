"""Versions in tags, compared as numbers."""

from __future__ import annotations

import pytest

from conformance.kube.versions import minor_of, version_of


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.24.3", (1, 24, 3)),
        ("8.0", (8, 0)),
        ("3.5.15-0", (3, 5, 15)),
        ("0.40.0-debian", (0, 40, 0)),
        ("v1.31.4+k3s1", (1, 31, 4)),
        ("release-1.2.3", (1, 2, 3)),
        ("8", ()),
        ("v84", ()),
        ("latest", ()),
        ("1.2.3.4", ()),
        ("", ()),
    ],
)
def test_the_numbers_of_a_tag(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_minors_are_numbers_and_no_text() -> None:
    assert minor_of("v1.10.2") == minor_of("1.10") != minor_of("1.1")
    assert version_of("1.31.13") > version_of("1.31.2")
