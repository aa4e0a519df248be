"""Requirements that nothing judges yet: they stay visible, with what it would take."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, check


@check
def test_not_checked() -> Iterator[NotApplicable]:
    """Stands for every entry with `check: null`; never called, because the evaluation skips them with their reason."""
    yield NotApplicable("not checked")
