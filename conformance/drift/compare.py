"""Two states of one object: what is set on one side and means something else on the other.

Only fields that Git sets are compared, because the API server and its controllers fill in the others; what stands in
fields that Git leaves alone is a hint, unless it is what the server fills in (`Shape.fills_in`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from conformance.drift.meaning import same_scalar
from conformance.drift.shape import Shape
from conformance.kube.object import MISSING, FieldTypeError
from conformance.kube.path import Path

#: `changed`: another value; `missing`: only Git has it; `added`: only the cluster has it
What = Literal["changed", "missing", "added"]
#: fields of metadata that people set; the others are the server's own
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
#: struct fields that the server keeps or drops when they are empty, without any meaning
_EMPTY_MEANS_NOTHING = ("metadata", "status", "resources", "strategy", "updateStrategy", "spec")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field. `path` is the place in Git's object, or for what only the cluster has, where it would stand there.

    `element` names an element of a keyed list that only the cluster has. A `hint` is a field that Git leaves alone.
    """

    path: Path
    what: What
    git: Any = None
    cluster: Any = None
    hint: bool = False
    element: str = ""


def compare(shape: Shape, git: Any, live: Any, pod_template: Shape | None = None) -> Iterator[Difference]:
    """The differences of two whole objects; their status and the server's own metadata are never compared.

    `pod_template` is the shape of `spec.template` where the kind's own schema does not say it.
    """
    for name, value in git.items():
        if name in ("apiVersion", "kind", "status") or value is None:
            continue
        if name == "metadata":
            yield from _metadata(shape.field("metadata"), value, live.get("metadata") or {}, ("metadata",))
        elif name == "spec" and pod_template is not None and isinstance(value, dict):
            yield from _workload(shape.field(name), value, live.get(name), pod_template)
        else:
            yield from _value(shape.field(name), value, live.get(name, MISSING), (name,), name)
    for name in live:
        if name not in git and name not in ("apiVersion", "kind", "status", "metadata"):
            yield from _added(shape, name, live[name], (name,))


def _workload(shape: Shape, git: dict[str, Any], live: Any, pod_template: Shape) -> Iterator[Difference]:
    live = live if isinstance(live, dict) else {}
    for name, value in git.items():
        known = pod_template if name == "template" else shape.field(name)
        yield from _value(known, value, live.get(name, MISSING), ("spec", name), name)


def _metadata(shape: Shape, git: Any, live: Any, path: Path) -> Iterator[Difference]:
    if not isinstance(git, dict) or not isinstance(live, dict):
        raise FieldTypeError(path, "a mapping", git)
    for name in _METADATA:
        value = git.get(name)
        if value is not None and not isinstance(value, dict if name in ("labels", "annotations") else list):
            raise FieldTypeError((*path, name), "a mapping" if name in ("labels", "annotations") else "a list", value)
        if isinstance(value, dict):
            yield from _value(shape.field(name), value, live.get(name) or {}, (*path, name), name)
        elif isinstance(value, list):
            there = live.get(name) or []
            for index, each in enumerate(value):
                if not any(_holds(each, other) for other in there):
                    yield Difference((*path, name, index), "missing", each)


def _holds(git: Any, live: Any) -> bool:
    """Whether a reference of Git stands in the cluster, where the server may have said more of it."""
    if isinstance(git, dict) and isinstance(live, dict):
        return all(live.get(key) == value for key, value in git.items())
    return bool(git == live)


def _value(shape: Shape, git: Any, live: Any, path: Path, name: str) -> Iterator[Difference]:
    if git is None:
        return
    if live is MISSING or live is None:
        if not _nothing(shape, git, name):
            yield Difference(path, "missing", git)
    elif isinstance(git, dict) and isinstance(live, dict):
        yield from _mapping(shape, git, live, path, name)
    elif isinstance(git, list) and isinstance(live, list):
        yield from _list(shape, git, live, path)
    elif not same_scalar(shape, git, live):
        yield Difference(path, "changed", git, live)


