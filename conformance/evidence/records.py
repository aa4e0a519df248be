"""Dated records of reviews and drills: what was done, when, and whether it worked.

```yaml
records:
- {kind: backup-review, date: 2026-11-16, result: passed, by: platform-oncall}
- {kind: drill, drill: vault-restore, component: vault, date: 2026-11-02, result: passed, report: reports/….html}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from conformance.kube.object import Document, FieldTypeError, Node


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was done. Only the result `passed` counts: a skipped or aborted drill proves nothing."""

    node: Node
    kind: str
    on: date
    passed: bool
    drill: str
    component: str


def read(document: Document) -> list[Record]:
    """The records of a document, oldest first. Raises FieldTypeError at a missing or malformed field."""
    return sorted((_record(each) for each in document.sequence("records")), key=lambda each: each.on)


def _record(node: Node) -> Record:
    text = node.get("date")
    try:
        on = date.fromisoformat(text)
    except (TypeError, ValueError):
        raise FieldTypeError((*node.path, "date"), "a date such as 2026-11-16", text) from None
    return Record(
        node, node.text("kind"), on, node.text("result") == "passed", node.text("drill"), node.text("component")
    )
