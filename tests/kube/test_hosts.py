"""Names of a Service from inside the cluster."""

from __future__ import annotations

import pytest

from conformance.kube.hosts import is_service


@pytest.mark.parametrize(
    ("host", "own", "same"),
    [
        ("mysql", "blog", True),
        ("mysql", "other", False),
        ("mysql.blog", "other", True),
        ("MySQL.blog.svc", "other", True),
        ("mysql.blog.svc.cluster.local.", "other", True),
        ("mysql.blog.svc.example.org", "other", True),
        ("mysql.blog.example.org", "blog", False),
        ("mysql.other", "blog", False),
        ("mysql-0.mysql.blog", "blog", False),
        ("", "blog", False),
    ],
)
def test_which_hosts_mean_the_service(host: str, own: str, same: bool) -> None:
    assert is_service(host, "mysql", "blog", own) is same
