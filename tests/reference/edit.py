"""Editing a copy of a reference tree, as data says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def apply(tree: Path, edit: dict[str, Any]) -> None:
    """One edit: find and replace, append, move into another file, as_list, reverse_keys. It must change something."""
    file = tree / edit["file"]
    before = file.read_bytes().decode()
    after = _edited(before, edit)
    if "move" in edit:
        target = tree / edit["move"]
        target.write_text(target.read_text() + "---\n" + before)
        file.unlink()
        return
    assert after != before, f"{edit['file']}: the edit changes nothing"
    file.write_bytes(after.encode())


def _edited(text: str, edit: dict[str, Any]) -> str:
    if "find" in edit:
        found, times = text.count(edit["find"]), edit.get("times", 1)
        assert found == times or (times == "any" and found), (
            f"{edit['file']}: {edit['find']!r} stands there {found} times"
        )
        return text.replace(edit["find"], edit["replace"])
    if "append" in edit:
        return text + str(edit["append"])
    if edit.get("as_list"):
        items = [each for each in yaml.safe_load_all(text) if each]
        return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
    if edit.get("reverse_keys"):
        return yaml.safe_dump_all([_reversed(each) for each in yaml.safe_load_all(text)], sort_keys=False)
    return text


def _reversed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _reversed(node[key]) for key in reversed(list(node))}
    return [_reversed(each) for each in node] if isinstance(node, list) else node
