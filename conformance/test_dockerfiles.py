"""What images are built from, as Dockerfiles say it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import image
from conformance.kube.object import TextFile
from conformance.kube.versions import version_of

_FROM = re.compile(r"(?i)\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*(?:#.*)?\Z")
_ARG = re.compile(r"(?i)\s*ARG\s+(\w+)=(\S*)\s*\Z")
_REFERENCE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


@dataclass(frozen=True, slots=True)
class _Stage:
    base: str
    name: str
    line: int


@check
def test_base_image(dockerfile: TextFile, *, bases: list[str]) -> Iterator[Said]:
    """The image that is shipped is built from one of these, and from the same one tomorrow: by a version or a digest.

    Only the last stage is shipped; where it is built from another stage, that one's base counts. `ARG` before the first
    FROM may hold it. `nginx:alpine` moves with every release of nginx.
    https://docs.docker.com/reference/dockerfile/#from
    """
    stages = _stages(dockerfile)
    if not stages:
        yield NotApplicable("it has no FROM")
        return
    names = {stage.name: stage for stage in stages if stage.name}
    last, seen = stages[-1], set()
    while last.base.lower() in names and last.base.lower() not in seen:
        seen.add(last.base.lower())
        last = names[last.base.lower()]
    try:
        found = image.parse(last.base)
    except image.ImageError as error:
        yield Finding(dockerfile, (last.line,), str(error), bases, last.base)
        return
    if found.name not in {image.parse(each).name for each in bases}:
        yield Finding(dockerfile, (last.line,), "is built from another base", bases, last.base)
    elif not found.pinned and not version_of(found.tag or ""):
        yield Finding(dockerfile, (last.line,), "is built from a base that moves", "a version or a digest", last.base)


def _stages(dockerfile: TextFile) -> list[_Stage]:
    arguments: dict[str, str] = {}
    stages: list[_Stage] = []
    for number, line in enumerate(dockerfile.lines, start=1):
        argument, start = _ARG.match(line), _FROM.match(line)
        if argument is not None and not stages:
            arguments[argument.group(1)] = argument.group(2).strip("\"'")
        if start is not None:
            base = _REFERENCE.sub(lambda at: arguments.get(at[1] or at[3]) or at[2] or at[0], start.group(1))
            stages.append(_Stage(base, (start.group(2) or "").lower(), number))
    return stages
