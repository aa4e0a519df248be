from __future__ import annotations

import pytest

from conformance.kube.environment import environment_at, environment_of, other_environment


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prod", "production"),
        ("production-eu", "production"),
        ("shop-dev", "development"),
        ("Staging", "staging"),
        ("device", ""),
        ("product", ""),
        ("devops", ""),
        ("promote-dev-to-prod", ""),
        ("", ""),
    ],
)
def test_whole_words_only(name: str, expected: str) -> None:
    assert environment_of(name) == expected


def test_the_nearest_directory_decides() -> None:
    assert environment_at("home/dev/repo/overlays/prod") == "production"
    assert environment_at("home/user/repo") == ""


@pytest.mark.parametrize(
    ("directory", "reference", "expected"),
    [
        ("overlays/prod", "../dev/config.yaml", ("production", "development")),
        ("overlays/dev", "../prod", ("development", "production")),
        ("overlays/prod", "../../base", ("", "")),
        ("overlays/prod", "../prod-eu", ("", "")),
        ("prod/overlays/web", "../api", ("", "")),
        ("/home/prod/repo/overlays/dev", "../staging", ("development", "staging")),
        ("overlays/prod", "hpa.yaml", ("", "")),
    ],
)
def test_what_both_paths_share_speaks_of_neither(directory: str, reference: str, expected: tuple[str, str]) -> None:
    assert other_environment(directory, reference) == expected
