"""What a container runs, as a script."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.podspec import Container, pod_spec
from conformance.scripts.steps import step
from tests.kube.no_file import NoFile


def container(**fields: Any) -> Container:
    spec = {
        "containers": [{"name": "dump", **fields}],
        "volumes": [{"name": "scripts", "configMap": {"name": "scripts"}}],
    }
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dump", "namespace": "blog"}, "spec": spec}
    pod = pod_spec(Object(raw, NoFile()))
    assert pod is not None
    return pod.containers[0]


SCRIPTS = Object(
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "scripts", "namespace": "blog"},
        "data": {"dump.sh": "#!/usr/bin/env bash\nset -eu\nmysqldump blog\n"},
    },
    NoFile(),
)
MOUNT = [{"name": "scripts", "mountPath": "/scripts"}]


@pytest.mark.parametrize(
    ("fields", "interpreter", "last", "place"),
    [
        ({"command": ["sh", "-c", "cd /x\nmysqldump blog"]}, "sh", "mysqldump blog", ("command", 2)),
        ({"command": ["/bin/bash", "-ec"], "args": ["mysqldump blog"]}, "bash", "mysqldump blog", ("args", 0)),
        ({"command": ["mysqldump"], "args": ["-h", "my sql"]}, "", "mysqldump -h my sql", ("command", 0)),
        ({"command": ["bash", "/scripts/dump.sh"], "volumeMounts": MOUNT}, "bash", "mysqldump blog", ("command", 1)),
        ({"args": ["/scripts/dump.sh"], "volumeMounts": MOUNT}, "bash", "mysqldump blog", ("args", 0)),
    ],
)
def test_the_commands(fields: dict[str, Any], interpreter: str, last: str, place: tuple[str, int]) -> None:
    found = step(container(**fields), Inventory([SCRIPTS]))
    assert found.interpreter == interpreter
    assert found.shell.commands[-1].text == last
    assert found.path[-2:] == place


@pytest.mark.parametrize(
    ("command", "stops", "pipes"),
    [
        (["bash", "-c", "a | b"], False, False),
        (["bash", "-ec", "a | b"], True, False),
        (["bash", "-e", "-o", "pipefail", "-c", "a | b"], True, True),
        (["bash", "-eo", "pipefail", "-c", "a | b"], True, True),
        (["bash", "-c", "set -euo pipefail; a | b"], True, True),
    ],
)
def test_options_of_the_shell_count(command: list[str], stops: bool, pipes: bool) -> None:
    shell = step(container(command=command), Inventory([])).shell
    assert (shell.stops_on_error, shell.stops_on_pipe_error) == (stops, pipes)


def test_what_the_image_runs_is_not_known() -> None:
    found = step(container(), Inventory([]))
    assert found.shell.commands == []
    assert found.path == ("spec", "containers", 0, "name")
    assert step(container(command=["bash", "/opt/dump.sh"]), Inventory([])).shell.commands == []
