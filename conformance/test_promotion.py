"""Versions on their way through the environments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from conformance.check import NotApplicable, Said, check
from conformance.finding import Finding
from conformance.kube import image
from conformance.kube.environment import PRODUCTION, environment_at
from conformance.kube.inventory import Inventory
from conformance.kube.podspec import Container
from conformance.kube.versions import version_of

Version = tuple[int, ...]


@check
def test_promotion_order(inventory: Inventory) -> Iterator[Said]:
    """Production runs no version of an image that is newer than all that run in the environments before it.

    One commit does not tell when a version arrived anywhere; but a version that is nowhere else, and newer than what
    is, did not come through development and staging. Only versions of numbers are compared, of images that an earlier
    environment runs as well; an environment is known by the directory that an object stands in or is rendered by.
    A rollback of staging looks the same: a waiver says so until production follows.
    """
    found = _versions(inventory)
    compared = False
    for repository, environments in found.items():
        production = environments.get(PRODUCTION, [])
        earlier = [version for name, each in environments.items() if name != PRODUCTION for version, _ in each]
        compared = compared or bool(production and earlier)
        for version, container in production if earlier else ():
            if version > max(earlier):
                newest = ".".join(map(str, max(earlier)))
                message = f"production is ahead of every environment before it, which run {newest} of {repository}"
                yield Finding(container.pod.owner, (*container.path, "image"), message, newest, container.get("image"))
    if not compared:
        yield NotApplicable("no image runs in production and in an environment before it")


def _versions(inventory: Inventory) -> Mapping[str, Mapping[str, list[tuple[Version, Container]]]]:
    """Versions by repository and environment."""
    found: dict[str, dict[str, list[tuple[Version, Container]]]] = defaultdict(lambda: defaultdict(list))
    for pod in inventory.pods():
        origin = pod.owner.origin
        environment = environment_at(getattr(origin, "via", "")) or environment_at(origin.path)
        for container in pod.containers if environment else ():
            try:
                parsed = image.parse(container.text("image"))
            except ValueError:
                continue
            version = version_of(parsed.tag or "")
            if version:
                found[parsed.repository][environment].append((version, container))
    return found
