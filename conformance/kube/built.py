"""Images that are built from this repository, so that a tag is put in their place on the way to the cluster."""

from __future__ import annotations

from typing import Any

from conformance.kube.inventory import Inventory


def built_images(inventory: Inventory) -> set[str]:
    """Names of images that a skaffold.yaml builds (`build.artifacts[].image`).

    Skaffold replaces exactly these names in manifests, with the tag it just built.
    https://skaffold.dev/docs/taggers/
    """
    names = set()
    for config in inventory.of_kind("Config", "skaffold"):
        for part in (config.raw, *_elements(config.raw, "profiles")):
            build = part.get("build") if isinstance(part, dict) else None
            for each in _elements(build, "artifacts"):
                if isinstance(each, dict) and isinstance(each.get("image"), str):
                    names.add(each["image"])
    return names


def _elements(raw: Any, field: str) -> list[Any]:
    value = raw.get(field) if isinstance(raw, dict) else None
    return value if isinstance(value, list) else []
