from __future__ import annotations

from pathlib import Path

import pytest

from conformance.kube.literal import locate
from conformance.sources import load as sources

TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  one: |
    first
    second
  two: "first\\nsecond\\n"
  three: first
  list: x
"""
ITEMS = """\
items:
  - |
    first
    second
  - "first\\nsecond"
  - x
"""


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        (TEXT, ("data", "one"), 7),
        (TEXT, ("data", "two"), None),
        (TEXT, ("data", "three"), None),
        (TEXT, ("data", "gone"), None),
        (ITEMS, ("items", 0), 4),
        (ITEMS, ("items", 1), None),
    ],
)
def test_the_second_line(tmp_path: Path, text: str, path: tuple[str | int, ...], line: int | None) -> None:
    (tmp_path / "a.yaml").write_text(text)
    loaded = sources.load([str(tmp_path)], jobs=1)
    document = loaded.objects[0] if loaded.objects else loaded.documents[0]
    found = locate(document, path, 2)
    assert (found.line if found else None) == line
