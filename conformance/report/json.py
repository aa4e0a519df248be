"""The canonical report: the record itself, as docs/report.schema.json describes it."""

from __future__ import annotations

from typing import Any

import orjson

from conformance.report.record import Report

_END = orjson.OPT_APPEND_NEWLINE


def write(report: Report) -> bytes:
    """UTF-8 JSON, indented by two, the keys in the order of the record."""
    return dumps(report, _END | orjson.OPT_INDENT_2)


def dumps(value: Any, options: int = _END) -> bytes:
    """A JSON value in UTF-8, compact unless the options say otherwise.

    JSON cannot hold lone surrogates, which file names that are no UTF-8 turn into; they are spelled `\\udcff`.
    """
    try:
        return orjson.dumps(value, option=options)
    except TypeError:
        return orjson.dumps(_encodable(value), option=options)


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(each) for each in value]
    return value
