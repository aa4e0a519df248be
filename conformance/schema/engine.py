"""Compiled schemas. The only place that knows the JSON Schema library."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from conformance.schema import formats
from conformance.schema.explain import Explainer
from conformance.schema.openapi import Schema
from conformance.schema.verdict import Verdict

_GOOD = Verdict()
_RULES = "CEL rules (x-kubernetes-validations)"
_PLACEHOLDERS = "values with ${…}, which are filled in later"


class Judge:
    """One compiled schema; `has_rules` remembers that its source had rules which no schema can say."""

    def __init__(self, schema: Schema, *, has_rules: bool = False) -> None:
        self.schema = schema
        self._engine = _compile(schema)
        self._good = Verdict(unevaluated=_RULES) if has_rules else _GOOD

    def judge(self, raw: Any) -> Verdict:
        """The verdict about a document; finding nothing takes microseconds.

        Raises ValueError for values that no YAML or JSON holds.
        """
        if self._engine.is_valid(raw):
            return self._good
        explainer = Explainer(self.schema, raw)
        problems = tuple(explainer.problems(self._engine.iter_errors(raw)))
        left_out = [self._good.unevaluated, _PLACEHOLDERS if explainer.placeholders else ""]
        return Verdict(problems, unevaluated=", ".join(filter(None, left_out)))


def _compile(schema: Schema) -> Any:
    # Costs some 30 ms, and many runs need no schema at all.
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(
        schema, formats=formats.FORMATS, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
    )


@lru_cache(maxsize=4096)
def is_pattern(text: str) -> bool:
    """Whether Rust's linear engine takes a regular expression; its notation is that of Go's, which the server uses."""
    try:
        _compile({"pattern": text})
    except ValueError:
        return False
    return True
