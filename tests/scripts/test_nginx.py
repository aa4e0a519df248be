"""nginx configuration: what is read, which location answers, where it sends."""

from __future__ import annotations

import pytest

from conformance.scripts.nginx import Directive, NginxError, location_for, parse, proxied_to


def server(text: str) -> Directive:
    return next(parse(f"server {{ {text} }}").all("server"))


def test_comments_and_quotes() -> None:
    root = parse("a 'x # y' \"z;\"; # b c;\nroot /srv/#1; map ${x}y {}\n")
    assert [(each.name, each.arguments, each.line) for each in root.block or ()] == [
        ("a", ("x # y", "z;"), 1),
        ("root", ("/srv/#1",), 2),
        ("map", ("${x}y",), 2),
    ]


@pytest.mark.parametrize("text", ["server {", "server }", "a b", "{ }", "a; }", "server { a b }"])
def test_what_is_no_configuration(text: str) -> None:
    with pytest.raises(NginxError):
        parse(text)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/health", "= /health"),
        ("/health2", "/"),
        ("/api/x", "/api"),
        ("/api.png", "~* \\.PNG$"),
        ("/static/x.png", "^~ /static"),
        ("/x", "/"),
    ],
)
def test_the_location_that_answers(path: str, answer: str) -> None:
    text = "location / {} location = /health {} location /api {} location ~* \\.PNG$ {} location ^~ /static {}"
    found = location_for(server(text), path)
    assert found is not None
    assert " ".join(found.arguments) == answer


def test_a_modifier_needs_no_space() -> None:
    found = location_for(server("location / {} location =/health {}"), "/health")
    assert found is not None
    assert found.arguments == ("=/health",)
    assert location_for(server("root /srv;"), "/") is None
    assert location_for(server("location ~ ( {}"), "/") is None


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("location / { proxy_pass http://was:8080/x; }", ["was:8080"]),
        ("location / { proxy_pass https://was; }", ["was:443"]),
        ("set $b was; location / { proxy_pass http://${b}:8080; }", ["was:8080"]),
        ("location / { proxy_pass http://$unknown; }", ["$unknown:80"]),
        ("location / { return 200; }", []),
    ],
)
def test_where_a_location_sends(text: str, targets: list[str]) -> None:
    root = parse(f"server {{ {text} }}")
    location = location_for(next(root.all("server")), "/")
    assert location is not None
    assert proxied_to(location, root) == targets


def test_an_upstream_stands_for_its_servers() -> None:
    root = parse("upstream b { server was:8080 weight=2; server old; } server { location / { proxy_pass http://b; } }")
    (location,) = root.all("location")
    assert proxied_to(location, root) == ["was:8080", "old:80"]


def test_headers_of_a_location_replace_those_outside() -> None:
    around = "proxy_http_version 1.1; proxy_set_header Host $host;"
    location = location_for(server(f"{around} location / {{ proxy_set_header X y; }}"), "/")
    assert location is not None
    assert [each.arguments for each in location.inherited_all("proxy_set_header")] == [("X", "y")]
    version = location.inherited("proxy_http_version")
    assert version is not None
    assert version.arguments == ("1.1",)
    assert location.own("proxy_http_version") is None
