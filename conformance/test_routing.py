"""VirtualServices: who is routed where, how often it is tried, and what is mirrored."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import duration
from conformance.kube.inventory import Inventory
from conformance.kube.object import Node, Object
from conformance.mesh import Mesh
from conformance.mesh.host import resolve
from conformance.mesh.routes import Mirror, Route, VirtualService

_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
#: Words of `retryOn` that try again what the server has answered, so perhaps done.
_ANSWERED = {"5xx", "gateway-error", "retriable-status-codes"}


def _read(service: Object, mesh: Mesh) -> VirtualService | None:
    """The VirtualService as data; None where it cannot be read, which `mesh_references` reports."""
    return next((each for each in mesh.routes.services if each.subject is service), None)


def _http(service: Object, inventory: Inventory) -> list[Route]:
    found = _read(service, Mesh(inventory))
    return [each for each in found.routes if each.kind == "http"] if found else []


def _name(route: Route, host: str, subset: str) -> str:
    """`web-service/stable`, as requirements name destinations: the host without its namespace where it is the own."""
    short, _, rest = host.partition(".")
    own = rest.startswith(f"{route.subject.namespace or '?'}.svc.")
    return f"{short if own else host}/{subset}" if subset else short if own else host


@check
def test_http_route(
    service: Object,
    inventory: Inventory,
    *,
    to: dict[str, int],
    position: int | None = None,
    name: str = "",
    headers: dict[str, str] = {},  # noqa: B006
    hosts: list[str] = [],  # noqa: B006
    gateways: list[str] = [],  # noqa: B006
) -> Iterator[Said]:
    """One http route of a VirtualService leads to exactly these destinations (`host/subset`) with these shares.

    The route is the one at `position`, or of that `name`, else the first that takes every request. The first match
    counts, so a route for testers comes before it. Shares are of the sum; of several destinations one without a weight
    gets nothing. In a live cluster a canary moves the weights: there they are not compared. `hosts` and `gateways` are
    those of the VirtualService; without `gateways` it is for sidecars (`mesh`) alone.
    https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
    """
    mesh = Mesh(inventory)
    read = _read(service, mesh)
    if read is None:
        yield NotApplicable("it cannot be read")
        return
    for field, wanted, observed in (
        ("hosts", {resolve(each, service.namespace, mesh.settings.domain) for each in hosts}, set(read.hosts)),
        ("gateways", set(gateways), set(read.gateways)),
    ):
        if wanted and wanted != observed:
            yield Finding(service, f"spec.{field}", f"{field} are others", sorted(wanted), sorted(observed))
    http = [each for each in read.routes if each.kind == "http"]
    route = _chosen(http, position, name)
    if route is None:
        yield Finding(service, "spec.http", "has no such route", name or position or "one for every request")
        return
    yield from _matched(route, headers)
    yield from _shared(route, to)


def _chosen(routes: list[Route], position: int | None, name: str) -> Route | None:
    if position is not None:
        return routes[position] if position < len(routes) else None
    return next((each for each in routes if each.name == name or (not name and _takes_all(each))), None)


def _takes_all(route: Route) -> bool:
    found = route.node.sequence("match")
    return not found or any(not each.raw or each.raw == {"uri": {"prefix": "/"}} for each in found)


def _matched(route: Route, headers: Mapping[str, str]) -> Iterator[Finding]:
    wanted = {key: {"exact": value} for key, value in headers.items()}
    matches = route.node.sequence("match")
    if not headers:
        if not _takes_all(route):
            yield Finding(route.subject, (*route.node.path, "match"), "takes some requests only", "no match")
        return
    if not matches:
        yield Finding(route.subject, (*route.node.path, "match"), "takes every request", wanted)
    for each in matches:
        if each.raw != {"headers": wanted}:
            yield Finding(route.subject, each.path, "matches other requests", {"headers": wanted}, each.raw)


def _shared(route: Route, to: Mapping[str, int]) -> Iterator[Finding]:
    single = len(route.destinations) == 1
    shares: dict[str, int] = defaultdict(int)
    for each in route.destinations:
        target = each.destination
        shares[_name(route, target.host, target.subset)] += (1 if single else 0) if each.weight is None else each.weight
    place, live = (*route.node.path, "route"), not route.subject.origin.path
    if set(shares) != set(to):
        yield Finding(route.subject, place, "leads elsewhere", sorted(to), sorted(shares))
    elif not live and any(shares[key] * sum(to.values()) != to[key] * sum(shares.values()) for key in to):
        yield Finding(route.subject, place, "has other weights", to, dict(shares))


@check
def test_route_resilience(
    service: Object,
    inventory: Inventory,
    *,
    timeout: Annotated[str, duration.parse_go] | None = None,
    attempts: int | None = None,
    per_try_timeout: Annotated[str, duration.parse_go] | None = None,
    retry_on: list[str] = [],  # noqa: B006
    planned: bool = False,
) -> Iterator[Said]:
    """Every http route has the documented timeout and retries; with `planned` only where it has any.

    `attempts` counts what follows the first try. An absent timeout is none at all, and so is `0s`. The order and the
    spaces of `retryOn` mean nothing.
    https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
    """
    routes = _http(service, inventory)
    if planned:
        routes = [each for each in routes if each.timeout or each.retries is not None]
    if not routes:
        yield NotApplicable("no http route with a timeout or retries" if planned else "no http route")
    for route in routes:
        place, retries = route.node.path, route.retries
        if timeout is not None and not (planned and not route.timeout) and not _alike(route.timeout, timeout):
            yield Finding(route.subject, (*place, "timeout"), "timeout", timeout, route.timeout or None)
        if attempts is None or (planned and retries is None):
            continue
        if retries is None:
            yield Finding(route.subject, (*place, "retries"), "does not retry as documented", attempts)
            continue
        if retries.attempts != attempts:
            path = (*retries.path, "attempts")
            yield Finding(route.subject, path, "another number of retries", attempts, retries.attempts)
        if per_try_timeout is not None and not _alike(retries.per_try_timeout, per_try_timeout):
            path = (*retries.path, "perTryTimeout")
            yield Finding(route.subject, path, "timeout of one try", per_try_timeout, retries.per_try_timeout or None)
        if retry_on and set(retries.retry_on) != set(retry_on):
            path = (*retries.path, "retryOn")
            yield Finding(route.subject, path, "retries on something else", retry_on, list(retries.retry_on))


def _alike(observed: str, wanted: str) -> bool:
    try:
        return duration.parse_go(observed) == duration.parse_go(wanted)
    except duration.DurationError:
        return False


@check
def test_timeouts_nest(outer: Object, inventory: Inventory, *, inner: str) -> Iterator[Said]:
    """The VirtualService of an inner call gives up before the one through which its caller is called.

    Without a timeout of its own the inner call waits on, when nobody waits for it any more.
    https://istio.io/latest/docs/reference/config/networking/virtual-service/
    """
    limits = [limit for each in _http(outer, inventory) if (limit := _seconds(each.timeout))]
    services = [each for each in inventory.of_kind("VirtualService") if each.name == inner]
    services = [each for each in services if each.namespace == outer.namespace]
    if not limits or not services:
        yield NotApplicable(f"no timeout outside, or no VirtualService {inner}")
        return
    for service in services:
        for route in _http(service, inventory):
            if not _seconds(route.timeout) or _seconds(route.timeout) >= min(limits):
                place = (*route.node.path, "timeout")
                bound = f"{min(limits).normalize():f} s"
                message = f"{outer} gives up after {bound}, and this call goes on"
                yield Finding(service, place, message, f"less than {bound}", route.timeout or None)


def _seconds(timeout: str) -> Decimal:
    """A timeout in seconds; 0, which is none, for what is no duration: `mesh_references` reports that."""
    try:
        return duration.parse_go(timeout)
    except duration.DurationError:
        return Decimal(0)


@check
def test_retries_safe(service: Object, inventory: Inventory) -> Iterator[Said]:
    """What a server has answered with an error is tried again only for methods that change nothing.

    A second POST may write a second time. `connect-failure` and `refused-stream` never reached the server.
    https://istio.io/latest/docs/reference/config/networking/virtual-service/
    """
    for route in _http(service, inventory):
        words = (
            _ANSWERED & set(route.retries.retry_on) if route.retries is not None and route.retries.attempts else set()
        )
        if words and route.retries is not None and not _is_safe(route):
            message = f"retries on {', '.join(sorted(words))} for methods that write as well"
            yield Finding(route.subject, (*route.retries.path, "retryOn"), message, "a route for GET alone")


@check
def test_mirror_safe(service: Object, inventory: Inventory) -> Iterator[Said]:
    """Requests are mirrored only where they change nothing: the mirror writes too, and to the same database.

    https://istio.io/latest/docs/reference/config/networking/virtual-service/
    """
    for route in _http(service, inventory):
        for mirror in route.mirrors if not _is_safe(route) else ():
            yield Finding(route.subject, mirror.path, "mirrors requests that write", "a route for GET alone")


def _is_safe(route: Route) -> bool:
    """Whether every match of a route asks for a method that only reads."""
    matches = route.node.sequence("match")
    return bool(matches) and all(each.get("method") is not None and not _writes(each.at("method")) for each in matches)


def _writes(method: Node) -> bool:
    means: Mapping[str, Callable[[str, str], object]] = {
        "exact": lambda text, verb: text == verb,
        "prefix": lambda text, verb: verb.startswith(text),
        "regex": lambda text, verb: re.fullmatch(text, verb),
    }
    return any(
        key not in means or means[key](str(text), verb) for key, text in method.mapping().items() for verb in _UNSAFE
    )


@check
def test_route_mirror(service: Object, inventory: Inventory, *, to: str, percent: int) -> Iterator[Said]:
    """The route for every request mirrors so much of it to one destination (`host/subset`), and nowhere else.

    An absent percentage means all; `mirrorPercent` is the old name of `mirrorPercentage`.
    https://istio.io/latest/docs/tasks/traffic-management/mirroring/
    """
    route = _chosen(_http(service, inventory), None, "")
    if route is None:
        yield Finding(service, "spec.http", "has no route for every request", to)
        return
    if not route.mirrors:
        yield Finding(service, (*route.node.path, "mirror"), "mirrors nothing", to)
    for mirror in route.mirrors:
        yield from _mirrored(route, mirror, to, percent)


def _mirrored(route: Route, mirror: Mirror, to: str, percent: int) -> Iterator[Finding]:
    target = _name(route, mirror.destination.host, mirror.destination.subset)
    if target != to:
        yield Finding(route.subject, mirror.path, "mirrors elsewhere", to, target)
    if mirror.percentage != percent:
        yield Finding(route.subject, mirror.path, "mirrors another share", percent, mirror.percentage)
