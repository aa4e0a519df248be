"""What a YAML scalar means to Kubernetes.

kubectl and the API server read YAML through sigs.k8s.io/yaml, which resolves scalars as go.yaml.in/yaml/v2 does
(`resolve.go`) and then passes through JSON. That is neither YAML 1.1 nor 1.2: `on` is a boolean and `0o644` a number,
but `12:30:45`, dates and `=` are strings. A number is an int when its JSON text has no fraction, so `1e3` is 1000.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
import sys
from decimal import Decimal
from typing import Any

_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
# Go's ParseFloat, used for what starts with a dot, lets single underscores stand between digits.
_DOTTED = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?\Z",
    re.ASCII,
)
_MEMO_LIMIT = 100_000
_INTERNED = 64
_memo: dict[str, Any] = {}


class ScalarError(ValueError):
    """A scalar that Kubernetes' loader refuses; the message is the reason."""


def resolve(text: str) -> Any:
    """Value of a plain, untagged scalar.

    Equal strings come back as one object, which keeps a large tree small. Raises `ScalarError` for `.nan` and `.inf`,
    which JSON cannot hold.
    """
    try:
        return _memo[text]
    except KeyError:
        pass
    if len(_memo) >= _MEMO_LIMIT:
        _memo.clear()
    value = _json(_plain(text), text)
    if value is text and len(text) <= _INTERNED:
        # Interned strings stay one object when they come from another process or from the cache.
        value = sys.intern(text)
    _memo[text] = value
    return value


def resolve_tagged(tag: str, text: str) -> Any:
    """Value of a scalar with an explicit tag, quoted or not; tags that Kubernetes does not know are ignored.

    Raises `ScalarError` for a text that is not what its tag says.
    """
    return _json(_tagged(tag, text), text)


def key_of(text: str, tag: str | None = None) -> str:
    """The JSON key that an unquoted or tagged mapping key becomes: `1` is "1", `yes` is "true".

    Floats are printed as Go prints a 32-bit float, so `1e6: x` has the key "1e+06" and `.inf: x` the key ".inf".
    Raises `ScalarError` for null and for integers above 2^63-1, which Kubernetes' loader refuses as keys.
    """
    value = _plain(text) if tag is None else _tagged(tag, text)
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _short_float(value)
    if value is None or value >= 2**63:
        raise ScalarError(f"a key must be text, not {text or 'nothing'}")
    return str(value)


def _plain(text: str) -> Any:
    first = text[:1]
    if first in "yYnNtTfFoO~":  # and the empty scalar
        return _WORDS.get(text, text)
    if first == ".":
        return _WORDS[text] if text in _WORDS else _dotted(text)
    if first in "0123456789+-":
        return _WORDS[text] if text in _WORDS else _number(text)
    return text


def _tagged(tag: str, text: str) -> Any:
    name = tag.removeprefix(_TAG) if tag.startswith(_TAG) else ""
    if name == "binary":
        return _binary(text)
    if name == "timestamp":
        if _TIMESTAMP.match(text):
            return text
        raise ScalarError("a value is no timestamp, as its tag !!timestamp says")
    if name not in ("bool", "int", "float", "null"):
        return text
    value = _plain(text)
    kind = _kind(value)
    # A float tag takes any integer that fits into 64 bits with a sign; every other tag takes only its own kind.
    if name == "float" and kind == "int" and value < 2**63:
        return float(value)
    if kind != name:
        raise ScalarError(f"a value is no {name}, as its tag !!{name} says")
    return value


def _number(text: str) -> Any:
    digits = text.replace("_", "")
    if found := _INTEGER.match(digits):
        sign, hexadecimal, binary, octal, decimal = found.groups()
        if hexadecimal:
            value = int(hexadecimal, 16)
        elif binary:
            value = int(binary, 2)
        else:
            value = int(octal, 8) if octal else int(decimal) if len(decimal) < 40 else 2**64
        if sign == "-":
            value = -value
        if -(2**63) <= value < (2**63 if sign else 2**64):
            return value
    if _FLOAT.match(digits):
        return _float(digits, text)
    return text


def _dotted(text: str) -> Any:
    return _float(text.replace("_", ""), text) if _DOTTED.match(text) else text


def _float(digits: str, text: str) -> Any:
    value = float(digits)
    # Go's ParseFloat reports a number out of range as an error, and the scalar stays a string.
    return value if math.isfinite(value) else text


def _json(value: Any, text: str) -> Any:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        raise ScalarError(f"{text} is a number that JSON, and so Kubernetes, cannot hold")
    # Go prints whole numbers below 1e21 without a fraction or an exponent.
    return int(Decimal(repr(value))) if abs(value) < 1e21 and value.is_integer() else value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "str")


def _binary(text: str) -> str:
    try:
        # Go's decoder skips line breaks inside base64 and nothing else.
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise ScalarError("a !!binary value is no base64") from None


def _short_float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    single = struct.unpack("<f", packed)[0]
    digits = next(text for places in range(9) if struct.pack("<f", float(text := f"{single:.{places}e}")) == packed)
    mantissa, _, exponent = digits.partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        return format(Decimal(digits), "f")
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
