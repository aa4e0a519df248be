"""Host names as Istio reads them in DestinationRules, VirtualServices and Gateways.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#DestinationRule-host
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

#: Stands for a namespace that is not known; no namespace can be called that.
UNRESOLVED = "?"


def resolve(host: str, namespace: str | None, domain: str) -> str:
    """The full name of a host: a short name belongs to the namespace of the object that says it.

    Only a name without any dot is short. `web.shop` and `web.shop.svc` are taken as they stand, so they mean no
    Service: that is the trap. An address or `*` stays what it is. Source: istio model.ResolveShortnameToFQDN.
    """
    if not host or host == "*" or "." in host or _is_address(host):
        return host
    return service_host(host, namespace, domain)


def service_host(name: str, namespace: str | None, domain: str) -> str:
    """The host name of a Service."""
    return f"{name}.{namespace or UNRESOLVED}.svc.{domain}"


def is_wildcard(host: str) -> bool:
    """Whether a host stands for many: it starts with `*`."""
    return host.startswith("*")


def covers(pattern: str, host: str) -> bool:
    """Whether a host of a rule means a host. `*.local` does not mean `local` itself."""
    return host.endswith(pattern[1:]) if is_wildcard(pattern) else pattern == host


def overlaps(one: str, other: str) -> bool:
    """Whether two hosts, either of which may be a wildcard, have a name in common."""
    if is_wildcard(one) and is_wildcard(other):
        return one[1:].endswith(other[1:]) or other[1:].endswith(one[1:])
    return covers(one, other) or covers(other, one)


def most_specific(patterns: Iterable[str], host: str) -> str | None:
    """The pattern that counts for a host: the exact one, else the longest wildcard; None where none covers it."""
    found = [each for each in patterns if covers(each, host)]
    return max(found, key=lambda each: (not is_wildcard(each), len(each), each), default=None)


def split_namespace(host: str) -> tuple[str, str]:
    """Namespace and name of `namespace/host`, as Gateways and Sidecars write it; `*` where no namespace is said."""
    namespace, slash, name = host.partition("/")
    return (namespace, name) if slash else ("*", host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
