"""Sets of ports and addresses behave as sets of their elements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.object import Node
from conformance.kube.selector import label_selector
from conformance.network.addresses import EVERYWHERE, Addresses, block, parts
from conformance.network.labels import LabelIndex
from conformance.network.ports import ALL, LAST, NONE, PROTOCOLS, PortSet, parse, ports, span, union
from conformance.network.region import Region, bits

numbers = st.integers(1, 30) | st.integers(LAST - 5, LAST)
spans = st.builds(
    lambda name, one, other: span(name, min(one, other), max(one, other)), st.sampled_from(PROTOCOLS), numbers, numbers
)
port_sets = st.lists(spans, max_size=4).map(union)


def elements(found: PortSet) -> set[tuple[str, int]]:
    candidates = [*range(1, 32), *range(LAST - 6, LAST + 1)]
    return {(name, number) for name in PROTOCOLS for number in candidates if found.has(name, number)}


@given(port_sets, port_sets)
def test_ports_are_sets(one: PortSet, other: PortSet) -> None:
    assert elements(one | other) == elements(one) | elements(other)
    assert elements(one & other) == elements(one) & elements(other)
    assert elements(one - other) == elements(one) - elements(other)
    assert bool(one) == bool(elements(one))
    assert one.covers(other) == (elements(one) >= elements(other))


@given(port_sets, port_sets)
def test_equal_sets_are_equal_however_they_came_about(one: PortSet, other: PortSet) -> None:
    assert (one | other) - other == one - other
    assert hash((one & other) | (one - other)) == hash(one)
    assert (one & other) | (one - other) == one
    assert (one == other) == (elements(one) == elements(other))


@given(port_sets)
def test_the_words_of_a_set_give_it_again(one: PortSet) -> None:
    assert ports(*one.words()) == one


def test_protocols_do_not_touch() -> None:
    assert (ALL - span("UDP")).words() == ["TCP/1-65535", "SCTP/1-65535"]
    assert span("TCP", LAST, LAST) & span("UDP", 1, 1) == NONE
    assert str(ALL) == "every port"


@pytest.mark.parametrize(
    ("text", "words"),
    [("5432", "TCP/5432"), ("53/udp", "UDP/53"), ("UDP/53", "UDP/53"), ("8000-8010", "TCP/8000-8010")],
)
def test_ports_as_people_write_them(text: str, words: str) -> None:
    assert parse(text).words() == [words]


@pytest.mark.parametrize("text", ["", "0", "65536", "90-80", "ICMP/1", "TCP/80/UDP", "http", "-1"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse(text)


blocks = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "11.0.0.0/8", "255.255.255.255/32", "::/0", "::1/128",
     "2001:db8::/32", "ffff::/16"]
)  # fmt: skip
address_sets = st.lists(blocks.map(block), max_size=3).map(
    lambda found: (
        Addresses() if not found else found[0] | found[-1] if len(found) < 3 else (found[0] | found[1]) - found[2]
    )
)
PROBES = ["0.0.0.0", "9.9.9.9", "10.0.0.1", "10.1.0.1", "10.1.2.3", "11.1.1.1", "255.255.255.255", "::", "::1",
          "2001:db8::1", "ffff::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]  # fmt: skip


@given(address_sets, address_sets)
def test_addresses_are_sets(one: Addresses, other: Addresses) -> None:
    for each in PROBES:
        assert (one | other).has(each) == (one.has(each) or other.has(each))
        assert (one & other).has(each) == (one.has(each) and other.has(each))
        assert (one - other).has(each) == (one.has(each) and not other.has(each))


@given(st.lists(address_sets, max_size=4))
def test_the_outside_is_divided_without_gap_or_overlap(sets: list[Addresses]) -> None:
    found = parts(sets)
    whole = Addresses()
    for part, held in found:
        assert not whole & part
        whole = whole | part
        for number, each in enumerate(sets):
            assert each.covers(part) if held >> number & 1 else not each & part
    assert whole == EVERYWHERE


def test_addresses_are_printed_as_blocks() -> None:
    assert block("10.0.0.0/8", ["10.128.0.0/9"]).words() == ["10.0.0.0/9"]
    assert EVERYWHERE.words() == ["0.0.0.0/0", "::/0"]
    assert block("10.0.0.1/8").words() == ["10.0.0.0/8"]
    assert (EVERYWHERE - block("::/0") - block("0.0.0.0/1")).words() == ["128.0.0.0/1"]


changes = st.lists(st.tuples(st.booleans(), st.integers(0, 15), port_sets), max_size=5)


@given(changes)
def test_a_region_is_a_set_for_each_peer(found: list[tuple[bool, int, PortSet]]) -> None:
    region, plain = Region(), [NONE] * 4
    for adds, mask, change in found:
        before = [region.ports_of(peer) for peer in range(4)]
        if adds:
            region.add(mask, change)
        else:
            taken = region.take(mask, change)
            for peer in range(4):
                assert taken.ports_of(peer) == (before[peer] & change if mask >> peer & 1 else NONE)
        for peer in bits(mask):
            plain[peer] = plain[peer] | change if adds else plain[peer] - change
        assert [region.ports_of(peer) for peer in range(4)] == plain
        assert sum(mask.bit_count() for mask in region.by_ports.values()) <= 4
        assert NONE not in region.by_ports


keys, values = st.sampled_from("xyz"), st.sampled_from(["a", "b", ""])
labels = st.dictionaries(keys, values, max_size=3)
expressions = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(values, min_size=1)}
        ),
        st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
    ),
    max_size=2,
)


@given(st.lists(labels, max_size=6), labels, expressions)
def test_the_index_answers_as_the_selector_does(
    everyone: list[dict[str, str]], exact: dict[str, str], found: list[dict[str, object]]
) -> None:
    selector = label_selector(Node({"matchLabels": exact, "matchExpressions": found}))
    index = LabelIndex((1 << number, each) for number, each in enumerate(everyone))
    wanted = [number for number, each in enumerate(everyone) if selector.matches(each)]
    assert list(bits(index.select(selector))) == wanted
