"""Whether two scalars mean the same: quantities, durations, numbers, base64."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from conformance.drift.shape import Shape
from conformance.kube import duration, quantity


def same_scalar(shape: Shape, git: Any, live: Any) -> bool:
    """Whether the API server, or the controller that reads it, would take both for the same value.

    A built-in kind says what each field is: `0.1` is `100m` in a quantity and another text in a ConfigMap. The schema
    of a custom kind mostly says `string` for all of them, so there any reading under which both agree counts.
    """
    if type(git) is type(live) and git == live:
        return True
    if isinstance(git, bool) or isinstance(live, bool):
        return False
    if isinstance(git, int | float) and isinstance(live, int | float):
        return git == live
    if isinstance(git, dict | list) or isinstance(live, dict | list):
        return False
    if shape.format == "quantity":
        return _equal_quantities(git, live)
    if shape.format == "byte":
        mine = content(git)
        return mine is not None and mine == content(live)
    if shape.builtin and shape.known:
        return False
    return _equal_quantities(git, live) or _equal_durations(git, live)


def _equal_quantities(git: Any, live: Any) -> bool:
    try:
        return quantity.equal(git, live)
    except quantity.QuantityError:
        return False


def _equal_durations(git: Any, live: Any) -> bool:
    try:
        return duration.equal(git, live)
    except duration.DurationError:
        return False


def content(value: object) -> bytes | None:
    """The content of a base64 text; line breaks mean nothing, as in Go's decoder."""
    try:
        return base64.b64decode(str(value).replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None
