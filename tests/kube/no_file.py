"""Objects that stand in no file, for tests of facts."""

from typing import Any

from conformance.kube.object import Location, Object
from conformance.kube.path import Path


class NoFile:
    path = ""

    def locate(self, path: Path) -> Location:
        return Location("")


def obj(api_version: str, kind: str, **fields: Any) -> Object:
    return Object({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}, NoFile())
