"""What containers ask of a node, with the defaults that the API server fills in.

https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
"""

from __future__ import annotations

from typing import Any

from conformance.kube.podspec import Container


def requested(container: Container, resource: str) -> Any:
    """The request that counts, as written: a limit without a request is taken for the request too.

    Resources of the whole pod (`spec.resources`, since Kubernetes 1.34) stand in for those of its containers.
    None where nothing is asked for. LimitRanges are not looked at: they belong to the cluster, not to the manifest.
    """
    for node in (container, container.pod):
        for part in ("requests", "limits"):
            value = node.mapping(("resources", part)).get(resource)
            if value is not None:
                return value
    return None


def limited(container: Container, resource: str) -> Any:
    """The limit that counts, as written; that of the whole pod stands in for a missing one."""
    for node in (container, container.pod):
        value = node.mapping(("resources", "limits")).get(resource)
        if value is not None:
            return value
    return None
