"""nginx configuration in a ConfigMap: what it serves, what it answers itself, and what it passes on."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube.hosts import is_service
from conformance.kube.object import Object
from conformance.scripts.nginx import Directive, NginxError, location_for, parse, proxied_to


def _servers(config: Object, key: str) -> tuple[Directive | None, list[Directive], str]:
    """The configuration, its `server` blocks, and why it cannot be read."""
    text = config.get(("data", key))
    if not isinstance(text, str):
        return None, [], f"has no key {key}"
    try:
        root = parse(text)
    except NginxError as error:
        return None, [], str(error)
    servers = [each for each in root.all("server") if each.block is not None]
    return root, [each for each in servers if _listens(each)] or servers, ""


def _listens(server: Directive) -> bool:
    """Whether users come to this server: on port 80, which is the default. Another one may only show its status."""
    listening = [each.arguments[0] for each in server.block or () if each.name == "listen" and each.arguments]
    ports = [address.rpartition(":")[2] for address in listening]
    return not ports or any(port == "80" or not port.isdigit() for port in ports)


@check
def test_nginx_root(config: Object, *, key: str, root: str) -> Iterator[Said]:
    """nginx serves `/` from that directory; `root` is inherited by a location that has none, and `alias` is another."""
    _, servers, problem = _servers(config, key)
    if problem:
        yield Finding(config, ("data", key), problem)
    for server in servers:
        location = location_for(server, "/") or server
        served = location.inherited("root")
        if location.own("alias") is not None or served is None or served.arguments[0].rstrip("/") != root:
            observed = served.arguments[0] if served is not None else None
            yield Finding(config, ("data", key), "serves another directory", root, observed)


@check
def test_nginx_proxy(config: Object, *, key: str, path: str, service: str, port: int) -> Iterator[Said]:
    """Requests below the path go to the Service unchanged, and no other location passes anything to it.

    `location /` that passes everything on would show what stays inside, such as actuators. Behind a URI in `proxy_pass`
    (a slash is one) the matched prefix is cut off. `upstream` blocks and variables are followed.
    https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass
    """
    root, servers, problem = _servers(config, key)
    if root is None:
        yield Finding(config, ("data", key), problem)
        return
    for server in servers:
        location = location_for(server, f"{path}/x")
        targets = proxied_to(location, root) if location is not None else []
        if not any(_is(target, service, port, config) for target in targets):
            yield Finding(config, ("data", key), f"does not pass {path} to {service}:{port}", service, targets)
        elif location is not None and _cuts(location):
            yield Finding(config, ("data", key), f"cuts {path} off what it passes on", f"http://{service}:{port}")
        for other in server.all("location"):
            below = other.arguments[-1].lstrip("~^=* ").startswith(path)
            if not below and any(_is(target, service, port, config) for target in proxied_to(other, root)):
                message = f"passes {' '.join(other.arguments)} to {service} as well"
                yield Finding(config, ("data", key), message, f"only {path}")


def _is(target: str, service: str, port: int, config: Object) -> bool:
    host, _, number = target.rpartition(":")
    return number == str(port) and is_service(host, service, config.namespace, config.namespace)


def _cuts(location: Directive) -> bool:
    passed = location.own("proxy_pass")
    url = passed.arguments[0] if passed is not None and passed.arguments else ""
    return "/" in url.rpartition("://")[2] and not any(each.arguments[0] in ("~", "~*") for each in (location,))


@check
def test_nginx_answers(config: Object, *, key: str, path: str) -> Iterator[Said]:
    """nginx answers the path itself, whatever is behind it: `return 200`, or a file of that very location.

    A health check that is passed on restarts the proxy when the application is down; a fallback such as
    `try_files … /index.html` answers 200 to everything and proves nothing.
    """
    _, servers, problem = _servers(config, key)
    if problem:
        yield Finding(config, ("data", key), problem)
    for server in servers:
        location = location_for(server, path)
        own = location is not None and path in location.arguments[-1]
        answer = location.own("return") if location is not None and own else None
        file = location is not None and own and any(location.own(name) for name in ("root", "alias", "stub_status"))
        if location is None or location.own("proxy_pass") is not None:
            yield Finding(config, ("data", key), f"{path} is not answered by nginx itself", "return 200")
        elif answer is not None and not answer.arguments[0].startswith("200"):
            yield Finding(config, ("data", key), f"{path} is answered with {answer.arguments[0]}", "return 200")
        elif answer is None and not file:
            yield Finding(config, ("data", key), f"{path} is answered by whatever answers the rest", "return 200")


@check
def test_nginx_mesh_proxy(config: Object, *, key: str, path: str, service: str) -> Iterator[Said]:
    """What nginx passes on is routed by the mesh: in HTTP/1.1, and under the name that the VirtualService is for.

    nginx speaks HTTP/1.0 to what is behind it until 1.29.7, which Envoy answers with 426. Its default Host is
    `$proxy_host`, the name in proxy_pass; `Host $host` sends the name that the user typed, so weights, retries and
    timeouts of the Service's VirtualService never apply. Headers set in a location replace all those set outside.
    https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version
    """
    root, servers, problem = _servers(config, key)
    if root is None:
        yield Finding(config, ("data", key), problem)
        return
    for server in servers:
        location = location_for(server, f"{path}/x")
        if location is None or not proxied_to(location, root):
            yield NotApplicable(f"{path} is not passed on")
            return
        version = location.inherited("proxy_http_version")
        if version is None or version.arguments[0] not in ("1.1", "2"):
            observed = version.arguments[0] if version is not None else None
            yield Finding(config, ("data", key), f"{path} is passed on in HTTP/1.0", "1.1", observed)
        hosts = [each.arguments[1] for each in location.inherited_all("proxy_set_header")
                 if len(each.arguments) > 1 and each.arguments[0].lower() == "host"]  # fmt: skip
        for host in hosts:
            name = host.partition(":")[0]
            if name != "$proxy_host" and not is_service(name, service, config.namespace, config.namespace):
                yield Finding(config, ("data", key), f"{path} is passed on under another Host", service, host)
