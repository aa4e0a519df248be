"""Commands that nothing in a tree may run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.scripts.find import is_shell

_COMMENT = re.compile(r"(^|\s)#.*$")


@check
def test_commands_refused(inventory: Inventory, *, words: list[str]) -> Iterator[Said]:
    """No script, ConfigMap or container runs a command that has one of the words in it, in whatever letters.

    Looked for in whole words of every line that is no comment, so that `eval`, a variable or a here-document hides
    nothing. The renaming of a command in a configuration (`rename-command FLUSHDB ""`) switches it off and is fine.
    """
    wanted = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
    looked = 0
    for file in inventory.texts:
        if is_shell(file) or file.path.rpartition("/")[2] in ("crontab", "Makefile"):
            looked += 1
            for number, line in enumerate(file.lines, start=1):
                if _runs(line, wanted):
                    yield Finding(file, (number,), f"runs {_word(line, wanted)}", None, line.strip())
    for config in inventory.of_kind("ConfigMap", ""):
        looked += 1
        for key, text in config.mapping("data").items():
            line = next((each for each in str(text).splitlines() if _runs(each, wanted)), "")
            if line:
                yield Finding(config, ("data", str(key)), f"runs {_word(line, wanted)}", None, line.strip())
    for pod in inventory.pods():
        looked += 1
        for container in pod.containers:
            for part in ("command", "args"):
                for each in container.sequence(part):
                    line = next((text for text in str(each.raw).splitlines() if _runs(text, wanted)), "")
                    if line:
                        yield Finding(pod.owner, each.path, f"runs {_word(line, wanted)}", None, line.strip())
    if not looked:
        yield NotApplicable("nothing here runs commands")


def _runs(line: str, wanted: re.Pattern[str]) -> bool:
    text = _COMMENT.sub("", line)
    return wanted.search(text) is not None and "rename-command" not in text


def _word(line: str, wanted: re.Pattern[str]) -> str:
    found = wanted.search(line)
    return found.group(1).upper() if found else ""
