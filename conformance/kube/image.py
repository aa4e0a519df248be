"""Image references, read as the kubelet reads them: distribution/reference, ParseNormalizedNamed.

https://kubernetes.io/docs/concepts/containers/images/#image-names
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

DEFAULT_REGISTRY = "docker.io"

_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_PATH_PART}(?:/{_PATH_PART})*"
_TAG = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(rf"(?:({_DOMAIN})/)?({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?\Z")
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LOWER_HEX = re.compile(r"[a-f0-9]+\Z")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}\Z")
_LONGEST_PATH = 255
# Matching is linear in practice; this bounds it for a hostile manifest. A tag has 128 characters, a digest 135.
_LONGEST_REFERENCE = 4096


class ImageError(ValueError):
    """Not an image reference: the kubelet reports InvalidImageName and the container never starts."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image reference with its defaults filled in; `nginx` is `docker.io/library/nginx`.

    `tag` and `digest` are what is written, None where nothing is. With both, the digest decides what is pulled and the
    tag is decoration.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def host(self) -> str:
        """The registry without its port."""
        return self.registry if self.port is None else self.registry.rpartition(":")[0]

    @property
    def port(self) -> int | None:
        """Port of the registry, if it is written. An address in brackets (`[::1]`) has colons of its own."""
        _, colon, port = self.registry.rpartition(":")
        return int(port) if colon and port.isdigit() and not self.registry.endswith("]") else None

    @property
    def effective_tag(self) -> str | None:
        """The tag that is pulled: `latest` where neither tag nor digest is written, None where a digest decides."""
        if self.digest is not None:
            return None
        return "latest" if self.tag is None else self.tag

    @property
    def pinned(self) -> bool:
        """Whether the reference always means the same image: only a digest does that, no tag does."""
        return self.digest is not None

    def __str__(self) -> str:
        """The reference in full, as the kubelet hands it to the runtime but without an added `latest`."""
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"


def parse(text: object) -> Image:
    """The parts of an image reference.

    Traps: what stands before the first `/` is a registry only if it has a `.` or a `:`, is `localhost`, or has a
    capital letter, so `registry/team/app` is an image of Docker Hub; in `host:5000/app` the number is a port and in
    `host:5000` a tag; `index.docker.io` is `docker.io`; `docker.io/nginx` is `docker.io/library/nginx`. A part with a
    dot that is no host name (`foo_bar.com/app`) leaves an empty registry, which no runtime can pull.

    Raises `ImageError`, also for capital letters in the repository, an empty tag (`nginx:`), spaces, a URL
    (`https://…`), a bare 64-digit identifier, and a digest of the wrong length or of an unknown algorithm.
    """
    if not isinstance(text, str):
        raise ImageError(f"an image reference is a string, not {text!r}")
    return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Image:
    if _IDENTIFIER.match(text):
        raise ImageError(f"not an image reference: {text!r} is an identifier")
    registry, remainder = _split(text)
    full = f"{registry}/{remainder}"
    found = _REFERENCE.match(full) if len(full) <= _LONGEST_REFERENCE else None
    if found is None:
        raise ImageError(f"not an image reference: {text[:120]!r}{_hint(remainder)}")
    host, repository, tag, digest = found.groups()
    if len(repository) > _LONGEST_PATH:
        raise ImageError(f"not an image reference: the repository {repository[:40]}… has more than 255 characters")
    if digest is not None:
        _check_digest(digest)
    return Image(host or "", repository, tag, digest)


def _split(text: str) -> tuple[str, str]:
    """Registry and the rest, by the rule that Docker Hub needs none."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_REGISTRY, f"library/{text}"
    if first == "index.docker.io":
        first = DEFAULT_REGISTRY
    elif first != "localhost" and "." not in first and ":" not in first and first.lower() == first:
        return DEFAULT_REGISTRY, text
    if first == DEFAULT_REGISTRY and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _check_digest(digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    length = _HEX_LENGTHS.get(algorithm)
    if length is None:
        raise ImageError(f"not an image reference: {algorithm} is no digest algorithm that images have")
    if len(value) != length or not _LOWER_HEX.match(value):
        raise ImageError(f"not an image reference: a {algorithm} digest has {length} lower-case hexadecimal digits")


def _hint(remainder: str) -> str:
    name = remainder.partition(":")[0]
    return ": the repository must be lower-case" if name.lower() != name else ""
