"""What a container runs, as a shell script: `sh -c`, a script of a mounted ConfigMap, or a bare command."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from conformance.kube.inventory import Inventory
from conformance.kube.mounted import mounted_text
from conformance.kube.path import Path
from conformance.kube.podspec import Container
from conformance.scripts.shell import Shell

_SHELLS = ("sh", "bash", "ash", "dash", "ksh", "zsh")


@dataclass(frozen=True, slots=True)
class Step:
    """The commands of a container. `interpreter` is the shell that reads them, empty where none does."""

    shell: Shell
    interpreter: str
    path: Path


def step(container: Container, inventory: Inventory) -> Step:
    """What a container runs; nothing where the image decides.

    Options of the shell itself (`bash -eo pipefail -c`) are put in front as `set`, since they mean the same. A script
    that is run by its path is read where a ConfigMap of these manifests is mounted there.
    """
    parts = [(each.path, str(each.raw)) for field in ("command", "args") for each in container.sequence(field)]
    words = [text for _, text in parts]
    if not words:
        return Step(Shell(""), "", (*container.path, "name"))
    program = words[0].rpartition("/")[2]
    if program not in _SHELLS:
        script = mounted_text(container, words[0], inventory)
        if script is not None:
            return Step(Shell(script), _first_line(script), parts[0][0])
        return Step(Shell(shlex.join(words)), "", parts[0][0])
    options: list[str] = []
    for at, word in enumerate(words[1:], start=1):
        if re.fullmatch(r"-[a-zA-Z]*c", word) and at + 1 < len(words):
            return Step(Shell(_prefixed([*options, word.removesuffix("c")], words[at + 1])), program, parts[at + 1][0])
        if word.startswith(("-", "+")) or (options and options[-1].endswith("o")):
            options.append(word)
            continue
        script = mounted_text(container, word, inventory)
        return Step(Shell(_prefixed(options, script or "")), program, parts[at][0])
    return Step(Shell(""), program, parts[0][0])


def _prefixed(options: list[str], script: str) -> str:
    kept = [each for each in options if each not in ("-", "")]
    # On the script's own first line, so that lines keep their numbers.
    return f"set {' '.join(kept)}; {script}" if kept else script


def _first_line(script: str) -> str:
    found = re.match(r"#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(?:\S*/)?(\w+)", script)
    return found.group(1) if found and found.group(1) in _SHELLS else ""
