"""Why a kind of Kubernetes itself has no schema in a version: removed, not there yet, in another group, or misspelt."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path

import orjson

from conformance.schema.store import Stored, group_and_kind, minor, order, stored, versions

# These stand under `apiVersion: v1` in files that no API server ever sees: kubeconfig files and OpenShift templates.
_NOT_OBJECTS = frozenset({"Config", "List", "Template"})


def not_served(key: str, target: Stored) -> str | None:
    """What is wrong with a kind (`apps/v1beta1/Deployment`) that a server does not serve; None if nothing is known.

    A group that Kubernetes does not own says nothing: its kinds are custom resources, or no objects at all. Neither
    does a strange kind in the core group, unless it is nearly a known one.
    """
    api_version, _, kind = key.rpartition("/")
    group = group_and_kind(key)[0]
    said = f"{api_version} {kind} is not served by Kubernetes {target.minor}"
    removed = _removed().get(key)
    if removed is not None and order(removed[0]) <= order(target.minor):
        return f"{said} (last served by {_before(removed[0])}); use {removed[1]}"
    others = [each for each in versions() if key in stored(each).kinds]
    if others:
        older = [each for each in others if order(each) < order(target.minor)]
        elsewhere = _elsewhere(kind, target)
        return f"{said} (last served by {older[-1]}){elsewhere}" if older else f"{said} (first served by {others[0]})"
    if not api_version or not kind or group not in _own_groups() or kind in _NOT_OBJECTS:
        return None
    if elsewhere := _elsewhere(kind, target):
        return said + elsewhere
    names = {each.rpartition("/")[2] for each in target.kinds}
    close = get_close_matches(kind, sorted(names), 1, 0.8)
    if close:
        of = "" if f"{api_version}/{close[0]}" in target.kinds else _elsewhere(close[0], target).replace("; use", " of")
        return f'{said}; did you mean "{close[0]}"{of}?'
    return said if group else None


def _elsewhere(kind: str, target: Stored) -> str:
    """Where a kind is served instead, stable versions first."""
    found = [each.rpartition("/")[0] for each in target.kinds if each.rpartition("/")[2] == kind]
    return f"; use {min(found, key=lambda each: ('alpha' in each, 'beta' in each, each))}" if found else ""


@cache
def _removed() -> dict[str, tuple[str, str]]:
    """Version that no longer served it and what to use instead, by `group/version/kind`."""
    table = orjson.loads(Path(__file__).with_name("removed.json").read_bytes())["removed"]
    return {f"{row['apiVersion']}/{kind}": (row["in"], row["use"]) for row in table for kind in row["kinds"]}


@cache
def _own_groups() -> frozenset[str]:
    """Groups that Kubernetes itself defines in any version we know of."""
    keys = {*_removed(), *(key for version in versions() for key in stored(version).kinds)}
    return frozenset(group_and_kind(key)[0] for key in keys)


def _before(version: str) -> str:
    major, minor_number = order(version)
    return minor(f"{major}.{minor_number - 1}")
