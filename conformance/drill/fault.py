"""How a drill can end other than well."""

from __future__ import annotations


class DrillError(RuntimeError):
    """The drill could not be carried out, so that nothing is known: no Docker, no image, a command that failed."""


class NotOursError(DrillError):
    """What was about to be harmed is not proven to be a cluster that this run made. Nothing was touched."""


class NotHeldError(AssertionError):
    """Something that the drill asserts did not hold: this is a drill's red. `name` is what was asserted."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
