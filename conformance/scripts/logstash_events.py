"""What the filters of a Logstash pipeline make of an event: grok, json and mutate, as far as they are commonly used.

https://www.elastic.co/guide/en/logstash/current/filter-plugins.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from conformance.scripts.logstash import Body, Condition, Field, LogstashError, Plugin, value

#: of the patterns that come with the grok filter, those in common use
_PATTERNS = {
    "NUMBER": r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)", "INT": r"[+-]?\d+", "WORD": r"\b\w+\b", "DATA": r".*?",
    "GREEDYDATA": r".*", "NOTSPACE": r"\S+", "SPACE": r"\s*", "IP": r"[0-9a-fA-F:.]+", "IPORHOST": r"[\w.:-]+",
    "HOSTNAME": r"[\w.-]+", "USERNAME": r"[\w.-]+", "URIPATH": r"/[^\s?]*", "URIPATHPARAM": r"/\S*", "URI": r"\S+",
    "QUOTEDSTRING": r'"(?:[^"\\]|\\.)*"', "QS": r'"(?:[^"\\]|\\.)*"', "UUID": r"[0-9a-fA-F-]{36}",
    "TIMESTAMP_ISO8601": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:?\d{2}(?::?\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?",
    "LOGLEVEL": r"(?i:trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|alert)",
}  # fmt: skip
_SEMANTIC = re.compile(r"%\{(\w+)(?::([\w\[\]@.-]+))?(?::(\w+))?\}")
_IGNORED = {"date", "geoip", "useragent", "fingerprint"}
Event = dict[str, Any]


def run(body: Body, event: Event) -> Event:
    """The event after all filters; changed in place. Raises LogstashError for filters that are not known here."""
    for each in body:
        if isinstance(each, Plugin):
            _apply(each, event)
            continue
        for condition, inner in each.cases:
            if condition is None or _holds(condition, event):
                run(inner, event)
                break
    return event


def _holds(condition: Any, event: Event) -> bool:
    if not isinstance(condition, Condition):
        found = _resolved(condition, event)
        return found is not None and found is not False
    parts = condition.parts
    if condition.op == "not":
        return not _holds(parts[0], event)
    if condition.op in ("and", "or", "xor", "nand"):
        left, right = (_holds(each, event) for each in parts)
        return {"and": left and right, "or": left or right, "xor": left != right}.get(
            condition.op, not (left and right)
        )
    left, right = (_resolved(each, event) for each in parts)
    return _compared(condition.op, left, right)


def _compared(op: str, left: Any, right: Any) -> bool:
    if op in ("==", "!="):
        return (left == right) is (op == "==")
    if op in ("=~", "!~"):
        return (isinstance(left, str) and re.search(str(right), left) is not None) is (op == "=~")
    if op == "in":
        return left in right if isinstance(right, list | str) else False
    if isinstance(left, bool) or not isinstance(left, int | float) or not isinstance(right, int | float):
        return False
    return {"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[op]


def _resolved(operand: Any, event: Event) -> Any:
    return value(event, operand.path) if isinstance(operand, Field) else operand


def _apply(plugin: Plugin, event: Event) -> None:
    if plugin.name == "grok":
        succeeded = _grok(plugin, event)
    elif plugin.name == "json":
        succeeded = _json(plugin, event)
    elif plugin.name == "mutate":
        succeeded = _mutate(plugin, event)
    elif plugin.name in _IGNORED:
        succeeded = True
    else:
        raise LogstashError(f"line {plugin.line}: the filter {plugin.name} is not tried out")
    if succeeded:
        event.setdefault("tags", []).extend(_listed(plugin.settings.get("add_tag")))


def _listed(given: Any) -> list[str]:
    return [str(each) for each in given] if isinstance(given, list) else [] if given is None else [str(given)]


def _grok(plugin: Plugin, event: Event) -> bool:
    """The first pattern that is found; a field that is there already becomes a list, unless `overwrite` names it."""
    overwritten = _listed(plugin.settings.get("overwrite"))
    match = plugin.settings.get("match")
    if not isinstance(match, dict):
        raise LogstashError(f"line {plugin.line}: the match of a grok filter is a hash")
    for source, patterns in match.items():
        text = value(event, _path(source))
        for pattern in _listed(patterns):
            found = _search(pattern, text, plugin.line) if isinstance(text, str) else None
            if found is None:
                continue
            for name, captured in found:
                _put(event, name, captured, name in overwritten)
            return True
    event.setdefault("tags", []).append("_grokparsefailure")
    return False


def _search(pattern: str, text: str, line: int) -> list[tuple[str, Any]] | None:
    names: list[tuple[str, str]] = []

    def replaced(found: re.Match[str]) -> str:
        kind, name, conversion = found.groups()
        if kind not in _PATTERNS:
            raise LogstashError(f"line {line}: the pattern {kind} is not known here")
        if name is None:
            return f"(?:{_PATTERNS[kind]})"
        names.append((name, conversion or ""))
        return f"(?P<g{len(names) - 1}>{_PATTERNS[kind]})"

    try:
        found = re.search(_SEMANTIC.sub(replaced, pattern), text)
    except re.error as error:
        raise LogstashError(f"line {line}: {error}") from None
    if found is None:
        return None
    pairs = []
    for index, (name, conversion) in enumerate(names):
        captured: Any = found.group(f"g{index}")
        if conversion in ("int", "float"):
            captured = float(captured) if conversion == "float" else int(float(captured))
        pairs.append((name, captured))
    return pairs


def _path(reference: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\[([^\]]+)\]", reference)) or (reference,)


def _put(event: Event, name: str, captured: Any, overwrite: bool) -> None:
    place, path = event, _path(name)
    for step in path[:-1]:
        place = place.setdefault(step, {})
    if path[-1] in place and not overwrite:
        before = place[path[-1]]
        place[path[-1]] = [*(before if isinstance(before, list) else [before]), captured]
    else:
        place[path[-1]] = captured


def _json(plugin: Plugin, event: Event) -> bool:
    source, target = plugin.settings.get("source"), plugin.settings.get("target")
    text = value(event, _path(str(source)))
    try:
        parsed = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    if parsed is None:
        if plugin.settings.get("skip_on_invalid_json") != "true":
            event.setdefault("tags", []).append("_jsonparsefailure")
        return False
    if target is not None:
        _put(event, str(target), parsed, True)
    elif isinstance(parsed, dict):
        event.update(parsed)
    return True


def _mutate(plugin: Plugin, event: Event) -> bool:
    for name, kind in _pairs(plugin, "convert"):
        found = value(event, _path(name))
        if isinstance(found, str) and kind in ("float", "integer"):
            try:
                _put(event, name, float(found) if kind == "float" else int(float(found)), True)
            except ValueError:
                continue
    for name in _listed(plugin.settings.get("remove_field")):
        event.pop(name, None)
    for name, text in _pairs(plugin, "add_field"):
        _put(event, name, text, True)
    return True


def _pairs(plugin: Plugin, setting: str) -> list[tuple[str, Any]]:
    given = plugin.settings.get(setting, {})
    if not isinstance(given, dict):
        raise LogstashError(f"line {plugin.line}: {setting} of {plugin.name} is a hash")
    return list(given.items())
