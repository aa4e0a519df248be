"""The Pod Security controls: the recorded verdicts of the real admission, the levels, the profile."""

from __future__ import annotations

from typing import Any

import pytest

from conformance import registry
from conformance.check import NotApplicable
from conformance.finding import Finding
from conformance.kube import pod_security
from conformance.kube.object import FieldTypeError
from conformance.kube.path import render
from conformance.kube.pod_security import Level
from tests import fixture_cases
from tests.pod_security import pods
from tests.pod_security.changes import bare, changed, conforming, setting, spec, within
from tests.pod_security.verdicts import LEVELS, ours, recorded, spec_of, subjects


@pytest.mark.parametrize("level", LEVELS)
def test_verdicts_are_those_of_the_admission(level: Level) -> None:
    things, verdicts = list(subjects()), recorded(level)
    assert len(things) == len(verdicts), "record the verdicts anew: python -m tests.pod_security.verdicts"
    assert set().union(*verdicts) == set(pod_security.controls(level))
    different = [
        (number, verdict, set(ours(thing, level)))
        for number, (thing, verdict) in enumerate(zip(things, verdicts, strict=True))
        if set(ours(thing, level)) != verdict
    ]
    assert different == []


def test_restricted_replaces_three_controls_of_baseline() -> None:
    baseline, restricted = pod_security.controls("baseline"), pod_security.controls("restricted")
    assert len(baseline) == 12
    assert set(baseline) - set(restricted) == {
        "baseline-capabilities",
        "baseline-host-path-volumes",
        "baseline-seccomp",
    }
    assert len(restricted) == 15


def test_levels_that_a_pod_meets() -> None:
    privileged = spec_of(changed(bare(), setting(("web",), privileged=True)))
    assert [pod_security.meets(spec_of(conforming()), level) for level in LEVELS] == [True, True]
    assert [pod_security.meets(spec_of(bare()), level) for level in LEVELS] == [True, False]
    assert [pod_security.meets(privileged, level) for level in LEVELS] == [False, False]
    assert pod_security.meets(privileged, "privileged")


def test_the_profile_asks_for_each_control_once() -> None:
    ids = {each.id for each in fixture_cases.catalogue().values() if each.profile == "pod-security"}
    assert ids == {f"pod-security-{name}" for name in pod_security.CONTROLS}


@pytest.mark.parametrize("name", pod_security.CONTROLS)
def test_a_requirement_says_what_its_control_says(name: str) -> None:
    requirement = fixture_cases.catalogue()[f"pod-security-{name}"]
    check = registry.bind(requirement)
    assert check is not None
    assert requirement.keyword == "MUST"
    for thing in subjects():
        pod = spec_of(thing)
        said = list(check.function(pod, **requirement.options))
        findings = [(each.path, each.message) for each in said if isinstance(each, Finding)]
        assert findings == [(each.path, each.message) for each in pod_security.CONTROLS[name](pod)]
        exempt = any(isinstance(each, NotApplicable) for each in said)
        assert exempt == (pod.os == "windows" and name in LINUX_ONLY)


LINUX_ONLY = {"restricted-privilege-escalation", "restricted-seccomp", "restricted-capabilities"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (spec(hostPID="true"), "spec.hostPID"),
        (spec(os="windows"), "spec.os"),
        (spec(volumes={"name": "v"}), "spec.volumes"),
        (spec(volumes=[{"name": "v", "hostPath": "/"}]), "spec.volumes[0].hostPath"),
        (spec(securityContext="restricted"), "spec.securityContext"),
        (setting(("pod",), sysctls=[{"name": 1}]), "spec.securityContext.sysctls[0].name"),
        (setting(("pod",), seccompProfile="RuntimeDefault"), "spec.securityContext.seccompProfile"),
        (setting(("pod",), runAsUser="0"), "spec.securityContext.runAsUser"),
        (setting(("web",), runAsUser=True), "spec.containers[0].securityContext.runAsUser"),
        (setting(("web",), privileged="yes"), "spec.containers[0].securityContext.privileged"),
        (setting(("web",), seLinuxOptions="spc_t"), "spec.containers[0].securityContext.seLinuxOptions"),
        (setting(("web",), procMount=0), "spec.containers[0].securityContext.procMount"),
        (setting(("web",), capabilities={"drop": "ALL"}), "spec.containers[0].securityContext.capabilities.drop"),
        (
            setting(("web",), capabilities={"drop": ["ALL"], "add": [None]}),
            "spec.containers[0].securityContext.capabilities.add[0]",
        ),
        (within("web", "ports", value=[{"hostPort": "80"}]), "spec.containers[0].ports[0].hostPort"),
        (within("web", "livenessProbe", value="/healthz"), "spec.containers[0].livenessProbe"),
        (within("web", "livenessProbe", "httpGet", "host", value=1), "spec.containers[0].livenessProbe.httpGet.host"),
    ],
)
def test_a_wrong_type_is_an_error_at_its_field(change: Any, field: str) -> None:
    pod = spec_of(changed(conforming(), change))
    with pytest.raises(FieldTypeError) as caught:
        [list(pod_security.violations(pod, level)) for level in LEVELS]
    assert render(caught.value.path) == field


def test_an_element_that_is_no_string_is_named() -> None:
    pod = spec_of(changed(conforming(), setting(("web",), capabilities={"drop": [True]})))
    with pytest.raises(FieldTypeError, match=r"capabilities\.drop\[0\] is a boolean, not a string\Z"):
        list(pod_security.CONTROLS["restricted-capabilities"](pod))


def test_ephemeral_containers_are_judged_like_the_others() -> None:
    said = [
        {
            name
            for name, _ in pod_security.violations(
                spec_of(changed(conforming(), spec(ephemeralContainers=[each]))), "baseline"
            )
        }
        for each in pods.ephemeral()
    ]
    assert set().union(*said) == {
        "baseline-privileged-containers",
        "baseline-capabilities",
        "baseline-seccomp",
        "baseline-app-armor",
        "baseline-se-linux",
    }
