"""Label selectors answered for all at once: each label and each value is a bit mask of those that carry it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.kube.selector import Selector
from conformance.network.region import Mask


class LabelIndex:
    """Masks of those who have a label, and who have it with a value."""

    def __init__(self, labelled: Iterable[tuple[Mask, Mapping[str, Any]]]) -> None:
        self._everyone: Mask = 0
        self._keys: dict[str, Mask] = defaultdict(int)
        self._pairs: dict[tuple[str, str], Mask] = defaultdict(int)
        for mask, labels in labelled:
            self._everyone |= mask
            for key, value in labels.items():
                self._keys[key] |= mask
                if value is None or isinstance(value, str):
                    self._pairs[key, value or ""] |= mask

    def select(self, selector: Selector) -> Mask:
        """Those that a selector selects; the same answer as `selector.matches` for each."""
        if selector.selects_nothing:
            return 0
        found = self._everyone
        for key, value in selector.exact.items():
            found &= self._pairs.get((key, value), 0)
        for key, operator, values in selector.expressions:
            if operator in ("Exists", "DoesNotExist"):
                having = self._keys.get(key, 0)
            else:
                having = 0
                for value in values:
                    having |= self._pairs.get((key, value), 0)
            found &= having if operator in ("Exists", "In") else ~having
        return found
