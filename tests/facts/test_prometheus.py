"""Queries to a real Prometheus, where there is one on PATH."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.cluster.facts_prometheus import answers

CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
  - job_name: gone
    static_configs: [{targets: ["127.0.0.1:9"]}]
"""
RULES = """\
groups:
  - name: slo
    interval: 1s
    rules:
      - record: slo:availability:ratio
        expr: vector(0.9995)
"""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on loopback that scrapes itself and something that is not there."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no prometheus on PATH")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "prometheus.yml").write_text(CONFIG.replace("PORT", str(port)))
    (folder / "rules.yaml").write_text(RULES)
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    arguments += [f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, folder / "log")
        yield address
    finally:
        process.kill()
        process.wait()


def _await(address: str, log: Path) -> None:
    """Until both targets were scraped and the rule was evaluated."""
    end = time.monotonic() + 60
    wanted = (f"{address}/-/ready", "count(up) == 2", "slo:availability:ratio")
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(wanted[0], timeout=2).close()
            if all(found.get("series") for found in answers(address, wanted[1:])):
                return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.3)
    raise AssertionError(f"not ready: {log.read_text()[-2000:]}")


def test_series_with_labels_and_values(prometheus: str) -> None:
    [found] = answers(prometheus, ("up",))
    assert (found["kind"], found["metadata"]["name"]) == ("PrometheusAnswer", "up")
    values = {each["labels"]["job"]: each["value"] for each in found["series"]}
    assert values == {"itself": "1", "gone": "0"}


def test_recorded_attainment_and_scalars(prometheus: str) -> None:
    ratio, scalar, nan = answers(
        prometheus, ("slo:availability:ratio", "scalar(slo:availability:ratio)", "0 / vector(0)")
    )
    assert [each["value"] for each in ratio["series"]] == ["0.9995"]
    assert scalar["series"] == [{"labels": {}, "value": "0.9995"}]
    assert [each["value"] for each in nan["series"]] == ["NaN"]


def test_an_unknown_metric_has_no_series(prometheus: str) -> None:
    [found] = answers(prometheus, ("no_such_metric",))
    assert found["series"] == []


def test_a_query_that_is_none_has_the_servers_words(prometheus: str) -> None:
    [found] = answers(prometheus, ("sum(",))
    assert "parse error" in found["error"]


def test_no_prometheus_is_an_error_of_each_query() -> None:
    found = list(answers("http://127.0.0.1:9", ("up", "down")))
    assert [each["error"] for each in found] == ["http://127.0.0.1:9 gave no answer: ConnectionError"] * 2
