"""The schemas that travel with the package, one file for each minor version of Kubernetes."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

_DATA = Path(__file__).with_name("data")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:[.+-].*)?\Z")
_SUFFIX = ".json.gz"


class SchemaFileError(ValueError):
    """No such version, or a file that `plumbline schemas` did not write."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What one API server could serve."""

    version: str
    #: schema name and scope by `group/version/kind`
    kinds: dict[str, tuple[str, str]]
    definitions: dict[str, Any]
    crds: list[dict[str, Any]]

    @property
    def minor(self) -> str:
        """`1.34`, as people say it."""
        return minor(self.version)


def minor(version: str) -> str:
    """`1.34` of `v1.34.2`, `1.34.2-gke.100` or `1.34`. Raises `SchemaFileError`."""
    found = _VERSION.match(version.strip())
    if found is None:
        raise SchemaFileError(f"{version!r} is no Kubernetes version such as 1.34")
    return f"{found.group(1)}.{found.group(2)}"


def group_and_kind(key: str) -> tuple[str, str]:
    """Of `apps/v1/Deployment` the group and the kind; the group of `v1/Pod` is empty."""
    *group, _, kind = key.split("/")
    return "".join(group), kind


@lru_cache(maxsize=1)
def versions() -> tuple[str, ...]:
    """The stored versions, oldest first: `("1.32", …)`."""
    names = (file.name.removesuffix(_SUFFIX) for file in _DATA.glob("v*" + _SUFFIX))
    return tuple(sorted((minor(name) for name in names), key=order))


def order(version: str) -> tuple[int, int]:
    """Sort key of a version: 1.9 comes before 1.10."""
    major, _, rest = minor(version).partition(".")
    return int(major), int(rest)


def stored(version: str) -> Stored:
    """The stored schemas of a version; the patch level does not matter. Raises `SchemaFileError`."""
    wanted = minor(version)
    if wanted not in versions():
        raise SchemaFileError(f"no schemas of Kubernetes {wanted}; there are {', '.join(versions())}")
    return read(_DATA / f"v{wanted}{_SUFFIX}")


@lru_cache(maxsize=16)
def read(path: Path) -> Stored:
    """Schemas from a file. Raises `SchemaFileError`, and `OSError` when the file cannot be read."""
    try:
        raw = orjson.loads(gzip.decompress(path.read_bytes()))
        kinds = {key: (name, scope) for key, (name, scope) in raw["kinds"].items()}
        found = Stored(raw["version"], kinds, raw["definitions"], raw["crds"])
        minor(found.version)
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SchemaFileError(f"{path} holds no schemas written by `plumbline schemas`") from error
    return found
