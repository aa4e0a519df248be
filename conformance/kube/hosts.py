"""Names by which a Service is called from inside the cluster.

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
"""

from __future__ import annotations


def is_service(host: str, name: str, namespace: str | None, own: str | None) -> bool:
    """Whether a host name means that Service: short (from its own namespace only), with the namespace, or in full.

    `own` is the namespace of who asks. A trailing dot, and any cluster domain behind `.svc`, are fine.
    """
    parts = host.rstrip(".").lower().split(".")
    if parts[0] != name:
        return False
    if len(parts) == 1:
        return own == namespace
    return parts[1] == namespace and (len(parts) == 2 or parts[2] == "svc")
