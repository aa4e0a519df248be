"""Charts and their releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.kube.object import Object
from conformance.sources.delivery import Delivery, ValuesPart
from conformance.sources.helm import (
    Chart,
    ValuesChoice,
    consumed,
    hooks,
    independent,
    is_helm_test,
    parse_values,
    read_chart,
    releases,
)
from conformance.sources.helm_template import explain, local_dependencies, missing_dependencies, split
from tests.sources.trees import PartOrigin, places, read, write

CHART = "apiVersion: v2\nname: web\nversion: 0.1.0\n"


def chart(directory: Path) -> Chart:
    file = read(directory / "Chart.yaml", f"{directory.name}/Chart.yaml")
    assert file is not None
    found = read_chart(file, directory)
    assert found is not None
    return found


def at(directory: Path) -> Chart | None:
    return chart(directory) if (directory / "Chart.yaml").is_file() else None


@pytest.mark.parametrize(
    "text", ["apiVersion: v2\n", "name: web\n", "- name\n", "name: 3\napiVersion: v2\n", "a: 1\n---\nb: 2\n"]
)
def test_not_every_chart_yaml_is_a_chart(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"Chart.yaml": text})
    file = read(tmp_path / "Chart.yaml", "Chart.yaml")
    assert file is not None
    assert read_chart(file, tmp_path) is None


def test_subcharts_are_rendered_with_their_parent(tmp_path: Path) -> None:
    for name in ("web", "web/charts/redis", "web/charts/redis/charts/common", "charts/api", "web/examples/demo"):
        write(tmp_path, {f"{name}/Chart.yaml": CHART})
    found = [read_chart(file, path.parent) for path, file in places(tmp_path)]
    names = {each.directory.relative_to(tmp_path).as_posix() for each in independent(each for each in found if each)}
    assert names == {"web", "charts/api", "web/examples/demo"}


def test_a_library_chart(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART + "type: library\n"})
    assert chart(tmp_path).is_library


@pytest.mark.parametrize(
    ("name", "release"), [("web", "web"), ("My_Chart.v2", "my-chart-v2"), ("a" * 60, "a" * 53), ("--", "release")]
)
def test_a_release_name_fits_into_a_dns_name(tmp_path: Path, name: str, release: str) -> None:
    write(tmp_path, {"Chart.yaml": f'apiVersion: v2\nname: "{name}"\n'})
    assert chart(tmp_path).release == release


def labels(tmp_path: Path, *choices: ValuesChoice, deliveries: tuple[Delivery, ...] = ()) -> list[str]:
    files = [path for path, _ in places(tmp_path)]
    return [release.via for release in releases(chart(tmp_path), deliveries, choices, files)]


def test_a_chart_alone_is_rendered_with_its_own_values(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART, "values.yaml": "", "values.schema.json": "{}"})
    assert labels(tmp_path) == ["with values.yaml"]


def test_every_environment_is_rendered_on_its_own(tmp_path: Path) -> None:
    names = ("values-prod.yaml", "values.dev.yml", "values_test.yaml", "values/eu.yaml")
    others = (
        "values-prod.sops.yaml",
        "values.schema.yaml",
        "ci/a-values.yaml",
        "templates/values-x.yaml",
        "values/a/b.yaml",
    )
    write(tmp_path, {"Chart.yaml": CHART, "values.yaml": "", **dict.fromkeys((*names, *others), "a: 1\n")})
    assert labels(tmp_path) == [
        "with values/eu.yaml",
        "with values-prod.yaml",
        "with values.dev.yml",
        "with values_test.yaml",
        "with values.yaml",
    ]


def test_own_values_may_be_incomplete_only_where_there_are_environments(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART})
    assert [r.may_fail for r in releases(chart(tmp_path), (), (), ())] == [False]
    environment = tmp_path / "values-prod.yaml"
    assert [r.may_fail for r in releases(chart(tmp_path), (), (), [environment])] == [False, True]


def test_an_option_takes_the_place_of_what_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART, "values-prod.yaml": "", "a.yaml": "", "b.yaml": ""})
    chosen = [ValuesChoice("web", ("a.yaml", "b.yaml")), ValuesChoice("other", ("values-prod.yaml",))]
    assert labels(tmp_path, *chosen) == ["with a.yaml, b.yaml"]


def test_files_of_an_option_are_layered_left_to_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"web/Chart.yaml": CHART, "web/b.yaml": "", "a.yaml": ""})
    monkeypatch.chdir(tmp_path)
    [release] = releases(chart(tmp_path / "web"), (), [ValuesChoice("w*", ("a.yaml", "b.yaml"))], ())
    assert release.values == (("file", str(tmp_path / "a.yaml")), ("file", str(tmp_path / "web/b.yaml")))


def test_a_delivered_chart_is_rendered_as_delivered(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART, "values-prod.yaml": "", "values-dev.yaml": ""})
    used: ValuesPart = ("file", str(tmp_path / "values-prod.yaml"))
    delivery = Delivery("Application argocd/web", tmp_path, "shop", release="shop-web", values=(used,))
    files = [path for path, _ in places(tmp_path)]
    found = releases(chart(tmp_path), [delivery], (), files)
    assert [(r.via, r.name, r.namespace) for r in found] == [
        ("for Application argocd/web", "shop-web", "shop"),
        ("with values-dev.yaml", "web", "shop"),
    ]


def test_two_namespaces_leave_that_of_an_environment_open(tmp_path: Path) -> None:
    write(tmp_path, {"Chart.yaml": CHART})
    deliveries = [Delivery(f"Application {name}", tmp_path, name) for name in ("a", "b")]
    found = releases(chart(tmp_path), deliveries, (), [tmp_path / "values-prod.yaml"])
    assert [r.namespace for r in found] == ["a", "b", None]


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("charts/*=values-prod.yaml", ValuesChoice("charts/*", ("values-prod.yaml",))),
        ("web=a.yaml,b.yaml", ValuesChoice("web", ("a.yaml", "b.yaml"))),
    ],
)
def test_the_option(text: str, choice: ValuesChoice) -> None:
    assert parse_values(text) == choice


@pytest.mark.parametrize("text", ["values.yaml", "=a.yaml", "web=", "web=,"])
def test_a_wrong_option_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match=r"--values .*: expected CHART_GLOB=FILE"):
        parse_values(text)


def pod(hook: Any) -> Object:
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "annotations": {"helm.sh/hook": hook}}}
    return Object(raw, PartOrigin("x.yaml", None))  # type: ignore[arg-type]


@pytest.mark.parametrize("hook", ["test", "test-success", "pre-install, test", "test-failure"])
def test_a_helm_test(hook: str) -> None:
    assert is_helm_test(pod(hook))


@pytest.mark.parametrize("hook", ["pre-install", "post-upgrade,pre-delete", "", True])
def test_no_helm_test(hook: Any) -> None:
    assert not is_helm_test(pod(hook))


def test_hooks_are_told_one_by_one() -> None:
    assert hooks(pod("pre-install, pre-upgrade")) == ["pre-install", "pre-upgrade"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("templates/deployment.yaml", True),
        ("crds/crd.yaml", True),
        ("charts/redis/values.yaml", True),
        ("files/dashboard.yaml", True),
        ("Chart.yaml", True),
        ("Chart.lock", True),
        ("requirements.yaml", True),
        ("values.yaml", True),
        ("values-prod.yaml", True),
        ("values/eu.yaml", True),
        ("ci/test-values.yaml", True),
        ("examples/pod.yaml", False),
        ("deployment.yaml", False),
        ("values/eu/pod.yaml", False),
    ],
)
def test_what_only_the_chart_uses(tmp_path: Path, name: str, expected: bool) -> None:
    write(tmp_path, {"Chart.yaml": CHART})
    assert consumed(chart(tmp_path), tmp_path / name) is expected


DEPENDENCIES = (
    CHART
    + """
