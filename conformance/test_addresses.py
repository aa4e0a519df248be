"""Addresses that MetalLB gives to Services of type LoadBalancer. https://metallb.io/configuration/"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, collapse_addresses, ip_address, ip_network, summarize_address_range

from conformance.check import NotApplicable, Said, Unjudged, check
from conformance.finding import Finding
from conformance.kube.inventory import Inventory
from conformance.kube.object import Object
from conformance.kube.selector import label_selector

Networks = frozenset[object]
#: both names of the annotation; the shorter one is known since MetalLB 0.14.9
_ANNOTATIONS = ("metallb.universe.tf/loadBalancerIPs", "metallb.io/loadBalancerIPs")


def _networks(texts: list[str]) -> Networks:
    """Ranges and blocks as the fewest blocks that have the same addresses. Raises ValueError for what is neither."""
    found: dict[int, list[object]] = {4: [], 6: []}
    for text in texts:
        first, dash, last = (each.strip() for each in text.partition("-"))
        if dash:
            low, high = ip_address(first), ip_address(last)
            found[low.version] += summarize_address_range(low, high)
        else:
            block = ip_network(first, strict=False)
            found[block.version].append(block)
    return frozenset(net for nets in found.values() for net in collapse_addresses(nets))  # type: ignore[type-var]


def _own(pool: Object) -> Networks:
    return _networks(pool.texts("spec.addresses"))


@check
def test_address_pool(pools: list[Object], *, name: str, addresses: list[str]) -> Iterator[Said]:
    """There is one pool, of this name, with exactly these addresses, however they are written, and it is given out.

    `autoAssign: false` keeps it for Services that ask for it. A range has both of its ends.
    https://metallb.io/configuration/#defining-the-ips-to-assign-to-the-load-balancer-services
    """
    if not any(each.name == name for each in pools):
        yield Finding(None, "", f"there is no pool {name}", addresses)
    for pool in pools:
        if pool.name != name:
            yield Finding(pool, "metadata.name", "is a further pool", name, pool.name)
            continue
        try:
            same = _own(pool) == _networks(addresses)
        except (ValueError, TypeError) as error:
            yield Unjudged(pool, "spec.addresses", str(error))
            continue
        if not same:
            yield Finding(pool, "spec.addresses", "has other addresses", addresses, pool.get("spec.addresses"))
        if pool.flag("spec.autoAssign") is False:
            yield Finding(pool, "spec.autoAssign", "is given only to whom asks for it", True, False)


@check
def test_pool_advertised(pool: Object, inventory: Inventory) -> Iterator[Said]:
    """Some L2Advertisement announces the pool, and nothing announces by BGP.

    Without one MetalLB gives an address that nobody answers for. An advertisement that names no pool and selects none
    is for all of them.
    https://metallb.io/configuration/#announce-the-service-ips
    """
    near = [each for each in inventory.of_kind("L2Advertisement") if each.namespace == pool.namespace]
    if not any(_announces(each, pool) for each in near):
        yield Finding(pool, "metadata.name", "no L2Advertisement announces it", "an L2Advertisement")
    for kind in ("BGPAdvertisement", "BGPPeer"):
        for each in inventory.of_kind(kind):
            yield Finding(each, "kind", "announces by BGP", "layer 2 alone", kind)


def _announces(advertisement: Object, pool: Object) -> bool:
    names = [each.raw for each in advertisement.sequence("spec.ipAddressPools")]
    selectors = advertisement.sequence("spec.ipAddressPoolSelectors")
    if not names and not selectors:
        return True
    return pool.name in names or any(label_selector(each).matches(pool.labels) for each in selectors)


@check
def test_pool_disjoint(pool: Object, inventory: Inventory, *, nodes: list[str]) -> Iterator[Said]:
    """No address of a pool belongs to a node: of the documented addresses, and of the Nodes of a live cluster."""
    own = [
        each.text("address")
        for node in inventory.of_kind("Node", "")
        for each in node.sequence("status.addresses")
        if each.text("type") == "InternalIP"
    ]
    for index, text in enumerate(pool.texts("spec.addresses")):
        try:
            blocks = _networks([text])
        except (ValueError, TypeError) as error:
            yield Unjudged(pool, ("spec", "addresses", index), str(error))
            continue
        taken = sorted({each for each in (*nodes, *own) if any(_is_in(ip_address(each), block) for block in blocks)})
        if taken:
            yield Finding(pool, ("spec", "addresses", index), f"has addresses of nodes: {', '.join(taken)}", None, text)


def _is_in(address: IPv4Address | IPv6Address, block: object) -> bool:
    return address in block  # type: ignore[operator]


@check
def test_address_asked(service: Object, *, address: str) -> Iterator[Said]:
    """A LoadBalancer Service has this address: a live one in its status, a manifest in what it asks for.

    Pending, without any, is not having it.
    """
    if not service.origin.path:
        given = [each.text("ip") for each in service.sequence("status.loadBalancer.ingress")]
        if given != [address]:
            yield Finding(service, "status.loadBalancer.ingress", "has another address", address, given)
        return
    asked = {key: value for key, value in service.annotations.items() if key in _ANNOTATIONS}
    field = ("metadata", "annotations", *list(asked)[:1]) if asked else ("spec", "loadBalancerIP")
    if service.get(field) != address:
        yield Finding(service, field, "asks for another address", address, service.get(field))


@check
def test_address_by_annotation(service: Object) -> Iterator[Said]:
    """The address is asked for by MetalLB's annotation, not by `spec.loadBalancerIP`, which is deprecated; a Service
    with both gets none.

    https://metallb.io/usage/#requesting-specific-ips
    """
    if service.text("spec.type") != "LoadBalancer":
        yield NotApplicable("it is no LoadBalancer")
        return
    if service.get("spec.loadBalancerIP") is not None:
        message = "asks for its address by a deprecated field"
        yield Finding(service, "spec.loadBalancerIP", message, "the annotation", service.get("spec.loadBalancerIP"))
    elif not any(each in service.annotations for each in _ANNOTATIONS):
        yield Finding(service, "metadata.annotations", "asks for no address", _ANNOTATIONS[0])
