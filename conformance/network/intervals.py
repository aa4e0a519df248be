"""Sets of whole numbers kept as disjoint ranges; ports and addresses are such sets."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted, disjoint and not touching; both ends of a range belong to it, an empty range is left out."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for each in ranges if each[0] <= each[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """What both have; both must be normal."""
    found: list[tuple[int, int]] = []
    left = right = 0
    while left < len(one) and right < len(other):
        low, high = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if low <= high:
            found.append((low, high))
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1
    return tuple(found)


def difference(one: Ranges, other: Ranges) -> Ranges:
    """What the first has and the second has not; both must be normal."""
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in one:
        while start < len(other) and other[start][1] < low:
            start += 1
        index = start
        while index < len(other) and other[index][0] <= high:
            if other[index][0] > low:
                found.append((low, other[index][0] - 1))
            low = other[index][1] + 1
            index += 1
        if low <= high:
            found.append((low, high))
    return tuple(found)


def contains(ranges: Ranges, number: int) -> bool:
    """Whether a number is in one of the ranges."""
    return any(low <= number <= high for low, high in ranges)
