"""One thing that was loaded: a Kubernetes object, a plain YAML document, or a text file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

from conformance.kube.path import Path, parse, render

T = TypeVar("T")
MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file. Lines and columns count from 1; 0 means that the place inside the file is not certain."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`path:line:column`, or the path alone where the line is not certain."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    @property
    def record(self) -> dict[str, str | int] | None:
        """The place as JSON spells it; None for an object that comes from no file."""
        return {"path": self.path, "line": self.line, "column": self.column} if self.path else None


class Origin(Protocol):
    """Where a document came from. `path` is what a person would open (a template, not the rendered text)."""

    @property
    def path(self) -> str:
        """File, relative to the directory the command was started in; empty for live objects."""
        ...

    def locate(self, path: Path) -> Location:
        """Place of a field, or of its nearest parent that is present. Found lazily: costs a parse of one document."""
        ...


class FieldTypeError(TypeError):
    """A field has a type that Kubernetes would not accept, so nothing can be judged from it."""

    def __init__(self, path: Path, expected: str, observed: object) -> None:
        super().__init__(f"{render(path)} is {describe(observed)}, not {expected}")
        self.path = path


_NAMES = {dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
_NAMES[type(None)] = "null"


def describe(value: object) -> str:
    """The YAML word for a value's type, for messages."""
    return _NAMES.get(type(value), type(value).__name__)


class Node:
    """A value inside a document together with its path, so that a finding can name the field it speaks of.

    Accessors treat an explicit null as absent, as the API server does. A value of the wrong type raises
    `FieldTypeError`; the evaluation reports it as an error at that field, never as a pass.
    """

    __slots__ = ("path", "raw")

    def __init__(self, raw: Any, path: Path = ()) -> None:
        self.raw = raw
        self.path = path

    @overload
    def get(self, field: str | Path) -> Any: ...
    @overload
    def get(self, field: str | Path, default: T) -> Any | T: ...
    def get(self, field: str | Path, default: Any = None) -> Any:
        """Value at a dotted path below this node, or `default` when it, or a parent, is absent or null."""
        value = self.raw
        steps = field.split(".") if isinstance(field, str) and "[" not in field else parse(field)
        for depth, step in enumerate(steps):
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else None
            elif value is not None:
                raise FieldTypeError((*self.path, *steps[:depth]), "a mapping", value)
            if value is None:
                return default
        return default if value is None else value

    def at(self, field: str | Path) -> Node:
        """The node at a dotted path; its `raw` is None when absent."""
        return Node(self.get(field), (*self.path, *parse(field)))

    def mapping(self, field: str | Path = ()) -> Mapping[str, Any]:
        """A mapping field; empty when absent."""
        value: Mapping[str, Any] = self._typed(field, dict, "a mapping", {})
        return value

    def sequence(self, field: str | Path) -> list[Node]:
        """The elements of a list field as nodes; empty when absent."""
        elements = self._typed(field, list, "a list", [])
        if not elements:
            return []
        steps = (*self.path, *parse(field))
        return [Node(element, (*steps, index)) for index, element in enumerate(elements)]

    def texts(self, field: str | Path) -> list[str]:
        """The elements of a list of strings; empty when absent."""
        found = self.sequence(field)
        for each in found:
            if not isinstance(each.raw, str):
                raise FieldTypeError(each.path, "a string", each.raw)
        return [each.raw for each in found]

    def text(self, field: str | Path, default: str = "") -> str:
        """A string field."""
        value: str = self._typed(field, str, "a string", default)
        return value

    def flag(self, field: str | Path, default: bool | None = None) -> bool | None:
        """A boolean field. The string `"true"` is not a boolean: the API server refuses it."""
        value: bool | None = self._typed(field, bool, "a boolean", default)
        return value

    def number(self, field: str | Path, default: int | None = None) -> int | None:
        """An integer field; a boolean is not a number."""
        value = self.get(field, default)
        if isinstance(value, bool) or not isinstance(value, int | None):
            raise FieldTypeError((*self.path, *parse(field)), "a number", value)
        return value

    def _typed(self, field: str | Path, kind: type, name: str, default: Any) -> Any:
        value = self.get(field, MISSING)
        if value is MISSING:
            return default
        if not isinstance(value, kind):
            raise FieldTypeError((*self.path, *parse(field)), name, value)
        return value


class Document(Node):
    """A YAML or JSON document that need not be a Kubernetes object: values file, compose file, workflow, rule file."""

    __slots__ = ("origin",)

    def __init__(self, raw: Any, origin: Origin) -> None:
        super().__init__(raw)
        self.origin = origin

    def locate(self, field: str | Path = ()) -> Location:
        """Where a field stands in its file."""
        return self.origin.locate(parse(field))


class Object(Document):
    """A document with apiVersion and kind. `namespace` is what stands in it, or what the inventory resolved.

    An absent namespace is not "default": it comes from an Argo CD destination, a kustomization or a Helm release, and
    stays None ("unresolved") when none of them is known. Cluster-scoped objects have "".
    """

    __slots__ = ("group", "kind", "name", "namespace", "version")

    def __init__(self, raw: Any, origin: Origin, namespace: str | None = None) -> None:
        super().__init__(raw, origin)
        api_version = raw.get("apiVersion")
        group, slash, version = api_version.partition("/") if isinstance(api_version, str) else ("", "", "")
        self.group: str = group if slash else ""
        self.version: str = version if slash else group
        kind = raw.get("kind")
        self.kind: str = kind if isinstance(kind, str) else ""
        metadata = raw.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        name = metadata.get("name")
        if name is None and isinstance(metadata.get("generateName"), str):
            name = metadata["generateName"] + "*"
        self.name: str = name if isinstance(name, str) else ""
        own = metadata.get("namespace")
        self.namespace: str | None = own if isinstance(own, str) and own else namespace

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of the object itself; selectors of workloads speak of the pod template's labels instead."""
        return self.mapping("metadata.labels")

    @property
    def annotations(self) -> Mapping[str, str]:
        """Annotations of the object itself."""
        return self.mapping("metadata.annotations")

    def __str__(self) -> str:
        """`Kind namespace/name`, as messages name an object."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    __repr__ = __str__


class TextFile:
    """A file that is no YAML: a script, a crontab, HCL. Read once, when the first check asks for it."""

    __slots__ = ("_read", "path")

    def __init__(self, path: str, read: Any) -> None:
        self.path = path
        self._read = read

    @property
    def text(self) -> str:
        """The file as text; bytes that are no UTF-8 are replaced, so that a check never fails on an odd comment."""
        if callable(self._read):
            self._read = self._read()
        return str(self._read)

    @property
    def lines(self) -> list[str]:
        """The lines without their ends; line N of the file is element N-1."""
        return self.text.splitlines()

    def locate(self, field: Path = ()) -> Location:
        """A text file has no fields: the only step may be a line number."""
        line = field[0] if field and isinstance(field[0], int) else 0
        return Location(self.path, line, 1 if line else 0)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document, file, chart or kustomization that could not be turned into objects, and why."""

    location: Location
    reason: str
    #: what was lost: "document", "file", "chart", "kustomization", "duplicate key"
    what: str = "document"
