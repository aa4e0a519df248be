"""Our verdicts against those of a real API server (server-side dry run, fieldValidation=Strict).

400 is what could not be decoded: unknown fields and wrong types. There we must agree in both directions, and for
unknown fields on the very fields. 422 is the server's validation, of which schemas cover a part: for built-in kinds we
may or may not see it, for custom resources it is the schema.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from functools import reduce
from pathlib import Path as File
from typing import Any, cast

import pytest

from conformance.kube.path import render
from conformance.schema import SchemaSet, Verdict, openapi, store
from tests.schema.api_server import Answer, ApiServer
from tests.schema.loading import definition, documents, places, thing
from tests.schema.mutations import mutations

pytestmark = pytest.mark.api_server
CRD = documents("crd.yaml")[0]
CUSTOM = documents("custom.yaml")[0]
GOOD = documents("good.yaml")


def _name(raw: dict[str, Any]) -> str:
    return f"{raw['kind']}-{raw['metadata']['name']}"


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    kubeconfig = os.environ.get("PLUMBLINE_API_SERVER", "")
    if not kubeconfig:
        required = os.environ.get("PLUMBLINE_REQUIRE_API_SERVER") == "1"
        (pytest.fail if required else pytest.skip)("PLUMBLINE_API_SERVER names no kubeconfig of an API server")
    with ApiServer(kubeconfig) as running:
        running.define(CRD)
        yield running
        running.undefine(CRD)


@pytest.fixture(scope="module")
def schemas(server: ApiServer) -> SchemaSet:
    return SchemaSet.load(server.version()).with_crds([thing(CRD)])


def _plain(field: str) -> str:
    """A path in dots alone: the server prints map keys now as `[key]`, now as `.key`."""
    return field.replace("]", "").replace("[", ".")


def _disagreement(raw: dict[str, Any], answer: Answer, verdict: Verdict, *, custom: bool = False) -> str:
    """What server and schemas disagree on; empty when they agree."""
    ours = [str(problem) for problem in verdict.problems]
    if answer.code not in (201, 400, 403, 422):
        return f"unexpected answer {answer}"
    if answer.code == 201 and ours:
        return f"accepted by the server, refused by us: {ours}"
    if not ours and (answer.code == 400 or (custom and answer.code == 422)):
        return f"refused by the server, accepted by us: {answer.message}"
    unknown = {_plain(render(each.path)) for each in verdict.problems if each.is_unknown_field}
    others = tuple(_plain(render(each.path)) + "." for each in verdict.problems if each.expected)
    theirs = {_plain(field) for field in answer.unknown_fields}
    if custom:
        # A mapping in place of a scalar is to the server a field that is unknown, to us a wrong type.
        theirs = {field for field in theirs if field in unknown or not field.startswith(others)}
    if theirs and theirs != unknown:
        return f"unknown fields of the server {sorted(theirs)}, ours {sorted(unknown)}"
    return ""


def _beyond_schemas(what: str) -> bool:
    """Refused by CEL or by the rules for names, accepted because the server looks at no type beside a format."""
    formats = "when day duration ipv4 ipv6 cidr uri email uuid hostname mac byte"
    return (
        "spec.rule" in what or "metadata.finalizers" in what or what in {f"a list at spec.{f}" for f in formats.split()}
    )


def _served(raw: dict[str, Any], server: ApiServer) -> None:
    if not server.serves(raw):
        pytest.skip(f"{raw['apiVersion']} is not served by {server.version()}")


def _unjudged_by_old_servers(raw: dict[str, Any], what: str, version: str) -> bool:
    """Up to 1.33 nothing in the templates of a StatefulSet was required; its pods were refused later."""
    templates = "spec.template.spec.containers", "spec.volumeClaimTemplates"
    return raw["kind"] == "StatefulSet" and store.order(version) < (1, 34) and any(each in what for each in templates)


@pytest.mark.parametrize("raw", GOOD, ids=_name)
def test_good_objects_are_accepted_by_both(raw: dict[str, Any], server: ApiServer, schemas: SchemaSet) -> None:
    _served(raw, server)
    answer = server.submit(raw)
    assert answer.code == 201, answer.message
    assert schemas.judge(thing(raw)).valid


@pytest.mark.parametrize("raw", GOOD, ids=_name)
def test_every_mutation_is_judged_as_the_server_does(
    raw: dict[str, Any], server: ApiServer, schemas: SchemaSet
) -> None:
    _served(raw, server)
    found = [
        f"{what}: {wrong}"
        for what, changed in mutations(raw)
        if not _unjudged_by_old_servers(raw, what, schemas.version)
        and (wrong := _disagreement(changed, server.submit(changed), schemas.judge(thing(changed))))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_custom_resources_are_judged_as_the_server_does(version: str, server: ApiServer, schemas: SchemaSet) -> None:
    raw = CUSTOM | {"apiVersion": f"test.example.com/{version}"}
    assert server.submit(raw).code == 201
    assert schemas.judge(thing(raw)).valid
    found = [
        f"{what}: {wrong}"
        for what, changed in mutations(raw)
        if not _beyond_schemas(what)
        and (wrong := _disagreement(changed, server.submit(changed), schemas.judge(thing(changed)), custom=True))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("case", documents("custom_values.yaml"), ids=lambda case: f"{case['field']}")
def test_values_of_custom_resources_are_judged_as_the_server_does(
    case: dict[str, Any], server: ApiServer, schemas: SchemaSet
) -> None:
    for good, values in ((True, case["good"]), (False, case["bad"])):
        for value in values:
            raw = CUSTOM | {"spec": {"text": "abc", case["field"]: value}}
            answer = server.submit(raw)
            assert (answer.code == 201) == good, (value, answer)
            assert schemas.judge(thing(raw)).valid == good, value


def test_int32_of_custom_resources_is_enforced_when_the_server_does(server: ApiServer, schemas: SchemaSet) -> None:
    raw = CUSTOM | {"spec": {"text": "abc", "int32": 2**31}}
    assert (
        (server.submit(raw).code == 201) == schemas.judge(thing(raw)).valid == (store.order(schemas.version) < (1, 36))
    )


@pytest.mark.parametrize("case", documents("definitions.yaml"), ids=lambda case: case["why"])
def test_definitions_are_judged_as_the_server_does(case: dict[str, Any], server: ApiServer, schemas: SchemaSet) -> None:
    raw = definition(case["schema"])
    answer, verdict = server.submit(raw), schemas.judge(thing(raw))
    assert (answer.code == 201) == verdict.valid == (case["field"] is None), (answer, verdict)
    assert [render(each.path[5:]) for each in verdict.problems] == ([] if case["field"] is None else [case["field"]])


@pytest.mark.parametrize("case", documents("decoding.yaml"), ids=lambda case: case["why"])
def test_odd_values_are_decoded_as_the_server_does(case: dict[str, Any], server: ApiServer, schemas: SchemaSet) -> None:
    answer, verdict = server.submit(case["object"]), schemas.judge(thing(case["object"]))
    assert (answer.code != 400) == case["decodes"], answer
    assert verdict.valid == case["decodes"], verdict


LENIENCE = json.loads((File(openapi.__file__).with_name("lenience.json")).read_text(encoding="utf-8"))
LENIENT = [(t, d, f) for t in ("optional", "empty") for d, fields in LENIENCE[t].items() for f in fields]


@pytest.mark.parametrize(("topic", "definition_name", "field"), LENIENT)
def test_every_leniency_is_the_servers_own(
    topic: str, definition_name: str, field: str, server: ApiServer, schemas: SchemaSet
) -> None:
    if definition_name not in store.stored(schemas.version).definitions:
        pytest.skip(f"Kubernetes {schemas.version} has no {definition_name}")
    tried = 0
    for raw in GOOD:
        for path in places(schemas, raw, definition_name):
            changed = copy.deepcopy(raw)
            parent: Any = reduce(lambda node, step: node[step], path, cast("Any", changed))
            if topic == "empty":
                parent[field] = ""
            elif field not in parent:
                continue
            else:
                del parent[field]
            _served(raw, server)
            tried += server.submit(changed).code == 201
            assert schemas.judge(thing(changed)).valid
    assert tried, "no good object shows that the server is lenient"
