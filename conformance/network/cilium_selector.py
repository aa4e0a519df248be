"""Cilium's endpoint selectors: labels with their source, the namespace as a label, reserved identities.

https://docs.cilium.io/en/stable/security/policy/language/#endpoints-based
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.kube.object import Node
from conformance.kube.selector import Selector, SelectorError, label_selector
from conformance.network.labels import LabelIndex
from conformance.network.population import Population
from conformance.network.region import Mask
from conformance.network.rule import Peers, anyone

NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
#: the name of the cluster, which no manifest tells; whatever is asked for, it is taken to be this one
_CLUSTER = "io.cilium.k8s.policy.cluster"
_RESERVED = "reserved:"


class CiliumSelectors:
    """Selectors over everyone inside the cluster, by the labels that Cilium gives them."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._index = LabelIndex(_labelled(population))

    def peers(self, node: Node, namespace: str | None) -> Peers:
        """Who a selector of a peer means.

        Without a namespace label it means the namespace of the policy, in a cluster-wide policy (None) pods of any. A
        selector of reserved labels means nodes, the outside and the like, in whatever policy.
        """
        selector = _plain(label_selector(node))
        keys = {*selector.exact, *(key for key, _, _ in selector.expressions)}
        if any(key.startswith(_RESERVED) for key in keys):
            return self._reserved(selector)
        found = self._index.select(selector) & self._population.pods
        if NAMESPACE not in keys and not any(key.startswith(_NAMESPACE_LABELS) for key in keys):
            found &= self.within(namespace)
        return Peers(found)

    def subjects(self, node: Node, namespace: str | None) -> Mask:
        """The pods that a policy is for: always in its own namespace, whatever the selector says."""
        if node.raw is None:
            raise SelectorError(node.path, "is missing")
        return self._index.select(_plain(label_selector(node))) & self.within(namespace)

    def within(self, namespace: str | None) -> Mask:
        """Pods of a namespace; of all for None."""
        if namespace is None:
            return self._population.pods
        return self._population.by_namespace.get(namespace, 0)

    def _reserved(self, selector: Selector) -> Peers:
        found = Peers(self._index.select(selector))
        world = {f"{_RESERVED}{name}": "" for name in ("world", "world-ipv4", "world-ipv6")}
        if selector.matches(world):
            found = found | anyone(0)
        return found


def _labelled(population: Population) -> Iterator[tuple[Mask, Mapping[str, str]]]:
    for index, group in enumerate(population.groups):
        if group.host:
            continue
        spaces = population.namespace_labels(group.namespace)
        yield (
            1 << index,
            {
                **group.labels,
                NAMESPACE: group.namespace,
                _ACCOUNT: group.account,
                **{_NAMESPACE_LABELS + key: value for key, value in spaces.items()},
            },
        )
    yield population.nodes, {"reserved:host": "", "reserved:remote-node": ""}
    yield population.api_server, {"reserved:kube-apiserver": ""}


def _plain(selector: Selector) -> Selector:
    """Keys without their source: `k8s:app`, `any:app` and `app` are one to pods."""
    exact = {_key(key): value for key, value in selector.exact.items()}
    expressions = tuple((_key(key), operator, values) for key, operator, values in selector.expressions)
    exact.pop(_CLUSTER, None)
    return Selector(exact, tuple(each for each in expressions if each[0] != _CLUSTER), selector.selects_nothing)


def _key(key: str) -> str:
    source, colon, name = key.partition(":")
    return name if colon and source in ("k8s", "any") else key