def _nothing(shape: Shape, git: Any, name: str) -> bool:
    """Whether the server keeps nothing of a value: empty texts, lists and mappings, zeros and false.

    An empty mapping with fields of its own is something: `emptyDir: {}`, `podSelector: {}`.
    """
    if isinstance(git, dict) and git:
        return all(_nothing(shape.field(key), value, key) for key, value in git.items())
    if isinstance(git, dict):
        return shape.free or not shape.known or name in _EMPTY_MEANS_NOTHING
    return not git


def _mapping(shape: Shape, git: dict[str, Any], live: dict[str, Any], path: Path, name: str) -> Iterator[Difference]:
    if shape.name == "ObjectMeta":
        yield from _metadata(shape, git, live, path)
        return
    for key, value in git.items():
        yield from _value(shape.field(key), value, live.get(key, MISSING), (*path, key), key)
    if shape.silent:
        return
    for key, value in live.items():
        if git.get(key) is None:
            if shape.free:
                yield Difference((*path, key), "added", cluster=value)
            else:
                yield from _added(shape, key, value, (*path, key))


def _added(shape: Shape, name: str, value: Any, path: Path) -> Iterator[Difference]:
    """What the cluster has in a field that Git leaves alone, less what the server fills in by itself."""
    if not shape.builtin or not shape.has_field(name) or shape.name == "ObjectMeta":
        return
    inner = shape.field(name)
    if not value or shape.fills_in(name, value) or inner.name == "ObjectMeta":
        return
    if isinstance(value, dict) and not inner.free and inner.known:
        for key, each in value.items():
            yield from _added(inner, key, each, (*path, key))
    else:
        yield Difference(path, "added", cluster=value, hint=True)


def _list(shape: Shape, git: list[Any], live: list[Any], path: Path) -> Iterator[Difference]:
    keys = shape.keys or _names(git, live)
    if keys and all(isinstance(each, dict) for each in (*git, *live)):
        yield from _keyed(shape, git, live, path, keys)
        return
    if len(git) != len(live):
        yield Difference(path, "changed", git, live)
        return
    for index, (mine, theirs) in enumerate(zip(git, live, strict=True)):
        yield from _value(shape.element(), mine, theirs, (*path, index), "")


def _names(git: list[Any], live: list[Any]) -> tuple[str, ...]:
    """`name`, where the schema says nothing and all elements have different ones."""
    for side in (git, live):
        names = [each.get("name") if isinstance(each, dict) else None for each in side]
        if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
            return ()
    return ("name",)


def _keyed(shape: Shape, git: list[Any], live: list[Any], path: Path, keys: tuple[str, ...]) -> Iterator[Difference]:
    element = shape.element()
    theirs: dict[tuple[Any, ...], Any] = {}
    for each in live:
        theirs.setdefault(_key(element, each, keys), each)
    mine = [_key(element, each, keys) for each in git]
    for index, each in enumerate(git):
        found = theirs.get(mine[index], MISSING)
        yield from _value(element, each, found, (*path, index), "")
    for key, each in theirs.items():
        if key not in mine:
            yield Difference(path, "added", cluster=each, element=",".join(str(part) for part in key))
    if path[-1:] == ("initContainers",):
        yield from _order(mine, list(theirs), path)


def _key(element: Shape, value: dict[str, Any], keys: tuple[str, ...]) -> tuple[Any, ...]:
    """An absent part of a key is its default: two ports differ by their protocol, which may go unsaid."""
    return tuple(value.get(key) or ("TCP" if element.fills_in(key, "TCP") else None) for key in keys)


def _order(mine: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]], path: Path) -> Iterator[Difference]:
    """Init containers run one after the other, so their order means something although they have names."""
    both = [key for key in mine if key in theirs]
    there = [key for key in theirs if key in mine]
    if both != there:
        yield Difference(path, "changed", [key[0] for key in both], [key[0] for key in there])
