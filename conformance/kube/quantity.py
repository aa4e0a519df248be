"""Kubernetes quantities (`100m`, `1.5Gi`, `12e6`), read as k8s.io/apimachinery's resource.ParseQuantity reads them.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_UP, Context, Decimal
from functools import lru_cache

_GRAMMAR = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)\Z")
# Each suffix as a power of ten and a factor.
_SUFFIXES: dict[str, tuple[int, int]] = {
    suffix: (power, 1)
    for suffix, power in {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}.items()
} | {suffix: (0, 2**power) for suffix, power in {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}.items()}
_SCIENTIFIC = re.compile(r"[eE]([+-]?[0-9]+)\Z")
_NANO = Decimal("1e-9")
_LARGEST_BINARY = Decimal(2**63 - 1)

# The default context would round to 28 digits, which is less than a quantity may have.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, rounding=ROUND_UP)


class QuantityError(ValueError):
    """Not a quantity: the API server refuses the object that holds it."""


def parse(value: object) -> Decimal:
    """The exact number a quantity stands for, in bytes, cores or pieces.

    Suffixes are case-sensitive: `1K`, `1gi` and `300KB` are errors, `1m` is a thousandth and `1M` a million, `1E` is
    10^18 and `1e3` a thousand. What is finer than a billionth is rounded up, away from zero; with a binary suffix
    anything above 2^63-1 becomes 2^63-1. A number without a suffix may be an unquoted YAML number, never a boolean.
    Negative quantities parse; most fields refuse them later.

    Two oddities are the API server's own: `Gi`, `m`, `.` and `+` have no digits and mean zero (though `Pi` and `Ei`
    alone are errors), and an exponent is cut to 32 bits. Surrounding spaces are an error here, as in ParseQuantity,
    although the API server trims them before it calls it.

    Raises `QuantityError`.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise QuantityError(f"a quantity is a string or a number, not {value!r}")
    return Decimal(value) if isinstance(value, int) else _parse_text(repr(value))


def equal(left: object, right: object) -> bool:
    """Whether two quantities are the same amount: `0.1` and `100m` are, `128M` and `128Mi` are not.

    Raises `QuantityError` when either is no quantity.
    """
    return parse(left) == parse(right)


@lru_cache(maxsize=8192)
def _parse_text(text: str) -> Decimal:
    found = _GRAMMAR.match(text)
    if not text or found is None:
        raise QuantityError(f"not a quantity: {text!r}")
    sign, whole, fraction, suffix = found.group(1), found.group(2), found.group(3) or "", found.group(4)
    power, factor = _meaning(suffix)
    if not whole and not fraction and (power < -9 or factor > 2**40):
        raise QuantityError(f"not a quantity: {text!r} has no digits")
    amount = _EXACT.multiply(Decimal(f"{whole or '0'}.{fraction or '0'}"), Decimal(factor))
    amount = _EXACT.scaleb(amount, power)
    # Asked for only where there is something to round: quantize would write out every zero of 1e1000000000.
    if power - len(fraction) < -9:
        amount = _EXACT.quantize(amount, _NANO)
    if factor > 1 and amount > _LARGEST_BINARY:
        amount = _LARGEST_BINARY
    return amount.copy_negate() if sign == "-" and amount else amount


def _meaning(suffix: str) -> tuple[int, int]:
    """Power of ten and factor of a suffix, or of an exponent such as `e3`, which wraps at 32 bits as in the Go code."""
    known = _SUFFIXES.get(suffix)
    if known is not None:
        return known
    found = _SCIENTIFIC.match(suffix)
    # int() refuses very long texts with an error of its own.
    if found is not None and len(found.group(1).lstrip("+-0")) < 20:
        written = int(Decimal(found.group(1)))
        if -(2**63) <= written < 2**63:
            return (written + 2**31) % 2**32 - 2**31, 1
    raise QuantityError(f"not a quantity: unknown suffix {suffix[:40]!r}")
