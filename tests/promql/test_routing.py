"""Alertmanager's routes, as `amtool config routes test` takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.inventory import Inventory
from conformance.promql.routing import Matcher, Routing, RoutingError, routings
from conformance.sources import load as sources


def _one(tmp_path: Path, text: str) -> Routing | RoutingError:
    (tmp_path / "alertmanager.yaml").write_text(text)
    loaded = sources.load([str(tmp_path)], jobs=1)
    (found,) = routings(Inventory(loaded.objects, loaded.documents, loaded.texts))
    return found


def _taken(tmp_path: Path, text: str, **labels: str) -> list[str]:
    found = _one(tmp_path, text)
    assert isinstance(found, Routing)
    return [each.receiver for each in found.route.taken(labels)]


ROUTES = """
route:
  receiver: default
  routes:
    - matchers: [severity="critical"]
      receiver: archive
      continue: true
    - matchers: ['{team=~"data|iot", severity!="none"}']
      receiver: data
      routes:
        - matchers: [severity = critical]
          receiver: data-critical
        - match: {severity: info}
    - match_re: {team: back.*}
      receiver: backend
receivers: [{name: default}, {name: data, webhook_configs: [{url_file: /run/a}]}]
"""


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "team": "data"}, ["archive", "data-critical"]),
        ({"severity": "warning", "team": "data"}, ["data"]),
        ({"severity": "info", "team": "iot"}, ["data"]),
        ({"severity": "none", "team": "iot"}, ["default"]),
        ({"team": "backend"}, ["backend"]),
        ({"team": "a backend"}, ["default"]),
        ({"severity": "critical"}, ["archive"]),
        ({}, ["default"]),
    ],
)
def test_the_first_child_that_matches_takes_the_alert(
    tmp_path: Path, labels: dict[str, str], receivers: list[str]
) -> None:
    assert _taken(tmp_path, ROUTES, **labels) == receivers


def test_a_receiver_without_configuration_tells_nobody(tmp_path: Path) -> None:
    found = _one(tmp_path, ROUTES)
    assert isinstance(found, Routing)
    assert found.receivers == {"default": False, "data": True}


def test_an_absent_label_is_an_empty_one() -> None:
    assert Matcher("team", "=", "").holds({})
    assert Matcher("team", "!~", ".+").holds({})
    assert not Matcher("team", "=~", ".+").holds({})


@pytest.mark.parametrize("matcher", ["severity", "=critical", "severity=~[", 'severity="critical" and team="x"'])
def test_what_is_no_matcher_is_an_error(tmp_path: Path, matcher: str) -> None:
    text = f"route:\n  receiver: a\n  routes: [{{receiver: b, matchers: ['{matcher}']}}]\nreceivers: [{{name: a}}]\n"
    found = _one(tmp_path, text)
    assert isinstance(found, RoutingError)
    assert "has a route that cannot be read" in str(found)
