"""Objects that a document lists by name: each of them is there, and says what is documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import yaml

from conformance.check import Said, Unjudged, check
from conformance.declared import compare, validate
from conformance.finding import Finding
from conformance.kube.object import Node, Object


@check
def test_each_named(
    things: list[Object],
    *,
    names: list[str],
    expect: Annotated[dict[str, Any] | None, lambda said: validate(said) if said else said] = None,
) -> Iterator[Said]:
    """Each of the names (globs do not count) is among the objects, and has the fields of `expect`, as in `declared`.

    A single wrong name in a list of right ones is a finding, not one object fewer to look at. A live object that its
    controller refuses (a condition `Valid` that is False) is not there either.
    """
    for name in names:
        found = [each for each in things if each.name == name]
        if not found:
            yield Finding(None, "", f"there is no {things[0].kind} {name}", name)
        for thing in found:
            for condition in thing.sequence("status.conditions"):
                if condition.text("type") == "Valid" and condition.text("status") == "False":
                    yield Finding(
                        thing, condition.path, "is refused by its controller", "Valid", condition.get("message")
                    )
            for each in compare(Node(thing.raw), expect) if expect else ():
                yield Finding(thing, each.path, each.message, each.expected, each.observed)


@check
def test_declared_in_data(config: Object, *, key: str, expect: Annotated[dict[str, Any], validate]) -> Iterator[Said]:
    """The YAML under a key of a ConfigMap has the declared fields; findings stand at the key.

    What is commented out is not there, however configured it looks.
    """
    text = config.get(("data", key))
    if not isinstance(text, str):
        yield Finding(config, ("data", key), "is not there", "YAML")
        return
    try:
        parsed = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        yield Unjudged(config, ("data", key), f"no YAML: {str(error).splitlines()[0]}")
        return
    for each in compare(Node(parsed), expect):
        where = ".".join(map(str, each.path))
        yield Finding(config, ("data", key), f"{where} {each.message}", each.expected, each.observed)
