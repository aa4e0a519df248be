import gzip
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.schema import SchemaSet, dump
from conformance.schema.openapi import OBJECT_META
from tests.schema.loading import definition, documents, thing

GADGET = definition({"type": "object", "description": "prose", "properties": {"description": {"type": "string"}}})


def _server(**changes: Any) -> Callable[[str], bytes]:
    """A server with ConfigMaps and one custom resource, whose OpenAPI does not tell what is pruned."""
    crd = json.loads(json.dumps(GADGET))
    gvk = {"group": "", "version": "v1", "kind": "ConfigMap"}
    custom = {"group": "test.example.com", "version": "v1", "kind": "Part"}
    meta = {"type": "object", "properties": {"name": {"type": "string"}, "labels": {"type": "object"}}}
    answers: dict[str, Any] = {
        "/version": {"gitVersion": "v1.34.2"},
        "/openapi/v3": {
            "paths": {
                "version": {"serverRelativeURL": "/not/asked"},
                "api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"},
                "apis/test.example.com/v1": {"serverRelativeURL": "/openapi/v3/apis/test.example.com/v1?hash=2"},
            }
        },
        "/openapi/v3/api/v1?hash=1": {
            "components": {
                "schemas": {
                    OBJECT_META: meta,
                    "core.ConfigMap": {
                        "type": "object",
                        "description": "prose",
                        "properties": {"data": {"type": "object", "additionalProperties": {"type": "string"}}},
                        "x-kubernetes-group-version-kind": [gvk],
                    },
                }
            },
            "paths": {"/api/v1/namespaces/{namespace}/configmaps": {"post": {"x-kubernetes-group-version-kind": gvk}}},
        },
        "/openapi/v3/apis/test.example.com/v1?hash=2": {
            "components": {"schemas": {"com.example.Part": {"x-kubernetes-group-version-kind": [custom]}}},
            "paths": {"/apis/test.example.com/v1/parts": {"post": {"x-kubernetes-group-version-kind": custom}}},
        },
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": {"items": [crd]},
        **changes,
    }
    return lambda path: answers[path] if isinstance(answers[path], bytes) else json.dumps(answers[path]).encode()


def test_what_is_taken_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "own.json.gz"
    file.write_bytes(dump.dump_schemas(_server()))
    schemas = SchemaSet.read(file)
    assert schemas.version == "1.34"
    good = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}
    assert schemas.judge(thing(good | {"apiVersion": "v1"})).problems[0].path == ("apiVersion",)
    part = {"apiVersion": "test.example.com/v1", "kind": "Part", "metadata": {"name": "a"}}
    assert schemas.judge(thing(part | {"spec": {"description": "d"}})).valid
    assert [p.path for p in schemas.judge(thing(part | {"spec": {"x": 1}})).problems] == [("spec", "x")]
    assert schemas.scope_of("test.example.com", "Part") == "Namespaced"


def test_the_file_holds_no_prose_and_only_what_is_referred_to() -> None:
    raw = json.loads(gzip.decompress(dump.dump_schemas(_server())))
    assert sorted(raw["definitions"]) == ["core.ConfigMap", OBJECT_META]
    assert raw["kinds"] == {"v1/ConfigMap": ["core.ConfigMap", "Namespaced"]}
    assert "prose" not in json.dumps(raw)
    schema = raw["crds"][0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"]["properties"] == {"description": {"type": "string"}}


def test_the_same_server_gives_the_same_bytes() -> None:
    assert dump.dump_schemas(_server()) == dump.dump_schemas(_server())


def test_a_version_may_be_given() -> None:
    assert json.loads(gzip.decompress(dump.dump_schemas(_server(), "v1.30.0")))["version"] == "v1.30.0"


@pytest.mark.parametrize(
    "changes",
    [{"/version": b"Unauthorized"}, {"/version": {}}, {"/openapi/v3": []}, {"/openapi/v3/api/v1?hash=1": b"{"}],
    ids=["no JSON", "no version", "no paths", "cut off"],
)
def test_a_strange_answer_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(dump.DumpError, match="not what an API server gives"):
        dump.dump_schemas(_server(**changes))


def _kubectl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "kubectl"
    program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_kubectl_is_asked_with_context_and_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _kubectl(tmp_path, monkeypatch, 'echo "$@"')
    fetch = dump.kubectl("my-context", Path("my-file"))
    assert fetch("/version") == b"--kubeconfig=my-file --context=my-context get --raw /version\n"


def test_a_failing_kubectl_is_one_line_and_exit_code_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _kubectl(tmp_path, monkeypatch, "echo warning >&2; echo 'error: no such context' >&2; exit 1")
    assert dump.command("nowhere", "", str(tmp_path / "out")) == 4
    assert capsys.readouterr().err == "plumbline: kubectl get --raw /version: error: no such context\n"
    assert not (tmp_path / "out").exists()


def test_without_kubectl_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dump.command("any", "", str(tmp_path / "out")) == 4
    assert capsys.readouterr().err == "plumbline: kubectl is not on PATH\n"


def test_the_command_says_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dump, "kubectl", lambda context, kubeconfig: _server())
    assert dump.command("any", "", str(tmp_path / "own")) == 0
    assert capsys.readouterr().out == f"v1.34.2: 1 kinds and 1 custom resources in {tmp_path / 'own'}\n"
    assert SchemaSet.read(tmp_path / "own").covers(thing(documents("custom.yaml")[0] | GADGET_OBJECT))


GADGET_OBJECT = {"apiVersion": "test.example.com/v1", "kind": "Part"}
