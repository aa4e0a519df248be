from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conformance.sources.share import Shared

scalars = st.none() | st.booleans() | st.sampled_from((0, 1, 2, 0.5, 1.5, "", "a", "b", "1"))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(st.lists(values, max_size=8))
def test_nothing_changes_but_identity(documents: list[Any]) -> None:
    before = [repr(each) for each in documents]
    shared = Shared()
    assert [repr(shared.document(each)) for each in documents] == before


def test_equal_parts_become_one() -> None:
    shared = Shared()
    one = shared.document({"name": "one", "ports": [{"port": 80}], "more": {"ports": [{"port": 80}]}})
    two = shared.document({"name": "two", "ports": [{"port": 80}]})
    assert one["ports"] is two["ports"] is one["more"]["ports"]


def test_what_python_takes_for_equal_stays_apart() -> None:
    shared = Shared()
    first = shared.document({"a": {"x": 1}, "b": {"x": True}, "c": ["a"], "d": {"a": None}, "e": {}, "f": []})
    assert [type(first[key]["x"]) for key in "ab"] == [int, bool]
    assert (first["c"], first["d"], first["e"], first["f"]) == (["a"], {"a": None}, {}, [])


def test_very_large_documents_are_left_alone() -> None:
    shared = Shared()
    large = [[number % 2] for number in range(20_000)]
    assert shared.document(large) == large
    assert len({id(each) for each in large}) > 10_000
