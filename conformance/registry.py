"""Which module holds which check; modules are imported only when a selected requirement needs them."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path

from conformance.catalogue import Requirement
from conformance.check import Check, OptionError

PACKAGE = Path(__file__).parent
_DEFINITION = re.compile(r"^@check\ndef test_(\w+)\(", re.MULTILINE)


@cache
def modules() -> dict[str, str]:
    """Check name -> name of the module in this package; read from the source text, so nothing is imported.

    Raises ValueError when two modules define the same check: ids of pytest items would still differ, but `check:` in a
    policy would not say which is meant.
    """
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.glob("test_*.py")):
        for name in _DEFINITION.findall(path.read_text(encoding="utf-8")):
            if name in found:
                raise ValueError(f"check {name} is defined in {found[name]} and in {path.stem}")
            found[name] = path.stem
    return found


@cache
def find(name: str) -> Check | None:
    """The check of that name, its module imported; None when there is none."""
    module = modules().get(name)
    if module is None:
        return None
    found: Check = getattr(importlib.import_module(f"conformance.{module}"), f"test_{name}").plumbline_check
    return found


def bind(requirement: Requirement) -> Check | None:
    """The check of a requirement, its options validated; None for an entry that nothing judges yet.

    Raises CatalogueError, located at the entry, for an unknown check or options that do not fit its signature.
    """
    if requirement.check is None:
        return None
    check = find(requirement.check)
    if check is None:
        raise requirement.error("check", f"there is no check named {requirement.check}")
    try:
        check.options(requirement.options)
    except OptionError as error:
        field = "expect" if error.name == "expect" else f"with.{error.name}".rstrip(".")
        raise requirement.error(field, str(error)) from None
    return check
