"""nginx configuration as directives with their blocks; comments, quotes and `;` are read as nginx reads them.

https://nginx.org/en/docs/beginners_guide.html#conf_structure
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""\#[^\n]* | "((?:[^"\\]|\\.)*)" | '((?:[^'\\]|\\.)*)' | ([{};])
    | ((?: \$\{[^}]*\} | [^\s{};"'\#] | (?<=\S)\# )+)""",
    re.VERBOSE,
)
#: `location =/health` is written without a space too
_MODIFIER = re.compile(r"(\^~|~\*|~|=)\s*(.*)\Z", re.DOTALL)


class NginxError(ValueError):
    """Not an nginx configuration: a brace or a semicolon is missing."""


@dataclass
class Directive:
    """A directive with its arguments; `block` is what stands between its braces, None for a simple one."""

    name: str
    arguments: tuple[str, ...]
    line: int
    block: list[Directive] | None = None
    parent: Directive | None = field(default=None, repr=False)

    def all(self, *names: str) -> Iterator[Directive]:
        """Directives of these names anywhere below."""
        for each in self.block or ():
            if each.name in names:
                yield each
            yield from each.all(*names)

    def own(self, name: str) -> Directive | None:
        """The last directive of that name in this very block."""
        found = [each for each in self.block or () if each.name == name]
        return found[-1] if found else None

    def inherited(self, name: str) -> Directive | None:
        """A directive that counts here: of this block, or of the nearest one around it that has it."""
        return self.own(name) or (self.parent.inherited(name) if self.parent is not None else None)

    def inherited_all(self, name: str) -> list[Directive]:
        """Directives such as proxy_set_header, which are inherited only where this block has none of them."""
        here = [each for each in self.block or () if each.name == name]
        return here or (self.parent.inherited_all(name) if self.parent is not None else [])


def parse(text: str) -> Directive:
    """The configuration as a block without a name; raises NginxError."""
    root = Directive("", (), 1, [])
    here, line = root, 1
    words: list[str] = []
    for found in _TOKEN.finditer(text):
        if found.group(0).startswith("#"):
            continue
        sign = found.group(3)
        if sign is None:
            line = line if words else text.count("\n", 0, found.start()) + 1
            words.append(next(each for each in (found.group(1), found.group(2), found.group(4)) if each is not None))
        elif sign == "}":
            if words or here.parent is None:
                raise NginxError(f"line {line}: a brace too many, or a `;` too few")
            here = here.parent
        else:
            if not words:
                raise NginxError(f"line {line}: `{sign}` without a directive")
            made = Directive(words[0], tuple(words[1:]), line, [] if sign == "{" else None, here)
            assert here.block is not None
            here.block.append(made)
            here, words = (made if sign == "{" else here), []
    if words or here is not root:
        raise NginxError("the end is missing: a brace or a `;`")
    return root


def location_for(server: Directive, path: str) -> Directive | None:
    """The location that answers a path: exact, then `^~` prefix, then the first regular expression, else the longest
    prefix. https://nginx.org/en/docs/http/ngx_http_core_module.html#location
    """
    locations = [(*_modified(each), each) for each in server.block or () if each.name == "location"]
    exact = [each for sign, pattern, each in locations if sign == "=" and pattern == path]
    if exact:
        return exact[0]
    prefixes = [(len(p), sign, each) for sign, p, each in locations if sign in ("", "^~") and path.startswith(p)]
    _, sign, longest = max(prefixes, key=lambda each: each[0], default=(0, "", None))
    if sign == "^~":
        return longest
    matching = (each for sign, pattern, each in locations if sign in ("~", "~*") and _matches(sign, pattern, path))
    return next(matching, longest)


def _modified(location: Directive) -> tuple[str, str]:
    """The modifier of a location and what stands behind it."""
    found = _MODIFIER.match(" ".join(location.arguments))
    return (found.group(1), found.group(2)) if found else ("", " ".join(location.arguments))


def _matches(sign: str, pattern: str, path: str) -> bool:
    try:
        return re.search(pattern, path, re.IGNORECASE if sign == "~*" else 0) is not None
    except re.error:
        return False


def proxied_to(location: Directive, root: Directive) -> list[str]:
    """Where a location sends requests, as `host:port`: `upstream` blocks and variables set in the text are followed."""
    target = location.own("proxy_pass")
    if target is None or not target.arguments:
        return []
    url = _filled(target.arguments[0], root)
    scheme, _, rest = url.rpartition("://")
    host = re.split(r"[/?]", rest, maxsplit=1)[0]
    for upstream in root.all("upstream"):
        if upstream.arguments[:1] == (host,):
            return [_with_port(each.arguments[0], scheme) for each in upstream.block or () if each.name == "server"]
    return [_with_port(host, scheme)]


def _filled(text: str, root: Directive) -> str:
    known = {each.arguments[0].lstrip("$"): each.arguments[1] for each in root.all("set") if len(each.arguments) == 2}
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda at: known.get(at[1] or at[2], at[0]), text)


def _with_port(host: str, scheme: str) -> str:
    return host if re.search(r":\d+\Z", host) else f"{host}:{443 if scheme == 'https' else 80}"
