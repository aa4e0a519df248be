from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kube.inventory import Inventory
from conformance.kube.object import FieldTypeError, Object
from conformance.kube.path import render
from conformance.kube.variables import Variable, value_at, variables
from tests.kube.no_file import NoFile


def config(name: str, data: dict[str, str], kind: str = "ConfigMap") -> Object:
    raw = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "data": data}
    return Object(raw, NoFile())


def resolved(env: Any, env_from: Any = None, *others: Object, **pod: Any) -> dict[str, Variable]:
    spec = {"containers": [{"name": "c", "env": env, "envFrom": env_from}], **pod}
    raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}
    world = Inventory([Object(raw, NoFile()), *others])
    (found,) = world.pods()
    return dict(variables(found.containers[0], world))


def values(env: Any, env_from: Any = None, *others: Object, **pod: Any) -> dict[str, str | None]:
    return {name: each.value for name, each in resolved(env, env_from, *others, **pod).items()}


def literal(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def key(name: str, source: str, of: str, kind: str = "configMapKeyRef", **more: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {kind: {"name": source, "key": of, **more}}}


def test_only_earlier_variables_are_referred_to() -> None:
    env = [literal("URL", "$(HOST):$(PORT)"), literal("HOST", "db"), literal("URL2", "$(HOST):$(URL)")]
    assert values(env) == {"URL": "$(HOST):$(PORT)", "HOST": "db", "URL2": "db:$(HOST):$(PORT)"}
    assert {name: each.missing for name, each in resolved(env).items()} == {
        "URL": {"HOST", "PORT"},
        "HOST": set(),
        "URL2": set(),
    }


def test_a_later_entry_wins_and_may_refer_to_the_earlier_one() -> None:
    assert values([literal("A", "1"), literal("A", "$(A)2")]) == {"A": "12"}


def test_env_wins_over_env_from_and_refers_to_it() -> None:
    source = config("conf", {"A": "from", "B": "b"})
    found = resolved(
        [literal("A", "$(A)-$(P_B)")],
        [{"configMapRef": {"name": "conf"}}, {"prefix": "P_", "configMapRef": {"name": "conf"}}],
        source,
    )
    assert found["A"].value == "from-b"
    assert render(found["A"].path) == "spec.containers[0].env[0].value"
    assert (found["P_B"].source, found["P_B"].key, found["P_B"].whole) == ("conf", "B", True)
    assert render(found["P_B"].path) == "spec.containers[0].envFrom[1].configMapRef.name"


def test_the_last_of_two_sources_wins() -> None:
    one, two = config("one", {"A": "1"}), config("two", {"A": "2"})
    sources = [{"configMapRef": {"name": "one"}}, {"configMapRef": {"name": "two"}}]
    assert values(None, sources, one, two) == {"A": "2"}
    assert values(None, sources[::-1], one, two) == {"A": "1"}


def test_secrets_are_named_and_never_shown() -> None:
    secret = config("db", {"password": "aHVudGVyMg=="}, "Secret")
    found = resolved(
        [key("PW", "db", "password", "secretKeyRef"), literal("URL", "u:$(PW)@h")],
        [{"secretRef": {"name": "db"}}],
        secret,
    )
    assert (found["PW"].kind, found["PW"].source, found["PW"].key, found["PW"].value) == (
        "Secret",
        "db",
        "password",
        None,
    )
    assert found["password"].value is None
    assert (found["URL"].value, found["URL"].unknown) == ("u:$(PW)@h", frozenset({"PW"}))


def test_what_is_unknown_is_passed_on() -> None:
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        literal("A", "$(IP):1"),
        literal("B", "x$(A)"),
    ]
    found = resolved(env)
    assert found["IP"].value is None
    assert (found["B"].value, found["B"].unknown) == ("x$(IP):1", frozenset({"IP"}))


def test_an_optional_key_that_is_not_there_sets_nothing() -> None:
    source = config("conf", {"A": "1"})
    env = [literal("X", "before"), key("X", "conf", "gone", optional=True)]
    assert values(env, None, source) == {"X": "before"}
    assert values([key("X", "conf", "gone")], None, source) == {"X": None}
    unseen = resolved([key("X", "elsewhere", "A", optional=True)])["X"]
    assert (unseen.value, unseen.optional) == (None, True)


def test_a_key_of_a_config_map_is_expanded_nowhere() -> None:
    source = config("conf", {"A": "$(B)"})
    assert values([literal("B", "b"), key("A", "conf", "A"), literal("C", "$(A)")], None, source)["C"] == "$(B)"


