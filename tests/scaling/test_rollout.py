from __future__ import annotations

from typing import Any

import pytest

from conformance.kube.object import FieldTypeError
from conformance.scaling.rollout import bounds
from tests.scaling.trees import Raw, deployment, one

ROUTED: Raw = {"trafficRouting": {"istio": {}}, "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]}


def rolling(**fields: Any) -> Raw:
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": fields}}


@pytest.mark.parametrize(
    ("replicas", "strategy", "unavailable", "surge"),
    [
        (1, {}, 0, 1),
        (3, {}, 0, 1),
        (4, {}, 1, 1),
        (10, {}, 2, 3),
        (3, rolling(maxUnavailable="34%", maxSurge="34%"), 1, 2),
        (3, rolling(maxUnavailable="33%", maxSurge=0), 1, 0),  # both are 0: the controller takes 1 all the same
        (3, rolling(maxUnavailable=0, maxSurge=0), 1, 0),
        (3, rolling(maxUnavailable=0), 0, 1),
        (2, rolling(maxUnavailable=5, maxSurge=5), 2, 5),
        (3, rolling(maxUnavailable="100%"), 3, 1),
        (3, {"strategy": {"type": "Recreate"}}, 3, 0),
        (0, rolling(maxSurge=0), 0, 0),
    ],
)
def test_deployment(replicas: int, strategy: Raw, unavailable: int, surge: int) -> None:
    found = bounds(one(deployment(**strategy)), replicas)
    assert found is not None
    assert (found.unavailable, found.surge) == (unavailable, surge)


@pytest.mark.parametrize(
    ("spec", "unavailable"),
    [
        ({}, 1),
        ({"updateStrategy": {"type": "OnDelete"}}, 0),
        ({"updateStrategy": {"rollingUpdate": {"partition": 5}}}, 0),
        ({"updateStrategy": {"rollingUpdate": {"partition": 4}}}, 1),
        ({"updateStrategy": {"rollingUpdate": {"partition": 4, "maxUnavailable": 3}}}, 1),
        ({"updateStrategy": {"rollingUpdate": {"maxUnavailable": "21%"}}}, 2),  # rounds up
    ],
)
def test_stateful_set(spec: Raw, unavailable: int) -> None:
    found = bounds(one(deployment(kind="StatefulSet", **spec)), 5)
    assert found is not None
    assert (found.unavailable, found.surge) == (unavailable, 0)


@pytest.mark.parametrize(
    ("fields", "unavailable", "surge"),
    [({}, 1, 0), ({"maxUnavailable": "26%"}, 2, 0), ({"maxUnavailable": 0, "maxSurge": "10%"}, 0, 1)],
)
def test_daemon_set(fields: Raw, unavailable: int, surge: int) -> None:
    raw = deployment(kind="DaemonSet", updateStrategy={"rollingUpdate": fields})
    found = bounds(one(raw), 4)
    assert found is not None
    assert (found.unavailable, found.surge) == (unavailable, surge)


@pytest.mark.parametrize(
    ("strategy", "replicas", "unavailable", "surge"),
    [
        ({"canary": {}}, 4, 1, 1),
        ({"canary": {"maxUnavailable": 0, "maxSurge": 1, "steps": [{"setWeight": 20}]}}, 4, 0, 1),
        ({"canary": ROUTED}, 4, 0, 4),  # before the switch the new pods are as many as the old
        ({"canary": {**ROUTED, "dynamicStableScale": True}}, 2, 0, 1),
        ({"canary": {**ROUTED, "dynamicStableScale": True}}, 10, 0, 5),  # from 50 to 100: 10 new beside 5 old
        ({"blueGreen": {}}, 4, 0, 4),
        ({"blueGreen": {"previewReplicaCount": 1}}, 4, 0, 4),
    ],
)
def test_rollout(strategy: Raw, replicas: int, unavailable: int, surge: int) -> None:
    found = bounds(one(deployment(kind="Rollout", api="argoproj.io/v1alpha1", strategy=strategy)), replicas)
    assert found is not None
    assert (found.unavailable, found.surge) == (unavailable, surge)


def test_a_replica_set_changes_nothing_by_itself() -> None:
    found = bounds(one(deployment(kind="ReplicaSet")), 3)
    assert found is not None
    assert (found.unavailable, found.surge) == (0, 0)


def test_a_controller_that_is_not_known() -> None:
    assert bounds(one(deployment(kind="CloneSet", api="apps.kruise.io/v1alpha1")), 3) is None


def test_what_is_no_share_is_an_error() -> None:
    with pytest.raises(FieldTypeError, match="maxSurge is a string, not a number or a percentage"):
        bounds(one(deployment(**rolling(maxSurge="half"))), 3)
