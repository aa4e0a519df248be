"""Results to bytes; a report never decides an outcome."""

from conformance.report.writers import FORMATS, replace, write

__all__ = ["FORMATS", "replace", "write"]