dependencies:
- {name: redis, version: 1.0.0, repository: "https://charts.example.com"}
- {name: kafka-ui, version: 1.0.0, repository: "oci://example.com/charts", condition: kafka.enabled}
- {name: common, version: 1.0.0, repository: "file://../common"}
- {name: gone, version: 1.0.0, repository: "file://../gone"}
- 3
"""
)


def test_dependencies_are_in_charts_or_elsewhere_in_the_tree(tmp_path: Path) -> None:
    write(tmp_path, {"web/Chart.yaml": DEPENDENCIES, "common/Chart.yaml": "apiVersion: v2\nname: common\n"})
    missing = [(index, dependency.name) for index, dependency in missing_dependencies(chart(tmp_path / "web"), at)]
    assert missing == [(0, "redis"), (1, "kafka-ui"), (3, "gone")]
    local = [(dependency.name, place) for dependency, place in local_dependencies(chart(tmp_path / "web"), at)]
    assert local == [("common", tmp_path / "common")]


def test_packed_and_unpacked_dependencies_are_there(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "web/Chart.yaml": DEPENDENCIES,
            "web/charts/redis/Chart.yaml": "apiVersion: v2\nname: redis\n",
            "web/charts/any-directory/Chart.yaml": "apiVersion: v2\nname: gone\n",
            "web/charts/kafka-ui-1.0.0.tgz": "",
            "web/charts/common-2.3.4-rc.1.tgz": "",
        },
    )
    assert missing_dependencies(chart(tmp_path / "web"), at) == []
    assert local_dependencies(chart(tmp_path / "web"), at) == []


def test_a_package_of_a_longer_name_is_another_chart(tmp_path: Path) -> None:
    write(tmp_path, {"web/Chart.yaml": DEPENDENCIES, "web/charts/redis-cluster-1.0.0.tgz": ""})
    assert "redis" in [dependency.name for _, dependency in missing_dependencies(chart(tmp_path / "web"), at)]


def test_output_is_split_at_its_sources() -> None:
    output = "---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/crds/b.yaml\nkind: B\n---\nkind: C\n"
    assert [(m.source, m.text) for m in split(output)] == [
        ("web/templates/a.yaml", "\nkind: A\n"),
        ("web/crds/b.yaml", "\nkind: B\n---\nkind: C\n"),
    ]
    assert split("") == []


@pytest.mark.parametrize(
    ("message", "reason", "source", "line"),
    [
        (
            "Error: execution error at (web/templates/secret.yaml:2:9): password is required\n\nUse --debug flag to "
            "render out invalid YAML",
            "password is required",
            "web/templates/secret.yaml",
            2,
        ),
        (
            'Error: template: web/templates/a.yaml:3:5: executing "web/templates/a.yaml" at <.Values.a.b>: nil pointer',
            'template: web/templates/a.yaml:3:5: executing "web/templates/a.yaml" at <.Values.a.b>: nil pointer',
            "web/templates/a.yaml",
            3,
        ),
        (
            "Error: YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: line 5: no key",
            "YAML parse error on web/templates/a.yaml: error converting YAML to JSON: yaml: line 5: no key",
            "web/templates/a.yaml",
            0,
        ),
        (
            "Error: parse error at (web/templates/a.yaml:7): unclosed action",
            "parse error at (web/templates/a.yaml:7): unclosed action",
            "web/templates/a.yaml",
            7,
        ),
        ("Error: values don't meet\n  the schema", "values don't meet the schema", "", 0),
        (
            "Error: found in Chart.yaml, but missing in charts/ directory: redis, kafka",
            "dependencies are not in charts/: redis, kafka (run `helm dependency build`)",
            "",
            0,
        ),
    ],
)
def test_what_helm_says_becomes_one_line(message: str, reason: str, source: str, line: int) -> None:
    failure = explain(message)
    assert (failure.reason, failure.source, failure.line) == (reason, source, line)


def test_a_long_message_is_cut() -> None:
    assert len(explain("Error: " + "x" * 1000).reason) == 300
