"""Objects by the names that people write."""

from __future__ import annotations

import pytest

from conformance.kube.naming import full_name, means
from conformance.kube.object import Object
from tests.kube.no_file import NoFile

WEB = Object(
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}, NoFile()
)
LOST = Object({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}, NoFile())


@pytest.mark.parametrize(
    "wanted", ["web", "Deployment/web", "deployment/web", "shop/web", "shop/Deployment/web", "shop/*"]
)
def test_parts_may_be_left_out_at_the_front_and_in_the_middle(wanted: str) -> None:
    assert means(wanted, WEB)


@pytest.mark.parametrize("wanted", ["", "we", "Job/web", "test/web", "shop/Job/web", "a/shop/Deployment/web"])
def test_another_name_is_another_object(wanted: str) -> None:
    assert not means(wanted, WEB)


def test_a_namespace_that_is_not_known_is_a_question_mark() -> None:
    assert (full_name(WEB), full_name(LOST)) == ("shop/Deployment/web", "?/Deployment/web")
    assert not means("shop/web", LOST)