@pytest.mark.parametrize(
    ("name", "pod", "unknown"),
    [
        ("DB_SERVICE_HOST", {}, True),
        ("DB_PORT_5432_TCP_ADDR", {}, True),
        ("DB_SERVICE_HOST", {"enableServiceLinks": False}, False),
        ("KUBERNETES_SERVICE_HOST", {"enableServiceLinks": False}, True),
        ("DB_HOST", {}, False),
        ("db_SERVICE_HOST", {}, False),
    ],
)
def test_variables_of_services_may_be_there(name: str, pod: Any, unknown: bool) -> None:
    found = resolved([literal("A", f"$({name})")], **pod)["A"]
    assert found.value == f"$({name})"
    assert found.unknown == ({name} if unknown else set())


def test_a_source_that_no_manifest_shows_may_set_anything_with_its_prefix() -> None:
    env = [literal("A", "$(P_X) $(X)")]
    assert resolved(env, [{"prefix": "P_", "secretRef": {"name": "unseen"}}])["A"].unknown == {"P_X"}
    assert resolved(env, [{"configMapRef": {"name": "unseen"}}])["A"].unknown == {"P_X", "X"}


def test_wrong_types_name_their_field() -> None:
    with pytest.raises(FieldTypeError) as caught:
        resolved([{"name": "A", "value": 1}])
    assert render(caught.value.path) == "spec.containers[0].env[0].value"


NAMES = st.sampled_from(["A", "B", "C"])
TEXT = st.lists(st.sampled_from(["$(A)", "$(B)", "$(C)", "$$", "$", "x", "(A)"]), max_size=4).map("".join)
DATA = st.dictionaries(NAMES, TEXT)
ENTRIES = st.lists(
    st.one_of(st.builds(literal, NAMES, TEXT), st.builds(key, NAMES, st.just("m0"), NAMES, optional=st.just(True))),
    max_size=6,
)
SOURCES = st.lists(st.tuples(st.sampled_from(["", "A", "x"]), st.integers(0, 1)), max_size=3)


def as_the_kubelet(env: Any, sources: Any, maps: list[dict[str, str]]) -> dict[str, str]:
    """Word for word what makeEnvironmentVariables does, with a dumb expansion."""
    made: dict[str, str] = {}
    for prefix, number in sources:
        made.update({prefix + name: value for name, value in maps[number].items()})
    for entry in env:
        value = entry.get("value", "")
        if value:
            value = dumb(value, made)
        elif "valueFrom" in entry:
            if entry["valueFrom"]["configMapKeyRef"]["key"] not in maps[0]:
                continue
            value = maps[0][entry["valueFrom"]["configMapKeyRef"]["key"]]
        made[entry["name"]] = value
    return made


def dumb(text: str, made: dict[str, str]) -> str:
    done = ""
    while text:
        head = next((f"$({name})" for name in made if text.startswith(f"$({name})")), "")
        if text.startswith("$$"):
            done, text = done + "$", text[2:]
        elif head:
            done, text = done + made[head[2:-1]], text[len(head) :]
        elif text.startswith("$("):  # a reference to nothing, or no reference
            end = text.find(")") + 1 or 2
            done, text = done + text[:end], text[end:]
        else:
            done, text = done + text[0], text[1:]
    return done


@settings(max_examples=300, deadline=None)
@given(ENTRIES, SOURCES, st.tuples(DATA, DATA))
def test_any_environment_is_that_of_the_kubelet(
    env: Any, sources: Any, maps: tuple[dict[str, str], dict[str, str]]
) -> None:
    written = [{"prefix": prefix, "configMapRef": {"name": f"m{number}"}} for prefix, number in sources]
    objects = [config(f"m{number}", data) for number, data in enumerate(maps)]
    assert values(env, written, *objects) == as_the_kubelet(env, sources, list(maps))


def test_where_a_value_stands() -> None:
    spec = {"containers": [{"name": "c", "env": [key("A", "app", "a"), key("B", "unseen", "b"), literal("C", "c")]}]}
    pod = Object(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}, NoFile()
    )
    settings_of = config("app", {"a": "1"})
    world = Inventory([pod, settings_of])
    (found,) = world.pods()
    container = found.containers[0]
    places = [value_at(each, container, world) for each in variables(container, world).values()]
    assert places == [
        (settings_of, ("data", "a")),
        (pod, ("spec", "containers", 0, "env", 1, "valueFrom", "configMapKeyRef")),
        (pod, ("spec", "containers", 0, "env", 2, "value")),
    ]
